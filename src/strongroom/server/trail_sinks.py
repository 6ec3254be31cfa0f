"""The sinks of the audit trail, as the background worker feeds them."""

from __future__ import annotations

from pathlib import Path

from strongroom.audit.sinks import Feeder, SinkDesk, make_sink
from strongroom.server.child import SINK_SOCKET
from strongroom.server.folder import DataFolder
from strongroom.server.settings import Settings
from strongroom.world import Clock

__all__ = ["TrailSinks"]


class TrailSinks:
    """Feeds the sinks that the settings name, and answers for them.

    Args:
        settings: Which sinks.
        run_dir: The server's private folder.
        clock: Dates failures.
    """

    def __init__(self, settings: Settings, run_dir: Path, clock: Clock) -> None:
        self._plans = settings.audit_sinks
        self._folder = DataFolder(settings.data_dir).audit
        self._clock = clock
        self._desk = SinkDesk(self._folder, run_dir / SINK_SOCKET)

    async def start(self) -> None:
        """Begin, where each sink was when the server ended. A new sink begins with the oldest record that is kept."""
        if not self._plans:
            return
        feeders = [
            Feeder(
                self._folder,
                plan.label,
                make_sink(plan),
                required=plan.required,
                timeout_seconds=plan.timeout_seconds,
                clock=self._clock,
                changed=self._desk.changed,
            )
            for plan in self._plans
        ]
        await self._desk.start(feeders)

    async def stop(self) -> None:
        """End, with what was recorded until now given to the sinks that take it."""
        await self._desk.stop()

    def keep_from(self) -> int:
        """The first record that some sink does not have yet; see `SinkDesk.keep_from`."""
        return self._desk.keep_from()
