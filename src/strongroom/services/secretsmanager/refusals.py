"""The errors of Secrets Manager, with AWS's codes and texts."""

from __future__ import annotations

from strongroom.errors import AwsError

__all__ = [
    "invalid_parameter",
    "invalid_request",
    "label_not_found",
    "marked_for_deletion",
    "missing_token",
    "not_found",
    "refuse_nul",
    "token_in_use",
    "too_long",
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
