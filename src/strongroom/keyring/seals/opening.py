"""Open a root key by whichever of its seals opens, with what is at hand."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from strongroom.errors import OperatorError
from strongroom.keyring.root import RootKey
from strongroom.keyring.seals.base import Seal
from strongroom.keyring.seals.document import SealDocument
from strongroom.keyring.seals.entry import SealEntry
from strongroom.keyring.seals.file import FileSeal
from strongroom.keyring.seals.files import SealFiles
from strongroom.keyring.seals.kms import KmsPlace, KmsSeal
from strongroom.keyring.seals.passphrase import PassphraseSeal
from strongroom.keyring.seals.pkcs11 import Pkcs11Seal, TokenPlace
from strongroom.keyring.seals.shares import ShareCollector, ShareSet, SharesSeal
from strongroom.world import Entropy

__all__ = ["Means", "Sealed", "open_root_key", "open_seal", "sealer"]

_ORDER: Final = ("file", "kms", "pkcs11", "passphrase", "shares")
"""The kinds, those first that trouble nobody."""


@dataclass(frozen=True, slots=True)
class Means:
    """What is at hand to open seals with.

    Attributes:
        files: The files in the data folder.
        entropy: Where salts and nonces come from when sealing.
        passphrase: Gives the passphrase of the seal with this name; None where nobody can be asked.
        pin: Gives the PIN of the token of the seal with this name; None where nobody can be asked.
        share: Gives a share of the seal with this name, told how many are still needed; None where nobody can be
            asked.
    """

    files: SealFiles
    entropy: Entropy
    passphrase: Callable[[str], bytes] | None = None
    pin: Callable[[str], bytes] | None = None
    share: Callable[[str, int], str] | None = None


class Sealed(OperatorError):
    """None of the seals opened. What the only seal says, if there is one only.

    Attributes:
        reasons: Why, for each seal that was tried.
    """

    def __init__(self, document: SealDocument, reasons: dict[str, OperatorError]) -> None:
        if len(document.seals) == len(reasons) == 1:
            [only] = reasons.values()
            super().__init__(only.what, why=only.why, fix=only.fix)
        else:
            untried = [entry.name for entry in document.seals if entry.name not in reasons]
            parts = [f"{name}: {error.what}" for name, error in reasons.items()]
            parts += [f"{name}: nobody was asked for what opens it" for name in untried]
            super().__init__(
                "None of the seals of the root key opens.",
                why=" ".join(f"{part.rstrip('.')}." for part in parts),
                fix=" ".join(dict.fromkeys(error.fix for error in reasons.values() if error.fix))
                or "Give what one of the seals needs; see `strongroom seal status`.",
            )
        self.reasons = reasons


def open_root_key(
    document: SealDocument,
    means: Means,
    *,
    without: Collection[str] = (),
    tell: Callable[[str, OperatorError], None] | None = None,
) -> RootKey:
    """Open the root key by the first seal that opens.

    Args:
        document: The seals.
        means: What is at hand.
        without: Names of seals that are not tried.
        tell: Told of each seal that did not open although another one did.

    Raises:
        OperatorError: The document was changed.
        Sealed: None of the seals opens, or none could be tried.
    """
    reasons: dict[str, OperatorError] = {}
    for entry in sorted(document.seals, key=_rank):
        if entry.name in without:
            continue
        try:
            root_key = open_seal(entry, means)
        except OperatorError as error:
            reasons[entry.name] = error
            continue
        if root_key is not None:
            document.require_made_with(root_key)
            if tell is not None:
                for name, reason in reasons.items():
                    tell(name, reason)
            return root_key
    raise Sealed(document, reasons)


def open_seal(entry: SealEntry, means: Means) -> RootKey | None:
    """Open one seal; None if that takes what nobody can be asked for.

    Raises:
        OperatorError: It does not open.
    """
    if entry.kind == SharesSeal.kind:
        if means.share is None:
            return None
        collector = ShareCollector(entry)
        while collector.needed:
            collector.give(means.share(entry.name, collector.needed))
        return SharesSeal(ShareSet.of(entry), means.entropy, collector).open(entry)
    seal = sealer(entry, means)
    return None if seal is None else seal.open(entry)


def sealer(entry: SealEntry, means: Means) -> Seal | None:
    """The seal that an entry was made by, for opening it or for sealing the next root key in the same way.

    None if that takes what nobody can be asked for.

    Raises:
        OperatorError: The entry is damaged, or the seal needs something that cannot be had.
    """
    match entry.kind:
        case FileSeal.kind:
            return FileSeal(means.files, succeeding=True)
        case KmsSeal.kind:
            return KmsSeal(KmsPlace.of(entry))
        case Pkcs11Seal.kind if (ask := means.pin) is not None:
            return Pkcs11Seal(TokenPlace.of(entry), lambda: ask(entry.name), means.entropy)
        case PassphraseSeal.kind if means.passphrase is not None:
            return PassphraseSeal(means.passphrase(entry.name), means.entropy)
        case SharesSeal.kind:
            return SharesSeal(ShareSet.of(entry), means.entropy)
        case Pkcs11Seal.kind | PassphraseSeal.kind:
            return None
        case _:
            raise OperatorError(
                f"The seal {entry.name} is of a kind that this version of Strongroom does not know: {entry.kind}.",
                fix="Run the version of Strongroom that this data folder was last used with, or a later one.",
            )


def _rank(entry: SealEntry) -> int:
    return _ORDER.index(entry.kind) if entry.kind in _ORDER else len(_ORDER)
