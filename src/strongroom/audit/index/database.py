"""The index's file: its tables, and opening it to write or to read.

``index.sqlite`` lies beside the trail. It is never the truth: it can be deleted at any time and is made again from the
trail. It holds where events stand in the trail and by what they are found, not the events.

Writing it never waits for the disk, on which the trail itself waits: what a process wrote outlives the process in the
kernel's memory, but not the host. So the index says since which start of the host it has not been synced, and after
another start it is made again.

    position   how far the trail is indexed
    events     key -> where the record stands
    terms      what events are looked up by: account and region, attribute, value
    aliases    the name of a resource -> the terms of its ARNs
    postings   term -> keys of its events, in chunks (`strongroom.audit.index.keys`)
    fresh_ids  the ids of the newest events, as they came
    id_runs    the ids of older events, sorted, one run for some ten thousand
    consumers  who read which version of which secret
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

__all__ = [
    "INDEX_NAME",
    "Position",
    "boot_id",
    "delete_index",
    "open_to_read",
    "open_to_write",
    "read_position",
    "sync",
]

INDEX_NAME: Final = "index.sqlite"

_LAYOUT: Final = 1
"""Raised with every change of the tables; an index of another layout is made again."""

_TABLES: Final = """
CREATE TABLE position (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    file INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
    sequence INTEGER NOT NULL, hash TEXT NOT NULL, oldest INTEGER NOT NULL, boot TEXT NOT NULL
);
CREATE TABLE events (key INTEGER PRIMARY KEY, file INTEGER NOT NULL, offset INTEGER NOT NULL);
CREATE TABLE terms (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL, region TEXT NOT NULL, attribute INTEGER NOT NULL, value TEXT NOT NULL,
    UNIQUE (value, attribute, account, region)
);
CREATE TABLE aliases (name TEXT NOT NULL, term INTEGER NOT NULL, PRIMARY KEY (name, term)) WITHOUT ROWID;
CREATE TABLE postings (
    term INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, rest BLOB NOT NULL,
    PRIMARY KEY (term, first)
) WITHOUT ROWID;
CREATE TABLE fresh_ids (key INTEGER PRIMARY KEY, id BLOB NOT NULL);
CREATE TABLE runs (run INTEGER PRIMARY KEY, newest INTEGER NOT NULL);
CREATE TABLE id_runs (
    run INTEGER NOT NULL, bucket INTEGER NOT NULL, entries BLOB NOT NULL, PRIMARY KEY (run, bucket)
) WITHOUT ROWID;
CREATE TABLE consumers (
    secret TEXT NOT NULL, version TEXT NOT NULL, principal TEXT NOT NULL, address TEXT NOT NULL, own_key TEXT NOT NULL,
    access_key TEXT NOT NULL, agent TEXT NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, last_as_current INTEGER NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (secret, principal, address, own_key, version)
) WITHOUT ROWID;
"""
_CACHE_KIB: Final = 32 * 1024
_WAL_PAGES: Final = 4000
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Position(NamedTuple):
    """How far a trail is indexed.

    Attributes:
        file: First sequence of the file of the trail that the last record stands in; 0 when there is none.
        offset: Where the next record begins in that file, in bytes.
        length: Length of the last record with its newline.
        sequence: Its sequence.
        hash: Its hash, 64 hex digits.
        oldest: First sequence of the oldest file that is indexed.
        boot: The start of the host since which the index has not been synced; empty when it is on the disk.
    """

    file: int = 0
    offset: int = 0
    length: int = 0
    sequence: int = 0
    hash: str = ""
    oldest: int = 0
    boot: str = ""


def open_to_write(folder: Path) -> sqlite3.Connection:
    """Open the index, or begin one; one of another layout, or lost in part with the host's memory, is begun anew.

    Only its owner can read the file.

    Args:
        folder: The audit folder.

    Raises:
        OSError: The file cannot be made.
        sqlite3.Error: It cannot be used.
    """
    path = folder / INDEX_NAME
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = OFF")
        database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        database.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        layout = _layout(database)
        if layout == _LAYOUT and read_position(database).boot in {"", boot_id()}:
            return database
        if layout == 0:
            database.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {_LAYOUT}; COMMIT;")
            return database
    except sqlite3.Error:
        database.close()
        raise
    database.close()
    delete_index(folder)
    return open_to_write(folder)


def open_to_read(folder: Path) -> sqlite3.Connection | None:
    """Open the index for one lookup; None when there is none of this layout yet.

    Args:
        folder: The audit folder.

    Raises:
        sqlite3.Error: It cannot be used.
    """
    path = folder / INDEX_NAME
    if not path.exists():
        return None
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    if _layout(database) == _LAYOUT:
        return database
    database.close()
    return None


def sync(folder: Path, database: sqlite3.Connection) -> None:
    """Bring the index to the disk, and have it say so.

    Args:
        folder: The audit folder.
        database: The index, opened to write.

    Raises:
        OSError: It cannot be synced.
        sqlite3.Error: The same.
    """
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    descriptor = os.open(folder / INDEX_NAME, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    database.execute("PRAGMA synchronous = FULL")
    database.execute("UPDATE position SET boot = ''")


def boot_id() -> str:
    """Which start of the host this is (proc_sys_kernel(5))."""
    return _BOOT_ID.read_text().strip()


def delete_index(folder: Path) -> None:
    """Delete the index; it is no error when it is gone."""
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            (folder / (INDEX_NAME + suffix)).unlink()


def read_position(database: sqlite3.Connection) -> Position:
    """How far the trail is indexed."""
    found = database.execute("SELECT file, offset, length, sequence, hash, oldest, boot FROM position").fetchone()
    return Position() if found is None else Position(*found)


def _layout(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])
