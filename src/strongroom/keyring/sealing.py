"""Seal and open bytes under one key: the only place where this project encrypts anything.

Every ciphertext gets a key of its own, derived from the long-lived key and a random nonce of 256 bits. AES-GCM under
such a key is used once, which removes the limit of 2^32 random nonces per key (NIST SP 800-38D, section 8.3) and lets
its own nonce be constant. AWS KMS and the AWS Encryption SDK do the same.

AES-GCM alone lets someone who knows two keys make one ciphertext that opens under both. So a second derived value,
the commitment, is stored in the ciphertext and compared before decrypting. Header and encryption context go into
the derivation as well as into the associated data, so the commitment holds for them too: one ciphertext opens under
one key, one key name and one encryption context, whoever made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest
from typing import Final, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.keyring.context import encode_context
from strongroom.keyring.header import COMMITMENT_LENGTH, NONCE_LENGTH, TAG_LENGTH, InvalidCiphertext
from strongroom.keyring.kdf import KEY_LENGTH, Derivation
from strongroom.world import Entropy

__all__ = ["HoldsKey", "Opener", "Sealer", "SealingKey"]

_LABEL: Final = b"strongroom ciphertext"
_GCM_NONCE: Final = bytes(12)  # constant: no two ciphertexts share a key
_DERIVED_LENGTH: Final = KEY_LENGTH + COMMITMENT_LENGTH


class HoldsKey:
    """Base of objects that hold a key: neither their text nor a pickle or copy of them gives it away."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is neither pickled nor copied")


class Opener(HoldsKey):
    """What `SealingKey.opener` derived for one ciphertext: the same ciphertext opens again without the derivation.

    Header, nonce, commitment and encryption context are settled; only the sealed bytes are still to be decrypted and
    authenticated. Keep an opener under everything that settled them, and give it back only for the same.
    """

    __slots__ = ("_aead", "_associated", "_sealed_at")

    def __init__(self, aead: AESGCM, associated: bytes, sealed_at: int) -> None:
        self._aead = aead
        self._associated = associated
        self._sealed_at = sealed_at

    def open(self, blob: bytes) -> bytes:
        """Decrypt a ciphertext that begins like the one this was made for.

        Raises:
            InvalidCiphertext: The sealed bytes are altered.
        """
        try:
            return self._aead.decrypt(_GCM_NONCE, blob[self._sealed_at :], self._associated)
        except InvalidTag:
            raise InvalidCiphertext from None


class Sealer(HoldsKey):
    """What `SealingKey.sealer` prepared: seals any number of plaintexts under one key and encryption context.

    Each ciphertext still has a nonce, a derived key and a commitment of its own.
    """

    __slots__ = ("_associated", "_derivation", "_digest", "_header")

    def __init__(self, derivation: Derivation, header: bytes, associated: bytes) -> None:
        self._derivation = derivation
        self._header = header
        self._associated = associated
        self._digest = sha256(associated).digest()

    def seal(self, plaintext: bytes, entropy: Entropy) -> bytes:
        """Encrypt ``plaintext``. The result is as long as the plaintext plus a fixed overhead.

        Args:
            plaintext: Any bytes, also none at all.
            entropy: Where the ciphertext's nonce comes from.
        """
        nonce = entropy.bytes(NONCE_LENGTH)
        derived = self._derivation.derive(_LABEL, nonce + self._digest, _DERIVED_LENGTH)
        sealed = AESGCM(derived[:KEY_LENGTH]).encrypt(_GCM_NONCE, plaintext, self._associated)
        return b"".join((self._header, nonce, derived[KEY_LENGTH:], sealed))


class SealingKey(HoldsKey):
    """A 256-bit key with the header that names it in every ciphertext made under it.

    Args:
        key: 32 bytes.
        header: The header from `encode_header`.

    Raises:
        ValueError: The key is not 32 bytes long.
    """

    __slots__ = ("_derivation", "_header")

    def __init__(self, key: bytes, header: bytes) -> None:
        if len(key) != KEY_LENGTH:
            raise ValueError(f"a key has {KEY_LENGTH} bytes, not {len(key)}")
        self._derivation = Derivation(key)
        self._header = header

    def seal(self, plaintext: bytes, context: Mapping[str, str], entropy: Entropy) -> bytes:
        """Encrypt ``plaintext``, bound to ``context``. The result is as long as the plaintext plus a fixed overhead.

        Args:
            plaintext: Any bytes, also none at all.
            context: The encryption context, which `open` must be given again.
            entropy: Where the ciphertext's nonce comes from.
        """
        return self.sealer(context).seal(plaintext, entropy)

    def sealer(self, context: Mapping[str, str]) -> Sealer:
        """`seal` for one encryption context, which it is bound to once."""
        return Sealer(self._derivation, self._header, self._header + encode_context(context))

    def open(self, blob: bytes, context: Mapping[str, str]) -> bytes:
        """Decrypt what `seal` made under the same key, header and context.

        Raises:
            InvalidCiphertext: The ciphertext is malformed or altered, or the key, header or context is another one.
        """
        return self.opener(blob, context).open(blob)

    def opener(self, blob: bytes, context: Mapping[str, str]) -> Opener:
        """The first half of `open`: derive the ciphertext's own key and check its commitment.

        Raises:
            InvalidCiphertext: The ciphertext is malformed, or the key, header or context is another one.
        """
        header = self._header
        commitment_at = len(header) + NONCE_LENGTH
        sealed_at = commitment_at + COMMITMENT_LENGTH
        if len(blob) < sealed_at + TAG_LENGTH or not blob.startswith(header):
            raise InvalidCiphertext
        associated = header + encode_context(context)
        nonce = blob[len(header) : commitment_at]
        derived = self._derivation.derive(_LABEL, nonce + sha256(associated).digest(), _DERIVED_LENGTH)
        if not compare_digest(derived[KEY_LENGTH:], blob[commitment_at:sealed_at]):
            raise InvalidCiphertext
        return Opener(AESGCM(derived[:KEY_LENGTH]), associated, sealed_at)
