"""Rows that were read lately, kept for as long as nothing at all was committed to the database.

Applications ask for the same secrets again and again, and between two writes the answer of a statement cannot change.
Every read asks first whether anything was committed (`strongroom.store.sqlite_commits`), so a commit by any process
ends the life of everything kept, before the writer is told that it committed. What is kept is what the
file holds: values and keys are ciphertexts there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from strongroom.store.engine import Row
from strongroom.store.sqlite_commits import CommitWatch
from strongroom.store.statements import Statement

__all__ = ["KeptRows", "Question"]

_MOST_ANSWERS: Final = 2048
_LARGEST_ANSWER: Final = 4096  # characters and bytes in an answer: together these bound the memory to some 10 MB

Question = tuple[Statement, tuple[tuple[str, object], ...]]
"""A statement and its parameters."""


class KeptRows:
    """The answers of statements by one process. For the holder of the lock on the reading connection.

    Args:
        commits: Tells when to forget.
    """

    __slots__ = ("_answers", "_commits", "_version")

    def __init__(self, commits: CommitWatch) -> None:
        self._commits = commits
        self._version = -1
        self._answers: dict[Question, tuple[Row, ...]] = {}

    def get(self, question: Question) -> tuple[Row, ...] | None:
        """The answer that was kept, if nothing was committed since. Ask this before the database itself."""
        version = self._commits.version()
        if version != self._version:
            self._answers.clear()
            self._version = version
            return None
        return self._answers.get(question)

    def keep(self, question: Question, rows: Sequence[Row]) -> None:
        """Keep an answer that was read after `get` was asked for it, unless it is large."""
        if sum(len(value) for row in rows for value in row if isinstance(value, str | bytes)) > _LARGEST_ANSWER:
            return
        if len(self._answers) >= _MOST_ANSWERS:
            self._answers.clear()
        self._answers[question] = tuple(rows)
