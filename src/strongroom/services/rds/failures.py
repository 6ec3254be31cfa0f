"""The errors of RDS. The texts about parameters are AWS's where it has one; those about tags and logins are our own."""

from __future__ import annotations

from strongroom.errors import AwsError

__all__ = ["invalid_combination", "invalid_value"]


def invalid_value(message: str) -> AwsError:
    """InvalidParameterValue: a parameter has a value that it cannot have."""
    return AwsError("InvalidParameterValue", message)


def invalid_combination(message: str) -> AwsError:
    """InvalidParameterCombination: parameters exclude or require each other."""
    return AwsError("InvalidParameterCombination", message)
