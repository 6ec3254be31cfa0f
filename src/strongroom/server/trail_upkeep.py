"""Looks after the audit trail beside the requests: checkpoints, closing files by age, compressing and deleting them."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final

from strongroom.audit import Trail, service_event, user_identity
from strongroom.audit.checkpoints import Checkpoint, Checkpoints, last_checkpoint
from strongroom.audit.head import HeadDamagedError, read_head
from strongroom.audit.retention import DELETED, SOURCE, Deletion, compress_closed, delete_before, event_time
from strongroom.errors import OperatorError
from strongroom.server.folder import DataFolder
from strongroom.server.settings import Settings
from strongroom.world import World, from_milliseconds

__all__ = ["TrailUpkeep"]

_MOST_RECORDS: Final = 100_000
"""Records after which a checkpoint is made before its time."""
_LOWEST_PRIORITY: Final = 19
_MINUTE_MS: Final = 60_000
_FILE_DAYS: Final = 1


class TrailUpkeep:
    """Does what is due. The work is done in a thread of its own, which gives way to everything else on the machine.

    Args:
        settings: Sizes and times.
        trail: The trail, as this process writes it.
        checkpoints: Makes its checkpoints.
        world: Clock and entropy.
    """

    def __init__(
        self,
        settings: Settings,
        trail: Trail,
        checkpoints: Checkpoints,
        world: World,
    ) -> None:
        self._settings = settings
        self._folder = DataFolder(settings.data_dir).audit
        self._trail = trail
        self._checkpoints = checkpoints
        self._world = world
        self._trouble: str | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="audit-upkeep", initializer=_give_way)
        self._pinned = 0
        self._pin_at_ms = 0

    async def turn(self, keep_from: int) -> None:
        """Do what is due.

        Args:
            keep_from: The first record that may not be deleted, because a sink does not have it.

        Raises:
            OperatorError: The trail is not what it was, or a file cannot be read or written.
        """
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._turn, keep_from)
            self._trouble = None
        except OperatorError as error:
            self._trouble = f"{error.what} {error.why}."
            raise

    def trouble(self) -> str | None:
        """Why the last turn failed, in plain words; None when it did not."""
        return self._trouble

    def stop(self) -> None:
        """End the thread, after what it is doing."""
        self._thread.shutdown()

    def _turn(self, keep_from: int) -> None:
        try:
            if self._is_pin_due():
                self._pin()
            if self._settings.audit_keep_days:
                self._trail.switch(self._is_a_day_old)
            if compress_closed(self._folder):
                self._pin()
            if self._settings.audit_keep_days:
                before = self._time_before(self._settings.audit_keep_days)
                delete_before(self._folder, before, self._pin, self._record, keep_from=keep_from)
        except (OSError, HeadDamagedError) as error:
            raise OperatorError(
                "The audit trail could not be looked after.",
                why=str(error),
                fix="check the disk and run `strongroom audit verify`; it is tried again",
            ) from error

    def _is_pin_due(self) -> bool:
        head = read_head(self._folder)
        if head is None or head.sequence == self._pinned:
            return False
        if not self._pin_at_ms:  # after a start, go on from the last one
            last = last_checkpoint(self._folder)
            self._pinned = 0 if last is None else last.sequence
        now = self._world.clock.milliseconds()
        return now >= self._pin_at_ms or head.sequence - self._pinned >= _MOST_RECORDS

    def _pin(self) -> Checkpoint | None:
        made = self._checkpoints.make()
        self._pinned = 0 if made is None else made.sequence
        self._pin_at_ms = self._world.clock.milliseconds() + self._settings.audit_checkpoint_minutes * _MINUTE_MS
        return made

    def _is_a_day_old(self, first_line: bytes) -> bool:
        time = event_time(first_line)
        return bool(time) and time < self._time_before(_FILE_DAYS)

    def _time_before(self, days: int) -> str:
        then = from_milliseconds(self._world.clock.milliseconds()) - timedelta(days=days)
        return f"{then:%Y-%m-%dT%H:%M:%SZ}"

    def _record(self, deletion: Deletion) -> None:
        installation = DataFolder(self._settings.data_dir).installation()
        if installation is None:
            raise OperatorError(
                "The deletion of old trail files could not be recorded.", why="there is no installation"
            )
        self._trail.append_now(
            [
                service_event(
                    user_identity=user_identity.aws_service(SOURCE, installation.account),
                    time=self._world.clock.milliseconds(),
                    source=SOURCE,
                    name=DELETED,
                    region=installation.region,
                    additional_data=deletion.details(),
                    request_id=self._world.entropy.uuid(),
                    event_id=self._world.entropy.uuid(),
                    recipient_account=installation.account,
                )
            ]
        )


def _give_way() -> None:
    """Linux keeps a priority for each thread, under the thread's own number."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
