"""When a backup is due, and which are past keeping."""

from __future__ import annotations

from strongroom.backup.places import Kept
from strongroom.backup.schedule import is_due, of_installation, past_keeping

MADE = 1_790_000_000_123  # 2026-09-21T14:13:20.123Z
HOUR = 3_600_000
OURS = [Kept(f"strongroom-01234567-2026092{day}T141320123Z-abcdef01.backup", 1) for day in (0, 1)]
OTHER = Kept("strongroom-76543210-20260922T141320123Z-abcdef01.backup", 1)


def test_a_backup_is_due_when_the_newest_is_old_enough() -> None:
    assert is_due([], 24, MADE)
    assert not is_due(OURS, 24, MADE + 24 * HOUR - 1)
    assert is_due(OURS, 24, MADE + 24 * HOUR)


def test_a_backup_from_the_future_keeps_none_from_being_made() -> None:
    assert not is_due(OURS, 24, MADE - 1)
    assert is_due(OURS, 23, MADE - 1)
    assert is_due(OURS[1:], 24, MADE - 1)


def test_only_ones_own_backups_count_and_the_newest_are_kept() -> None:
    assert of_installation([*OURS, OTHER], "01234567-89ab") == OURS
    assert past_keeping(OURS, 1) == OURS[:1]
    assert past_keeping(OURS, 2) == past_keeping(OURS, 3) == []
