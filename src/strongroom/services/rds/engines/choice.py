"""The driver of a server's engine, without blocking the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from strongroom.services.rds.engines.base import ENGINES, Driver, Login, LoginRefused, Server

__all__ = ["Databases"]


class Databases:
    """All drivers together. Each call works in a thread of its own for as long as it takes.

    Args:
        ca_bundle: A PEM file of certificates to trust for servers that name none; the machine's own by default.
    """

    def __init__(self, ca_bundle: Path | None = None) -> None:
        self._ca_bundle = ca_bundle
        self._drivers: dict[str, Driver] = {}

    async def log_in(self, server: Server, login: Login) -> None:
        """Log in and leave. See `Driver`."""
        await asyncio.to_thread(self._driver(server).log_in, server, login)

    async def takes(self, server: Server, login: Login) -> bool:
        """Whether the server lets a user in with a password.

        Raises:
            Unreachable: It cannot be told.
        """
        try:
            await self.log_in(server, login)
        except LoginRefused:
            return False
        return True

    async def change_password(self, server: Server, by: Login, target: Login) -> None:
        """Give a user a password. See `Driver`."""
        await asyncio.to_thread(self._driver(server).change_password, server, by, target)

    def _driver(self, server: Server) -> Driver:
        family = ENGINES[server.engine]
        if family not in self._drivers:
            self._drivers[family] = _DRIVERS[family](self._ca_bundle)
        return self._drivers[family]


# The client libraries take an eighth of a second to load, which a server that looks after no database need not pay.


def _postgresql(ca_bundle: Path | None) -> Driver:
    from strongroom.services.rds.engines.postgresql import PostgreSQL  # noqa: PLC0415

    return PostgreSQL(ca_bundle)


def _mysql(ca_bundle: Path | None) -> Driver:
    from strongroom.services.rds.engines.mysql import MySQL  # noqa: PLC0415

    return MySQL(ca_bundle)


_DRIVERS: Final[dict[str, Callable[[Path | None], Driver]]] = {"postgresql": _postgresql, "mysql": _mysql}
