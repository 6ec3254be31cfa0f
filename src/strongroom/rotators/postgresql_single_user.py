"""Rotate the password of one PostgreSQL user, who changes it itself.

An AWS Lambda rotation function (handler ``postgresql_single_user.lambda_handler``) for the single-user strategy:
"Lambda function rotation strategies" and "Rotation function templates" in the AWS Secrets Manager User Guide.

The secret is a JSON object. ``engine`` (``postgres`` or ``aurora-postgresql``), ``host``, ``username`` and ``password``
are required; ``dbname`` (default ``postgres``), ``port`` (default 5432) and ``ssl`` are optional; other keys survive.

Environment: ``SECRETS_MANAGER_ENDPOINT`` (optional: another address of the service), ``EXCLUDE_CHARACTERS``,
``PASSWORD_LENGTH``, ``EXCLUDE_NUMBERS``, ``EXCLUDE_PUNCTUATION``, ``EXCLUDE_UPPERCASE``, ``EXCLUDE_LOWERCASE`` and
``REQUIRE_EACH_INCLUDED_TYPE`` shape the new password, as for the functions that AWS publishes. ``PGSSLROOTCERT`` names
the file of trusted certificates, if it is not the machine's own.

Where this function is stricter than the ones that AWS publishes:

- **TLS.** ``ssl`` true means TLS with the server's certificate and name verified; false means none. Absent, verified
  TLS is tried, and only to a server on the same machine does a failure of it fall back to a connection without TLS,
  with a warning. To anywhere else a connection without TLS must be asked for with ``"ssl": false``. A value that is
  neither is an error.
- **Proof.** Only SCRAM-SHA-256 and MD5 logins count. The password never travels in clear, and a server that lets
  anybody in cannot make an unchanged password look changed.
- **Logs.** The new password goes to the server as a verifier (hashed on this side), so it is in no statement log.
- **A refused password.** A version's value cannot be changed, so a password that the server rejects would be tried for
  ever. Instead the version loses AWSPENDING and the step fails: the next rotation starts with a new password.

Needs psycopg 3 with libpq 16 or newer, and boto3. No log line and no exception holds a password.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeAlias, TypedDict

import boto3
import psycopg
from botocore.exceptions import ClientError
from psycopg import sql

__all__ = ["RotationError", "lambda_handler"]

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)

# PostgreSQL cuts longer names off without an error (NAMEDATALEN), which would name another user.
_LONGEST_NAME_BYTES = 63
_CONNECT_TIMEOUT_SECONDS = 5
_ENGINES = ("postgres", "aurora-postgresql")
_CERTIFICATE_FILES = ("/etc/pki/tls/cert.pem", "/etc/ssl/certs/ca-certificates.crt")

# How servers and their password policies say that they do not take a password: data exceptions (the contributed
# passwordcheck), authorization errors (credcheck), RAISE in a policy written in SQL (pg_tle). Other errors, such as a
# missing privilege or a read-only replica, say nothing about the password.
_REJECTED_SQLSTATE_CLASSES = ("22", "28")
_RAISED_SQLSTATE = "P0001"


class RotationError(ValueError):
    """The rotation cannot go on. The text names the secret, the host and the user; never a password."""


class _LoginFailed(Exception):
    """One login did not work. ``password_sent`` tells a refusal by the server from not getting so far."""

    def __init__(self, reason: str, *, password_sent: bool) -> None:
        super().__init__(reason)
        self.password_sent = password_sent


class _SecretDescription(TypedDict, total=False):
    RotationEnabled: bool
    VersionIdsToStages: dict[str, list[str]]


class _SecretValue(TypedDict, total=False):
    SecretString: str


class _RandomPassword(TypedDict):
    RandomPassword: str


class _SecretsManager(Protocol):
    """The part of boto3's Secrets Manager client that rotation uses."""

    def describe_secret(self, *, SecretId: str) -> _SecretDescription: ...

    def get_secret_value(self, *, SecretId: str, VersionStage: str, VersionId: str = ...) -> _SecretValue: ...

    def get_random_password(
        self,
        *,
        ExcludeCharacters: str,
        PasswordLength: int,
        ExcludeNumbers: bool,
        ExcludePunctuation: bool,
        ExcludeUppercase: bool,
        ExcludeLowercase: bool,
        RequireEachIncludedType: bool,
    ) -> _RandomPassword: ...

    def put_secret_value(
        self, *, SecretId: str, ClientRequestToken: str, SecretString: str, VersionStages: list[str]
    ) -> object: ...

    def update_secret_version_stage(
        self, *, SecretId: str, VersionStage: str, MoveToVersionId: str = ..., RemoveFromVersionId: str = ...
    ) -> object: ...


def lambda_handler(event: Mapping[str, str], context: object) -> None:
    """Run one step of a rotation.

    Args:
        event: ``SecretId`` (the secret's ARN), ``ClientRequestToken`` (the new version's id) and ``Step``: one of
            ``createSecret``, ``setSecret``, ``testSecret``, ``finishSecret``. Every step may be repeated.
        context: The invocation's context, unused.

    Raises:
        RotationError: The secret is not set up for this rotation, or the database did not play along.
        botocore.exceptions.ClientError: Secrets Manager refused a call.
        KeyError: The event misses a key.
    """
    del context
    arn, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    client: _SecretsManager = boto3.client(
        "secretsmanager", endpoint_url=os.environ.get("SECRETS_MANAGER_ENDPOINT") or None
    )

    description = client.describe_secret(SecretId=arn)
    if not description.get("RotationEnabled", True):
        raise RotationError(f"Secret {arn} is not enabled for rotation")
    stages = description.get("VersionIdsToStages", {}).get(token)
    if stages is None:
        raise RotationError(f"Secret version {token} has no stage for rotation of secret {arn}")
    if "AWSCURRENT" in stages:
        logger.info("%s: version %s of %s is AWSCURRENT already", step, token, arn)
        return
    if "AWSPENDING" not in stages:
        raise RotationError(f"Secret version {token} is not set as AWSPENDING for rotation of secret {arn}")

    if step == "createSecret":
        _create_secret(client, arn, token)
    elif step == "setSecret":
        _set_secret(client, arn, token)
    elif step == "testSecret":
        _test_secret(client, arn, token)
    elif step == "finishSecret":
        _finish_secret(client, arn, token, description)
    else:
        raise RotationError(f"Invalid step {step!r} for secret {arn}")


# --- the four steps -------------------------------------------------------------------------------------------------


def _create_secret(client: _SecretsManager, arn: str, token: str) -> None:
    """Store a new password under AWSPENDING, before the database knows of it. A stored one is kept."""
    values = _read_values(client, arn, "AWSCURRENT")
    if values is None:
        raise RotationError(f"Secret {arn} has no value labelled AWSCURRENT")
    _parse_login(values, arn, "AWSCURRENT")
    pending = _read_values(client, arn, "AWSPENDING", token)
    if pending is not None:
        _parse_login(pending, arn, "AWSPENDING")
        logger.info("createSecret: version %s of %s has a value already", token, arn)
        return
    client.put_secret_value(
        SecretId=arn,
        ClientRequestToken=token,
        SecretString=json.dumps({**values, "password": _new_password(client)}),
        VersionStages=["AWSPENDING"],
    )
    logger.info("createSecret: stored a new password in version %s of %s", token, arn)


def _set_secret(client: _SecretsManager, arn: str, token: str) -> None:
    """Give the user the pending password, unless it has it already."""
    current = _read_login(client, arn, "AWSCURRENT")
    pending = _read_login(client, arn, "AWSPENDING", token)
    if not pending.same_account(current):
        raise RotationError(
            f"AWSPENDING of {arn} is for user {pending.username!r} on {pending.address}, "
            f"AWSCURRENT is for user {current.username!r} on {current.address}"
        )
    try:
        _open(pending).close()
    except _LoginFailed as failure:
        failures = [f"AWSPENDING: {failure}"]
    else:
        logger.info("setSecret: version %s of %s is set in the database already", token, arn)
        return

    with _open_with_known_password(client, arn, current, failures) as connection:
        refusal = _alter_password(connection, pending)
    if refusal is not None:
        message = (
            f"PostgreSQL on {pending.address} did not change the password of {pending.username!r}: {refusal.reason}"
        )
        logger.error("setSecret: %s", message)
        if refusal.password_rejected:
            client.update_secret_version_stage(SecretId=arn, VersionStage="AWSPENDING", RemoveFromVersionId=token)
            message += f". Version {token} of {arn} is no longer AWSPENDING: rotate again for a new password"
        raise RotationError(message)

    _prove(pending, arn)
    logger.info("setSecret: set the password of version %s of %s", token, arn)


def _test_secret(client: _SecretsManager, arn: str, token: str) -> None:
    """Log in with the pending password, as an application would."""
    _prove(_read_login(client, arn, "AWSPENDING", token), arn)
    logger.info("testSecret: version %s of %s logs in", token, arn)


def _finish_secret(client: _SecretsManager, arn: str, token: str, description: _SecretDescription) -> None:
    """Make the pending version the current one. Secrets Manager itself removes AWSPENDING when the rotation ends."""
    holders = [
        version for version, stages in description.get("VersionIdsToStages", {}).items() if "AWSCURRENT" in stages
    ]
    if not holders:
        raise RotationError(f"Secret {arn} has no value labelled AWSCURRENT")
    client.update_secret_version_stage(
        SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=holders[0]
    )
    logger.info("finishSecret: version %s of %s is AWSCURRENT", token, arn)


# --- the secret -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Login:
    """What a version of the secret says about a login. ``tls`` is the ``ssl`` key: None when absent."""

    host: str
    port: int
    dbname: str
    username: str
    password: str = field(repr=False)
    tls: bool | None

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def same_account(self, other: _Login) -> bool:
        return (self.host, self.port, self.username) == (other.host, other.port, other.username)


def _read_values(client: _SecretsManager, arn: str, stage: str, token: str | None = None) -> dict[str, object] | None:
    """The JSON object under a label, or None when there is no value."""
    try:
        if token is None:
            answer = client.get_secret_value(SecretId=arn, VersionStage=stage)
        else:
            answer = client.get_secret_value(SecretId=arn, VersionStage=stage, VersionId=token)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "ResourceNotFoundException":
            return None
        raise
    values: object = None
    # Suppressed, not chained: this exception holds the secret's text.
    with contextlib.suppress(json.JSONDecodeError):
        values = json.loads(answer.get("SecretString", ""))
    if not isinstance(values, dict):
        raise RotationError(f"{stage} of {arn} is not a JSON object")
    return values


def _read_login(client: _SecretsManager, arn: str, stage: str, token: str | None = None) -> _Login:
    values = _read_values(client, arn, stage, token)
    if values is None:
        raise RotationError(f"Secret {arn} has no value labelled {stage}")
    return _parse_login(values, arn, stage)


def _parse_login(values: Mapping[str, object], arn: str, stage: str) -> _Login:
    """Check what a secret says, before anything is done with it."""

    def text(key: str, default: str | None = None) -> str:
        value = values.get(key, default)
        if not isinstance(value, str) or not value:
            raise RotationError(f"{stage} of {arn} needs a text under {key!r}")
        # PostgreSQL takes neither; both are possible in JSON.
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise RotationError(f"{stage} of {arn} has a character under {key!r} that PostgreSQL does not take")
        return value

    if text("engine") not in _ENGINES:
        raise RotationError(f"{stage} of {arn} must have {' or '.join(_ENGINES)} under 'engine'")
    port = str(values.get("port", 5432))
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and 0 < int(port) < 65536):
        raise RotationError(f"{stage} of {arn} has no valid number under 'port'")
    names = {"username": text("username"), "dbname": text("dbname", "postgres")}
    for key, name in names.items():
        if len(name.encode()) > _LONGEST_NAME_BYTES:
            raise RotationError(f"{stage} of {arn} has more than {_LONGEST_NAME_BYTES} bytes under {key!r}")
    tls = values.get("ssl")
    if isinstance(tls, str):
        tls = {"true": True, "false": False}.get(tls.lower(), tls)
    if tls is not None and not isinstance(tls, bool):
        raise RotationError(f"{stage} of {arn} must have true or false under 'ssl'")
    return _Login(host=text("host"), port=int(port), password=text("password"), tls=tls, **names)


def _new_password(client: _SecretsManager) -> str:
    """A password of Secrets Manager's making, shaped by the environment."""

    def switch(name: str, *, default: bool) -> bool:
        return os.environ.get(name, str(default)).lower() in {"true", "1", "y", "yes"}

    answer = client.get_random_password(
        ExcludeCharacters=os.environ.get("EXCLUDE_CHARACTERS", ":/@\"'\\"),
        PasswordLength=int(os.environ.get("PASSWORD_LENGTH", "32")),
        ExcludeNumbers=switch("EXCLUDE_NUMBERS", default=False),
        ExcludePunctuation=switch("EXCLUDE_PUNCTUATION", default=False),
        ExcludeUppercase=switch("EXCLUDE_UPPERCASE", default=False),
        ExcludeLowercase=switch("EXCLUDE_LOWERCASE", default=False),
        RequireEachIncludedType=switch("REQUIRE_EACH_INCLUDED_TYPE", default=True),
    )
    return answer["RandomPassword"]


# --- the database ---------------------------------------------------------------------------------------------------

_Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why the server did not change a password, and whether the password itself is at fault."""

    reason: str
    password_rejected: bool


def _open_with_known_password(client: _SecretsManager, arn: str, current: _Login, failures: list[str]) -> _Connection:
    """Log in with AWSCURRENT or, when an earlier rotation was interrupted, with AWSPREVIOUS.

    ``failures`` says what was tried before.
    """
    try:
        return _open(current)
    except _LoginFailed as failure:
        failures = [*failures, f"AWSCURRENT: {failure}"]
    previous = _previous_login(client, arn, current)
    if previous is not None:
        try:
            return _open(previous)
        except _LoginFailed as failure:
            failures = [*failures, f"AWSPREVIOUS: {failure}"]
    raise RotationError(f"No version of {arn} logs in. " + "; ".join(failures))


def _previous_login(client: _SecretsManager, arn: str, current: _Login) -> _Login | None:
    """The password under AWSPREVIOUS with the settings of AWSCURRENT, or None if it is not for the same account."""
    values = _read_values(client, arn, "AWSPREVIOUS")
    if values is None:
        return None
    try:
        previous = _parse_login(values, arn, "AWSPREVIOUS")
    except RotationError as error:
        logger.warning("setSecret: %s", error)
        return None
    return replace(current, password=previous.password) if previous.same_account(current) else None


def _open(login: _Login) -> _Connection:
    """Log in, with TLS as the secret and the place of the server demand."""
    if login.tls is False:
        return _connect(login, sslmode="disable")
    try:
        return _connect(login, sslmode="verify-full", sslrootcert=_certificates())
    except _LoginFailed as failure:
        if login.tls or failure.password_sent:
            raise
        reason = str(failure)
    if not _is_this_machine(login.host):
        raise _LoginFailed(f'{reason} (without TLS only when the secret says "ssl": false)', password_sent=False)
    logger.warning("No verified TLS to %s on this machine, going on without TLS: %s", login.address, reason)
    return _connect(login, sslmode="disable")


def _connect(login: _Login, *, sslmode: str, sslrootcert: str = "") -> _Connection:
    try:
        return psycopg.connect(
            host=login.host,
            port=login.port,
            dbname=login.dbname,
            user=login.username,
            password=login.password,
            autocommit=True,
            connect_timeout=_CONNECT_TIMEOUT_SECONDS,
            client_encoding="UTF8",
            application_name="secret-rotation",
            gssencmode="disable",
            require_auth="scram-sha-256,md5",
            sslmode=sslmode,
            sslrootcert=sslrootcert,
        )
    except psycopg.OperationalError as error:
        reason = " ".join(str(error).split())
        password_sent = error.pgconn is not None and error.pgconn.used_password
    # Outside the handler: psycopg's exception holds the connection's parameters, and must not be chained to.
    raise _LoginFailed(reason, password_sent=password_sent)


def _prove(login: _Login, arn: str) -> None:
    """Log in with a new connection and run a statement."""
    reason = ""
    try:
        with _open(login) as connection:
            connection.execute("SELECT 1")
    except (_LoginFailed, psycopg.OperationalError) as failure:
        reason = str(failure)
    if reason:
        raise RotationError(f"The AWSPENDING password of {arn} does not log in: {reason}")


def _alter_password(connection: _Connection, login: _Login) -> _Refusal | None:
    """Set the password, hashed on this side as the server's ``password_encryption`` says."""
    user, password = login.username.encode(), login.password.encode()
    try:
        # Left to ask by itself, libpq would do so with Python's global lock held.
        row = connection.execute("SELECT current_setting('password_encryption')").fetchone()
        algorithm = str(row[0]).encode() if row else None
        verifier = connection.pgconn.encrypt_password(password, user, algorithm).decode()
        connection.execute(
            sql.SQL("ALTER USER {} WITH PASSWORD {}").format(sql.Identifier(login.username), sql.Literal(verifier))
        )
    except psycopg.DatabaseError as error:
        # Without the quotation of the statement that the exception's own text adds.
        words = error.diag.message_primary or type(error).__name__
        if login.password in words:
            words = "the server's message is withheld, because it holds the password"
        sqlstate = error.sqlstate or "unknown"
        return _Refusal(
            f"{words} (SQLSTATE {sqlstate})",
            password_rejected=sqlstate[:2] in _REJECTED_SQLSTATE_CLASSES or sqlstate == _RAISED_SQLSTATE,
        )
    return None


def _certificates() -> str:
    """The file of trusted certificates, as libpq's ``sslrootcert`` takes it."""
    configured = os.environ.get("PGSSLROOTCERT")
    if configured:
        return configured
    return next((file for file in _CERTIFICATE_FILES if Path(file).is_file()), "system")


def _is_this_machine(host: str) -> bool:
    """Whether nothing leaves this machine on the way to ``host``: a loopback address or a socket's folder."""
    if host == "localhost" or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
