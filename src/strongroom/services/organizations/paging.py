"""Pages of a list: ``NextToken`` and ``MaxResults``.

A token says after which key the next page begins, in base64, so that a list may change between two pages.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from strongroom.services.organizations.problems import invalid_input

__all__ = ["page"]

T = TypeVar("T")

_PAGE: Final = 20  # the most that the model lets a caller ask for


def page(
    items: Iterable[T], key: Callable[[T], str], token: str | None, max_results: int | None = None
) -> tuple[list[T], dict[str, object]]:
    """One page of a list.

    Args:
        items: The whole list, in any order.
        key: What the list is ordered by; no two items share it.
        token: ``NextToken`` of the request.
        max_results: ``MaxResults`` of the request.

    Returns:
        The page's items, and ``NextToken`` when there are more.

    Raises:
        AwsError: ``InvalidInputException``: the token is none of ours.
    """
    after = "" if token is None else _key_in(token)
    rest = sorted((item for item in items if token is None or key(item) > after), key=key)
    count = max_results or _PAGE
    shown = rest[:count]
    if len(rest) <= count:
        return shown, {}
    return shown, {"NextToken": b64encode(key(shown[-1]).encode()).decode()}


def _key_in(token: str) -> str:
    try:
        return b64decode(token, validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid_input("INVALID_NEXT_TOKEN", "You specified an invalid value for NextToken.") from None
