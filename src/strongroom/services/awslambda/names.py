"""How a function is named in a request: name, partial ARN or ARN, each with or without a qualifier.

Source: Lambda API Reference, "FunctionName" of the operations. A name is compared exactly as written, so each text
means one function only. A name alone means the caller's own account and region; a function of another account can be
named by an ARN or partial ARN.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from strongroom.services.awslambda import failures

__all__ = ["LATEST", "FunctionReference", "function_arn", "parse_function_arn", "parse_reference", "require_new_name"]

LATEST: Final = "$LATEST"
"""The version of a function that is not published: what updates change."""

_LONGEST_NAME: Final = 64  # Lambda quotas: the name alone, without the ARN around it
_NAME: Final = r"(?P<name>[a-zA-Z0-9_.-]+)(?::(?P<qualifier>[a-zA-Z0-9_.$-]+))?"
_SHORT: Final = re.compile(_NAME)
_PARTIAL: Final = re.compile(rf"(?P<account>[0-9]{{12}}):function:{_NAME}")
_FULL: Final = re.compile(
    rf"arn:(?P<partition>aws[a-zA-Z-]*):lambda:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{{12}}):function:{_NAME}"
)


@dataclass(frozen=True, slots=True)
class FunctionReference:
    """What a request calls a function, before anything was looked up.

    Args:
        account: The account that would own it.
        region: The region it would be in.
        name: The function's name.
        arn: The ARN that the function would have, without a qualifier.
        qualifier: The version or alias that the request names; None when it names none.
    """

    account: str
    region: str
    name: str
    arn: str
    qualifier: str | None = None

    @property
    def qualified_arn(self) -> str:
        """The ARN as the request names it: with the qualifier, if there is one."""
        return self.arn if self.qualifier is None else f"{self.arn}:{self.qualifier}"

    @property
    def names_latest(self) -> bool:
        """Whether the request means the function as it is now, not a published version or an alias."""
        return self.qualifier in {None, LATEST}

    def of_function(self) -> FunctionReference:
        """The function itself, for operations that take no qualifier. ``$LATEST`` may be named.

        Raises:
            AwsError: ``InvalidParameterValueException``: a version or an alias is named.
        """
        if not self.names_latest:
            raise failures.invalid_parameter(f"Invalid function name: {self.name}:{self.qualifier}")
        return self


def function_arn(account: str, region: str, name: str) -> str:
    """The ARN of a function."""
    return f"arn:aws:lambda:{region}:{account}:function:{name}"


def parse_reference(text: str, account: str, region: str, qualifier: str | None = None) -> FunctionReference:
    """Read what a request calls a function.

    Args:
        text: ``FunctionName`` of the request.
        account: The caller's account.
        region: The region of the request.
        qualifier: ``Qualifier`` of the request.

    Raises:
        AwsError: ``InvalidParameterValueException``: the text names no function, or two qualifiers disagree;
            ``ResourceNotFoundException``: it names a function of another region.
    """
    reference = parse_function_arn(text) or _parse_short(text, account, region)
    if reference is None:
        raise failures.invalid_parameter(f"Invalid function name: {text}")
    if reference.region != region:
        raise failures.other_region(reference.region, region)
    if qualifier is None or qualifier == reference.qualifier:
        return reference
    if reference.qualifier is not None:
        raise failures.invalid_parameter(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    return FunctionReference(reference.account, reference.region, reference.name, reference.arn, qualifier)


def parse_function_arn(text: str) -> FunctionReference | None:
    """Read a full ARN, with or without a qualifier; None when ``text`` is not the ARN of a function."""
    found = _FULL.fullmatch(text)
    if found is None:
        return None
    # The partition stays as it was written: the function of another partition is another function.
    arn = f"arn:{found['partition']}:lambda:{found['region']}:{found['account']}:function:{found['name']}"
    return FunctionReference(found["account"], found["region"], found["name"], arn, found["qualifier"])


def _parse_short(text: str, account: str, region: str) -> FunctionReference | None:
    """Read a name or a partial ARN."""
    found = _PARTIAL.fullmatch(text)
    if found is not None:
        account = found["account"]
    else:
        found = _SHORT.fullmatch(text)
    if found is None:
        return None
    name = found["name"]
    return FunctionReference(account, region, name, function_arn(account, region, name), found["qualifier"])


def require_new_name(reference: FunctionReference) -> None:
    """Return only if a function of this name can be made.

    Raises:
        AwsError: ``InvalidParameterValueException`` for a qualifier or a dot; ``ValidationException`` for a name of
            more than 64 characters.
    """
    if reference.qualifier is not None or "." in reference.name:
        raise failures.invalid_parameter(f"Invalid function name: {reference.name}")
    if len(reference.name) > _LONGEST_NAME:
        raise failures.constraint(
            "functionName", reference.name, f"Member must have length less than or equal to {_LONGEST_NAME}"
        )
