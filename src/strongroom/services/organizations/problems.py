"""The errors of Organizations, with AWS's texts (Organizations API reference, and recorded answers)."""

from __future__ import annotations

from strongroom.errors import AccessDenied, AwsError

__all__ = [
    "constraint_violation",
    "invalid_input",
    "malformed_policy",
    "no_such_account",
    "no_such_child",
    "no_such_parent",
    "no_such_policy",
    "no_such_request",
    "no_such_root",
    "no_such_target",
    "no_such_unit",
    "not_for_members",
    "refuse_nul",
    "type_not_available",
]


def constraint_violation(reason: str, message: str) -> AwsError:
    """A limit, by its ``Reason``."""
    return AwsError("ConstraintViolationException", message, members={"Reason": reason})


def invalid_input(reason: str, message: str) -> AwsError:
    """A parameter that makes no sense, by its ``Reason``."""
    return AwsError("InvalidInputException", message, members={"Reason": reason})


def malformed_policy() -> AwsError:
    """The document is no service control policy."""
    return AwsError(
        "MalformedPolicyDocumentException",
        "The provided policy document does not meet the requirements of the specified policy type.",
    )


def no_such_account() -> AwsError:
    """No account has this id."""
    return AwsError("AccountNotFoundException", "You specified an account that doesn't exist.")


def no_such_child() -> AwsError:
    """No account or unit has this id."""
    return AwsError("ChildNotFoundException", "You specified a child that doesn't exist.")


def no_such_parent() -> AwsError:
    """No root or unit has this id."""
    return AwsError("ParentNotFoundException", "You specified parent that doesn't exist.")


def no_such_policy() -> AwsError:
    """No policy has this id."""
    return AwsError("PolicyNotFoundException", "You specified a policy that doesn't exist.")


def no_such_request() -> AwsError:
    """No account was asked for under this id."""
    return AwsError("CreateAccountStatusNotFoundException", "You specified a status that doesn't exist.")


def no_such_root() -> AwsError:
    """The root has another id."""
    return AwsError("RootNotFoundException", "You specified a root that doesn't exist.")


def no_such_target() -> AwsError:
    """Nothing that policies and tags are attached to has this id."""
    return AwsError("TargetNotFoundException", "You specified a target that doesn't exist.")


def no_such_unit() -> AwsError:
    """No organizational unit has this id."""
    return AwsError("OrganizationalUnitNotFoundException", "You specified an organizational unit that doesn't exist.")


def not_for_members() -> AwsError:
    """Only the management account may do this."""
    return AccessDenied("You don't have permissions to access this resource.")


def refuse_nul(*texts: str | None) -> None:
    """Refuse the NUL character, which PostgreSQL's text type cannot hold.

    Raises:
        AwsError: ``InvalidInputException``.
    """
    if any(text is not None and "\0" in text for text in texts):
        raise invalid_input("INVALID_PATTERN", "You provided a value that does not match the required pattern.")


def type_not_available() -> AwsError:
    """A policy of a type other than service control policies."""
    return AwsError(
        "PolicyTypeNotAvailableForOrganizationException",
        "You can't use the specified policy type with this organization: it has service control policies only.",
    )
