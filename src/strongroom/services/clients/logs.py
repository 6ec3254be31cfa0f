"""CloudWatch Logs, for services that print on somebody's behalf."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

__all__ = ["LogsClient"]


class LogsClient(Protocol):
    """CloudWatch Logs, for services that print on somebody's behalf."""

    def start(self) -> None:
        """Begin to store what is written. Call it on the event loop."""
        ...

    def write(
        self, account: str, region: str, log_group: str, log_stream: str, entries: Sequence[tuple[int, str]]
    ) -> None:
        """Take lines to keep; returns at once. Group and stream are made if they are missing.

        Args:
            account: The account that owns the group.
            region: Its region.
            log_group: Such as ``/aws/lambda/<name>``.
            log_stream: The stream's name.
            entries: Pairs of (milliseconds since the epoch, text), in order.
        """
        ...

    async def stop(self) -> None:
        """Store what is waiting, then end."""
        ...
