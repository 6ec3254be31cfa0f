"""CloudWatch Logs' errors, with its codes and texts, as clients record them. No text holds a message of a log."""

from __future__ import annotations

from strongroom.errors import AwsError

__all__ = [
    "group_exists",
    "group_not_found",
    "invalid_parameter",
    "not_offered",
    "stream_exists",
    "stream_not_found",
    "too_many_tags",
]


def invalid_parameter(text: str) -> AwsError:
    """A parameter cannot be used."""
    return AwsError("InvalidParameterException", text)


def not_offered(name: str) -> AwsError:
    """A parameter asks for what Strongroom does not have."""
    return invalid_parameter(f"{name} is not supported by Strongroom with this value.")


def group_not_found() -> AwsError:
    """There is no such group."""
    return AwsError("ResourceNotFoundException", "The specified log group does not exist.")


def group_exists() -> AwsError:
    """There is a group of this name."""
    return AwsError("ResourceAlreadyExistsException", "The specified log group already exists")


def stream_not_found() -> AwsError:
    """The group has no such stream."""
    return AwsError("ResourceNotFoundException", "The specified log stream does not exist.")


def stream_exists() -> AwsError:
    """The group has a stream of this name."""
    return AwsError("ResourceAlreadyExistsException", "The specified log stream already exists")


def too_many_tags(arn: str) -> AwsError:
    """The group would have more than fifty tags."""
    return AwsError(
        "TooManyTagsException",
        "The maximum number of tags allowed per resource has been exceeded.",
        members={"resourceName": arn},
    )
