"""What `strongroom rds check` finds out about secrets that are not managed, but hold credentials of databases.

Secrets are recognised by the keys that AWS's rotation functions read: ``engine``, ``host``, ``port``, ``username`` and
``password`` ("Database credential secret JSON structure", AWS Secrets Manager User Guide).
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from strongroom.cli.door import Door
from strongroom.services.rds.endpoints import given_endpoint
from strongroom.services.rds.engines import (
    DEFAULT_PORTS,
    ENGINES,
    DatabaseError,
    Databases,
    Login,
    Server,
)

__all__ = ["Finding", "secret_findings"]

_BATCH = 20


class Finding(TypedDict):
    """Something to know: a ``problem``, which keeps an application out, or a ``warning``."""

    kind: str
    secrets: list[str]
    text: str


@dataclass(frozen=True)
class _Credential:
    """The credential in a secret."""

    secret: str
    engine: str
    host: str
    port: int
    username: str
    password: str = field(repr=False)
    database_name: str | None

    @property
    def user(self) -> tuple[str, int, str]:
        """Whose credential it is."""
        return self.host.lower(), self.port, self.username


def secret_findings(
    door: Door, region: str | None, databases: Sequence[Mapping[str, Any]], ca_bundle: Path | None
) -> list[Finding]:
    """Look at all secrets of the region, as the administrator.

    Args:
        door: The way to the server.
        region: The region; the installation's by default.
        databases: The registered databases that are checked, as the operator API shows them.
        ca_bundle: Certificates to trust for servers that name none; the machine's own by default.

    Raises:
        botocore.exceptions.ClientError: The administrator may not.
    """
    credentials = _credentials(door.client("secretsmanager", region=region))
    masters = {(str(one["Host"]).lower(), int(one["Port"]), str(one["Username"])): str(one["Identifier"])
               for one in databases}  # fmt: skip
    return [
        *_shared(credentials),
        *(
            Finding(kind="warning", secrets=[one.secret], text=f"it has the master user of {masters[one.user]}, whose "
                    "password changes without it")
            for one in credentials if one.user in masters
        ),
        *asyncio.run(_adrift(credentials, _servers(door.client("rds", region=region), databases), ca_bundle)),
    ]  # fmt: skip


def _shared(credentials: Iterable[_Credential]) -> list[Finding]:
    by_user: dict[tuple[str, int, str], list[str]] = defaultdict(list)
    for one in credentials:
        by_user[one.user].append(one.secret)
    return [
        Finding(kind="warning", secrets=secrets, text=f"they share the database user {user[2]} on {user[0]}:{user[1]}")
        for user, secrets in by_user.items()
        if len(secrets) > 1
    ]


async def _adrift(
    credentials: Iterable[_Credential], servers: Mapping[tuple[str, int], Server], ca_bundle: Path | None
) -> list[Finding]:
    """Secrets for a registered server that do not log in there."""
    drivers, found = Databases(ca_bundle), []
    for one in credentials:
        server = servers.get((one.host.lower(), one.port))
        if server is None:
            continue
        own = Server(server.engine, server.host, server.port, server.tls, server.authorities, one.database_name)
        try:
            await drivers.log_in(own, Login(one.username, one.password))
        except DatabaseError as failure:
            found.append(Finding(kind="problem", secrets=[one.secret], text=str(failure)))
    return found


def _servers(client: Any, databases: Sequence[Mapping[str, Any]]) -> dict[tuple[str, int], Server]:
    """How the registered servers are reached, by host and port."""
    servers = {}
    for one in databases:
        tags = {tag["Key"]: tag["Value"] for tag in client.list_tags_for_resource(ResourceName=one["ARN"])["TagList"]}
        endpoint = given_endpoint(one["Engine"], tags, None)
        if endpoint is not None:
            place = str(one["Host"]).lower(), int(one["Port"])
            servers[place] = Server(one["Engine"], one["Host"], place[1], endpoint.tls, endpoint.authorities)
    return servers


def _credentials(client: Any) -> list[_Credential]:
    pages = client.get_paginator("list_secrets").paginate()
    arns = [one["ARN"] for page in pages for one in page["SecretList"] if "OwningService" not in one]
    found = []
    for start in range(0, len(arns), _BATCH):
        answer = client.batch_get_secret_value(SecretIdList=arns[start : start + _BATCH])
        found += [_parsed(value["Name"], value.get("SecretString", "")) for value in answer["SecretValues"]]
    return [one for one in found if one is not None]


def _parsed(name: str, text: str) -> _Credential | None:
    """The credential in a secret's text; None when there is none."""
    values: object = None
    try:
        values = json.loads(text)
    except ValueError:
        return None
    if not isinstance(values, dict):
        return None
    engine, host = values.get("engine"), values.get("host")
    username, password, database = values.get("username"), values.get("password"), values.get("dbname")
    if engine not in ENGINES or not all(isinstance(one, str) and one for one in (host, username, password)):
        return None
    port = str(values.get("port", DEFAULT_PORTS[ENGINES[engine]]))
    if not (port.isascii() and port.isdecimal() and len(port) < 6):
        return None
    return _Credential(
        name,
        engine,
        str(host),
        int(port),
        str(username),
        str(password),
        database if isinstance(database, str) else None,
    )
