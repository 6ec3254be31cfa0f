"""The sinks of the audit trail, as the background worker feeds them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from strongroom.audit.sinks import Feeder, SinkDesk
from strongroom.server.child import SINK_SOCKET
from strongroom.server.folder import DataFolder
from strongroom.server.settings import Settings
from strongroom.server.sink_making import make_sink
from strongroom.server.sink_settings import SinkPlan
from strongroom.world import Clock

__all__ = ["TrailSinks"]

_LOG: Final = logging.getLogger("strongroom.audit")


class TrailSinks:
    """Feeds the sinks that the settings name, answers for them, and logs when one fails and when it is back.

    Args:
        settings: Which sinks.
        run_dir: The server's private folder.
        clock: Dates failures.
        upkeep_trouble: Tells why the trail is not looked after, if it is not.
    """

    def __init__(
        self, settings: Settings, run_dir: Path, clock: Clock, upkeep_trouble: Callable[[], str | None]
    ) -> None:
        self._plans = settings.audit_sinks
        self._folder = DataFolder(settings.data_dir).audit
        self._clock = clock
        self._desk = SinkDesk(self._folder, run_dir / SINK_SOCKET, upkeep_trouble)
        self._feeders: dict[str, Feeder] = {}
        self._failing: set[str] = set()

    async def start(self) -> None:
        """Begin, where each sink was when the server ended. A new sink begins with the oldest record that is kept."""
        self._feeders = {plan.label: self._feeder(plan) for plan in self._plans}
        await self._desk.start(tuple(self._feeders.values()))

    async def stop(self) -> None:
        """End after the batches that are under way; each sink goes on at the next start."""
        await self._desk.stop()

    def keep_from(self) -> int:
        """The first record that some sink does not have yet; see `SinkDesk.keep_from`."""
        return self._desk.keep_from()

    def _feeder(self, plan: SinkPlan) -> Feeder:
        return Feeder(
            self._folder,
            plan.label,
            make_sink(plan),
            required=plan.required,
            timeout_seconds=plan.timeout_seconds,
            clock=self._clock,
            changed=lambda: self._changed(plan.label),
        )

    def _changed(self, name: str) -> None:
        """Called from the feeder's thread."""
        self._desk.changed()
        trouble = self._feeders[name].trouble
        if trouble is not None and name not in self._failing:
            self._failing.add(name)
            _LOG.warning("the audit sink %s does not record: %s", name, trouble.why)
        elif trouble is None and name in self._failing:
            self._failing.discard(name)
            _LOG.info("the audit sink %s records again", name)
