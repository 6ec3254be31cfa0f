"""One line of an allow-list's table: what of an operation is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from strongroom.audit.allow_list import Copier, names

__all__ = ["Members", "Rule", "read", "write"]

Members = Mapping[str, Copier | tuple[str, Copier]]


@dataclass(frozen=True, slots=True)
class Rule:
    """What of an operation is recorded.

    Attributes:
        request: The parameters.
        answer: The parts of the answer.
        read_only: Whether it changes nothing.
        event_name: The event's name where it is not the operation's.
    """

    request: Members
    answer: Members
    read_only: bool
    event_name: str | None


def read(scalars: str = "", *, event_name: str | None = None, **structures: Copier) -> Rule:
    """The rule of an operation that changes nothing: no part of its answer is recorded.

    Args:
        scalars: Parameters that are scalars, with blanks between them.
        event_name: The event's name where it is not the operation's.
        structures: Other parameters.
    """
    return Rule(names(scalars) | structures, {}, read_only=True, event_name=event_name)


def write(
    scalars: str = "", *, answer: Members | None = None, event_name: str | None = None, **structures: Copier
) -> Rule:
    """The rule of an operation that changes something.

    Args:
        scalars: Parameters that are scalars, with blanks between them.
        answer: What of its answer is recorded.
        event_name: The event's name where it is not the operation's.
        structures: Other parameters.
    """
    return Rule(names(scalars) | structures, answer or {}, read_only=False, event_name=event_name)
