"""Backups that the server makes by itself, as its settings say."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from strongroom.backup.creating import Installed, create_backup
from strongroom.backup.place_names import place_of
from strongroom.backup.schedule import is_due, of_installation, past_keeping
from strongroom.keyring import RootKey
from strongroom.keyring.seals import SEAL_FILE, SealFiles
from strongroom.server.folder import DataFolder
from strongroom.server.settings import Settings
from strongroom.server.succession import record_change
from strongroom.store import Store
from strongroom.world import World

__all__ = ["ScheduledBackups"]

_LOG: Final = logging.getLogger("strongroom.backup")
_LONGEST_DOCUMENT: Final = 64 * 1024  # bytes of seal.json


class ScheduledBackups:
    """Makes a backup when the newest one is old enough, then removes those past keeping.

    Args:
        settings: Where to, how often, how many.
        root_key: The root key of the installation.
        store: Whose transactions carry the record of each backup.
        world: Clock and entropy.
    """

    def __init__(self, settings: Settings, root_key: RootKey, store: Store, world: World) -> None:
        self._settings = settings
        self._root_key = root_key
        self._store = store
        self._world = world

    async def turn(self) -> None:
        """Do what is due. The work is done in a thread.

        Raises:
            OperatorError: The place or the store cannot be used.
        """
        if self._settings.backup_to is not None:
            await asyncio.to_thread(self._make_if_due, self._settings.backup_to)

    def _make_if_due(self, destination: str) -> None:
        settings, folder = self._settings, DataFolder(self._settings.data_dir)
        found = folder.installation()
        if found is None:
            return
        place = place_of(destination, settings.backup_endpoint_url)
        place.prepare()
        kept = of_installation(place.kept(), found.id)
        if not is_due(kept, settings.backup_hours, self._world.clock.milliseconds()):
            return
        seals = SealFiles(folder.path).read(SEAL_FILE, _LONGEST_DOCUMENT).decode()
        installed = Installed(found.id, found.account, found.region, settings.store_address, folder.path, seals)
        made = create_backup(installed, self._root_key, place, self._world)
        details = {"backupId": made.header.id, "name": made.name}
        self._store.write_now(lambda tx: record_change(tx, self._world, found, "BackupCreated", details))
        _LOG.info("made the backup %s: %d rows, %d bytes", made.name, made.rows, made.size)
        for old in past_keeping(of_installation(place.kept(), found.id), settings.backup_keep):
            place.delete(old.name)
            _LOG.info("removed the backup %s, past the newest %d", old.name, settings.backup_keep)
