"""Rotate the password of a Redis or Valkey ACL user.

An AWS Lambda rotation function. The secret is a JSON object: ``engine`` (``redis`` or ``valkey``), ``host``,
``username`` and ``password`` are required; ``port`` (default 6379) and ``ssl`` are optional; other keys survive.
``masterarn`` names the secret of a user who may run ``ACL SETUSER`` and ``ACL SAVE`` (or ``CONFIG REWRITE``, for a
server without an ACL file); without it the user itself must be allowed to. See `contract` and `logins` for the
environment and for ``ssl``.

A Redis user may have several passwords, so the old one works beside the new one until the rotation ends: no
application sees a refusal. With ``KEEP_PREVIOUS`` true in the environment it works until the next rotation.

New passwords go to the server as SHA-256 hashes, so neither its slow log nor MONITOR shows them. Each change is saved,
for a restart would take it back. Needs redis-py.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

import redis

from .contract import RotatedSecret, RotationError, Strategy, Values, rotate, switch
from .logins import (
    Login,
    LoginFailed,
    Rules,
    certificates,
    open_login,
    parse_login,
    previous_login,
    require_same_account,
)
from .masters import master_login

__all__ = ["lambda_handler"]

logger = logging.getLogger(__name__)

_RULES = Rules("Redis", ("redis", "valkey"), 6379, 256)
_TIMEOUT_SECONDS = 5.0


class _Connection(Protocol):
    """The part of redis-py's connections that is used."""

    def connect(self) -> None: ...

    def disconnect(self) -> None: ...

    def send_command(self, *command: str) -> None: ...

    def read_response(self) -> object: ...


def lambda_handler(event: Mapping[str, str], context: object) -> None:
    """Run one step of a rotation; see `contract.rotate`. ``context`` is the invocation's context, unused."""
    del context
    rotate(event, _RedisUser())


class _RedisUser(Strategy):
    def check(self, values: Values, where: str) -> None:
        """See `Strategy`."""
        _login(values, where)

    def renew(self, secret: RotatedSecret, current: Values) -> dict[str, object]:
        """See `Strategy`."""
        return {**current, "password": secret.new_password()}

    def apply(self, secret: RotatedSecret) -> None:
        """See `Strategy`.

        One of the secret's passwords must log in, also where a master user makes the change. Otherwise whoever may
        write the secret could have any user's password set.
        """
        values = secret.current()
        current = _login(values, secret.where("AWSCURRENT"))
        pending = _login(secret.pending(), secret.where("AWSPENDING"))
        require_same_account(secret, current, pending)
        with _change(secret, values, current, [current, pending]) as connection:
            _run(connection, "ACL", "SETUSER", pending.username, f"#{_hash(pending)}")
            previous = previous_login(secret, current, _login)
            if previous is not None and _hash(previous) not in {_hash(current), _hash(pending)}:
                _remove_password(connection, previous)
            _save(connection)
        self.prove(secret)

    def prove(self, secret: RotatedSecret) -> None:
        """See `Strategy`."""
        reason = ""
        try:
            open_login(_login(secret.pending(), secret.where("AWSPENDING")), _connect).disconnect()
        except LoginFailed as failure:
            reason = str(failure)
        if reason:
            raise RotationError(f"The AWSPENDING password of {secret.arn} does not log in: {reason}")

    def retire(self, secret: RotatedSecret) -> None:
        """See `Strategy`."""
        values = secret.current()
        current = _login(values, secret.where("AWSCURRENT"))
        previous = previous_login(secret, current, _login)
        if previous is None or _hash(previous) == _hash(current) or switch("KEEP_PREVIOUS", default=False):
            return
        with _change(secret, values, current, [current]) as connection:
            _remove_password(connection, previous)
            _save(connection)


def _login(values: Values, where: str) -> Login:
    return parse_login(values, where, _RULES)


def _hash(login: Login) -> str:
    """A password as ``ACL SETUSER`` takes it after ``#`` and ``!``."""
    return hashlib.sha256(login.password.encode()).hexdigest()


@contextmanager
def _change(secret: RotatedSecret, values: Values, current: Login, known: list[Login]) -> Iterator[_Connection]:
    """A connection that may change the user; `RotationError` when the server refuses something.

    Args:
        secret: The secret.
        values: Its current values.
        current: Its current login.
        known: The logins of which one must work.
    """
    connection = _first(secret, known)
    refusal = ""
    try:
        if values.get("masterarn"):
            connection.disconnect()
            connection = _first(secret, [master_login(secret, values, current, _RULES)])
        yield connection
    except redis.RedisError as error:
        refusal = str(error)
    finally:
        connection.disconnect()
    if refusal:
        raise RotationError(f"Redis on {current.address} did not change the user {current.username!r}: {refusal}")


def _first(secret: RotatedSecret, logins: list[Login]) -> _Connection:
    """A connection of the first login that works."""
    failures = []
    for login in logins:
        try:
            return open_login(login, _connect)
        except LoginFailed as failure:
            failures.append(f"{login.username!r}: {failure}")
    raise RotationError(f"No login of {secret.arn} works. {'; '.join(failures)}")


def _connect(login: Login, tls: bool) -> _Connection:
    kind: Callable[..., _Connection] = redis.SSLConnection if tls else redis.Connection
    verified = {"ssl_ca_certs": certificates(), "ssl_check_hostname": True} if tls else {}
    connection = kind(
        host=login.host,
        port=login.port,
        username=login.username,
        password=login.password,
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=_TIMEOUT_SECONDS,
        protocol=2,
        **verified,
    )
    try:
        connection.connect()
    except (redis.RedisError, OSError) as error:
        refused = isinstance(error, redis.AuthenticationError | redis.ResponseError)
        failure = LoginFailed(str(error), password_sent=refused)
    else:
        return connection
    raise failure


def _run(connection: _Connection, *command: str) -> None:
    connection.send_command(*command)
    connection.read_response()


def _remove_password(connection: _Connection, login: Login) -> None:
    """Take a password away, if the user has it."""
    try:
        _run(connection, "ACL", "SETUSER", login.username, f"!{_hash(login)}")
    except redis.ResponseError as error:
        if "does not exist" not in str(error):
            raise


def _save(connection: _Connection) -> None:
    """Write the users down where the server reads them at its start."""
    try:
        _run(connection, "ACL", "SAVE")
    except redis.ResponseError as error:
        if "not configured to use an ACL file" not in str(error):
            raise
    else:
        return
    try:
        _run(connection, "CONFIG", "REWRITE")
    except redis.ResponseError as error:
        if "without a config file" not in str(error):
            raise
        logger.warning("This Redis has neither an ACL file nor a configuration file: a restart takes the change back")
