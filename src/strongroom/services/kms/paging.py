"""Pages of a list. A marker is the last item of the page before, so a list may change between two pages."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import TypeVar

from strongroom.services.kms import failures

__all__ = ["behind", "marker_for", "page_size", "with_page"]

T = TypeVar("T")


def page_size(limit: int | None, *, default: int, most: int) -> int:
    """How many items a page holds: what the caller wants, within what the operation allows."""
    return min(limit or default, most)


def marker_for(kind: str, last: str) -> str:
    """The marker of a page.

    Args:
        kind: Of which list, such as ``keys``.
        last: What the page ends with.
    """
    return urlsafe_b64encode(f"{kind}:{last}".encode()).decode()


def behind(kind: str, marker: str | None) -> str:
    """What a page begins behind: the empty text for the first.

    Args:
        kind: Of which list.
        marker: The marker that `marker_for` made.

    Raises:
        AwsError: ``InvalidMarkerException``: it is of no list of this kind.
    """
    if marker is None:
        return ""
    try:
        found, colon, last = urlsafe_b64decode(marker).decode().partition(":")
    except (binascii.Error, ValueError):
        raise failures.invalid_marker() from None
    if found != kind or not colon or "\0" in last:
        raise failures.invalid_marker()
    return last


def with_page(
    member: str, items: Sequence[T], size: int, show: Callable[[T], object], marker: Callable[[T], str]
) -> dict[str, object]:
    """An answer with one page.

    Args:
        member: The list's name in the answer.
        items: The items from the marker on: up to one more than the page holds, by which a further page is known.
        size: How many the page holds.
        show: An item as the answer has it.
        marker: The marker that stands for an item.
    """
    shown = items[:size]
    answer: dict[str, object] = {member: [show(item) for item in shown], "Truncated": len(items) > size}
    if len(items) > size:
        answer["NextMarker"] = marker(shown[-1])
    return answer
