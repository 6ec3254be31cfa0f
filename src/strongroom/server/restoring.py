"""Restore a backup into a data folder: built beside it, and put in its place in one step when all of it is there.

What is replaced is not deleted: it is set aside under another name. The audit trail of a replaced installation goes
on in the restored one. Killed at any moment, the data folder is the old one or the restored one.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from strongroom.audit import Trail, read_records, service_event, user_identity
from strongroom.backup.creating import ADMINISTRATOR_FILE, Progress
from strongroom.backup.format import BackupHeader
from strongroom.backup.hold import HELD_FACT, RESTORED_FACT, UNFINISHED_FACT
from strongroom.backup.reading import fill_store
from strongroom.errors import OperatorError
from strongroom.keyring import RootKey
from strongroom.keyring.private_file import sync_folder
from strongroom.keyring.seals import SEAL_FILE, SealFiles
from strongroom.server.folder import DataFolder, Installation, write_private
from strongroom.store.loading import facts_of, forget_fact
from strongroom.world import World, from_milliseconds

__all__ = ["Restored", "Target", "restore_backup"]

_SERVICE: Final = "strongroom"
_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2


@dataclass(frozen=True, slots=True)
class Target:
    """Where a backup is restored to.

    Attributes:
        data_dir: The data folder.
        store: A ``postgresql://`` address; None for SQLite in the data folder.
        force: Whether a state that is there may be replaced.
    """

    data_dir: Path
    store: str | None
    force: bool


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did.

    Attributes:
        rows: How many rows.
        set_aside: Where the replaced data folder is; None if there was none.
    """

    rows: int
    set_aside: Path | None


def restore_backup(
    source: BinaryIO,
    header: BackupHeader,
    encoded: bytes,
    root_key: RootKey,
    root_key_files: dict[str, bytes],
    target: Target,
    world: World,
    progress: Progress,
) -> Restored:
    """Restore a backup.

    Args:
        source: The backup, after its header.
        header: Its header.
        encoded: The bytes of the header.
        root_key: Its root key.
        root_key_files: Files of file seals to be put into the data folder, by name.
        target: Where to.
        world: Clock and entropy.
        progress: Told how far it is.

    Raises:
        OperatorError: The backup is not whole, the target holds something that may not be replaced, or it cannot be
            written. Nothing was changed then.
    """
    folder = DataFolder(target.data_dir)
    replaced = _require_replaceable(folder, header, target)
    staging = folder.path.with_name(f".{folder.path.name}.restoring")
    shutil.rmtree(staging, ignore_errors=True)  # what a killed restore left
    staging.mkdir(mode=0o700, parents=True)
    try:
        if replaced and folder.audit.is_dir():
            shutil.copytree(folder.audit, staging / "audit")
        files = SealFiles(staging)
        files.write(SEAL_FILE, header.seals.encode())
        for name, content in root_key_files.items():
            files.write(name, content)
        address = target.store or str(staging / "store.sqlite")
        facts = _facts(header, world)
        if target.store:
            facts[UNFINISHED_FACT] = header.id
        rows, credentials = fill_store(source, header, encoded, root_key, address, facts, progress)
        if credentials is not None:
            write_private(staging / ADMINISTRATOR_FILE, credentials)
        DataFolder(staging).write_installation(
            Installation(header.installation, header.account, header.region, ready=True)
        )
        _record(staging / "audit", header, world)
        _sync(staging)
        set_aside: Path | None = None
        if replaced:
            set_aside = _put_in_place(staging, folder.path, world)
        else:
            staging.rename(folder.path)
            sync_folder(folder.path.parent)
        if target.store:
            forget_fact(target.store, UNFINISHED_FACT)
    finally:
        folder.leave()
        shutil.rmtree(staging, ignore_errors=True)
    return Restored(rows, set_aside)


def _require_replaceable(folder: DataFolder, header: BackupHeader, target: Target) -> bool:
    """Whether there is an installation that is to be replaced; it is locked then.

    Raises:
        OperatorError: There is something that may not be.
    """
    there = folder.installation()
    stored = facts_of(target.store) if target.store else {}
    if there is None and folder.path.exists() and any(folder.path.iterdir()):
        raise OperatorError(
            f"The folder {folder.path} holds other things and no Strongroom installation.",
            fix="choose a new or empty folder with --data-dir",
        )
    others = {found for found in (there.id if there else None, stored.get("id")) if found} - {header.installation}
    if others:
        raise OperatorError(
            "The backup is of another installation than the one that is there.",
            why=f"the backup is of {header.installation}, there is {', '.join(sorted(others))}",
            fix="choose a new folder with --data-dir, and with --store an empty database",
        )
    if there is None and (not stored or stored.get(UNFINISHED_FACT) == header.id):
        return False  # nothing is there, or a restore of this very backup was cut short
    if not target.force:
        moment = from_milliseconds(header.created_ms)
        raise OperatorError(
            "An older state would replace the one that is there; nothing was changed.",
            why=f"the backup is of {moment:%Y-%m-%d %H:%M:%S} UTC; {_since(folder, header)}",
            fix="to lose every change since then, give --force; to look at the backup, restore it into a new folder",
        )
    if there is not None:
        folder.lock()
    return there is not None


def _since(folder: DataFolder, header: BackupHeader) -> str:
    """What the audit trail of the present state says of the time after a backup."""
    try:
        writes = sum(
            record.sequence > header.trail_sequence and record.event.get("readOnly") is False
            for record in read_records(folder.audit)
        )
    except OSError:
        return "what was written since then would be lost"
    return f"its audit trail has {writes} writes since then, which would be lost"


def _facts(header: BackupHeader, world: World) -> dict[str, str]:
    restored = {
        "backup": header.id,
        "created_ms": header.created_ms,
        "restored_ms": world.clock.milliseconds(),
        "trail_sequence": header.trail_sequence,
        "trail_hash": header.trail_hash,
    }
    return {RESTORED_FACT: json.dumps(restored), HELD_FACT: header.id}


def _record(audit: Path, header: BackupHeader, world: World) -> None:
    """Begin or continue the trail of the restored installation with what was restored: the link to the trail before.

    Raises:
        AuditUnavailable: It cannot be written.
    """
    trail = Trail(audit, world)
    trail.open()
    try:
        trail.append_now(
            [
                service_event(
                    user_identity=user_identity.aws_service(_SERVICE, header.account),
                    time=world.clock.milliseconds(),
                    source=_SERVICE,
                    name="BackupRestored",
                    region=header.region,
                    additional_data={
                        "backupId": header.id,
                        "trailSequence": header.trail_sequence,
                        "trailHash": header.trail_hash,
                    },
                    request_id=world.entropy.uuid(),
                    event_id=world.entropy.uuid(),
                    recipient_account=header.account,
                )
            ]
        )
    finally:
        trail.close()


def _put_in_place(staging: Path, path: Path, world: World) -> Path:
    """Exchange the restored folder with the one that is there, in one step; where the old one is then.

    `renameat2` with RENAME_EXCHANGE (Linux 3.15, man 2 rename): there is no moment without a data folder.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if library.renameat2(_AT_FDCWD, os.fsencode(staging), _AT_FDCWD, os.fsencode(path), _RENAME_EXCHANGE) != 0:
        raise OperatorError(
            f"{path} could not be replaced; it is as it was.",
            why=os.strerror(ctypes.get_errno()),
            fix="restore into a new folder with --data-dir",
        )
    moment = from_milliseconds(world.clock.milliseconds())
    aside = path.with_name(f"{path.name}.replaced-{moment:%Y%m%dT%H%M%SZ}")
    staging.rename(aside)
    sync_folder(path.parent)
    return aside


def _sync(folder: Path) -> None:
    """Put everything in a folder on disk."""
    for path in [*folder.rglob("*"), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
