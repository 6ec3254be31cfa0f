"""Change the seals of a root key so that a crash between any two steps leaves the old way to open it, or the new one.

The order of the steps is the whole idea: a seal stands on disk before the document names it, and the document has
forgotten it before its file goes. A new root key is sealed in a second document, `seal.next.json`, beside the first;
the store says which of the two is in force.

Every function here is called inside `SealFiles.changing`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from strongroom.errors import OperatorError
from strongroom.keyring.root import RootKey
from strongroom.keyring.seals.base import Seal
from strongroom.keyring.seals.document import MOST_SEALS, SealDocument
from strongroom.keyring.seals.entry import SEAL_FILE, SealEntry, is_seal_name
from strongroom.keyring.seals.file import ROOT_KEY_FILE, FileSeal, root_key_file_of
from strongroom.keyring.seals.files import SealFiles
from strongroom.keyring.seals.opening import Means, sealer
from strongroom.keyring.seals.shares import SharesSeal

__all__ = [
    "SEAL_FILE_NEXT",
    "add_seal",
    "drop_successor",
    "prepare_successor",
    "put_successor_in_place",
    "remove_orphans",
    "remove_seals",
]

SEAL_FILE_NEXT: Final = "seal.next.json"
"""The document of a root key that is about to follow the present one."""


def add_seal(document: SealDocument, root_key: RootKey, seal: Seal, name: str, means: Means) -> SealDocument:
    """Put the root key under one more seal, after a look whether the new seal opens.

    Args:
        document: The document in force, authenticated.
        root_key: Its root key.
        seal: The new seal.
        name: What to call it.
        means: What is at hand.

    Raises:
        OperatorError: The name is taken or is none, the seal cannot be made, or it does not open at once.
    """
    if not is_seal_name(name):
        raise OperatorError(
            f"{name!r} is not a name for a seal.", fix="Use up to 32 lower-case letters, digits and hyphens."
        )
    if any(entry.name == name for entry in document.seals):
        raise OperatorError(
            f"There is a seal called {name} already.", fix="Choose another name with --name, or remove that seal first."
        )
    if len(document.seals) >= MOST_SEALS:
        raise OperatorError(f"There are {MOST_SEALS} seals already.", fix="Remove one that is not needed first.")
    if seal.kind == FileSeal.kind and any(entry.kind == FileSeal.kind for entry in document.seals):
        raise OperatorError(
            "There is a file seal already.",
            why="A second one would be the same file.",
            fix="Keep it; if its file is lost, first `strongroom seal remove` it.",
        )
    entry = replace(seal.seal(root_key), name=name)
    if entry.kind != SharesSeal.kind and seal.open(entry).fingerprint != root_key.fingerprint:
        raise OperatorError(
            "The new seal does not open, and was not added.",
            fix="Check what it was given, and that what it reaches for works.",
        )
    changed = SealDocument.made(root_key, (*document.seals, entry), means.entropy)
    changed.save(means.files)
    return changed


def remove_seals(document: SealDocument, root_key: RootKey, names: Collection[str], means: Means) -> SealDocument:
    """Forget seals, then remove the files of those that had one.

    Raises:
        OperatorError: Nothing would be left, or a file cannot be removed.
    """
    kept = tuple(entry for entry in document.seals if entry.name not in names)
    if not kept:
        raise OperatorError(
            "The last seal of the root key is not removed.",
            why="Nothing could open it again, and everything under it would be lost for good.",
            fix="Add another seal first.",
        )
    changed = SealDocument.made(root_key, kept, means.entropy)
    changed.save(means.files)
    for name in _key_files(document) - _key_files(changed):
        means.files.remove(name)
    return changed


def remove_orphans(document: SealDocument, root_key: RootKey, files: SealFiles) -> None:
    """Remove a root key's file that no seal names any more: a removal was cut short. Another key's file is kept.

    Raises:
        OperatorError: It cannot be removed.
    """
    for name in {ROOT_KEY_FILE, f"root-{root_key.fingerprint[:16]}.key"} - _key_files(document):
        if files.holds(name):
            try:
                FileSeal(files).open(SealEntry(FileSeal.kind, root_key.fingerprint, {"file": name}))
            except OperatorError:  # whatever it is, it is not this root key
                continue
            files.remove(name)


def prepare_successor(document: SealDocument, old: RootKey, new: RootKey, means: Means) -> SealDocument:
    """Put a new root key under the same seals, in `seal.next.json`. The old one stays in force.

    Each seal has to open the old root key first, so that a mistyped passphrase does not become the new one. Shares
    need not come together: the new root key is sealed to the same shares.

    Raises:
        OperatorError: One of the seals cannot be used; nothing has changed then.
    """
    seals = {entry.name: _usable(entry, old, means) for entry in document.seals}
    entries = []
    for entry in document.seals:
        made = replace(seals[entry.name].seal(new), name=entry.name)
        if made.kind != SharesSeal.kind and seals[entry.name].open(made).fingerprint != new.fingerprint:
            raise OperatorError(
                f"The seal {entry.name} does not open the new root key.",
                fix="The old root key is still in force. Check what the seal reaches for, then try again.",
            )
        entries.append(made)
    successor = SealDocument.made(new, entries, means.entropy)
    successor.save(means.files, SEAL_FILE_NEXT)
    return successor


def put_successor_in_place(files: SealFiles) -> SealDocument:
    """Make `seal.next.json` the document in force, once the store has the new root key. It may be called again.

    Raises:
        OperatorError: A file cannot be read, renamed or removed.
    """
    successor = SealDocument.load(files, SEAL_FILE_NEXT)
    # The old file first: as long as both documents are there, whoever comes next knows what is still to be done.
    for name in _key_files(SealDocument.load(files)) - _key_files(successor):
        files.remove(name)
    files.rename(SEAL_FILE_NEXT, SEAL_FILE)
    return successor


def drop_successor(files: SealFiles) -> None:
    """Forget a new root key that the store never came to. It may be called again.

    Raises:
        OperatorError: A file cannot be read or removed.
    """
    successor = SealDocument.load(files, SEAL_FILE_NEXT)
    for name in _key_files(successor) - _key_files(SealDocument.load(files)):
        files.remove(name)
    files.remove(SEAL_FILE_NEXT)


def _usable(entry: SealEntry, old: RootKey, means: Means) -> Seal:
    seal = sealer(entry, means)
    if seal is None:
        raise OperatorError(
            f"The new root key cannot be put under the seal {entry.name}.",
            why="Nobody can be asked for what it needs.",
            fix="Run this at a terminal, or name the source of its passphrase or PIN.",
        )
    if entry.kind != SharesSeal.kind and seal.open(entry).fingerprint != old.fingerprint:
        raise OperatorError(f"The seal {entry.name} opens another root key.", fix="Remove it, then try again.")
    return seal


def _key_files(document: SealDocument) -> set[str]:
    return {root_key_file_of(entry) for entry in document.seals if entry.kind == FileSeal.kind}
