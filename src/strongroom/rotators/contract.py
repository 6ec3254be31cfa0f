"""What every rotation function does alike: AWS's contract, from the event to the moved label.

A function brings a `Strategy`; `rotate` reads the event, checks it against the secret as the functions that AWS
publishes do ("Rotation by Lambda function" in the AWS Secrets Manager User Guide), and runs one step:

    createSecret   `Strategy.renew` makes new values, which are stored under AWSPENDING before anything else is touched
    setSecret      `Strategy.apply` makes them valid where they are used
    testSecret     `Strategy.prove` uses them
    finishSecret   the new version becomes AWSCURRENT, then `Strategy.retire` ends what the old one opened

Every step may be repeated. A version's value cannot be changed, so a credential that the other side will never take
(`CredentialRejected`) would be tried for ever: instead the version loses AWSPENDING, and the next rotation starts anew.

Environment: ``SECRETS_MANAGER_ENDPOINT`` (optional: another address of the service). ``EXCLUDE_CHARACTERS``,
``PASSWORD_LENGTH``, ``EXCLUDE_NUMBERS``, ``EXCLUDE_PUNCTUATION``, ``EXCLUDE_UPPERCASE``, ``EXCLUDE_LOWERCASE`` and
``REQUIRE_EACH_INCLUDED_TYPE`` shape new passwords, as for the functions that AWS publishes.

No log line and no exception of a rotator holds a password.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Protocol, TypeAlias, TypedDict

import boto3
from botocore.exceptions import ClientError

__all__ = ["CredentialRejected", "RotatedSecret", "RotationError", "Strategy", "Values", "rotate", "switch"]

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)

_VERSIONS_OF_A_PAGE = 100
"""Secrets Manager keeps about as many versions of a secret (its quotas)."""
_UNLABELLED = 5
"""How many versions without a label are tried: each is a login, and some servers count those that fail."""

Values: TypeAlias = Mapping[str, object]
"""A version's JSON object."""


class RotationError(ValueError):
    """The rotation cannot go on. The text names the secret, the host and the user; never a password."""


class CredentialRejected(RotationError):
    """The other side does not take this new credential: another one must be made."""


class _Description(TypedDict, total=False):
    RotationEnabled: bool
    VersionIdsToStages: dict[str, list[str]]


class _Value(TypedDict, total=False):
    SecretString: str


class _Version(TypedDict, total=False):
    VersionId: str
    VersionStages: list[str]
    CreatedDate: datetime


class _Versions(TypedDict):
    Versions: list[_Version]


class _RandomPassword(TypedDict):
    RandomPassword: str


class _SecretsManager(Protocol):
    """The part of boto3's Secrets Manager client that rotation uses."""

    def describe_secret(self, *, SecretId: str) -> _Description: ...

    def get_secret_value(self, *, SecretId: str, VersionStage: str = ..., VersionId: str = ...) -> _Value: ...

    def list_secret_version_ids(self, *, SecretId: str, IncludeDeprecated: bool, MaxResults: int) -> _Versions: ...

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


class RotatedSecret:
    """The secret of one event.

    Attributes:
        client: Secrets Manager.
        arn: The secret.
        token: The new version's id.
    """

    def __init__(self, client: _SecretsManager, arn: str, token: str) -> None:
        self.client = client
        self.arn = arn
        self.token = token

    def current(self) -> dict[str, object]:
        """The values under AWSCURRENT; `RotationError` when there are none."""
        return self._required("AWSCURRENT", read_values(self.client, self.arn, "AWSCURRENT"))

    def pending(self) -> dict[str, object]:
        """The values of the new version; `RotationError` when it has none yet."""
        return self._required("AWSPENDING", self.stored())

    def stored(self) -> dict[str, object] | None:
        """The values of the new version, or None before createSecret."""
        return read_values(self.client, self.arn, "AWSPENDING", self.token)

    def previous(self) -> dict[str, object] | None:
        """The values under AWSPREVIOUS, or None."""
        return read_values(self.client, self.arn, "AWSPREVIOUS")

    def unlabelled(self) -> Iterator[dict[str, object]]:
        """The values of versions that no label names any more: the newest ones, newest first.

        A rotation that was cancelled or given up after its second step leaves the true password in such a version, as
        soon as the next rotation takes AWSPENDING away from it. Without the right to list versions there are none.
        """
        try:
            found = self.client.list_secret_version_ids(
                SecretId=self.arn, IncludeDeprecated=True, MaxResults=_VERSIONS_OF_A_PAGE
            )["Versions"]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "AccessDeniedException":
                raise
            logger.warning("The versions of %s without a label are not tried: they may not be listed", self.arn)
            return
        left = [version for version in found if not version.get("VersionStages")]
        left.sort(key=lambda version: version["CreatedDate"], reverse=True)
        for version in left[:_UNLABELLED]:
            with contextlib.suppress(RotationError):  # another kind of value
                values = read_values(self.client, self.arn, None, version["VersionId"])
                if values is not None:
                    yield values

    def where(self, stage: str) -> str:
        """Words for a version in an error."""
        return f"{stage} of {self.arn}"

    def new_password(self, default_excluded: str = ":/@\"'\\") -> str:
        """A password of Secrets Manager's making, shaped by the environment.

        Args:
            default_excluded: The characters to leave out unless ``EXCLUDE_CHARACTERS`` says otherwise.
        """
        answer = self.client.get_random_password(
            ExcludeCharacters=os.environ.get("EXCLUDE_CHARACTERS", default_excluded),
            PasswordLength=int(os.environ.get("PASSWORD_LENGTH", "32")),
            ExcludeNumbers=switch("EXCLUDE_NUMBERS", default=False),
            ExcludePunctuation=switch("EXCLUDE_PUNCTUATION", default=False),
            ExcludeUppercase=switch("EXCLUDE_UPPERCASE", default=False),
            ExcludeLowercase=switch("EXCLUDE_LOWERCASE", default=False),
            RequireEachIncludedType=switch("REQUIRE_EACH_INCLUDED_TYPE", default=True),
        )
        return answer["RandomPassword"]

    def _required(self, stage: str, values: dict[str, object] | None) -> dict[str, object]:
        if values is None:
            raise RotationError(f"Secret {self.arn} has no value labelled {stage}")
        return values


class Strategy(ABC):
    """How one kind of credential is replaced."""

    @abstractmethod
    def check(self, values: Values, where: str) -> None:
        """Refuse values that cannot be rotated, before anything is done with them.

        Args:
            values: A version's values.
            where: Words for the version.

        Raises:
            RotationError: They are not what this strategy needs.
        """

    @abstractmethod
    def renew(self, secret: RotatedSecret, current: Values) -> dict[str, object]:
        """The values of the new version, every key that is not part of the credential kept."""

    @abstractmethod
    def apply(self, secret: RotatedSecret) -> None:
        """Make the pending credential valid, unless it is.

        Raises:
            CredentialRejected: It will never be.
            RotationError: It could not be done now.
        """

    @abstractmethod
    def prove(self, secret: RotatedSecret) -> None:
        """Use the pending credential as an application would; `RotationError` when it does not work."""

    def retire(self, secret: RotatedSecret) -> None:  # noqa: B027 - most have nothing to do here
        """End what is not needed any more, after the new version became AWSCURRENT. May be repeated."""

    def discard(self, secret: RotatedSecret, renewed: Values) -> None:  # noqa: B027 - as above
        """Take back what `renew` made outside the secret, after its values could not be stored."""


def rotate(event: Mapping[str, str], strategy: Strategy) -> None:
    """Run one step of a rotation.

    Args:
        event: ``SecretId`` (the secret's ARN), ``ClientRequestToken`` (the new version's id) and ``Step``: one of
            ``createSecret``, ``setSecret``, ``testSecret``, ``finishSecret``.
        strategy: The kind of credential.

    Raises:
        RotationError: The secret is not set up for this rotation, or the other side did not play along.
        botocore.exceptions.ClientError: Secrets Manager refused a call.
        KeyError: The event misses a key.
    """
    arn, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    client: _SecretsManager = boto3.client(
        "secretsmanager", endpoint_url=os.environ.get("SECRETS_MANAGER_ENDPOINT") or None
    )
    secret = RotatedSecret(client, arn, token)
    versions = _check_event(client, arn, token)
    if "AWSCURRENT" in versions[token]:
        logger.info("%s: version %s of %s is AWSCURRENT already", step, token, arn)
        if step == "finishSecret":
            strategy.retire(secret)
        return
    if "AWSPENDING" not in versions[token]:
        raise RotationError(f"Secret version {token} is not set as AWSPENDING for rotation of secret {arn}")

    if step == "createSecret":
        _create_secret(secret, strategy)
    elif step == "setSecret":
        _set_secret(secret, strategy)
    elif step == "testSecret":
        strategy.prove(secret)
        logger.info("testSecret: version %s of %s works", token, arn)
    elif step == "finishSecret":
        _finish_secret(secret, versions)
        strategy.retire(secret)
    else:
        raise RotationError(f"Invalid step {step!r} for secret {arn}")


def switch(name: str, *, default: bool) -> bool:
    """A variable of the environment that is on or off, read as the functions that AWS publishes do."""
    return os.environ.get(name, str(default)).lower() in {"true", "1", "y", "yes"}


def read_values(
    client: _SecretsManager, arn: str, stage: str | None, token: str | None = None
) -> dict[str, object] | None:
    """The JSON object under a label, of a version, or of a version that has the label; None when there is no value.

    Raises:
        RotationError: It is not a JSON object.
    """
    which = {"VersionStage": stage, "VersionId": token}
    try:
        answer = client.get_secret_value(SecretId=arn, **{name: value for name, value in which.items() if value})
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "ResourceNotFoundException":
            return None
        raise
    values: object = None
    # Suppressed, not chained: this exception holds the secret's text.
    with contextlib.suppress(json.JSONDecodeError):
        values = json.loads(answer.get("SecretString", ""))
    if not isinstance(values, dict):
        raise RotationError(f"{stage or 'A version'} of {arn} is not a JSON object")
    return values


def _check_event(client: _SecretsManager, arn: str, token: str) -> dict[str, list[str]]:
    """The labels of each version of a secret that rotates and has the token's version."""
    description = client.describe_secret(SecretId=arn)
    if not description.get("RotationEnabled", True):
        raise RotationError(f"Secret {arn} is not enabled for rotation")
    versions = description.get("VersionIdsToStages", {})
    if token not in versions:
        raise RotationError(f"Secret version {token} has no stage for rotation of secret {arn}")
    return versions


def _create_secret(secret: RotatedSecret, strategy: Strategy) -> None:
    """Store a new credential under AWSPENDING. A stored one is kept."""
    current = secret.current()
    strategy.check(current, secret.where("AWSCURRENT"))
    stored = secret.stored()
    if stored is not None:
        strategy.check(stored, secret.where("AWSPENDING"))
        logger.info("createSecret: version %s of %s has a value already", secret.token, secret.arn)
        return
    renewed = strategy.renew(secret, current)
    stored_now = False
    try:
        secret.client.put_secret_value(
            SecretId=secret.arn,
            ClientRequestToken=secret.token,
            SecretString=json.dumps(renewed),
            VersionStages=["AWSPENDING"],
        )
        stored_now = True
    finally:
        if not stored_now:
            strategy.discard(secret, renewed)
    logger.info("createSecret: stored a new credential in version %s of %s", secret.token, secret.arn)


def _set_secret(secret: RotatedSecret, strategy: Strategy) -> None:
    try:
        strategy.apply(secret)
    except CredentialRejected as rejection:
        logger.error("setSecret: %s", rejection)  # noqa: TRY400 - a chained exception may hold what was refused
        secret.client.update_secret_version_stage(
            SecretId=secret.arn, VersionStage="AWSPENDING", RemoveFromVersionId=secret.token
        )
        message = (
            f"{rejection}. Version {secret.token} of {secret.arn} is no longer AWSPENDING: "
            "rotate again for a new password"
        )
    else:
        logger.info("setSecret: version %s of %s is set", secret.token, secret.arn)
        return
    raise RotationError(message)


def _finish_secret(secret: RotatedSecret, versions: Mapping[str, list[str]]) -> None:
    """Make the pending version the current one. Secrets Manager itself removes AWSPENDING when the rotation ends."""
    holders = [version for version, stages in versions.items() if "AWSCURRENT" in stages]
    if not holders:
        raise RotationError(f"Secret {secret.arn} has no value labelled AWSCURRENT")
    secret.client.update_secret_version_stage(
        SecretId=secret.arn, VersionStage="AWSCURRENT", MoveToVersionId=secret.token, RemoveFromVersionId=holders[0]
    )
    logger.info("finishSecret: version %s of %s is AWSCURRENT", secret.token, secret.arn)
