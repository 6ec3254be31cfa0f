"""End a process at a chosen step of what it does, the way a power cut would."""

from __future__ import annotations

import os
from collections.abc import Callable

__all__ = ["steps_of", "until_step"]

_KILLED = 77
_FAILED = 78


class _Steps:
    """Counts steps, and ends the process before the one that is chosen; cleans nothing up."""

    def __init__(self, end_before: int | None) -> None:
        self._end_before = end_before
        self.names: list[str] = []

    def __call__(self, name: str) -> None:
        if self._end_before == len(self.names):
            os._exit(_KILLED)
        self.names.append(name)


def steps_of(work: Callable[[Callable[[str], None]], object]) -> list[str]:
    """Do ``work`` to its end in this process; the names of the steps that it told of."""
    steps = _Steps(None)
    work(steps)
    return steps.names


def until_step(number: int, work: Callable[[Callable[[str], None]], object]) -> None:
    """Do ``work`` in a process of its own, which ends right before step ``number``, counted from 0.

    Raises:
        AssertionError: It did not come to that step.
    """
    child = os.fork()
    if child == 0:
        try:
            work(_Steps(number))
        finally:
            os._exit(_FAILED)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == _KILLED, f"step {number} was not reached ({code})"
