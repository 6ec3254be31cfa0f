"""Tags of accounts, units, policies and the root: their rows, and the rules of a request that sets them.

A key is kept as it was written; here it has case, as in most services ("Tag naming limits and requirements").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from sqlalchemy import bindparam, delete, insert, select

from strongroom.services.organizations.problems import constraint_violation, invalid_input
from strongroom.store import Statement, Transaction
from strongroom.store.schema import organization_tags

__all__ = ["TagList", "Values", "delete_tags", "put_tags", "request_tags", "tag_request_context", "tags_of"]

TagList: TypeAlias = Sequence[Mapping[str, str]]
"""A list of tags in the model's shape."""

Values: TypeAlias = str | tuple[str, ...]

_MOST_TAGS: Final = 50

_t = organization_tags.c
_TAGS: Final = Statement(select(_t.key, _t.value).where(_t.resource_id == bindparam("resource")).order_by(_t.key))
_ADD: Final = Statement(
    insert(organization_tags).values(resource_id=bindparam("resource"), key=bindparam("tag"), value=bindparam("worth"))
)
_DELETE: Final = Statement(
    delete(organization_tags).where(_t.resource_id == bindparam("resource"), _t.key == bindparam("tag"))
)


def tags_of(transaction: Transaction, resource_id: str) -> dict[str, str]:
    """The tags of a resource, by key."""
    return dict(transaction.all(_TAGS, {"resource": resource_id}))


def request_tags(tags: TagList | None) -> dict[str, str]:
    """The tags of a request, by key.

    Raises:
        AwsError: ``InvalidInputException``: one key twice, or a key that belongs to AWS.
    """
    found = {tag["Key"]: tag["Value"] for tag in tags or ()}
    if len(found) != len(tags or ()):
        raise invalid_input("DUPLICATE_TAG_KEY", "Tag keys must be unique among the tags attached to the same entity.")
    if any(key.lower().startswith("aws:") for key in found):
        raise invalid_input(
            "INVALID_SYSTEM_TAGS_PARAMETER", "You specified a tag key that begins with aws:, which is reserved for AWS."
        )
    return found


def tag_request_context(tags: TagList | None) -> dict[str, Values]:
    """The condition keys of a request that sets tags."""
    context: dict[str, Values] = {f"aws:requesttag/{tag['Key'].lower()}": tag["Value"] for tag in tags or ()}
    if tags:
        context["aws:tagkeys"] = tuple(tag["Key"] for tag in tags)
    return context


def put_tags(transaction: Transaction, resource_id: str, tags: Mapping[str, str]) -> None:
    """Set tags; those with the same key are replaced.

    Raises:
        AwsError: ``ConstraintViolationException``: more than 50 tags.
    """
    if len(tags_of(transaction, resource_id).keys() | tags.keys()) > _MOST_TAGS:
        raise constraint_violation("MAX_TAG_LIMIT_EXCEEDED", f"A resource can have at most {_MOST_TAGS} tags.")
    delete_tags(transaction, resource_id, list(tags))
    for key, value in tags.items():
        transaction.run(_ADD, {"resource": resource_id, "tag": key, "worth": value})


def delete_tags(transaction: Transaction, resource_id: str, keys: Sequence[str]) -> None:
    """Delete tags by key; keys that are not there do not matter."""
    for key in keys:
        transaction.run(_DELETE, {"resource": resource_id, "tag": key})
