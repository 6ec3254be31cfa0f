"""Import tokens: the private half of a transfer key, sealed, with what it was made for.

Nothing of a transfer is kept in the store. The token comes back with the wrapped material and says itself for which
key, with which algorithm and until when.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final

from strongroom.keyring import InvalidCiphertext, Keyring
from strongroom.services.kms import failures

__all__ = ["Transfer", "import_token", "open_import_token"]

_PURPOSE: Final = "kms-import-token"


@dataclass(frozen=True, slots=True)
class Transfer:
    """One transfer of key material.

    Args:
        algorithm: The wrapping algorithm.
        valid_to_ms: When the token ends, in milliseconds since the epoch.
        private: The private key that unwraps.
    """

    algorithm: str
    valid_to_ms: int
    private: bytes = field(repr=False)


def import_token(keyring: Keyring, key_arn: str, transfer: Transfer) -> bytes:
    """The token of a transfer to a key."""
    note = [transfer.algorithm, transfer.valid_to_ms, transfer.private.hex()]
    return keyring.seal_system(_PURPOSE, json.dumps(note).encode(), _context(key_arn))


def open_import_token(keyring: Keyring, key_arn: str, token: bytes, now_ms: int) -> Transfer:
    """The transfer that a token belongs to.

    Args:
        keyring: Opens it.
        key_arn: The key that the material is for.
        token: What the caller sent.
        now_ms: The instant of the call, in milliseconds since the epoch.

    Raises:
        AwsError: ``InvalidImportTokenException`` or ``ExpiredImportTokenException``.
    """
    try:
        algorithm, valid_to_ms, private = json.loads(keyring.open_system(_PURPOSE, token, _context(key_arn)))
    except InvalidCiphertext:
        raise failures.invalid_import_token(key_arn) from None
    if now_ms >= valid_to_ms:
        raise failures.expired_import_token()
    return Transfer(algorithm, valid_to_ms, bytes.fromhex(private))


def _context(key_arn: str) -> dict[str, str]:
    return {"KeyArn": key_arn}
