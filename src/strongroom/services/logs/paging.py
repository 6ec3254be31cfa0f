"""Tokens of pages: what a page ended with, in a form that clients do not read."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

from strongroom.services.logs import failures

__all__ = ["page_after", "page_token"]


def page_token(*last: object) -> str:
    """The token of a page that ended with these values, none of which holds a line feed."""
    return urlsafe_b64encode("\n".join(map(str, last)).encode()).decode()


def page_after(token: str | None, parts: int) -> list[str] | None:
    """The values of a token; None for the first page.

    Args:
        token: ``nextToken`` of the request.
        parts: How many values there are.

    Raises:
        AwsError: ``InvalidParameterException``: it is none of ours.
    """
    if token is None:
        return None
    try:
        values = urlsafe_b64decode(token).decode().split("\n")
    except (binascii.Error, ValueError):
        values = []
    if len(values) != parts or any("\0" in value for value in values):
        raise failures.invalid_parameter("The specified nextToken is invalid.")
    return values
