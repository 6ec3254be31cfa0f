"""A login to a server over the network, as a secret describes it: host, port, user, password, and how TLS is meant.

The rules of TLS are the same for every engine. ``ssl`` true means TLS with the server's certificate and name verified;
false means none. Absent, verified TLS is tried, and only to a server on the same machine does a failure of it fall back
to a connection without TLS, with a warning. A value that is neither is an error.

The trusted certificates are those of the file that ``SSL_CERT_FILE`` names, or else the machine's own.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from .contract import RotatedSecret, RotationError, Values

__all__ = [
    "Login",
    "LoginFailed",
    "Rules",
    "certificates",
    "earlier_logins",
    "open_login",
    "parse_login",
    "port_number",
    "previous_login",
    "require_same_account",
    "tls_context",
]

logger = logging.getLogger(__name__)

_CERTIFICATE_FILES = ("/etc/pki/tls/cert.pem", "/etc/ssl/certs/ca-certificates.crt")
_Connection = TypeVar("_Connection")


class LoginFailed(Exception):
    """One login did not work.

    Attributes:
        password_sent: Whether the server refused it, as against not getting so far.
    """

    def __init__(self, reason: str, *, password_sent: bool) -> None:
        super().__init__(reason)
        self.password_sent = password_sent


@dataclass(frozen=True, slots=True)
class Rules:
    """What one engine takes.

    Attributes:
        product: Its name in errors.
        engines: Values of ``engine`` that mean it.
        port: Its usual port.
        longest_name: How many ``name_unit`` a user name may have.
        name_unit: ``bytes`` or ``characters``.
        dbname: The database when the secret names none.
        tls_port: Its usual port when the secret asks for TLS, if that is another one.
    """

    product: str
    engines: tuple[str, ...]
    port: int
    longest_name: int
    name_unit: str = "bytes"
    dbname: str = ""
    tls_port: int = 0

    def length(self, name: str) -> int:
        """A name's length in this engine's unit."""
        return len(name.encode()) if self.name_unit == "bytes" else len(name)


@dataclass(frozen=True, slots=True)
class Login:
    """What a version of a secret says about a login.

    Attributes:
        host: The server's name or address.
        port: Its TCP port.
        dbname: The database; empty where there is none.
        username: The user.
        password: The password.
        tls: The ``ssl`` key: None when absent.
    """

    host: str
    port: int
    dbname: str
    username: str
    password: str = field(repr=False)
    tls: bool | None

    @property
    def address(self) -> str:
        """Host and port, in words."""
        return f"{self.host}:{self.port}"

    def same_server(self, other: Login) -> bool:
        """Whether both are for one server."""
        return (self.host.lower(), self.port) == (other.host.lower(), other.port)

    def same_account(self, other: Login) -> bool:
        """Whether both are for one user of one server."""
        return self.same_server(other) and self.username == other.username


def require_same_account(secret: RotatedSecret, current: Login, pending: Login) -> None:
    """A new password is for the user and the server that the secret has now.

    Args:
        secret: What is being rotated.
        current: The login of AWSCURRENT.
        pending: The login of AWSPENDING.

    Raises:
        RotationError: AWSPENDING is for another user or another server.
    """
    if not pending.same_account(current):
        raise RotationError(
            f"AWSPENDING of {secret.arn} is for user {pending.username!r} on {pending.address}, "
            f"AWSCURRENT is for user {current.username!r} on {current.address}"
        )


def parse_login(values: Values, where: str, rules: Rules) -> Login:
    """Check what a secret says about a login, before anything is done with it.

    Args:
        values: The secret's JSON object. ``engine``, ``host``, ``username`` and ``password`` are required; ``port``,
            ``dbname`` and ``ssl`` are optional.
        where: Words for the version.
        rules: What the engine takes.

    Raises:
        RotationError: Something is missing, or the engine would not take it.
    """

    def text(key: str, default: str | None = None) -> str:
        value = values.get(key, default)
        if not isinstance(value, str) or not value:
            raise RotationError(f"{where} needs a text under {key!r}")
        # No engine takes either; both are possible in JSON.
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise RotationError(f"{where} has a character under {key!r} that {rules.product} does not take")
        return value

    if text("engine") not in rules.engines:
        raise RotationError(f"{where} must have {' or '.join(rules.engines)} under 'engine'")
    names = {"username": text("username"), "dbname": ""}
    if rules.dbname or values.get("dbname"):
        names["dbname"] = text("dbname", rules.dbname)
    for key, name in names.items():
        if rules.length(name) > rules.longest_name:
            raise RotationError(f"{where} has more than {rules.longest_name} {rules.name_unit} under {key!r}")
    tls = _tls(values, where)
    return Login(
        host=text("host"),
        port=port_number(values, "port", (rules.tls_port if tls else 0) or rules.port, where),
        password=text("password"),
        tls=tls,
        **names,
    )


def previous_login(secret: RotatedSecret, login: Login, parse: Callable[[Values, str], Login]) -> Login | None:
    """``login`` with the password under AWSPREVIOUS, or None if that is not for the same account."""
    values = secret.previous()
    if values is None:
        return None
    try:
        previous = parse(values, secret.where("AWSPREVIOUS"))
    except RotationError as error:
        logger.warning("setSecret: %s", error)
        return None
    return replace(login, password=previous.password) if previous.same_account(login) else None


def earlier_logins(
    secret: RotatedSecret, login: Login, parse: Callable[[Values, str], Login]
) -> Iterator[tuple[str, Login]]:
    """``login`` with each password that an earlier version has, and words for that version.

    The one under AWSPREVIOUS comes first, then those of versions without a label. They are read only as far as they
    are asked for.
    """
    previous = previous_login(secret, login, parse)
    if previous is not None:
        yield "AWSPREVIOUS", previous
    for values in secret.unlabelled():
        with suppress(RotationError):
            earlier = parse(values, "a version without a label")
            if earlier.same_account(login):
                yield "a version without a label", replace(login, password=earlier.password)


def open_login(login: Login, connect: Callable[[Login, bool], _Connection]) -> _Connection:
    """Log in, with TLS as the secret and the place of the server demand.

    Args:
        login: The login.
        connect: Connects to a login's server, with verified TLS or with none.

    Raises:
        LoginFailed: It did not work.
    """
    if login.tls is False:
        return connect(login, False)
    try:
        return connect(login, True)
    except LoginFailed as failure:
        if login.tls or failure.password_sent:
            raise
        reason = str(failure)
    if not _is_this_machine(login.host):
        raise LoginFailed(f'{reason} (without TLS only when the secret says "ssl": false)', password_sent=False)
    logger.warning("No verified TLS to %s on this machine, going on without TLS: %s", login.address, reason)
    return connect(login, False)


def port_number(values: Values, key: str, default: int, where: str) -> int:
    """A TCP port, as a number or as its digits.

    Args:
        values: The secret's JSON object.
        key: Where it stands.
        default: The port when there is none.
        where: Words for the version.

    Raises:
        RotationError: It is something else.
    """
    port = str(values.get(key, default))
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and 0 < int(port) < 65536):
        raise RotationError(f"{where} has no valid number under {key!r}")
    return int(port)


def certificates() -> str | None:
    """The file of trusted certificates; None for those that the library finds by itself."""
    configured = os.environ.get("SSL_CERT_FILE")
    if configured:
        return configured
    return next((file for file in _CERTIFICATE_FILES if Path(file).is_file()), None)


def tls_context() -> ssl.SSLContext:
    """TLS with the server's certificate and name verified."""
    return ssl.create_default_context(cafile=certificates())


def _tls(values: Values, where: str) -> bool | None:
    tls = values.get("ssl")
    if isinstance(tls, str):
        tls = {"true": True, "false": False}.get(tls.lower(), tls)
    if tls is not None and not isinstance(tls, bool):
        raise RotationError(f"{where} must have true or false under 'ssl'")
    return tls


def _is_this_machine(host: str) -> bool:
    """Whether nothing leaves this machine on the way to ``host``: a loopback address or a socket's folder."""
    if host == "localhost" or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
