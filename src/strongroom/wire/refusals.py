"""The errors that the wire itself answers: requests that no operation could be found for, or that cannot be read.

Codes and texts follow AWS's "Common errors" pages and answers observed from AWS. Codes are those of the JSON
protocols unless the error belongs to one protocol only; `strongroom.wire.error_responses` turns them into the
spelling and status of each protocol.
"""

from __future__ import annotations

from typing import Final

from strongroom.errors import AwsError

__all__ = [
    "duplicate_parameter",
    "invalid_action",
    "malformed_input",
    "malformed_query_string",
    "missing_action",
    "missing_authentication_token",
    "request_entity_too_large",
    "serialization_error",
    "unknown_operation",
]


_LONGEST_ECHO: Final = 128
"""Characters of a stranger's text that are given back to it."""


def serialization_error(message: str) -> AwsError:
    """The body cannot be read as the operation's input (JSON protocols)."""
    return AwsError("SerializationException", message)


def malformed_input(message: str) -> AwsError:
    """A value cannot be read as its type (Query protocol)."""
    return AwsError("MalformedInput", message)


def malformed_query_string() -> AwsError:
    """A query string or form body is not well formed."""
    return AwsError("MalformedQueryString", "The query string contains a syntax error.", status=404)


def duplicate_parameter() -> AwsError:
    """A parameter that takes one value was given twice, so that two readers could understand different things."""
    return AwsError("InvalidQueryParameter", "A parameter that takes a single value was given more than once.")


def unknown_operation(*, status: int = 400) -> AwsError:
    """No operation of any service here answers to this target, path or content type."""
    return AwsError(
        "UnknownOperationException", "The requested operation is not recognized by the service.", status=status
    )


def invalid_action(action: str, version: str | None) -> AwsError:
    """The Query protocol's unknown operation.

    Args:
        action: The ``Action`` that was asked for.
        version: The ``Version`` that was given, if any.
    """
    shown = (version or "NO_VERSION_SPECIFIED")[:_LONGEST_ECHO]
    return AwsError("InvalidAction", f"Could not find operation {action[:_LONGEST_ECHO]} for version {shown}")


def missing_action() -> AwsError:
    """A Query request without ``Action``."""
    return AwsError("MissingAction", "The request must contain the parameter Action")


def missing_authentication_token() -> AwsError:
    """A request at no known door and without credentials, which is what AWS answers to a browser."""
    return AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", status=403)


def request_entity_too_large(limit: int) -> AwsError:
    """The body is larger than the operation takes.

    Args:
        limit: The largest body in bytes.
    """
    return AwsError("RequestEntityTooLargeException", f"Request must be smaller than {limit} bytes", status=413)
