"""NextToken of LookupEvents: the key of a page's last event, and what the page was asked with.

AWS refuses a token that is used with other parameters than those it was made for (CloudTrail API Reference,
``InvalidNextTokenException``). A token says nothing that the page did not; who makes one up sees another page of the
same events.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from typing import Final

import orjson

from strongroom.errors import AwsError

__all__ = ["below", "token_for"]

_DIGEST_BYTES: Final = 8
_HIGHEST: Final = (1 << 63) - 1


def token_for(key: int, asked: object) -> str:
    """The token for the page behind an event.

    Args:
        key: The event's key in the index.
        asked: What was asked, as JSON-able data.
    """
    return urlsafe_b64encode(orjson.dumps([key, _digest(asked)])).decode()


def below(token: str | None, asked: object) -> int | None:
    """The key below which a page begins; None for the first page.

    Args:
        token: The request's NextToken.
        asked: What is asked, as for `token_for`.

    Raises:
        AwsError: ``InvalidNextTokenException``: the token is none of ours, or was made for another question.
    """
    if token is None:
        return None
    try:
        found = orjson.loads(urlsafe_b64decode(token))
    except (binascii.Error, ValueError):
        raise _invalid() from None
    match found:
        case [int(key), str(digest)] if 0 <= key <= _HIGHEST and digest == _digest(asked):
            return key
        case _:
            raise _invalid()


def _digest(asked: object) -> str:
    return blake2b(orjson.dumps(asked), digest_size=_DIGEST_BYTES).hexdigest()


def _invalid() -> AwsError:
    return AwsError(
        "InvalidNextTokenException",
        "The token is not valid, or was used before in a request with other parameters.",
    )
