"""Pages of a list: ``Marker`` and ``MaxItems``.

A marker says after what the next page begins, in base64: a name for lists that may be long and change meanwhile, a
position for the short lists of one user, role or policy.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Final, TypeVar

from strongroom.services.iam.problems import validation_error

__all__ = ["DEFAULT_MAX_ITEMS", "after_marker", "page", "tail"]

T = TypeVar("T")

DEFAULT_MAX_ITEMS: Final = 100
"""How many items a page holds when the caller does not say (IAM API reference)."""


def after_marker(marker: str | None) -> str:
    """What the page begins after; empty for the first page.

    Raises:
        AwsError: ``ValidationError``: the marker is none of ours.
    """
    if marker is None:
        return ""
    try:
        return urlsafe_b64decode(marker).decode()
    except (binascii.Error, ValueError):
        raise validation_error("Invalid Marker.") from None


def tail(last: str | None) -> dict[str, object]:
    """``IsTruncated`` and ``Marker`` of an answer.

    Args:
        last: What the next page begins after; None when there is none.
    """
    if last is None:
        return {"IsTruncated": False}
    return {"IsTruncated": True, "Marker": urlsafe_b64encode(last.encode()).decode()}


def page(items: Sequence[T], marker: str | None, max_items: int | None) -> tuple[Sequence[T], dict[str, object]]:
    """One page of a short list that is read whole.

    Args:
        items: The whole list, in a fixed order.
        marker: ``Marker`` of the request.
        max_items: ``MaxItems`` of the request.

    Returns:
        The page's items, and the members of the answer that say whether there are more.
    """
    position = after_marker(marker)
    if position and not (position.isascii() and position.isdigit() and len(position) < 10):
        raise validation_error("Invalid Marker.")
    begin = int(position or "0")
    end = begin + (max_items or DEFAULT_MAX_ITEMS)
    return items[begin:end], tail(str(end) if end < len(items) else None)
