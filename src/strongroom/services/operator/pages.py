"""NextToken: the key of the last item of a page, in base64. It says nothing that the page did not."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

import orjson

from strongroom.errors import AwsError

__all__ = ["after", "token_for"]

_LONGEST: Final = 1 << 62


def token_for(instant_ms: int, arn: str) -> str:
    """The token for the page behind an item.

    Args:
        instant_ms: The instant by which the list is ordered, in milliseconds since the epoch; 0 where none is.
        arn: The item's secret.
    """
    return urlsafe_b64encode(orjson.dumps([instant_ms, arn])).decode()


def after(token: str | None) -> tuple[int, str]:
    """The instant and ARN behind which a page begins; before everything without a token.

    Raises:
        AwsError: ``InvalidNextTokenException``: the token is none of ours.
    """
    if token is None:
        return 0, ""
    try:
        found = orjson.loads(urlsafe_b64decode(token))
    except (binascii.Error, ValueError):
        raise _invalid() from None
    match found:
        case [int(instant_ms), str(arn)] if 0 <= instant_ms < _LONGEST and "\0" not in arn:
            return instant_ms, arn
        case _:
            raise _invalid()


def _invalid() -> AwsError:
    return AwsError("InvalidNextTokenException", "Invalid NextToken provided.")
