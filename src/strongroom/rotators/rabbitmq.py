"""RabbitMQ: how to log in, and how to set a user's password. Needs pika.

Applications log in by AMQP 0-9-1, so that is the measure of a password; only the management plugin's HTTP API can set
one. Both carry passwords as they are, so outside TLS they are only used where the secret says ``"ssl": false`` or
the server is on the same machine. The API is called without a proxy, and a redirection is never followed: either
would see the administrator's password.

Where this is stricter than a script with the same two calls: a user's tags are read and written back with the
password, for the API would take them away; permissions and limits stay as they are.
"""

from __future__ import annotations

import http.client
import json
import logging
from base64 import b64encode
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

import pika
import pika.exceptions

from .contract import CredentialRejected, RotationError, Values
from .logins import Login, LoginFailed, Rules, open_login, parse_login, port_number, tls_context

__all__ = ["RULES", "User", "change_password", "log_in", "parse_user"]

RULES: Final = Rules("RabbitMQ", ("rabbitmq",), 5672, 255, tls_port=5671)
_MANAGEMENT_PORT = 15672
_MANAGEMENT_TLS_PORT = 15671
_TIMEOUT_SECONDS = 5.0
_REJECTED = "credential_validation_failed"
"""How the server's credential validator says no (RabbitMQ, "Access Control", "Credential Validation")."""
_DOT_SEGMENTS = (".", "..")

# A refused login is told once, by us; pika tells it seven times, with its own insides.
logging.getLogger("pika").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class User:
    """What a version of a secret says about a RabbitMQ user.

    Attributes:
        login: The login by AMQP.
        management_port: The TCP port of the management API on the same host.
        virtual_host: The virtual host that applications open.
    """

    login: Login
    management_port: int
    virtual_host: str


def parse_user(values: Values, where: str) -> User:
    """Check what a secret says about a user, before anything is done with it.

    Args:
        values: The secret's JSON object: what `parse_login` takes, and optionally ``managementPort`` (15672, and 15671
            when ``ssl`` is true) and ``virtualHost`` (``/``).
        where: Words for the version.

    Raises:
        RotationError: Something is missing, or RabbitMQ would not take it.
    """
    login = parse_login(values, where, RULES)
    if login.username in _DOT_SEGMENTS:
        raise RotationError(f"{where} has a user {login.username!r}, whom RabbitMQ's management API cannot name")
    if not values.get("masterarn"):
        _basic_name(login, where)
    port = port_number(values, "managementPort", _MANAGEMENT_TLS_PORT if login.tls else _MANAGEMENT_PORT, where)
    virtual_host = values.get("virtualHost", "/")
    if not isinstance(virtual_host, str) or not 0 < len(virtual_host.encode("utf-8", "replace")) <= 255:
        raise RotationError(f"{where} must have a text of at most 255 bytes under 'virtualHost'")
    return User(login, port, virtual_host)


def log_in(user: User) -> None:
    """Log in as an application does, and leave again.

    A user without a right to the virtual host is one that only calls the management API: there it must be let in.

    Raises:
        LoginFailed: It did not work.
    """
    open_login(user.login, lambda login, tls: _amqp(replace(user, login=login), tls))


def change_password(changer: Login, user: User) -> None:
    """Give a user its password.

    Args:
        changer: The login of a user with the tag ``administrator``.
        user: The user, with the password that it is to have.

    Raises:
        CredentialRejected: The server does not take the password.
        RotationError: It was not changed for another reason.
    """
    _basic_name(changer, f"The login that changes {user.login.username!r}")
    place = replace(changer, port=user.management_port)
    what = f"did not change the password of {user.login.username!r}"
    path = f"/api/users/{quote(user.login.username, safe='')}"
    reason = ""
    try:
        found = open_login(place, lambda login, tls: _call(login, tls, "GET", path))
        if "tags" in found:
            record = {"password": user.login.password, "tags": found["tags"]}
            open_login(place, lambda login, tls: _call(login, tls, "PUT", path, record))
        else:
            reason = "what answers there is not RabbitMQ"
    except LoginFailed as failure:
        reason = str(failure)
    if not reason:
        return
    if user.login.password in reason:
        reason = "the server's message is withheld, because it holds the password"
    message = f"RabbitMQ's management API on {place.address} {what}: {reason}"
    raise CredentialRejected(message) if reason.endswith(_REJECTED) else RotationError(message)


def _amqp(user: User, tls: bool) -> None:
    """Open a connection and close it."""
    login = user.login
    parameters = pika.ConnectionParameters(
        login.host,
        login.port,
        user.virtual_host,
        pika.PlainCredentials(login.username, login.password),
        connection_attempts=1,
        socket_timeout=_TIMEOUT_SECONDS,
        stack_timeout=2 * _TIMEOUT_SECONDS,
        blocked_connection_timeout=_TIMEOUT_SECONDS,
        ssl_options=pika.SSLOptions(tls_context(), login.host) if tls else None,
    )
    refused, reason = False, ""
    try:
        pika.BlockingConnection(parameters).close()
    except pika.exceptions.ProbableAccessDeniedError as error:
        refused, reason = True, str(error)
    except pika.exceptions.ProbableAuthenticationError as error:
        failure = LoginFailed(str(error), password_sent=True)
    except (pika.exceptions.AMQPError, OSError) as error:
        # An AMQPConnectionError often says why only in its repr.
        failure = LoginFailed(str(error) or repr(error), password_sent=False)
    else:
        return
    if not refused:
        # Outside the handlers: pika's exceptions must not be chained to, their frames hold the password.
        raise failure
    _enter_management(user, tls, reason)


def _enter_management(user: User, tls: bool, reason: str) -> None:
    """Log in to the management API, after AMQP took the password and refused the virtual host for ``reason``."""
    words = ""
    try:
        _call(replace(user.login, port=user.management_port), tls, "GET", "/api/whoami")
    except LoginFailed as failure:
        words = str(failure)
    if words:
        raise LoginFailed(f"{reason}; and by the management API: {words}", password_sent=True)


def _call(login: Login, tls: bool, method: str, path: str, body: object = None) -> dict[str, object]:
    """Call the management API; what it answers.

    Raises:
        LoginFailed: It did not do it.
    """
    connection = (
        http.client.HTTPSConnection(login.host, login.port, timeout=_TIMEOUT_SECONDS, context=tls_context())
        if tls
        else http.client.HTTPConnection(login.host, login.port, timeout=_TIMEOUT_SECONDS)
    )
    token = b64encode(f"{login.username}:{login.password}".encode()).decode()
    headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        text, status = response.read(), response.status
    except (OSError, http.client.HTTPException) as error:
        failure = LoginFailed(str(error) or type(error).__name__, password_sent=False)
    else:
        if status < 300:
            return _object(text)
        words = _object(text).get("reason") or response.reason
        failure = LoginFailed(f"{status} {words}", password_sent=True)
    finally:
        connection.close()
    raise failure


def _object(text: bytes) -> dict[str, object]:
    """The JSON object in an answer; empty when there is none."""
    try:
        found = json.loads(text or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _basic_name(login: Login, where: str) -> None:
    """Refuse a name that HTTP's Basic scheme cannot carry (RFC 7617, section 2)."""
    if ":" in login.username:
        raise RotationError(
            f"{where} has a user {login.username!r} whose colon the management API does not take: "
            "name another administrator's secret under 'masterarn'"
        )
