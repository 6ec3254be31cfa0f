"""The kinds of servers whose users rotate, so that one test or one measurement can be made of each.

PostgreSQL is the rig's own; the others are started beside it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from psycopg.conninfo import conninfo_to_dict
from tests.support.databases_mariadb import MariaDBServer, start_mariadb
from tests.support.databases_mysql import start_mysql
from tests.support.databases_redis import start_redis
from tests.support.rabbitmq import start_rabbitmq
from tests.support.rotation import Rig, RotatedSecret

from strongroom.cli.rotator_archive import pack_rotator
from strongroom.rotators import handler

__all__ = ["ALTERNATING", "ENGINES", "KEPT", "SINGLE", "Engine"]

ALTERNATING, SINGLE, KEPT = "alternating users", "single user", "previous password kept"
"""The strategies. Under the second an application has to read its secret once more after a refusal."""
_PASSWORD = "f1rst-Passw0rd"
"""Of new users."""


@dataclass(frozen=True)
class Engine:
    """A running server of one kind.

    Attributes:
        rig: What rotations need besides.
        strategies: The shipped function of each strategy.
        place: What its secrets say about where it is, ``engine`` included.
        master: The secret of its administrator.
        make_user: Makes a user with a name and a password.
        takes: Whether it takes a user's password.
        needs_master: Whether a user cannot change its own password.
        settings: Environment variables that a strategy's function gets.
    """

    rig: Rig
    strategies: Mapping[str, str]
    place: Mapping[str, object]
    master: Mapping[str, object]
    make_user: Callable[[str, str], object]
    takes: Callable[[str, str], bool]
    needs_master: bool = False
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def make_function(self, strategy: str) -> str:
        """A new function of a strategy; answers its ARN."""
        rotator = self.strategies[strategy]
        return self.rig.make_function(pack_rotator(rotator), handler(rotator), self.settings.get(strategy))

    def make_secret(self, strategy: str, function_arn: str, *, port: int | None = None) -> RotatedSecret:
        """A new secret with a new user. Rotation is not set up yet.

        Args:
            strategy: A key of ``strategies``.
            function_arn: The strategy's function.
            port: Another way to the server, such as a proxy's port.
        """
        has_master = self.needs_master or strategy == ALTERNATING
        user = f"app_{uuid.uuid4().hex[:12]}"
        self.make_user(user, _PASSWORD)
        place = {**self.place, **({} if port is None else {"port": port})}
        arn, name = self.rig.store(
            {**place, "username": user, "password": _PASSWORD}, {**self.master, **place} if has_master else None
        )
        return _Secret(self.rig, arn, name, user, function_arn, self)


@dataclass
class _Secret(RotatedSecret):
    """A secret for a server of any kind."""

    engine: Engine

    def takes(self, password: str, user: str | None = None) -> bool:
        return self.engine.takes(user or self.user, password)


@contextmanager
def _postgresql(rig: Rig) -> Iterator[Engine]:
    login = conninfo_to_dict(rig.database.superuser_dsn)

    yield Engine(
        rig,
        {ALTERNATING: "postgresql_alternating_users", SINGLE: "postgresql_single_user"},
        {**_place("postgres", rig.database.host, rig.database.port), "dbname": "postgres"},
        {"username": login["user"], "password": login["password"]},
        rig.make_user,
        lambda user, password: RotatedSecret(rig, "", "", user, "").takes(password),
    )


@contextmanager
def _mariadb(rig: Rig) -> Iterator[Engine]:
    with start_mariadb() as server:
        yield _of_mysqls_family(rig, "mariadb", server)


@contextmanager
def _mysql(rig: Rig) -> Iterator[Engine]:
    with start_mysql() as server:
        yield _of_mysqls_family(rig, "mysql", server)


def _of_mysqls_family(rig: Rig, engine: str, server: MariaDBServer) -> Engine:
    return Engine(
        rig,
        {ALTERNATING: f"{engine}_alternating_users", SINGLE: f"{engine}_single_user"},
        _place(engine, server.host, server.port),
        {"username": "root", "password": server.password},
        lambda user, password: server.execute(f"CREATE USER '{user}'@'%' IDENTIFIED BY '{password}'"),
        server.logs_in,
    )


@contextmanager
def _redis(rig: Rig) -> Iterator[Engine]:
    with start_redis() as server:
        yield Engine(
            rig,
            {KEPT: "redis_user", SINGLE: "redis_user"},
            _place("redis", server.host, server.port),
            {"username": "default", "password": server.password},
            lambda user, password: server.execute("ACL", "SETUSER", user, "on", f">{password}", "~*", "+@read"),
            server.logs_in,
            needs_master=True,
            settings={KEPT: {"KEEP_PREVIOUS": "true"}},
        )


@contextmanager
def _rabbitmq(rig: Rig) -> Iterator[Engine]:
    with start_rabbitmq() as server:
        yield Engine(
            rig,
            {SINGLE: "rabbitmq_user"},
            {**_place("rabbitmq", server.host, server.port), "managementPort": server.management_port},
            {"username": "guest", "password": server.password},
            server.make_user,
            server.logs_in,
            needs_master=True,
        )


def _place(engine: str, host: str, port: int) -> dict[str, object]:
    return {"engine": engine, "host": host, "port": port, "ssl": False}


ENGINES = {"postgresql": _postgresql, "mariadb": _mariadb, "mysql": _mysql, "redis": _redis, "rabbitmq": _rabbitmq}
"""By name: what starts a server beside a rig, for the time of a block, or skips where there is none."""
