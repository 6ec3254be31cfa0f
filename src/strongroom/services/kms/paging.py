"""Pages of a list. A marker is the last item of the page before, so a list may change between two pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["page_size", "with_page"]

T = TypeVar("T")


def page_size(limit: int | None, *, default: int, most: int) -> int:
    """How many items a page holds: what the caller wants, within what the operation allows."""
    return min(limit or default, most)


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
