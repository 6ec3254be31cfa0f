"""The errors of Secrets Manager, with AWS's codes and texts."""

from __future__ import annotations

from strongroom.errors import AwsError

__all__ = [
    "broad_policy",
    "invalid_name",
    "invalid_parameter",
    "invalid_request",
    "label_not_found",
    "locked_out",
    "malformed_json",
    "malformed_policy",
    "marked_for_deletion",
    "missing_token",
    "not_found",
    "not_on_cross_account_replica",
    "not_on_replica",
    "refuse_managed",
    "refuse_nul",
    "reserved_name",
    "token_in_use",
    "too_long",
    "too_many_secrets",
    "unsupported_element",
    "validation",
    "version_not_found",
]


def invalid_parameter(message: str) -> AwsError:
    """InvalidParameterException: a parameter, or a combination of them, is not valid."""
    return AwsError("InvalidParameterException", message)


def invalid_request(message: str) -> AwsError:
    """InvalidRequestException: the secret's state does not allow the operation."""
    return AwsError("InvalidRequestException", message)


def validation(message: str) -> AwsError:
    """ValidationException: a parameter breaks a constraint that the service model does not state."""
    return AwsError("ValidationException", message)


def invalid_name() -> AwsError:
    """A name, or a SecretId that is no ARN, in which a character stands that names cannot have."""
    return validation(
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
    )


def not_found() -> AwsError:
    """There is no such secret."""
    return AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")


def version_not_found(version_id: str) -> AwsError:
    """There is no such version, or it has no value."""
    return AwsError(
        "ResourceNotFoundException",
        f"Secrets Manager can't find the specified secret value for VersionId: {version_id}",
    )


def label_not_found(label: str) -> AwsError:
    """No version has the label, or the version that has it has no value."""
    return AwsError(
        "ResourceNotFoundException",
        f"Secrets Manager can't find the specified secret value for staging label: {label}",
    )


def marked_for_deletion() -> AwsError:
    """The secret is in its recovery window."""
    return invalid_request(
        "You can't perform this operation on the secret because it was marked for deletion.",
    )


def not_on_replica() -> AwsError:
    """The secret is a replica, which follows its primary and changes in no other way."""
    return invalid_parameter(
        "Operation not permitted on a replica secret. Call must be made in primary secret's region.",
    )


def not_on_cross_account_replica() -> AwsError:
    """The secret's value comes from a secret of another account."""
    return invalid_parameter(
        "Operation not permitted on a replica secret. Call must be made in primary secret's account.",
    )


def missing_token(code: str = "InvalidRequestException") -> AwsError:
    """A request without ClientRequestToken, which AWS's SDKs fill in by themselves."""
    return AwsError(code, "You must provide a ClientRequestToken value. We recommend a UUID-type value.")


def token_in_use(token: str, arn: str) -> AwsError:
    """The token names a version that holds something else."""
    return AwsError(
        "ResourceExistsException",
        f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret {arn}.",
    )


def too_long(member: str, most: int) -> AwsError:
    """A value beyond its limit in bytes, in the words of the service's own validation. The value is not shown."""
    return validation(
        f"1 validation error detected: Value at '{member}' failed to satisfy constraint: "
        f"Member must have length less than or equal to {most}",
    )


def refuse_nul(**texts: str | None) -> None:
    """Refuse the NUL character, which PostgreSQL's text type cannot hold.

    Args:
        texts: The texts to check, by the names of their parameters.

    Raises:
        AwsError: ``ValidationException``.
    """
    for member, text in texts.items():
        if text is not None and "\0" in text:
            raise validation(
                f"1 validation error detected: Value at '{member}' failed to satisfy constraint: "
                "Member must not contain the character U+0000",
            )


def _malformed(message: str) -> AwsError:
    return AwsError("MalformedPolicyDocumentException", message)


def malformed_json() -> AwsError:
    """A resource policy that is not JSON."""
    return _malformed("This policy contains invalid Json")


def malformed_policy(reason: str) -> AwsError:
    """A resource policy that breaks the policy grammar.

    Args:
        reason: What is wrong, for the person who wrote it. AWS leaves it at the first sentence.
    """
    return _malformed(f"This policy has invalid syntax. {reason}")


def unsupported_element() -> AwsError:
    """A resource policy that names what does not exist or is not of this service."""
    return _malformed("This resource policy contains an unsupported principal, action, resource, or condition.")


def locked_out() -> AwsError:
    """A resource policy that would keep its author from ever changing it, in the words of KMS for key policies."""
    return _malformed("The new resource policy will not allow you to update the resource policy in the future.")


def broad_policy() -> AwsError:
    """A resource policy that lets everybody in, while BlockPublicPolicy is set."""
    return AwsError(
        "PublicPolicyException",
        "The BlockPublicPolicy parameter is set to true, and the resource policy did not prevent broad access to the "
        "secret.",
    )


def refuse_managed(owning_service: str | None) -> None:
    """Refuse an edit of a secret that another service manages (InvalidRequestException, API Reference).

    Args:
        owning_service: The service that manages the secret, if one does.

    Raises:
        AwsError: ``InvalidRequestException``.
    """
    if owning_service is not None:
        raise invalid_request("The secret is managed by another service, and you must use that service to update it.")


def too_many_secrets(most: int) -> AwsError:
    """One more secret would exceed the quota."""
    return AwsError(
        "LimitExceededException",
        f"The request failed because it would exceed the quota of {most} secrets in this account and Region.",
    )


def reserved_name() -> AwsError:
    """A name of the form ``service!name``, which secrets have that a service manages."""
    return invalid_parameter("Names with ! are reserved for secrets that are managed by other services.")
