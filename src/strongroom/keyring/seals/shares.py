"""The shares seal: the root key opens when enough holders of a share come together.

The shares are SLIP-39 mnemonics: k of n open, fewer tell nothing. What they share is the private half of an X25519
key pair (RFC 7748). The root key is sealed to the public half, as in HPKE (RFC 9180), so that the next root key can
be sealed to the same shares while their holders sleep. The document is authenticated under the root key (see
`strongroom.keyring.seals.document`), so nobody can put a public key of their own there.

The document also keeps a hash of each share, each of 256 random bits. A text that is none of the shares is told at
once, before it is parsed and before it could spoil those that were given: holding a share is the authority to give it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from shamir_mnemonic import MnemonicError, combine_mnemonics, generate_mnemonics  # type: ignore[import-untyped]

from strongroom.errors import OperatorError
from strongroom.keyring.header import InvalidCiphertext, Layer, encode_header
from strongroom.keyring.kdf import KEY_LENGTH, derive
from strongroom.keyring.root import RootKey
from strongroom.keyring.sealing import HoldsKey, SealingKey
from strongroom.keyring.seals.entry import SealEntry, damaged
from strongroom.world import Entropy

__all__ = ["MOST_SHARES", "NotAShare", "ShareCollector", "ShareSet", "SharesSeal", "new_share_set"]

MOST_SHARES: Final = 16
"""The most shares of one set (SLIP-39)."""

_KIND: Final = "shares"
_HEADER: Final = encode_header(Layer.SEAL, _KIND)
_BOX_LABEL: Final = b"strongroom seal for shares"
_DIGEST_LABEL: Final = b"strongroom share\0"
_LONGEST_SHARE: Final = 1024  # 33 words of at most 8 letters, and any spaces between them
_ITERATION_EXPONENT: Final = 0  # SLIP-39 stretches a passphrase with it; there is none


class NotAShare(OperatorError):
    """The text is not one of the shares. Which of its words are wrong is not told."""

    def __init__(self) -> None:
        super().__init__(
            "This is not one of the shares of this root key.",
            why="A word is mistyped or missing, or the share is of an older set or of another installation.",
            fix="Type the words of the share again, in their order.",
        )


@dataclass(frozen=True, slots=True)
class ShareSet:
    """What is known of a set of shares without having one.

    Attributes:
        threshold: How many shares open.
        public_key: The X25519 public key whose private half they share, 32 bytes.
        digests: The SHA-256 of each share, in hexadecimal digits.
    """

    threshold: int
    public_key: bytes
    digests: tuple[str, ...]

    @classmethod
    def of(cls, entry: SealEntry) -> ShareSet:
        """The set that a seal was made for.

        Raises:
            OperatorError: The entry is damaged.
        """
        entry.require_kind(_KIND)
        digests = tuple(entry.text("share_digests").split(" "))
        return cls(entry.number("threshold", 2, len(digests)), entry.binary("public_key"), digests)


def new_share_set(threshold: int, count: int, entropy: Entropy) -> tuple[ShareSet, tuple[str, ...]]:
    """A new set of shares: what is stored of it, and the shares themselves, each a line of 33 words.

    Args:
        threshold: How many shares open, at least 2.
        count: How many there are, at most `MOST_SHARES`.
        entropy: Where the shared secret comes from. What hides it in each share SLIP-39's own library draws.

    Raises:
        OperatorError: The numbers do not fit.
    """
    if not 2 <= threshold <= count <= MOST_SHARES:
        raise OperatorError(
            f"There is no set of {count} shares of which {threshold} open.",
            why="One share alone would be the key itself.",
            fix=f"Choose a threshold of at least 2, and at most {MOST_SHARES} shares.",
        )
    secret = entropy.bytes(KEY_LENGTH)
    [shares] = generate_mnemonics(1, [(threshold, count)], secret, iteration_exponent=_ITERATION_EXPONENT)
    public_key = X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    return ShareSet(threshold, public_key, tuple(_digest(share) for share in shares)), tuple(shares)


class SharesSeal:
    """Keeps the root key sealed to a set of shares.

    Args:
        share_set: The set.
        entropy: Where the ephemeral key and the nonce come from when sealing.
        collector: The shares that were given, for opening.
    """

    kind: Final = _KIND

    def __init__(self, share_set: ShareSet, entropy: Entropy, collector: ShareCollector | None = None) -> None:
        self._set = share_set
        self._entropy = entropy
        self._collector = collector

    def seal(self, root_key: RootKey) -> SealEntry:
        """Seal the root key to the set. It takes no share.

        Raises:
            OperatorError: The public key in the document is damaged.
        """
        ephemeral = X25519PrivateKey.from_private_bytes(self._entropy.bytes(KEY_LENGTH))
        own = ephemeral.public_key().public_bytes_raw()
        try:
            agreed = ephemeral.exchange(X25519PublicKey.from_public_bytes(self._set.public_key))
        except ValueError:
            raise damaged("the public key of a set of shares is not one") from None
        box = _box(agreed, own, self._set.public_key)
        wrapped = box.seal(root_key.expose(), _context(root_key.fingerprint, self._set), self._entropy)
        parameters: dict[str, str | int] = {
            "threshold": self._set.threshold,
            "public_key": self._set.public_key.hex(),
            "share_digests": " ".join(self._set.digests),
            "ephemeral_key": own.hex(),
            "wrapped_root_key": wrapped.hex(),
        }
        return SealEntry(self.kind, root_key.fingerprint, parameters)

    def open(self, entry: SealEntry) -> RootKey:
        """The root key, from the shares that were given.

        Raises:
            OperatorError: Shares are missing, or the entry is damaged.
        """
        entry.require_kind(self.kind)
        if self._collector is None or self._collector.needed:
            raise OperatorError("Shares of the root key are missing.", fix="Give them with `strongroom unseal`.")
        return self._collector.open(entry)


class ShareCollector(HoldsKey):
    """Takes the shares of one set, one after the other, until they open.

    Args:
        entry: The seal.

    Raises:
        OperatorError: The entry is damaged.
    """

    def __init__(self, entry: SealEntry) -> None:
        self._set = ShareSet.of(entry)
        self._given: dict[str, str] = {}

    @property
    def needed(self) -> int:
        """How many more shares it takes."""
        return max(0, self._set.threshold - len(self._given))

    def give(self, text: str) -> None:
        """Take a share. One that was given before changes nothing.

        Args:
            text: Its words, in upper or lower case, with any white space between them.

        Raises:
            NotAShare: It is none of this set.
        """
        share = " ".join(text[: _LONGEST_SHARE + 1].lower().split())
        digest = _digest(share)
        if len(text) > _LONGEST_SHARE or digest not in self._set.digests:
            raise NotAShare
        self._given[digest] = share

    def open(self, entry: SealEntry) -> RootKey:
        """The root key of a seal that was made for this set, once nothing more is `needed`.

        Raises:
            OperatorError: The entry is damaged.
        """
        own, public = entry.binary("ephemeral_key"), self._set.public_key
        shares = list(self._given.values())[: self._set.threshold]
        try:
            private = X25519PrivateKey.from_private_bytes(combine_mnemonics(shares))
            agreed = private.exchange(X25519PublicKey.from_public_bytes(own))
            wrapped = entry.binary("wrapped_root_key")
            return RootKey(_box(agreed, own, public).open(wrapped, _context(entry.root_key_id, self._set)))
        except (MnemonicError, InvalidCiphertext, ValueError):
            # A cause would carry words of the shares.
            raise damaged("the shares are right, and what was sealed to them does not open") from None


def _digest(share: str) -> str:
    return hashlib.sha256(_DIGEST_LABEL + share.encode("utf-8", "surrogatepass")).hexdigest()


def _box(agreed: bytes, ephemeral_key: bytes, public_key: bytes) -> SealingKey:
    return SealingKey(derive(agreed, _BOX_LABEL, ephemeral_key + public_key, KEY_LENGTH), _HEADER)


def _context(root_key_id: str, share_set: ShareSet) -> dict[str, str]:
    return {
        "root_key_id": root_key_id,
        "threshold": str(share_set.threshold),
        "share_digests": " ".join(share_set.digests),
    }
