"""What runs on this host, as far as /proc tells: to find a server's processes and see that they are gone."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

__all__ = ["alive", "family"]


def family(pid: int) -> set[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        parent = _parent(entry) if entry.name.isdigit() else None
        if parent is not None:
            children.setdefault(parent, []).append(int(entry.name))
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        member = waiting.pop()
        found.add(member)
        waiting += children.get(member, [])
    return found


def alive(pids: set[int]) -> set[int]:
    """Those that still run. One that has ended and waits for its parent to notice does not."""
    return {pid for pid in pids if _state(Path("/proc") / str(pid)) not in {"", "Z", "X"}}


def _fields(entry: Path) -> list[str]:
    """What /proc/<pid>/stat says after the command's name; nothing when the process is gone."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return (entry / "stat").read_text().rpartition(")")[2].split()
    return []


def _state(entry: Path) -> str:
    fields = _fields(entry)
    return fields[0] if fields else ""


def _parent(entry: Path) -> int | None:
    fields = _fields(entry)
    return int(fields[1]) if fields else None
