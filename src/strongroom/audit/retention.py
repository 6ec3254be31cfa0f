"""What happens to closed files: they are compressed, and deleted when they are old enough.

Compressing leaves one or both forms at every moment, never none: the compressed one is written aside, synced and
renamed before the plain one goes. A file is deleted only after a signed checkpoint pins its last record and the trail
itself says what goes, so a trail whose beginning was taken away by somebody else is told from one that retention cut.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import orjson

from strongroom.audit.blocks import compress
from strongroom.audit.checkpoints import Checkpoint
from strongroom.audit.durable import sync_folder
from strongroom.audit.record import parse
from strongroom.audit.segments import LONGEST_LINE, Segment, closed_name, segments

__all__ = ["DELETED", "SOURCE", "Deletion", "compress_closed", "delete_before", "deleted_through", "event_time"]

SOURCE: Final = "strongroom.amazonaws.com"
"""``eventSource`` of what the trail says of itself."""
DELETED: Final = "DeleteTrailFiles"
"""``eventName`` of a deletion."""

_NEEDLE: Final = b'"eventName":"DeleteTrailFiles"'


@dataclass(frozen=True, slots=True)
class Deletion:
    """Closed files that are about to be deleted, from the trail's beginning on.

    Attributes:
        files: Their names.
        first_sequence: Sequence of the first record that goes.
        last_sequence: Sequence of the last record that goes.
    """

    files: tuple[str, ...]
    first_sequence: int
    last_sequence: int

    def details(self) -> dict[str, object]:
        """``additionalEventData`` of the event that tells of it."""
        return {
            "files": list(self.files),
            "firstSequence": self.first_sequence,
            "lastSequence": self.last_sequence,
        }


def deleted_through(event: bytes) -> int:
    """The last sequence that was deleted according to a record's event; 0 when it tells of no deletion."""
    if _NEEDLE not in event:
        return 0
    told = orjson.loads(event)
    # What a caller sends can hold this name too, but stands in parameters, in an event of another type.
    if (told.get("eventName"), told.get("eventSource"), told.get("eventType")) != (DELETED, SOURCE, "AwsServiceEvent"):
        return 0
    last = told.get("additionalEventData", {}).get("lastSequence")
    return last if isinstance(last, int) else 0


def event_time(line: bytes) -> str:
    """``eventTime`` of the record in ``line`` (without its newline); empty when it tells none."""
    parts = parse(line)
    if parts is None:
        return ""
    time = orjson.loads(parts[2]).get("eventTime")
    return time if isinstance(time, str) else ""


def compress_closed(folder: Path) -> int:
    """Compress every closed file that is not; answers how many were.

    Raises:
        OSError: One cannot be read or written; it stays as it is.
    """
    done = 0
    for file in segments(folder):
        if file.current or file.compressed:
            continue
        target = file.path.with_name(f"{file.path.name}.gz")
        aside = target.with_name(f".{target.name}.new")
        try:
            _compress_to(aside, file.path)
        except OSError:
            aside.unlink(missing_ok=True)  # a full disk needs the room
            raise
        aside.replace(target)
        sync_folder(folder)
        file.path.unlink()
        done += 1
    return done


def _compress_to(target: Path, source: Path) -> None:
    with source.open("rb") as plain, target.open("wb") as compressed:
        os.fchmod(compressed.fileno(), 0o600)
        compress(plain, compressed)
        compressed.flush()
        os.fsync(compressed.fileno())


def delete_before(
    folder: Path,
    time: str,
    pin: Callable[[], Checkpoint | None],
    record: Callable[[Deletion], None],
    *,
    keep_from: int = 2**63,
) -> Deletion | None:
    """Delete the closed files at the trail's beginning that hold nothing newer than ``time``.

    Args:
        folder: The audit folder.
        time: As ``eventTime``: ISO 8601 in UTC.
        pin: Makes a checkpoint; see `Checkpoints.make`.
        record: Records the deletion in the trail, durably.
        keep_from: The first record that is to stay however old it is.

    Returns:
        What was deleted; None when nothing is that old.

    Raises:
        OperatorError: No checkpoint could be made, or the deletion could not be recorded. Nothing was deleted.
        OSError: A file could not be read or deleted.
    """
    files = segments(folder)
    old: list[Segment] = []
    for file, after in pairwise(files):
        began = _first_time(after) if after.first_sequence else ""
        if not began or began >= time or after.first_sequence > keep_from:
            break
        old.append(file)
    if not old:
        return None
    deletion = Deletion(
        tuple(file.path.name for file in old), old[0].first_sequence, files[len(old)].first_sequence - 1
    )
    checkpoint = pin()
    if checkpoint is None or checkpoint.sequence < deletion.last_sequence:
        return None
    record(deletion)
    for file in old:
        plain = folder / closed_name(file.first_sequence)
        plain.with_name(plain.name + ".gz").unlink(missing_ok=True)
        plain.unlink(missing_ok=True)
    sync_folder(folder)
    return deletion


def _first_time(file: Segment) -> str:
    with file.open() as content:
        return event_time(content.readline(LONGEST_LINE).removesuffix(b"\n"))
