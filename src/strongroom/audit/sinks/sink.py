"""What a sink does, and how it fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

__all__ = ["Sink", "SinkFailed"]


class SinkFailed(Exception):
    """A sink did not take what it was given; some of it may have arrived.

    Args:
        why: The cause in plain words, for the operator. It holds no token and no record.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Sink(Protocol):
    """A place that takes records. Used by one thread."""

    def send(self, lines: Sequence[bytes]) -> None:
        """Give it records and return when it has them, as far as its protocol tells.

        Args:
            lines: Lines of the trail without their newlines, in order.

        Raises:
            SinkFailed: It did not take all of them in its time. They come again.
        """
        ...

    def close(self) -> None:
        """Let go of files and connections. A later `send` opens them again."""
        ...
