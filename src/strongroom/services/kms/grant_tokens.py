"""Grant tokens: a sealed note of which grant was made.

On AWS a token lets a new grant work before every part of KMS knows of it. Here a grant works from the next request on,
so a token allows nothing by itself; RetireGrant finds its grant by one.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from typing import Final, NamedTuple

from strongroom.keyring import InvalidCiphertext, Keyring
from strongroom.services.kms import failures

__all__ = ["NamedGrant", "grant_token", "open_token", "require_tokens"]

_PURPOSE: Final = "kms-grant-token"
_CONTEXT: Final[dict[str, str]] = {}


class NamedGrant(NamedTuple):
    """Which grant of which key."""

    key_arn: str
    grant_id: str


def grant_token(keyring: Keyring, grant: NamedGrant) -> str:
    """A new token of a grant; no two are the same."""
    return base64.b64encode(keyring.seal_system(_PURPOSE, json.dumps(grant).encode(), _CONTEXT)).decode()


def open_token(keyring: Keyring, token: str) -> NamedGrant:
    """The grant of a token, be it still there or not.

    Raises:
        AwsError: ``InvalidGrantTokenException``.
    """
    try:
        key_arn, grant_id = json.loads(
            keyring.open_system(_PURPOSE, base64.b64decode(token.encode("ascii"), validate=True), _CONTEXT)
        )
    except (InvalidCiphertext, binascii.Error, UnicodeEncodeError):
        raise failures.invalid_grant_token() from None
    return NamedGrant(key_arn, grant_id)


def require_tokens(keyring: Keyring, tokens: Iterable[str] | None) -> None:
    """Refuse what is no token of this installation.

    Raises:
        AwsError: ``InvalidGrantTokenException``.
    """
    for token in tokens or ():
        open_token(keyring, token)
