"""What a function process consists of and how much memory it uses, seen from outside.

The kernel's limits are per process and about mappings; a function may start many. So the pool adds up what the whole
tree really holds and ends it beyond the function's memory, as Lambda does.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

__all__ = ["child_processes", "tree_memory_bytes"]

_PROC = Path("/proc")
_TREE_LIMIT = 4096


def tree_memory_bytes(root: int) -> int:
    """Anonymous and shared memory of the process ``root`` and all its descendants, in bytes.

    Programs and libraries mapped from files are not counted: the host shares them among all functions. Memory that
    processes share is counted once where the kernel tells (proportional set size, Linux 5.4).
    """
    total = 0
    pending = [root]
    seen = 0
    while pending and seen < _TREE_LIMIT:
        process = pending.pop()
        seen += 1
        with suppress(FileNotFoundError, ProcessLookupError):
            total += _memory_bytes(process)
        pending.extend(child_processes(process))
    return total


def child_processes(process: int) -> list[int]:
    """The processes that ``process`` started and has not yet waited for; none when it is gone itself."""
    children: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in (_PROC / str(process) / "task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                children.extend(int(child) for child in (task / "children").read_text().split())
    return children


def _memory_bytes(process: int) -> int:
    folder = _PROC / str(process)
    try:
        return _sum_fields((folder / "smaps_rollup").read_text(), ("Pss_Anon:", "Pss_Shmem:"))
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return _sum_fields((folder / "status").read_text(), ("RssAnon:", "RssShmem:"))


def _sum_fields(text: str, names: tuple[str, ...]) -> int:
    """Add up fields such as ``RssAnon:     1234 kB``."""
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith(names))
