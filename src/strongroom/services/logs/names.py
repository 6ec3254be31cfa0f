"""How log groups are named in requests and policies: by name or ARN.

A policy names a group as ``arn:...:log-group:NAME:*``, which covers the group and its streams: what AWS asks about a
group ends in ``:log-stream:``, and about a stream in ``:log-stream:STREAM`` (as in the texts of its denials).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from strongroom.services.logs import failures

__all__ = ["GroupReference", "parse_group", "parse_group_arn"]

_ARN: Final = re.compile(
    r"arn:aws[a-zA-Z-]*:logs:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):log-group:(?P<name>[.\-_/#A-Za-z0-9]{1,512})"
    r"(:\*)?"
)
_NAME: Final = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")


@dataclass(frozen=True, slots=True)
class GroupReference:
    """What a request calls a log group, before anything was looked up.

    Args:
        account: The account that would own it.
        region: The region it would be in.
        name: Its name.
    """

    account: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        """The group's ARN, as tags are put on it."""
        return f"arn:aws:logs:{self.region}:{self.account}:log-group:{self.name}"

    def resource(self, stream: str = "") -> str:
        """What a policy must cover for the group, or for one of its streams."""
        return f"{self.arn}:log-stream:{stream}"


def parse_group(name: str | None, identifier: str | None, account: str, region: str) -> GroupReference:
    """Read what a request calls a group.

    Args:
        name: ``logGroupName``.
        identifier: ``logGroupIdentifier``, a name or an ARN.
        account: The caller's account.
        region: The region of the request.

    Raises:
        AwsError: ``InvalidParameterException``: neither or both are given, or it names no group of this region.
    """
    if (name is None) == (identifier is None):
        raise failures.invalid_parameter("Specify either logGroupName or logGroupIdentifier, and not both.")
    if name is not None:
        return GroupReference(account, region, name)
    text = identifier or ""
    found = _ARN.fullmatch(text)
    if found is not None:
        if found["region"] != region:
            raise failures.invalid_parameter(f"The log group {text} is in another region than the request.")
        return GroupReference(found["account"], found["region"], found["name"])
    if _NAME.fullmatch(text) is None:
        raise failures.invalid_parameter(f"Invalid log group identifier: {text}")
    return GroupReference(account, region, text)


def parse_group_arn(arn: str, region: str) -> GroupReference:
    """Read the ARN of a group, as the tagging operations take it.

    Raises:
        AwsError: ``InvalidParameterException``: it is none of this region.
    """
    found = _ARN.fullmatch(arn)
    if found is None or found["region"] != region:
        raise failures.invalid_parameter(f"Invalid resource ARN: {arn}")
    return GroupReference(found["account"], found["region"], found["name"])
