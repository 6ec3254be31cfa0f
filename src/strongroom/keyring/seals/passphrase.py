"""The passphrase seal: the root key encrypted under a key that only a passphrase gives.

The key comes from Argon2id (RFC 9106), which makes each guess cost memory and time. What it cost is stored in the
document and bound to the encrypted root key, so the cost can be raised later and not lowered by someone else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from argon2.exceptions import HashingError
from argon2.low_level import ARGON2_VERSION, Type, hash_secret_raw

from strongroom.errors import OperatorError
from strongroom.keyring.header import InvalidCiphertext, Layer, encode_header
from strongroom.keyring.kdf import KEY_LENGTH
from strongroom.keyring.root import RootKey
from strongroom.keyring.sealing import HoldsKey, SealingKey
from strongroom.keyring.seals.entry import SealEntry, damaged
from strongroom.world import Entropy

__all__ = ["MIN_PASSPHRASE_LENGTH", "Argon2Cost", "PassphraseSeal"]

MIN_PASSPHRASE_LENGTH: Final = 8
"""The fewest bytes of a passphrase that a root key is sealed with (the minimum of NIST SP 800-63B)."""

_HEADER: Final = encode_header(Layer.SEAL, "passphrase")
_SALT_LENGTH: Final = 16  # RFC 9106, section 4
# A changed document must not make the server ask for all the memory there is, or compute for hours.
_MAX_MEMORY_KIB: Final = 4 * 1024 * 1024
_MAX_ITERATIONS: Final = 1000
_MAX_LANES: Final = 64


@dataclass(frozen=True, slots=True)
class Argon2Cost:
    """What one guess of the passphrase costs. The default is the second recommendation of RFC 9106, section 4.

    Attributes:
        memory_kib: Memory in KiB, at least 8 for each lane and at most 4 GiB.
        iterations: Passes over the memory, from 1 to 1,000.
        lanes: Degree of parallelism, from 1 to 64.
    """

    memory_kib: int = 64 * 1024
    iterations: int = 3
    lanes: int = 4


class PassphraseSeal(HoldsKey):
    """Keeps the root key encrypted in the seal document.

    Args:
        passphrase: The passphrase as bytes; two texts that only look alike are two passphrases.
        entropy: Where salt and nonce come from when sealing.
        cost: What a guess costs, when sealing. Opening uses the cost that the document names.
    """

    kind: Final = "passphrase"

    def __init__(self, passphrase: bytes, entropy: Entropy, cost: Argon2Cost | None = None) -> None:
        self._passphrase = passphrase
        self._entropy = entropy
        self._cost = cost or Argon2Cost()

    def seal(self, root_key: RootKey) -> SealEntry:
        """Encrypt the root key.

        Raises:
            OperatorError: The passphrase is too short, or there is not enough memory.
        """
        if len(self._passphrase) < MIN_PASSPHRASE_LENGTH:
            raise OperatorError(
                "The passphrase is too short to protect a root key.",
                why=f"It has fewer than {MIN_PASSPHRASE_LENGTH} bytes.",
                fix="Choose a longer one: several random words are easy to type and hard to guess.",
            )
        salt = self._entropy.bytes(_SALT_LENGTH)
        context = _context(root_key.fingerprint, self._cost, salt)
        wrapped = self._wrapping_key(self._cost, salt).seal(root_key.expose(), context, self._entropy)
        return SealEntry(
            self.kind,
            root_key.fingerprint,
            {
                "memory_kib": self._cost.memory_kib,
                "iterations": self._cost.iterations,
                "lanes": self._cost.lanes,
                "salt": salt.hex(),
                "wrapped_root_key": wrapped.hex(),
            },
        )

    def open(self, entry: SealEntry) -> RootKey:
        """Decrypt the root key.

        Raises:
            OperatorError: The passphrase is wrong, the document is damaged, or there is not enough memory.
        """
        entry.require_kind(self.kind)
        lanes = entry.number("lanes", 1, _MAX_LANES)
        cost = Argon2Cost(
            memory_kib=entry.number("memory_kib", 8 * lanes, _MAX_MEMORY_KIB),
            iterations=entry.number("iterations", 1, _MAX_ITERATIONS),
            lanes=lanes,
        )
        salt = entry.binary("salt")
        if len(salt) != _SALT_LENGTH:
            raise damaged(f"the salt does not have {_SALT_LENGTH} bytes")
        wrapped = entry.binary("wrapped_root_key")
        try:
            return RootKey(self._wrapping_key(cost, salt).open(wrapped, _context(entry.root_key_id, cost, salt)))
        except InvalidCiphertext:
            raise OperatorError(
                "The passphrase does not open the seal of the root key.",
                why="The passphrase is wrong, or the seal document was changed.",
                fix="Try again with the right passphrase; if it is right, restore the seal document from a backup.",
            ) from None

    def _wrapping_key(self, cost: Argon2Cost, salt: bytes) -> SealingKey:
        try:
            key = hash_secret_raw(
                self._passphrase,
                salt,
                time_cost=cost.iterations,
                memory_cost=cost.memory_kib,
                parallelism=cost.lanes,
                hash_len=KEY_LENGTH,
                type=Type.ID,
                version=ARGON2_VERSION,
            )
        except HashingError as error:
            raise OperatorError(
                "The key of the passphrase could not be computed.",
                why=f"{error} (it takes {cost.memory_kib} KiB of memory).",
                fix="Give this process more memory.",
            ) from error
        return SealingKey(key, _HEADER)


def _context(root_key_id: str, cost: Argon2Cost, salt: bytes) -> dict[str, str]:
    """What the encrypted root key is bound to: everything else that the document says."""
    return {
        "root_key_id": root_key_id,
        "memory_kib": str(cost.memory_kib),
        "iterations": str(cost.iterations),
        "lanes": str(cost.lanes),
        "salt": salt.hex(),
    }
