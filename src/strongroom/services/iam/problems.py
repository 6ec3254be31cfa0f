"""IAM's errors, with AWS's texts.

Codes are those of the model's shapes; the wire gives each its HTTP status.
"""

from __future__ import annotations

from strongroom.errors import AwsError
from strongroom.policy import MalformedPolicy

__all__ = [
    "already_exists",
    "delete_conflict",
    "invalid_input",
    "limit_exceeded",
    "malformed_policy",
    "no_such_entity",
    "no_such_key",
    "no_such_policy",
    "no_such_version",
    "not_attachable",
    "not_found",
    "validation_error",
]


def no_such_entity(message: str) -> AwsError:
    """Something that was named does not exist."""
    return AwsError("NoSuchEntity", message, status=404)


def not_found(kind: str, name: str) -> AwsError:
    """No such ``user``, ``role``, ``user policy`` or ``role policy``."""
    return no_such_entity(f"The {kind} with name {name} cannot be found.")


def no_such_key(access_key_id: str) -> AwsError:
    """The user has no access key of this id."""
    return no_such_entity(f"The Access Key with id {access_key_id} cannot be found.")


def no_such_policy(arn: str) -> AwsError:
    """No managed policy has this ARN, or it is not attached where it was looked for."""
    return no_such_entity(f"Policy {arn} was not found.")


def not_attachable(arn: str) -> AwsError:
    """No managed policy of this ARN can be attached by this account."""
    return no_such_entity(f"Policy {arn} does not exist or is not attachable.")


def no_such_version(arn: str, version_id: str) -> AwsError:
    """The managed policy has no such version."""
    return no_such_entity(f"Policy {arn} version {version_id} does not exist or is not attachable.")


def already_exists(message: str) -> AwsError:
    """The name is taken."""
    return AwsError("EntityAlreadyExists", message, status=409)


def delete_conflict(message: str) -> AwsError:
    """Something still depends on what was to be deleted."""
    return AwsError("DeleteConflict", message, status=409)


def limit_exceeded(message: str) -> AwsError:
    """A quota of IAM's is used up ("IAM and AWS STS quotas")."""
    return AwsError("LimitExceeded", message, status=409)


def invalid_input(message: str) -> AwsError:
    """A parameter makes no sense here."""
    return AwsError("InvalidInput", message)


def validation_error(message: str) -> AwsError:
    """A parameter is not of its form."""
    return AwsError("ValidationError", message)


def malformed_policy(reason: MalformedPolicy) -> AwsError:
    """The policy document is not one."""
    return AwsError("MalformedPolicyDocument", reason.message)
