"""Tags of instances and clusters: taken from requests, kept as JSON, shown again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import orjson

from strongroom.services.rds import failures

__all__ = [
    "RESERVED",
    "TagList",
    "pack_tags",
    "request_tag_context",
    "request_tags",
    "require_room",
    "shown_tags",
    "unpack_tags",
]

TagList: TypeAlias = Sequence[Mapping[str, str]]
"""A list of tags in the model's shape, where key and value are both optional."""

RESERVED: Final = "strongroom:"
"""Keys that begin so describe the server, and are set when it is registered."""

_MOST_TAGS: Final = 50
_LONGEST_KEY: Final = 128
_LONGEST_VALUE: Final = 256


def request_tags(tags: TagList | None) -> dict[str, str]:
    """The tags of a request, by key.

    Raises:
        AwsError: ``InvalidParameterValue``: a key is missing, too long or AWS's own, or there are too many
            (Amazon RDS User Guide, "Tagging Amazon RDS resources").
    """
    found: dict[str, str] = {}
    for tag in tags or ():
        key, value = tag.get("Key", ""), tag.get("Value", "")
        if not 1 <= len(key) <= _LONGEST_KEY:
            raise failures.invalid_value("The tag key must be between 1 and 128 characters long.")
        if len(value) > _LONGEST_VALUE:
            raise failures.invalid_value("The tag value must be at most 256 characters long.")
        if key.lower().startswith(("aws:", "rds:")):
            raise failures.invalid_value("Tag keys that begin with aws: or rds: are reserved for AWS.")
        if "\0" in key or "\0" in value:
            raise failures.invalid_value("Tags must not contain the character U+0000.")
        found[key] = value
    require_room(found)
    return found


def require_room(tags: Mapping[str, str]) -> None:
    """Refuse more tags than a resource can have.

    Raises:
        AwsError: ``InvalidParameterValue``.
    """
    if len(tags) > _MOST_TAGS:
        raise failures.invalid_value(f"A resource can have at most {_MOST_TAGS} tags.")


def request_tag_context(tags: TagList | None) -> dict[str, str | tuple[str, ...]]:
    """Condition keys of the tags that a request carries: ``aws:RequestTag``, ``aws:TagKeys`` and ``rds:req-tag``."""
    context: dict[str, str | tuple[str, ...]] = {}
    for tag in tags or ():
        key, value = tag.get("Key", ""), tag.get("Value", "")
        context[f"aws:requesttag/{key.lower()}"] = value
        context[f"rds:req-tag/{key.lower()}"] = value
    if tags:
        context["aws:tagkeys"] = tuple(tag.get("Key", "") for tag in tags)
    return context


def pack_tags(tags: Mapping[str, str]) -> str:
    """Tags as a row holds them."""
    return orjson.dumps(dict(tags)).decode()


def unpack_tags(text: str) -> dict[str, str]:
    """Tags from a row."""
    tags: dict[str, str] = orjson.loads(text)
    return tags


def shown_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags in the model's shape."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
