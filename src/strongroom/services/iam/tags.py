"""Tags as requests bring them and answers show them.

A tag key is kept as it was written and is unique without regard to case (IAM User Guide, "Tags for IAM resources").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from strongroom.identity.directory import tags_of
from strongroom.services.iam.owners import delete_tag, put_tag
from strongroom.services.iam.problems import invalid_input, limit_exceeded
from strongroom.store import Transaction

__all__ = ["TagList", "add_tags", "remove_tags", "request_tags", "shown_tags", "tag_request_context"]

TagList: TypeAlias = Sequence[Mapping[str, str]]
"""A list of tags in the model's shape."""

_MOST_TAGS: Final = 50


def request_tags(tags: TagList | None) -> dict[str, str]:
    """The tags of a request, by key.

    Raises:
        AwsError: ``InvalidInput``: one key twice, or a key that belongs to AWS.
    """
    found = {tag["Key"]: tag["Value"] for tag in tags or ()}
    if len({key.lower() for key in found}) != len(tags or ()):
        raise invalid_input("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if any(key.lower().startswith("aws:") for key in found):
        raise invalid_input("Tag keys that begin with aws: are reserved for AWS.")
    return found


def tag_request_context(tags: TagList | None) -> dict[str, str | tuple[str, ...]]:
    """The condition keys of a request that sets tags; what is wrong with them is said after authorisation."""
    context: dict[str, str | tuple[str, ...]] = {
        f"aws:requesttag/{tag['Key'].lower()}": tag["Value"] for tag in tags or ()
    }
    if tags:
        context["aws:tagkeys"] = tuple(tag["Key"] for tag in tags)
    return context


def add_tags(transaction: Transaction, owner_id: str, tags: Mapping[str, str]) -> None:
    """Set tags; a tag whose key differs in case only is replaced.

    Raises:
        AwsError: ``LimitExceeded``: more than 50 tags.
    """
    present = {key.lower(): key for key in tags_of(transaction, owner_id)}
    if len(present.keys() | {key.lower() for key in tags}) > _MOST_TAGS:
        raise limit_exceeded("The number of tags has reached the maximum limit.")
    for key, value in tags.items():
        if key.lower() in present:
            delete_tag(transaction, owner_id, present[key.lower()])
        put_tag(transaction, owner_id, key, value)


def remove_tags(transaction: Transaction, owner_id: str, keys: Sequence[str]) -> None:
    """Remove tags, whatever the case of their keys; keys that are not there do not matter."""
    folded = {key.lower() for key in keys}
    for key in tags_of(transaction, owner_id):
        if key.lower() in folded:
            delete_tag(transaction, owner_id, key)


def shown_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags in the model's shape."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
