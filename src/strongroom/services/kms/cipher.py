"""Encrypt and decrypt under a key that was found, authorised and is in a state to be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from strongroom.errors import OperatorError
from strongroom.keyring import CiphertextHeader, InvalidCiphertext, Keyring, UnusableKeyMaterial, inspect
from strongroom.services.kms import failures
from strongroom.services.kms.keys import Key
from strongroom.world import World

__all__ = ["Cipher", "FreshKey", "read_header"]

_LARGEST_PLAINTEXT: Final = 4096  # bytes; KMS API Reference, "Encrypt"


class FreshKey(NamedTuple):
    """New random bytes, and the same sealed under a key."""

    plaintext: bytes
    ciphertext: bytes

    def __repr__(self) -> str:
        return "<FreshKey>"


def read_header(ciphertext: bytes) -> CiphertextHeader:
    """Which key and material a ciphertext says it was made under.

    Raises:
        AwsError: ``InvalidCiphertextException``: it is not a ciphertext of a KMS key.
    """
    try:
        return inspect(ciphertext)
    except InvalidCiphertext:
        raise failures.invalid_ciphertext() from None


class Cipher:
    """The cryptographic half of the operations, and of the client that other services use.

    Args:
        keyring: Holds the root key and does the cryptography.
        world: Where new data keys come from.
    """

    __slots__ = ("_entropy", "_keyring")

    def __init__(self, keyring: Keyring, world: World) -> None:
        self._keyring = keyring
        self._entropy = world.entropy

    def encrypt(self, key: Key, plaintext: bytes, context: Mapping[str, str]) -> bytes:
        """Seal up to 4,096 bytes under the key's current material.

        Raises:
            AwsError: ``ValidationException``: too many bytes.
            OperatorError: The key's material is damaged.
        """
        if len(plaintext) > _LARGEST_PLAINTEXT:
            raise failures.validation(
                "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: "
                f"Member must have length less than or equal to {_LARGEST_PLAINTEXT}"
            )
        try:
            return self._keyring.encrypt(key.sealing_name, key.materials[key.record.material_id], plaintext, context)
        except UnusableKeyMaterial as problem:
            raise _damaged(problem) from None

    def decrypt(self, key: Key, ciphertext: bytes, context: Mapping[str, str]) -> bytes:
        """Open a ciphertext of this key.

        Args:
            key: The key.
            ciphertext: The whole ciphertext.
            context: The encryption context that it was made with.

        Raises:
            AwsError: ``InvalidCiphertextException``: damaged, or made under another key or with another context.
            OperatorError: The key's material is damaged.
        """
        # Most keys have one material, and a ciphertext of another one does not open under it: no need to read which.
        material = key.sole_material or key.materials.get(read_header(ciphertext).material_id)
        if material is None:
            raise failures.invalid_ciphertext()
        try:
            return self._keyring.decrypt(key.sealing_name, material, ciphertext, context)
        except UnusableKeyMaterial as problem:
            raise _damaged(problem) from None
        except InvalidCiphertext:
            raise failures.invalid_ciphertext() from None

    def fresh_key(self, key: Key, count: int, context: Mapping[str, str]) -> FreshKey:
        """``count`` new random bytes, sealed under the key.

        Raises:
            OperatorError: The key's material is damaged.
        """
        return self.fresh_keys(key, count, context)()

    def fresh_keys(self, key: Key, count: int, context: Mapping[str, str]) -> Callable[[], FreshKey]:
        """`fresh_key` for many data keys with one encryption context.

        Raises:
            OperatorError: The key's material is damaged.
        """
        try:
            seal = self._keyring.encryptor(key.sealing_name, key.materials[key.record.material_id], context)
        except UnusableKeyMaterial as problem:
            raise _damaged(problem) from None

        def make() -> FreshKey:
            plaintext = self._entropy.bytes(count)
            return FreshKey(plaintext, seal(plaintext))

        return make

    def mac(self, key: Key, message: bytes) -> bytes:
        """The message authentication code of a message under a key that was made for it.

        Raises:
            OperatorError: The key's material is damaged.
        """
        material = key.materials[key.record.material_id]
        try:
            return self._keyring.mac(key.sealing_name, material, key.spec.algorithm, message)
        except UnusableKeyMaterial as problem:
            raise _damaged(problem) from None


def _damaged(problem: UnusableKeyMaterial) -> OperatorError:
    return OperatorError(
        str(problem),
        why="the row in kms_materials was changed or moved, or belongs to an installation with another root key",
        fix="restore the data folder or database from a backup of this installation",
    )
