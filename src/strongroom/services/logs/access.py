"""Ask whether the caller may do this to a log group or stream, and find it: the one way in for every operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from strongroom.services.call import Call
from strongroom.services.logs import failures
from strongroom.services.logs.group_records import GroupRecord, find_group, tags_of_group
from strongroom.services.logs.names import GroupReference
from strongroom.services.texts import holds_nul
from strongroom.store import Transaction

__all__ = ["GROUP_TYPE", "authorize_group", "authorized_group", "request_tags"]

GROUP_TYPE: Final = "AWS::Logs::LogGroup"
"""What a group is called in the audit trail."""

_SEALED: Final = frozenset({"logEvents", "filterPattern"})
"""Parameters that are stored sealed or not at all, so that they may hold any text."""

_NO_CONTEXT: Final[Mapping[str, str | tuple[str, ...]]] = {}


def request_tags(tags: Mapping[str, str] | None) -> dict[str, str | tuple[str, ...]]:
    """The condition keys of the tags that a request carries."""
    if not tags:
        return {}
    context: dict[str, str | tuple[str, ...]] = {f"aws:requesttag/{key.lower()}": value for key, value in tags.items()}
    return context | {"aws:tagkeys": tuple(tags)}


def authorize_group(
    transaction: Transaction,
    call: Call,
    action: str,
    reference: GroupReference,
    *,
    stream: str = "",
    context: Mapping[str, str | tuple[str, ...]] = _NO_CONTEXT,
) -> GroupRecord | None:
    """The group that a request names, if there is one, after asking for ``action`` on it or on one of its streams.

    Raises:
        AccessDenied: The caller may not, whether there is such a group or not.
        AwsError: ``InvalidParameterException``: the request holds text that cannot be stored.
    """
    found = find_group(transaction, reference)
    tags = {} if found is None else tags_of_group(transaction, reference)
    known = {f"aws:resourcetag/{key.lower()}": value for key, value in tags.items()}
    call.authorize(action, reference.resource(stream), resource_account=reference.account, context={**known, **context})
    call.touches(reference.arn, GROUP_TYPE, reference.account)
    for name, value in call.parameters.items():
        if name not in _SEALED and holds_nul(value):
            raise failures.invalid_parameter(f"{name} holds a NUL character.")
    return found


def authorized_group(
    transaction: Transaction,
    call: Call,
    action: str,
    reference: GroupReference,
    *,
    stream: str = "",
    context: Mapping[str, str | tuple[str, ...]] = _NO_CONTEXT,
) -> GroupRecord:
    """As `authorize_group`, for a group that must be there.

    Raises:
        AwsError: ``ResourceNotFoundException``.
    """
    found = authorize_group(transaction, call, action, reference, stream=stream, context=context)
    if found is None:
        raise failures.group_not_found()
    return found
