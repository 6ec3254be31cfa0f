"""A new seal from the options of ``strongroom seal add`` and ``migrate``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer

from strongroom.cli.seal_desk import Desk
from strongroom.errors import OperatorError
from strongroom.keyring import read_passphrase
from strongroom.keyring.seals import (
    FileSeal,
    KmsPlace,
    KmsSeal,
    PassphraseSeal,
    Pkcs11Seal,
    Seal,
    SealEntry,
    ShareCollector,
    SharesSeal,
    TokenPlace,
    new_share_set,
)
from strongroom.server.folder import write_private
from strongroom.server.unsealing import has_terminal

__all__ = [
    "CaBundle",
    "Count",
    "EndpointUrl",
    "KeyId",
    "KeyRegion",
    "Kind",
    "Module",
    "NewPassphraseSource",
    "NewSeal",
    "Out",
    "Profile",
    "Threshold",
    "Token",
    "TokenKey",
]


class Kind(StrEnum):
    """The kinds of seals."""

    FILE = "file"
    PASSPHRASE = "passphrase"  # noqa: S105 - the name of a kind
    SHARES = "shares"
    PKCS11 = "pkcs11"
    KMS = "kms"


NewPassphraseSource = Annotated[
    str | None, typer.Option(help="passphrase: where the new one comes from: prompt, fd:N, file:PATH, credential:NAME.")
]
Count = Annotated[int, typer.Option(help="shares: how many there are, at most 16.")]
Threshold = Annotated[int, typer.Option(help="shares: how many of them open.")]
Out = Annotated[Path | None, typer.Option(help="shares: folder for a file of each, instead of standard output.")]
KeyId = Annotated[str | None, typer.Option(help="kms: id, ARN or alias of the key.")]
KeyRegion = Annotated[str, typer.Option(help="kms: region of the key.")]
EndpointUrl = Annotated[str | None, typer.Option(help="kms: URL of the KMS, if it is not AWS's.")]
Profile = Annotated[str | None, typer.Option(help="kms: profile of the AWS configuration with the credentials.")]
CaBundle = Annotated[Path | None, typer.Option(help="kms: PEM file of the authorities of the KMS's certificate.")]
Module = Annotated[Path | None, typer.Option(help="pkcs11: the token's PKCS#11 library.")]
Token = Annotated[str | None, typer.Option(help="pkcs11: label of the token.")]
TokenKey = Annotated[str, typer.Option("--key", help="pkcs11: label of the key on it, made if there is none.")]

T = TypeVar("T")

_PROMPT: Final = "prompt"


@dataclass(frozen=True)
class NewSeal:
    """What the options say of a new seal. Each field is the option of its name."""

    kind: Kind
    new_passphrase_source: str | None
    count: int
    threshold: int
    out: Path | None
    key_id: str | None
    region: str
    endpoint_url: str | None
    profile: str | None
    ca_bundle: Path | None
    module: Path | None
    token: str | None
    key: str

    def make(self, desk: Desk) -> tuple[Seal, tuple[str, ...]]:
        """The seal, and the shares if it has some.

        Raises:
            OperatorError: An option that this kind needs is missing or wrong.
        """
        entropy = desk.world.entropy
        match self.kind:
            case Kind.FILE:
                return FileSeal(desk.means.files), ()
            case Kind.PASSPHRASE:
                source = self.new_passphrase_source or _PROMPT
                return PassphraseSeal(read_passphrase(source, confirm=True, question="New passphrase"), entropy), ()
            case Kind.SHARES:
                share_set, shares = new_share_set(self.threshold, self.count, entropy)
                return SharesSeal(share_set, entropy), shares
            case Kind.KMS:
                key_id = _given(self.key_id, "--key-id")
                bundle = str(self.ca_bundle.absolute()) if self.ca_bundle else None
                return KmsSeal(KmsPlace(key_id, self.region, self.endpoint_url, self.profile, bundle)), ()
            case Kind.PKCS11:
                module, token = _given(self.module, "--module"), _given(self.token, "--token")
                place = TokenPlace(str(module.absolute()), token, self.key)
                source = desk.settings.pin_source
                return Pkcs11Seal(place, lambda: read_passphrase(source, question="PIN of the token"), entropy), ()

    def require_provable(self) -> None:
        """Check, before anything changes, that shares can be given back to prove that they were kept.

        Raises:
            OperatorError: Nobody is there to type them, and no files are wanted.
        """
        if self.kind is Kind.SHARES and self.out is None and not has_terminal():
            raise OperatorError(
                "Nobody could give the new shares back.",
                why="The other seals go only when it is certain that the shares were kept.",
                fix="Run this at a terminal, or have the shares written to files with --out.",
            )

    def hand_over(self, shares: tuple[str, ...], *, as_json: bool) -> dict[str, object]:
        """Give the shares to the operator, once: in files, or on standard output. Part of the answer in JSON.

        Raises:
            OperatorError: The files cannot be written.
        """
        if self.out is None:
            if not as_json:
                for number, share in enumerate(shares, start=1):
                    typer.echo(f"Share {number} of {len(shares)}:\n  {share}")
            return {"shares": list(shares)} if shares else {}
        try:
            self.out.mkdir(mode=0o700, parents=True, exist_ok=True)
            paths = [self.out / f"share-{number}.txt" for number in range(1, len(shares) + 1)]
            for path, share in zip(paths, shares, strict=True):
                write_private(path, share.encode() + b"\n")
        except OSError as error:
            raise OperatorError(
                f"The shares could not be written to {self.out}.",
                why=error.strerror or type(error).__name__,
                fix="choose another folder with --out, and remove the seal that was just added",
            ) from None
        return {"files": [str(path) for path in paths]} if shares else {}

    def prove_kept(self, desk: Desk, entry: SealEntry) -> None:
        """Have as many shares as open given back: from the files just written, or by a person.

        Raises:
            OperatorError: A share is wrong.
        """
        collector = ShareCollector(entry)
        number = 0
        while collector.needed:
            number += 1
            if self.out is not None:
                collector.give((self.out / f"share-{number}.txt").read_text())
            elif desk.means.share is not None:
                collector.give(desk.means.share(entry.name, collector.needed))
        collector.open(entry)


def _given(value: T | None, option: str) -> T:
    if value is None:
        raise OperatorError(f"{option} is missing.", fix="see `strongroom seal add --help`")
    return value
