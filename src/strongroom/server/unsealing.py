"""From the seal document in the data folder to the root key: what a start and the ``seal`` commands share.

A root key that was about to follow another one when the program was killed is settled here too: the store says which
of the two it holds, and the other is forgotten.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import Final

from strongroom.errors import OperatorError
from strongroom.keyring import RootKey, read_passphrase
from strongroom.keyring.seals import (
    SEAL_FILE_NEXT,
    Means,
    SealDocument,
    Sealed,
    SealFiles,
    drop_successor,
    open_root_key,
    put_successor_in_place,
)
from strongroom.server.settings import Settings
from strongroom.world import World

__all__ = ["Unseal", "has_terminal", "means", "open_seals", "settle_successor"]

_LOG: Final = logging.getLogger("strongroom.seal")
_PROMPT: Final = "prompt"

Unseal = Callable[[SealDocument, Means], RootKey]
"""Waits until a root key whose seals do not open by themselves has been opened by people."""


def means(settings: Settings, files: SealFiles, world: World, *, at_terminal: bool) -> Means:
    """What this process has at hand to open seals with.

    Args:
        settings: Where passphrase and PIN come from.
        files: The files of the data folder.
        world: Where entropy comes from.
        at_terminal: Whether a person may be asked.
    """

    def passphrase(name: str) -> bytes:
        return read_passphrase(settings.passphrase_source, question=f"Passphrase of the seal {name}")

    def pin(name: str) -> bytes:
        return read_passphrase(settings.pin_source, question=f"PIN of the token of the seal {name}")

    return Means(
        files,
        world.entropy,
        passphrase=passphrase if at_terminal or settings.passphrase_source != _PROMPT else None,
        pin=pin if at_terminal or settings.pin_source != _PROMPT else None,
    )


def has_terminal() -> bool:
    """Whether there is somebody who can be asked."""
    return os.isatty(sys.__stdin__.fileno()) if sys.__stdin__ is not None else False


def open_seals(settings: Settings, files: SealFiles, world: World, unseal: Unseal | None) -> RootKey:
    """Open the root key of an installation for its server.

    Args:
        settings: The settings.
        files: The files of the data folder.
        world: Where entropy comes from.
        unseal: Waits for people, where a seal needs some; None to give up instead.

    Raises:
        OperatorError: The seal document is damaged or was changed, or no seal opens.
    """
    document = SealDocument.load(files)
    kinds = [entry.kind for entry in document.seals]
    if "seal" in settings.model_fields_set and settings.seal not in kinds:
        raise OperatorError(
            f"The root key of this data folder has the seal {' and '.join(kinds)}, not {settings.seal}.",
            fix="start without --seal, or with another --data-dir; `strongroom seal migrate` changes a seal",
        )
    # With one seal there is nothing else to wait for, so its passphrase is asked for whatever there is to ask at.
    at_hand = means(settings, files, world, at_terminal=has_terminal() or kinds in (["passphrase"], ["pkcs11"]))
    try:
        return open_root_key(document, at_hand, tell=_warn)
    except Sealed as sealed:
        if unseal is None or not {"shares", "kms"} & set(kinds):
            raise
        for name, reason in sealed.reasons.items():
            _warn(name, reason)
        return unseal(document, at_hand)


def _warn(name: str, reason: OperatorError) -> None:
    _LOG.warning("the seal %s does not open: %s", name, reason.what)


def settle_successor(files: SealFiles, root_key_of_store: Callable[[], str | None]) -> None:
    """Finish or forget a change of the root key that was cut short. Does nothing if there was none.

    Args:
        files: The files of the data folder.
        root_key_of_store: Reads the fingerprint of the root key that the store is under.

    Raises:
        OperatorError: A file or the store cannot be read, or the seals are being changed at this moment.
    """
    if not files.holds(SEAL_FILE_NEXT):
        return
    with files.changing():
        if not files.holds(SEAL_FILE_NEXT):
            return
        if root_key_of_store() == SealDocument.load(files, SEAL_FILE_NEXT).root_key_id:
            put_successor_in_place(files)
        else:
            drop_successor(files)
