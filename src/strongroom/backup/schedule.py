"""Which backups are due and which are past keeping, told by their names alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from strongroom.backup.places import Kept
from strongroom.world import to_milliseconds

__all__ = ["is_due", "of_installation", "past_keeping"]

_HOUR_MS = 3_600_000


def of_installation(kept: Sequence[Kept], installation: str) -> list[Kept]:
    """The backups of one installation, oldest first: a place may be shared, and nobody deletes another's."""
    return [each for each in kept if each.name.split("-")[1] == installation[:8]]


def is_due(kept: Sequence[Kept], hours: int, now_ms: int) -> bool:
    """Whether the newest of an installation's backups is at least ``hours`` old, or there is none.

    One from the future, made while the clock was wrong, says nothing.
    """
    past = [made_ms for made_ms in map(_made_ms, kept) if made_ms <= now_ms]
    return not past or now_ms - past[-1] >= hours * _HOUR_MS


def past_keeping(kept: Sequence[Kept], keep: int) -> list[Kept]:
    """The backups of an installation that are older than the newest ``keep``."""
    return list(kept[: max(0, len(kept) - keep)])


def _made_ms(kept: Kept) -> int:
    stamp = kept.name.split("-")[2].removesuffix("Z")
    moment = datetime.strptime(stamp[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return to_milliseconds(moment) + int(stamp[15:])
