"""NextToken: where the next page begins, sealed, so that it is worth nothing to another caller or for another query."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import orjson

from strongroom.errors import AwsError
from strongroom.keyring import InvalidCiphertext, Keyring
from strongroom.services.call import Call

__all__ = ["Cursor", "PageTokens"]

Cursor = tuple[int | str | None, str]
"""The sort value and the tie-breaking name or id of the last item of a page."""

_PURPOSE: Final = "secretsmanager-page"


class PageTokens:
    """Makes and reads NextToken values.

    Args:
        keyring: Seals them.
    """

    __slots__ = ("_keyring",)

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def seal(self, call: Call, query: Sequence[object], cursor: Cursor) -> str:
        """The token for the page after ``cursor``.

        Args:
            call: The call, whose caller the token is for.
            query: What was asked, besides the size of a page.
            cursor: Where the page ended.
        """
        blob = self._keyring.seal_system(_PURPOSE, orjson.dumps(cursor), _binding(call, query))
        return urlsafe_b64encode(blob).decode()

    def open(self, call: Call, query: Sequence[object], token: str | None) -> Cursor | None:
        """Where to go on; None at the beginning. The arguments are those of `seal`.

        Raises:
            AwsError: ``InvalidNextTokenException``: the token is not one that this caller got for this query.
        """
        if token is None:
            return None
        try:
            blob = urlsafe_b64decode(token)
            value, tie = orjson.loads(self._keyring.open_system(_PURPOSE, blob, _binding(call, query)))
        except (InvalidCiphertext, binascii.Error, ValueError):
            raise AwsError("InvalidNextTokenException", "Invalid NextToken provided.") from None
        return value, tie


def _binding(call: Call, query: Sequence[object]) -> dict[str, str]:
    return {
        "Account": call.account,
        "Operation": call.operation,
        "Principal": call.caller.arn,
        "Query": sha256(orjson.dumps(query, option=orjson.OPT_SORT_KEYS)).hexdigest(),
        "Region": call.region,
    }
