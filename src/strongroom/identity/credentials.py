"""The text of credentials: access keys, unique ids, and how the secret half is kept.

Forms (IAM User Guide, "IAM identifiers"): an access key id is ``AKIA`` (long-term) or ``ASIA`` (temporary) and 16
characters; a secret access key has 40; a unique id is a four-letter prefix and 17 characters.
"""

from __future__ import annotations

from base64 import b32encode, b64encode
from dataclasses import dataclass, field
from typing import Final

from strongroom.keyring import Keyring
from strongroom.world import Entropy

__all__ = [
    "GROUP_ID",
    "MANAGED_POLICY_ID",
    "ROLE_ID",
    "TEMPORARY_KEY",
    "USER_ID",
    "USER_KEY",
    "AccessKey",
    "new_access_key",
    "new_unique_id",
    "open_secret",
    "seal_secret",
]

USER_KEY: Final = "AKIA"
TEMPORARY_KEY: Final = "ASIA"
USER_ID: Final = "AIDA"
GROUP_ID: Final = "AGPA"
ROLE_ID: Final = "AROA"
MANAGED_POLICY_ID: Final = "ANPA"

_PURPOSE: Final = "access-key"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """Both halves of an access key. The secret half stays out of ``repr``."""

    access_key_id: str
    secret_access_key: str = field(repr=False)


def new_access_key(entropy: Entropy, prefix: str = USER_KEY) -> AccessKey:
    """A fresh access key.

    Args:
        entropy: Where its 80 public and 240 secret random bits come from.
        prefix: `USER_KEY` or `TEMPORARY_KEY`.
    """
    return AccessKey(prefix + b32encode(entropy.bytes(10)).decode(), b64encode(entropy.bytes(30)).decode())


def new_unique_id(entropy: Entropy, prefix: str) -> str:
    """A unique id, never used again: `USER_ID`, `ROLE_ID` or `MANAGED_POLICY_ID`, then 17 characters of base32."""
    return prefix + b32encode(entropy.bytes(11)).decode()[:17]


def seal_secret(keyring: Keyring, account: str, key: AccessKey) -> bytes:
    """The secret half as the store keeps it, bound to its key id and account."""
    return keyring.seal_system(_PURPOSE, key.secret_access_key.encode(), _context(account, key.access_key_id))


def open_secret(keyring: Keyring, account: str, access_key_id: str, sealed: bytes) -> str:
    """The secret access key that `seal_secret` sealed.

    Raises:
        InvalidCiphertext: It was altered, or belongs to another key or account.
    """
    return keyring.open_system(_PURPOSE, sealed, _context(account, access_key_id)).decode()


def _context(account: str, access_key_id: str) -> dict[str, str]:
    return {"AccessKeyId": access_key_id, "Account": account}
