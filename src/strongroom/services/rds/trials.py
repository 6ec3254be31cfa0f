"""Whether the values of secrets log in to the databases that they are for.

A value says where in the keys that AWS's rotation functions read: ``engine``, ``host``, ``port``, ``username``,
``password``, ``dbname`` and ``ssl`` ("Database credential secret JSON structure", AWS Secrets Manager User Guide). A
secret that this service manages holds user and password only, and its database is the one that it belongs to.

TLS is as the rotation functions have it: ``ssl`` true demands it, false goes without, and without that key verified
TLS is tried, and only to a server of this machine a connection without. To a server that is registered it is as its
registration says.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import orjson

from strongroom.errors import AwsError
from strongroom.services.call import Call
from strongroom.services.clients import LoginTrial, SecretsClient
from strongroom.services.rds.endpoints import is_host
from strongroom.services.rds.engines import DEFAULT_PORTS, ENGINES, Databases, Login, LoginRefused, Server, Unreachable
from strongroom.services.rds.names import CLUSTER, INSTANCE
from strongroom.services.rds.records import database_of_secret, list_databases
from strongroom.store import Transaction

__all__ = ["LoginTrials"]

_SECONDS: Final = 12.0
"""How long one login may take, at most, whatever the server does."""
_AT_ONCE: Final = 4
"""How many are tried at once. With 16 in a request, all of them are through before a client gives up after a minute."""

_LOGS_IN: Final = "logs-in"
_REFUSED: Final = "refused"
_UNREACHABLE: Final = "unreachable"
_UNKNOWN: Final = "unknown"

_TRUTHS: Final = {"true": True, "false": False}

_Places = Mapping[tuple[str, int], Server]
"""Registered servers, by host in lower case and port."""


@dataclass(frozen=True, slots=True)
class _Target:
    """A login to try.

    Attributes:
        secret_id: The secret.
        server: The server.
        login: User and password.
        or_plain: Whether to go on without TLS if that does not work: it is a server of this machine.
    """

    secret_id: str
    server: Server
    login: Login
    or_plain: bool


class LoginTrials:
    """Tries logins.

    Args:
        secrets: Secrets Manager.
        databases: The drivers.
    """

    def __init__(self, secrets: SecretsClient, databases: Databases) -> None:
        self._secrets = secrets
        self._databases = databases

    async def try_logins(self, call: Call, action: str, secret_ids: Sequence[str]) -> list[LoginTrial]:
        """See `strongroom.services.clients.DatabaseClient`.

        Raises:
            AwsError: Access denied.
        """

        def load(transaction: Transaction) -> list[_Target | LoginTrial]:
            call.progress.resources.clear()
            call.authorize(action, "*")
            places = _registered(transaction, call)
            return [self._target(transaction, call, secret_id, places) for secret_id in secret_ids]

        gate = asyncio.Semaphore(_AT_ONCE)

        async def ended(found: _Target | LoginTrial) -> LoginTrial:
            if isinstance(found, LoginTrial):
                return found
            async with gate:
                return await self._try(found)

        return list(await asyncio.gather(*map(ended, await call.read(load))))

    def _target(self, transaction: Transaction, call: Call, secret_id: str, places: _Places) -> _Target | LoginTrial:
        """What to try for a secret; how it ended if there is nothing to try."""
        try:
            value = self._secrets.value_for(transaction, call, secret_id)
        except AwsError as refusal:
            return LoginTrial(secret_id, _UNKNOWN, reason=f"{refusal.code}: {refusal.message}")
        fields = _fields(value)
        login = _login(fields)
        if login is None:
            return LoginTrial(secret_id, _UNKNOWN, reason="The value is no JSON with a username and a password.")
        database = database_of_secret(transaction, secret_id)
        if database is not None:
            return _Target(secret_id, database.server, login, or_plain=False)
        server = _server(fields)
        if server is None:
            return LoginTrial(
                secret_id, _UNKNOWN, reason="The value names no host, or an engine that Strongroom cannot log in to."
            )
        registered = places.get((server.host.lower(), server.port))
        if registered is not None:
            server = replace(registered, database_name=server.database_name)
        or_plain = registered is None and fields.get("ssl") is None and _is_this_machine(server.host)
        return _Target(secret_id, server, login, or_plain)

    async def _try(self, target: _Target) -> LoginTrial:
        outcome, reason = _UNREACHABLE, f"{target.server.address} does not answer in time."
        try:
            async with asyncio.timeout(_SECONDS):
                await self._log_in(target)
            outcome, reason = _LOGS_IN, ""
        except LoginRefused as refused:
            outcome, reason = _REFUSED, str(refused)
        except Unreachable as failure:
            reason = str(failure)
        except TimeoutError:
            pass
        return LoginTrial(target.secret_id, outcome, target.server.address, target.login.username, reason or None)

    async def _log_in(self, target: _Target) -> None:
        try:
            await self._databases.log_in(target.server, target.login)
        except Unreachable:
            if not target.or_plain:
                raise
            await self._databases.log_in(replace(target.server, tls=False), target.login)


def _registered(transaction: Transaction, call: Call) -> _Places:
    found = (
        database.server
        for kind in (CLUSTER, INSTANCE)
        for database in list_databases(transaction, call.account, call.region, kind)
    )
    return {(server.host.lower(), server.port): server for server in found}


def _fields(value: bytes) -> Mapping[str, object]:
    """The JSON object in a value; an empty one for anything else."""
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _login(fields: Mapping[str, object]) -> Login | None:
    username, password = (_text(fields, key) for key in ("username", "password"))
    return None if username is None or password is None else Login(username, password)


def _server(fields: Mapping[str, object]) -> Server | None:
    """The server that a value names; None when it names none, or none that there is a driver for."""
    engine, host, database_name = (_text(fields, key) for key in ("engine", "host", "dbname"))
    if engine not in ENGINES or host is None or not is_host(host):
        return None
    port = str(fields.get("port", DEFAULT_PORTS[ENGINES[engine]]))
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and 0 < int(port) < 65536):
        return None
    tls = fields.get("ssl")
    if isinstance(tls, str):
        tls = _TRUTHS.get(tls.lower(), tls)
    if tls is not None and not isinstance(tls, bool):
        return None
    return Server(engine, host, int(port), tls is not False, None, database_name)


def _text(fields: Mapping[str, object], key: str) -> str | None:
    """A text that no driver stumbles over; None for anything else. JSON from orjson holds no lone surrogates."""
    value = fields.get(key)
    return value if isinstance(value, str) and value and "\0" not in value else None


def _is_this_machine(host: str) -> bool:
    """Whether nothing leaves this machine on the way to a host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
