"""Seal and open a secret's value under its data key.

Each version of a secret has a data key of its own. The data key is kept only as a KMS ciphertext beside the value,
so reading the value takes `kms:Decrypt` on the secret's KMS key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from strongroom.keyring.header import COMMITMENT_LENGTH, NONCE_LENGTH, Layer, encode_header
from strongroom.keyring.sealing import Opener, SealingKey
from strongroom.world import Entropy

__all__ = ["SETTLED_LENGTH", "open_with_data_key", "seal_with_data_key", "value_opener"]

_HEADER: Final = encode_header(Layer.DATA_KEY, "data-key")

SETTLED_LENGTH: Final = len(_HEADER) + NONCE_LENGTH + COMMITMENT_LENGTH
"""Bytes at the start of a sealed value from which, with the data key and the context, its own key follows."""


def seal_with_data_key(data_key: bytes, plaintext: bytes, context: Mapping[str, str], entropy: Entropy) -> bytes:
    """Encrypt a secret's value.

    Args:
        data_key: 32 bytes, as `kms:GenerateDataKey` gives for ``AES_256``.
        plaintext: The value.
        context: What the value belongs to: ``SecretARN`` and ``SecretVersionId``, as AWS Secrets Manager has it.
        entropy: Where the ciphertext's nonce comes from.

    Raises:
        ValueError: The data key is not 32 bytes long.
    """
    return SealingKey(data_key, _HEADER).seal(plaintext, context, entropy)


def open_with_data_key(data_key: bytes, blob: bytes, context: Mapping[str, str]) -> bytes:
    """Decrypt a secret's value. The arguments are those of `seal_with_data_key`.

    Raises:
        InvalidCiphertext: The ciphertext is malformed or altered, or belongs to another secret, version or key.
        ValueError: The data key is not 32 bytes long.
    """
    return SealingKey(data_key, _HEADER).open(blob, context)


def value_opener(data_key: bytes, blob: bytes, context: Mapping[str, str]) -> Opener:
    """What opens this sealed value, and every one whose first `SETTLED_LENGTH` bytes are the same.

    The arguments are those of `seal_with_data_key`.

    Raises:
        InvalidCiphertext: The ciphertext is malformed, or belongs to another secret, version or key.
        ValueError: The data key is not 32 bytes long.
    """
    return SealingKey(data_key, _HEADER).opener(blob, context)
