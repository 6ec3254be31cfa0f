"""Make a backup: one snapshot of the store, streamed under the root key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from strongroom.audit.head import Head, HeadDamagedError, read_head
from strongroom.backup.format import BackupHeader, PieceWriter
from strongroom.backup.places import Place, name_of
from strongroom.backup.rows import encode_end, encode_file, encode_row, encode_table
from strongroom.errors import OperatorError
from strongroom.keyring import RootKey
from strongroom.store.migrate import HEAD
from strongroom.store.schema import metadata
from strongroom.store.snapshot import snapshot
from strongroom.world import World

__all__ = ["ADMINISTRATOR_FILE", "Installed", "Made", "Progress", "create_backup"]

ADMINISTRATOR_FILE: Final = "admin.credentials"
"""The one file besides the seal document that goes along: without it nobody could sign the first request."""

_EVERY: Final = 1000  # rows between two words of progress

Progress = Callable[[str, int], None]
"""Told the table that is being worked on, and how many rows are done."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What is backed up.

    Attributes:
        id: The id of the installation.
        account: Its account.
        region: Its home region.
        store_address: As for `strongroom.store.open_store`.
        data_dir: The data folder.
        seals: The seal document, as text.
    """

    id: str
    account: str
    region: str
    store_address: str
    data_dir: Path
    seals: str


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made.

    Attributes:
        name: Its name in the place.
        header: Its header.
        rows: How many rows it holds.
        size: Its length in bytes.
    """

    name: str
    header: BackupHeader
    rows: int
    size: int


def create_backup(
    installed: Installed, root_key: RootKey, place: Place, world: World, progress: Progress = lambda _table, _rows: None
) -> Made:
    """Make a backup beside whatever server is running. It stands in ``place`` whole, or not at all.

    Args:
        installed: What is backed up.
        root_key: Its root key.
        place: Where it is kept.
        world: Clock and entropy.
        progress: Told how far it is.

    Raises:
        OperatorError: The store cannot be read, the place cannot be written, or the trail's note is damaged.
    """
    head = _trail_head(installed.data_dir / "audit")  # before the snapshot, so that it is never ahead of it
    with snapshot(installed.store_address) as rows:
        header = BackupHeader(
            id=world.entropy.uuid(),
            installation=installed.id,
            account=installed.account,
            region=installed.region,
            created_ms=world.clock.milliseconds(),
            schema=HEAD,
            root_key_id=root_key.fingerprint,
            trail_sequence=head.sequence,
            trail_hash=head.hash,
            seals=installed.seals,
        )
        name = name_of(header)
        with place.writing(name) as sink:
            writer = PieceWriter(sink, header, root_key, world.entropy)
            credentials = installed.data_dir / ADMINISTRATOR_FILE
            if credentials.is_file():
                writer.write(encode_file(ADMINISTRATOR_FILE, credentials.read_bytes()))
            total = 0
            for table in metadata.sorted_tables:  # those that others refer to come first
                writer.write(encode_table(table.name, [column.name for column in table.columns]))
                for row in rows(table):
                    writer.write(encode_row(row))
                    total += 1
                    if total % _EVERY == 0:
                        progress(table.name, total)
            writer.write(encode_end(total))
            writer.finish()
    return Made(name, header, total, writer.written)


def _trail_head(folder: Path) -> Head:
    try:
        return read_head(folder) or Head()
    except (OSError, HeadDamagedError) as error:
        raise OperatorError(
            "The position of the audit trail could not be read.",
            why=type(error).__name__,
            fix="see `strongroom audit verify`",
        ) from None
