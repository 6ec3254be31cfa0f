"""What a caller asks a session to be, checked against AWS's limits.

Sources: STS API reference, "AssumeRole"; IAM User Guide, "Pass session tags in AWS STS", "Monitor and control actions
taken with assumed roles" and "Methods to assume a role" (role chaining).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from strongroom.errors import AccessDenied, AwsError
from strongroom.identity.caller import Caller
from strongroom.identity.directory import Role, managed_document
from strongroom.policy import MalformedPolicy, PolicyKind, compile_policy
from strongroom.store import Transaction

__all__ = [
    "check_session_policies",
    "packed_size",
    "refuse_device",
    "session_seconds",
    "session_source_identity",
    "session_tags",
    "tag_context",
    "transitive_keys",
]

_DEFAULT_SECONDS: Final = 3600
_CHAINED_SECONDS: Final = 3600
_MOST_POLICY_ARNS: Final = 10
_MOST_TAGS: Final = 50
_PACKED_BYTES: Final = 4096
"""How many bytes session policies and tags may take in a token. AWS keeps its own number to itself; this one keeps a
token below the header limits of common HTTP servers and proxies."""


def _validation_error(message: str) -> AwsError:
    return AwsError("ValidationError", message)


def _invalid_value(message: str) -> AwsError:
    return AwsError("InvalidParameterValue", message)


def refuse_device(serial_number: str | None, token_code: str | None) -> None:
    """Refuse a code of an MFA device: no device is registered here, so none can be valid.

    Args:
        serial_number: ``SerialNumber`` of the request.
        token_code: ``TokenCode`` of the request.

    Raises:
        AccessDenied: With AWS's text for a device that is not the user's.
    """
    if serial_number is not None or token_code is not None:
        raise AccessDenied(
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is "
            "valid and associated with this user."
        )


def tag_context(tags: Sequence[Mapping[str, str]]) -> dict[str, str | tuple[str, ...]]:
    """The condition keys of a request that brings session tags."""
    context: dict[str, str | tuple[str, ...]] = {f"aws:requesttag/{tag['Key'].lower()}": tag["Value"] for tag in tags}
    if tags:
        context["aws:tagkeys"] = tuple(tag["Key"] for tag in tags)
    return context


def session_seconds(asked: int | None, role: Role, caller: Caller) -> int:
    """How long the session lasts, in seconds.

    Args:
        asked: ``DurationSeconds``, at least 900 by the model.
        role: The role, whose longest session is the limit.
        caller: A session that assumes a role (role chaining) gets one hour at most.

    Raises:
        AwsError: ``ValidationError``.
    """
    seconds = asked or _DEFAULT_SECONDS
    if caller.facts.kind == "role-session" and seconds > _CHAINED_SECONDS:
        raise _validation_error(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        )
    if seconds > role.max_session_seconds:
        raise _validation_error("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    return seconds


def session_tags(tags: Sequence[Mapping[str, str]] | None, caller: Caller) -> dict[str, str]:
    """The tags of the session: those asked for, and the transitive ones of the session that asks.

    Raises:
        AwsError: ``InvalidParameterValue``: a key twice, a key of AWS's, one that is inherited, or too many.
    """
    asked = {tag["Key"]: tag["Value"] for tag in tags or ()}
    folded = {key.lower() for key in asked}
    if len(folded) != len(tags or ()):
        raise _invalid_value("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if any(key.startswith("aws:") for key in folded):
        raise _invalid_value("Tag keys that begin with aws: are reserved for AWS.")
    if not folded.isdisjoint(key.lower() for key in caller.transitive_tags):
        raise _invalid_value(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from "
            "the calling session."
        )
    found = {**caller.transitive_tags, **asked}
    if len(found) > _MOST_TAGS:
        raise _invalid_value(f"A session can have at most {_MOST_TAGS} tags.")
    return found


def transitive_keys(keys: Sequence[str] | None, tags: Mapping[str, str], caller: Caller) -> tuple[str, ...]:
    """Which of the session's tags go on to sessions assumed from it: those asked for and those inherited.

    Args:
        keys: ``TransitiveTagKeys``.
        tags: From `session_tags`.
        caller: Whose transitive tags stay so.

    Raises:
        AwsError: ``InvalidParameterValue``: a key is not among the tags.
    """
    written = {key.lower(): key for key in tags}
    asked = [key.lower() for key in keys or ()]
    if not written.keys() >= set(asked):
        raise _invalid_value("The specified transitive tag key must be included in the requested tags.")
    return tuple(dict.fromkeys([*caller.transitive_tags, *(written[key] for key in asked)]))


def session_source_identity(asked: str | None, caller: Caller) -> str | None:
    """The session's source identity. Once set it stays for every session that follows.

    Raises:
        AwsError: ``ValidationError``: the calling session has another one.
    """
    present = caller.source_identity
    if present is not None and asked is not None and asked != present:
        raise _validation_error("The source identity of a session cannot be changed.")
    return present or asked


def check_session_policies(transaction: Transaction, account: str, policy: str | None, arns: Sequence[str]) -> None:
    """Check the session policies of a request.

    Args:
        transaction: Where managed policies are.
        account: The account of the session, which the managed policies must be in.
        policy: The inline session policy.
        arns: ARNs of managed policies.

    Raises:
        AwsError: ``MalformedPolicyDocument``, or ``ValidationError`` for too many.
    """
    if len(arns) > _MOST_POLICY_ARNS:
        raise _validation_error(f"A session can have at most {_MOST_POLICY_ARNS} managed session policies.")
    for arn in arns:
        usable = arn.startswith((f"arn:aws:iam::{account}:policy/", "arn:aws:iam::aws:policy/"))
        if not usable or managed_document(transaction, arn) is None:
            raise AwsError("MalformedPolicyDocument", f"The session policy {arn} does not exist.")
    if policy is not None:
        try:
            compile_policy(policy, PolicyKind.SESSION)
        except MalformedPolicy as reason:
            raise AwsError("MalformedPolicyDocument", reason.message) from None


def packed_size(policy: str | None, arns: Sequence[str], tags: Mapping[str, str]) -> int | None:
    """How much of the room in a token policies and tags take, in percent; None when there are none.

    Raises:
        AwsError: ``PackedPolicyTooLarge``: more than there is.
    """
    if policy is None and not arns and not tags:
        return None
    size = len(json.dumps([policy, list(arns), tags], separators=(",", ":"), ensure_ascii=False).encode())
    percent = -(-100 * size // _PACKED_BYTES)
    if percent > 100:
        what = "Packed policy consumes {}% of allotted space, please use smaller policy."
        if policy is None and not arns:
            what = "Packed size of session tags consumes {}% of allotted space."
        raise AwsError("PackedPolicyTooLarge", what.format(percent))
    return percent
