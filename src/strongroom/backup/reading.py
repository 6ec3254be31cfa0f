"""Read a backup: open its root key, check it from end to end, or fill a store with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from strongroom.backup.creating import ADMINISTRATOR_FILE, Progress
from strongroom.backup.format import BackupDamaged, BackupHeader, PieceReader
from strongroom.backup.rows import File, TableRows, read_all
from strongroom.errors import OperatorError
from strongroom.keyring import RootKey
from strongroom.keyring.seals import Means, SealDocument, SealFiles, open_root_key
from strongroom.store.loading import loading

__all__ = ["GivenRootKeyFile", "fill_store", "open_root_key_of", "verify_backup"]

_REACHES_OUT: Final = frozenset({"kms", "pkcs11"})
"""Kinds of seals that name a server to call or a library to load. The document of a foreign backup could name any."""


class GivenRootKeyFile(SealFiles):
    """The files of seals on a machine where the root key file lies elsewhere, as a copy that was kept apart.

    Args:
        folder: A folder.
        root_key_file: The copy.
    """

    def __init__(self, folder: Path, root_key_file: Path) -> None:
        super().__init__(folder)
        self._given = root_key_file.absolute()

    def read(self, name: str, limit: int) -> bytes:
        """The content of the copy, whatever ``name`` it had in its data folder.

        Raises:
            OperatorError: It cannot be read, is too long, or is open to others than its owner.
        """
        del name
        return SealFiles(self._given.parent).read(self._given.name, limit)


def open_root_key_of(header: BackupHeader, means: Means, named: str | None) -> RootKey:
    """Open the root key of a backup by one of the seals that go along with it.

    Args:
        header: The header, not yet authenticated.
        means: What is at hand.
        named: The name of the only seal to try. A seal that reaches for a token or another KMS must be named: where it
            reaches is what the backup says, so the operator has to mean it.

    Raises:
        OperatorError: The document is damaged, or no seal opens.
    """
    document = SealDocument.from_json(header.seals.encode())
    if named is None:
        without = {entry.name for entry in document.seals if entry.kind in _REACHES_OUT}
        if len(without) == len(document.seals):
            raise OperatorError(
                "The backup does not say by itself where its root key is opened.",
                why=f"its seals ({', '.join(sorted(without))}) reach for a token or another KMS that the backup names",
                fix="name the one to use with --seal, if you know the backup to be yours",
            )
    else:
        without = {entry.name for entry in document.seals} - {document.seal(named).name}
    root_key = open_root_key(document, means, without=without)
    if root_key.fingerprint != header.root_key_id:
        raise BackupDamaged("its seals are of another root key")
    return root_key


def verify_backup(source: BinaryIO, encoded: bytes, root_key: RootKey, progress: Progress) -> int:
    """Check a backup to its end; the number of its rows.

    Args:
        source: The backup, after its header.
        encoded: The bytes of its header.
        root_key: Its root key.
        progress: Told how far it is.

    Raises:
        BackupDamaged: It is not whole.
    """
    rows = 0
    for part in _whole(source, encoded, root_key):
        if isinstance(part, TableRows):
            rows += len(part.rows)
            progress(part.table, rows)
    return rows


def fill_store(
    source: BinaryIO,
    header: BackupHeader,
    encoded: bytes,
    root_key: RootKey,
    address: str,
    facts: dict[str, str],
    progress: Progress,
) -> tuple[int, bytes | None]:
    """Fill a store with a backup: all of it, once it is known to be whole, or nothing.

    Args:
        source: The backup, after its header.
        header: Its header.
        encoded: The bytes of the header.
        root_key: Its root key.
        address: The store.
        facts: What the store is to say of the installation besides.
        progress: Told how far it is.

    Returns:
        The number of rows, and the content of the administrator's credentials file if it went along.

    Raises:
        OperatorError: The backup is not whole, or the store cannot take it. Nothing was changed.
    """
    rows, credentials = 0, None
    pieces = _whole(source, encoded, root_key)
    first = next(pieces, None)  # before the store is touched: the key opens, and so the header is true
    with loading(address, header.schema) as loader:
        part = first
        while part is not None:
            if isinstance(part, TableRows):
                loader.add(part.table, part.columns, part.rows)
                rows += len(part.rows)
                progress(part.table, rows)
            elif part.name == ADMINISTRATOR_FILE:
                credentials = part.content
            part = next(pieces, None)
        loader.finish(facts)
    return rows, credentials


def _whole(source: BinaryIO, encoded: bytes, root_key: RootKey) -> Iterator[File | TableRows]:
    """Everything in a backup; ends only if it is whole."""
    pieces = PieceReader(source, encoded, root_key)
    yield from read_all(pieces)
    pieces.finish()
