"""Rotate an access key of an IAM user.

An AWS Lambda rotation function. The secret is a JSON object with ``UserName``, ``AccessKeyId`` and ``SecretAccessKey``,
the names that IAM itself uses, and optionally ``engine`` ``iam``; other keys survive. The execution role needs
``iam:CreateAccessKey``, ``iam:ListAccessKeys``, ``iam:UpdateAccessKey`` and ``iam:DeleteAccessKey`` on the user.

IAM allows a user two keys, so the old key works beside the new one until the rotation ends: no application sees a
refusal. Then the old key is made inactive, and deleted when the next rotation needs its place; until then it can be
activated again. With ``KEEP_PREVIOUS`` true in the environment it stays active until the next rotation.

A second key that the secret does not know belongs to somebody else while it is active: the rotation stops at it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol, TypedDict

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from .contract import RotatedSecret, RotationError, Strategy, Values, rotate, switch

__all__ = ["lambda_handler"]

_ATTEMPTS = 6
_FIRST_PAUSE_SECONDS = 1.0
"""On AWS a new key is known everywhere only after some seconds; the pauses double."""


class _Key(TypedDict):
    AccessKeyId: str
    Status: str


class _NewKey(_Key):
    SecretAccessKey: str


class _Keys(TypedDict):
    AccessKeyMetadata: list[_Key]


class _CreatedKey(TypedDict):
    AccessKey: _NewKey


class _Iam(Protocol):
    """The part of boto3's IAM client that handles access keys."""

    def list_access_keys(self, *, UserName: str) -> _Keys: ...

    def create_access_key(self, *, UserName: str) -> _CreatedKey: ...

    def update_access_key(self, *, UserName: str, AccessKeyId: str, Status: str) -> object: ...

    def delete_access_key(self, *, UserName: str, AccessKeyId: str) -> object: ...


class _Identity(TypedDict):
    Arn: str


class _Sts(Protocol):
    def get_caller_identity(self) -> _Identity: ...


def lambda_handler(event: Mapping[str, str], context: object) -> None:
    """Run one step of a rotation; see `contract.rotate`. ``context`` is the invocation's context, unused."""
    del context
    rotate(event, _AccessKey())


class _AccessKey(Strategy):
    def check(self, values: Values, where: str) -> None:
        """See `Strategy`."""
        if values.get("engine", "iam") != "iam":
            raise RotationError(f"{where} must have 'iam' under 'engine', or nothing")
        for name in ("UserName", "AccessKeyId", "SecretAccessKey"):
            _text(values, name, where)

    def renew(self, secret: RotatedSecret, current: Values) -> dict[str, object]:
        """See `Strategy`. The key is made here, because only IAM can make it."""
        user = _text(current, "UserName", secret.where("AWSCURRENT"))
        iam: _Iam = boto3.client("iam")
        self._make_room(iam, secret, user, str(current["AccessKeyId"]))
        made = iam.create_access_key(UserName=user)["AccessKey"]
        return {**current, "AccessKeyId": made["AccessKeyId"], "SecretAccessKey": made["SecretAccessKey"]}

    def discard(self, secret: RotatedSecret, renewed: Values) -> None:
        """See `Strategy`."""
        iam: _Iam = boto3.client("iam")
        iam.delete_access_key(UserName=str(renewed["UserName"]), AccessKeyId=str(renewed["AccessKeyId"]))

    def apply(self, secret: RotatedSecret) -> None:
        """See `Strategy`. IAM knows the key already: what is left is to see that it is the right user's."""
        current, pending = secret.current(), secret.pending()
        for values, stage in ((current, "AWSCURRENT"), (pending, "AWSPENDING")):
            self.check(values, secret.where(stage))
        if current["UserName"] != pending["UserName"]:
            raise RotationError(
                f"AWSPENDING of {secret.arn} is for user {pending['UserName']!r}, "
                f"AWSCURRENT is for user {current['UserName']!r}"
            )
        self.prove(secret)

    def prove(self, secret: RotatedSecret) -> None:
        """See `Strategy`."""
        pending = secret.pending()
        self.check(pending, secret.where("AWSPENDING"))
        sts: _Sts = boto3.client(
            "sts",
            aws_access_key_id=str(pending["AccessKeyId"]),
            aws_secret_access_key=str(pending["SecretAccessKey"]),
            aws_session_token=None,
        )
        found = _identity(sts, secret)
        if found.rpartition("/")[2] != pending["UserName"]:
            raise RotationError(
                f"The AWSPENDING key of {secret.arn} belongs to {found}, not to {pending['UserName']!r}"
            )

    def retire(self, secret: RotatedSecret) -> None:
        """See `Strategy`."""
        current, previous = secret.current(), secret.previous()
        if previous is None or switch("KEEP_PREVIOUS", default=False):
            return
        user, old = previous.get("UserName"), previous.get("AccessKeyId")
        if user != current["UserName"] or old == current["AccessKeyId"]:
            return
        iam: _Iam = boto3.client("iam")
        for key in iam.list_access_keys(UserName=str(user))["AccessKeyMetadata"]:
            if key["AccessKeyId"] == old and key["Status"] == "Active":
                iam.update_access_key(UserName=str(user), AccessKeyId=str(old), Status="Inactive")

    def _make_room(self, iam: _Iam, secret: RotatedSecret, user: str, current: str) -> None:
        """Delete the key of the rotation before, whose place the new one takes."""
        keys = iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
        if current not in [key["AccessKeyId"] for key in keys]:
            raise RotationError(f"The AWSCURRENT key of {secret.arn} is not a key of user {user!r}")
        previous = (secret.previous() or {}).get("AccessKeyId")
        for key in keys:
            name = key["AccessKeyId"]
            if name == current:
                continue
            if key["Status"] == "Active" and name != previous:
                raise RotationError(
                    f"The user {user!r} has another active key, {name}, which {secret.arn} does not know. "
                    "If nobody uses it, make it inactive"
                )
            iam.delete_access_key(UserName=user, AccessKeyId=name)


def _identity(sts: _Sts, secret: RotatedSecret) -> str:
    """Whose key it is; tried for a while."""
    reason, pause = "", _FIRST_PAUSE_SECONDS
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(pause)
            pause *= 2
        try:
            return sts.get_caller_identity()["Arn"]
        except ClientError as error:
            reason = str(error.response.get("Error", {}).get("Code"))
        except BotoCoreError as error:
            reason = type(error).__name__
    raise RotationError(f"The AWSPENDING key of {secret.arn} does not work: {reason}")


def _text(values: Values, name: str, where: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not value:
        raise RotationError(f"{where} needs a text under {name!r}")
    return value
