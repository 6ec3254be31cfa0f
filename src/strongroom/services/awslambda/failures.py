"""Lambda's errors, with its codes, statuses and texts.

Sources: the error shapes of the Lambda service model, the texts that the Lambda Developer Guide shows ("Troubleshoot
deployment issues", "Troubleshoot invocation issues"), and those that clients record. Texts name functions, roles and
statements, never a variable's value or a payload.
"""

from __future__ import annotations

from typing import Final

from strongroom.errors import AwsError

__all__ = [
    "alias_exists",
    "alias_not_found",
    "changing",
    "code_storage_exceeded",
    "constraint",
    "environment_key",
    "exists",
    "function_not_found",
    "hidden_variables",
    "invalid_content",
    "invalid_environment_key",
    "invalid_parameter",
    "no_event_config",
    "no_layer_policy",
    "no_policy",
    "no_such_resource",
    "not_found",
    "other_region",
    "policy_too_long",
    "public_policy",
    "request_entity_too_large",
    "request_too_large",
    "statement_exists",
    "statement_not_found",
    "too_many_of_function",
    "too_many_requests",
    "unavailable",
    "version_has_aliases",
    "wrong_code",
    "wrong_policy_revision",
    "wrong_revision",
]

_REVISION: Final = "The Revision Id provided does not match the latest Revision Id."


def invalid_parameter(text: str) -> AwsError:
    """A parameter cannot be used."""
    return AwsError("InvalidParameterValueException", text)


def constraint(member: str, value: object, text: str) -> AwsError:
    """A parameter violates a constraint that the service model leaves to the service.

    Args:
        member: The parameter, with a small first letter.
        value: Its value.
        text: The constraint, beginning with "Member must".
    """
    return AwsError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {text}",
    )


def not_found(text: str) -> AwsError:
    """Something is not there."""
    return AwsError("ResourceNotFoundException", text, status=404)


def function_not_found(arn: str) -> AwsError:
    """No function, or no version of it, has this ARN."""
    return not_found(f"Function not found: {arn}")


def other_region(named: str, region: str) -> AwsError:
    """An ARN names a function of another region than the request was sent to."""
    return not_found(f"Functions from '{named}' are not reachable in this region ('{region}')")


def exists(name: str) -> AwsError:
    """The name is taken."""
    return AwsError("ResourceConflictException", f"Function already exist: {name}", status=409)


def changing(arn: str) -> AwsError:
    """The function changes faster than it can be started."""
    return AwsError(
        "ResourceConflictException",
        f"The operation cannot be performed at this time. An update is in progress for resource: {arn}",
        status=409,
    )


def wrong_revision() -> AwsError:
    """The function is not, or no longer, the revision that the caller expects."""
    text = f"{_REVISION} Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
    return AwsError("PreconditionFailedException", text, status=412)


def wrong_code(expected: str, actual: str) -> AwsError:
    """The function's code is not what the caller expects. Both as ``CodeSha256`` shows them."""
    return invalid_parameter(
        f"CodeSHA256 ({expected}) is different from current CodeSHA256 in $LATEST ({actual}). "
        "Please try again with the CodeSHA256 in $LATEST."
    )


def wrong_policy_revision() -> AwsError:
    """The function's policy is not, or no longer, the revision that the caller expects."""
    text = f"{_REVISION} Call the GetPolicy API to retrieve the latest Revision Id"
    return AwsError("PreconditionFailedException", text, status=412)


def code_storage_exceeded() -> AwsError:
    """The account's code would take more room than its quota."""
    return AwsError("CodeStorageExceededException", "Code storage limit exceeded.")


def request_entity_too_large(limit: int, operation: str) -> AwsError:
    """An upload is larger than ``limit`` bytes on the wire."""
    return AwsError(
        "RequestEntityTooLargeException",
        f"Request must be smaller than {limit} bytes for the {operation} operation",
        status=413,
    )


def request_too_large(limit: int) -> AwsError:
    """An invocation's payload is larger than ``limit`` bytes."""
    return AwsError(
        "RequestTooLargeException",
        f"Request must be smaller than {limit} bytes for the InvokeFunction operation",
        status=413,
    )


def invalid_content(reason: str) -> AwsError:
    """An invocation's payload is not JSON.

    Args:
        reason: What a parser says of it, without repeating any of it.
    """
    return AwsError("InvalidRequestContentException", f"Could not parse request body into json: {reason}")


def too_many_requests() -> AwsError:
    """More is asked at once than is done at once."""
    return AwsError(
        "TooManyRequestsException",
        "Rate Exceeded.",
        status=429,
        members={"Reason": "ConcurrentInvocationLimitExceeded"},
    )


def unavailable() -> AwsError:
    """The process that runs functions is away."""
    return AwsError("ServiceException", "The function runtime is not available", status=500)


def too_many_of_function() -> AwsError:
    """More invocations of a function are asked for at once than are reserved for it."""
    return AwsError(
        "TooManyRequestsException",
        "Rate Exceeded.",
        status=429,
        members={"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"},
    )


def no_such_resource() -> AwsError:
    """What was named is not there: Lambda's text for layers and policies."""
    return not_found("The resource you requested does not exist.")


def alias_not_found(arn: str) -> AwsError:
    """The function has no such alias."""
    return not_found(f"Cannot find alias arn: {arn}")


def alias_exists(arn: str) -> AwsError:
    """The function has an alias of this name."""
    return AwsError("ResourceConflictException", f"Alias already exists: {arn}", status=409)


def version_has_aliases(names: list[str]) -> AwsError:
    """A version cannot be deleted while aliases stand for it."""
    text = f"Unable to delete version because the following aliases reference it: [{', '.join(names)}]"
    return AwsError("ResourceConflictException", text, status=409)


def no_event_config(arn: str) -> AwsError:
    """Nothing was configured for the asynchronous invocations of what ``arn`` names."""
    return not_found(f"The function {arn} doesn't have an EventInvokeConfig")


def invalid_environment_key(error: AwsError) -> AwsError:
    """A function's environment cannot be sealed under the key that a request names.

    Args:
        error: What KMS said.
    """
    return invalid_parameter(
        "Lambda was unable to configure access to your environment variables because the KMS key is invalid for "
        f"CreateGrant. Please check your KMS key settings. {_of_kms(error)}"
    )


def environment_key(error: AwsError) -> AwsError:
    """A function cannot be given its environment, as its KMS key cannot be used.

    Args:
        error: What KMS said.
    """
    code, reason = _KEY_PROBLEMS.get(error.code, ("KMSAccessDeniedException", "KMS access was denied"))
    return AwsError(
        code,
        f"Lambda was unable to decrypt the environment variables because {reason}. "
        f"Please check the function's KMS key settings. {_of_kms(error)}",
        status=502,
    )


_KEY_PROBLEMS: Final = {
    "DisabledException": ("KMSDisabledException", "the KMS key used is disabled"),
    "KMSInvalidStateException": (
        "KMSInvalidStateException",
        "the state of the KMS key used is not valid for Decrypt",
    ),
    "NotFoundException": ("KMSNotFoundException", "the KMS key was not found"),
}


def _of_kms(error: AwsError) -> str:
    return f"KMS Exception: {error.code} KMS Message: {error.message}"


def hidden_variables(error: AwsError) -> str:
    """Why an answer does not show a function's variables.

    Args:
        error: What KMS said.
    """
    return (
        "Lambda was unable to decrypt your environment variables because the KMS access was denied. "
        f"Please check your KMS permissions. {_of_kms(error)}"
    )


def no_policy() -> AwsError:
    """The function has no policy to show."""
    return no_such_resource()


def no_layer_policy() -> AwsError:
    """The layer's version has no policy to show."""
    return not_found("No policy is associated with the given resource.")


def statement_exists(statement_id: str) -> AwsError:
    """The function's policy has a statement of this id."""
    text = (
        f"The statement id ({statement_id}) provided already exists. "
        "Please provide a new statement id, or remove the existing statement."
    )
    return AwsError("ResourceConflictException", text, status=409)


def statement_not_found(statement_id: str) -> AwsError:
    """The function's policy has no statement of this id."""
    return not_found(f"Statement {statement_id} is not found in resource policy.")


def policy_too_long(size: int, limit: int) -> AwsError:
    """The function's policy would have more than ``limit`` bytes."""
    return AwsError(
        "PolicyLengthExceededException", f"The final policy size ({size}) is bigger than the limit ({limit})."
    )


def public_policy() -> AwsError:
    """The function's policy would let everybody in."""
    text = (
        "Lambda prevented your policy from being created because it would grant public access to your function. "
        "Hold the principal * to an account, an organization or a source."
    )
    return AwsError("PublicPolicyException", text)
