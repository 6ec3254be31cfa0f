"""The keyring: what the services use to encrypt and decrypt under KMS keys and for the system itself.

It keeps opened keys in bounded caches and nothing on disk: wrapped key material comes in and goes out as bytes. Who
may use a key, and whether the key is enabled, its callers decide before they ask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hmac import digest as hmac_digest
from typing import Final, TypeAlias

from strongroom.keyring.cache import BoundedCache
from strongroom.keyring.context import encode_context
from strongroom.keyring.header import InvalidCiphertext, Layer, encode_header
from strongroom.keyring.kdf import KEY_LENGTH, derive
from strongroom.keyring.root import RootKey
from strongroom.keyring.sealing import HoldsKey, Opener, SealingKey
from strongroom.keyring.signing import SigningKey
from strongroom.keyring.values import SETTLED_LENGTH, value_opener
from strongroom.world import World

__all__ = ["MAC_ALGORITHMS", "Keyring", "UnusableKeyMaterial", "WrappedMaterial", "imported_material_id"]

_MATERIAL_ID_LENGTH: Final = 32  # bytes, as 64 hexadecimal digits: the form of KeyMaterialId in the KMS API
_IMPORTED_ID_LABEL: Final = b"strongroom imported key material"
_MAX_CACHED_CONTEXT: Final = 1024  # bytes: bounds the memory of a cache entry, whose context a caller chooses

_MOST_OPENERS: Final = 4096  # each takes about 3 KB

MAC_ALGORITHMS: Final = {
    "HMAC_SHA_224": "sha224",
    "HMAC_SHA_256": "sha256",
    "HMAC_SHA_384": "sha384",
    "HMAC_SHA_512": "sha512",
}
"""The MAC algorithms by their names in the KMS API, and their hash functions."""

_Context: TypeAlias = Mapping[str, str]
_DataKeyEntry: TypeAlias = tuple[str, str, bytes]
"""ARN of the KMS key, id of the material, ciphertext."""
_ValueEntry: TypeAlias = tuple[bytes, bytes]
"""The data key, and what of the ciphertext settles the value's own key."""


class UnusableKeyMaterial(InvalidCiphertext):
    """The stored material of a KMS key does not open: it is damaged, moved, or of another root key.

    Not the caller's ciphertext but the installation is at fault, so whoever can tell the two apart should.
    """

    def __init__(self, key_arn: str, material_id: str) -> None:
        super().__init__(f"The material {material_id} of the key {key_arn} does not open under the root key.")


@dataclass(frozen=True, slots=True)
class WrappedMaterial:
    """The material of a KMS key, encrypted under the root key: the form in which it is stored.

    Attributes:
        material_id: 64 lower-case hexadecimal digits. A key that was rotated has several materials.
        blob: The encrypted material, bound to the key's ARN and to ``material_id``.
    """

    material_id: str
    blob: bytes = field(repr=False)


class Keyring(HoldsKey):
    """Encrypts and decrypts under KMS keys and for the system's own purposes.

    One keyring serves every thread of its process: the event loop's and the store's.

    Args:
        root: The root key.
        world: Where nonces and new keys come from.
        cache_size: The most entries of each of its caches: opened key material, opened data keys, and the ciphers of
            values.
    """

    __slots__ = ("_data_keys", "_entropy", "_materials", "_openers", "_root", "_system_keys")

    def __init__(self, root: RootKey, world: World, *, cache_size: int = 10_000) -> None:
        self._root = root
        self._entropy = world.entropy
        self._materials: BoundedCache[tuple[str, str], SealingKey] = BoundedCache(cache_size)
        self._data_keys: BoundedCache[_DataKeyEntry, tuple[_Context, bytes]] = BoundedCache(cache_size)
        self._openers: BoundedCache[_ValueEntry, tuple[_Context, Opener]] = BoundedCache(min(cache_size, _MOST_OPENERS))
        self._system_keys: BoundedCache[str, SealingKey] = BoundedCache(cache_size)

    def new_material(self, key_arn: str, length: int = KEY_LENGTH) -> WrappedMaterial:
        """Fresh key material for a KMS key: random bytes, wrapped under the root key and bound to ``key_arn``.

        Args:
            key_arn: The name of the key in its ciphertexts: its ARN, or what the keys of one multi-Region key share.
            length: Bytes of material: 32 for a key that encrypts.
        """
        material_id = self._entropy.bytes(_MATERIAL_ID_LENGTH).hex()
        return self._wrap_material(key_arn, material_id, self._entropy.bytes(length))

    def keep_material(self, key_arn: str, material: bytes) -> WrappedMaterial:
        """Key material that its owner made, in the form of `new_material`.

        The id is derived from the material and the key's name: the same material has the same id when it comes again.
        """
        return self._wrap_material(key_arn, imported_material_id(key_arn, material), material)

    def _wrap_material(self, key_arn: str, material_id: str, material: bytes) -> WrappedMaterial:
        blob = self._root.wrap(material, _material_context(key_arn, material_id), self._entropy)
        return WrappedMaterial(material_id, blob)

    def wrap_again(self, key_arn: str, material: WrappedMaterial, successor: RootKey) -> bytes:
        """The material of a KMS key, wrapped under the root key that follows this keyring's.

        Raises:
            UnusableKeyMaterial: The material does not open.
        """
        context = _material_context(key_arn, material.material_id)
        return successor.wrap(self._unwrap_material(key_arn, material), context, self._entropy)

    def mac(self, key_arn: str, material: WrappedMaterial, algorithm: str, message: bytes) -> bytes:
        """The HMAC of ``message`` (RFC 2104) under the material of a KMS key made for it.

        Args:
            key_arn: The name under which the material was wrapped.
            material: The key's material.
            algorithm: One of `MAC_ALGORITHMS`.
            message: What to authenticate.

        Raises:
            UnusableKeyMaterial: The material does not open.
        """
        return hmac_digest(self._unwrap_material(key_arn, material), message, MAC_ALGORITHMS[algorithm])

    def encrypt(self, key_arn: str, material: WrappedMaterial, plaintext: bytes, context: Mapping[str, str]) -> bytes:
        """Encrypt under a KMS key. The ciphertext names the key and its material: see `inspect`.

        Args:
            key_arn: The full ARN of the key.
            material: The key's current material.
            plaintext: The bytes to encrypt. The limit of `kms:Encrypt`, 4,096 bytes, is for the caller to enforce.
            context: The encryption context, which `decrypt` must be given again.

        Raises:
            UnusableKeyMaterial: The material does not open.
        """
        return self._open_material(key_arn, material).seal(plaintext, context, self._entropy)

    def encryptor(
        self, key_arn: str, material: WrappedMaterial, context: Mapping[str, str]
    ) -> Callable[[bytes], bytes]:
        """`encrypt` for any number of plaintexts with one encryption context.

        Keep what it gives no longer than the key is known to be usable.

        Raises:
            UnusableKeyMaterial: The material does not open.
        """
        sealer = self._open_material(key_arn, material).sealer(context)
        return lambda plaintext: sealer.seal(plaintext, self._entropy)

    def decrypt(self, key_arn: str, material: WrappedMaterial, blob: bytes, context: Mapping[str, str]) -> bytes:
        """Decrypt what `encrypt` made under the same key, material and context.

        A plaintext of 32 bytes, the length of a data key, is kept in memory and given again without decrypting
        until `forget` or `forget_all` is called or newer ones take its place. Other plaintexts are not kept.

        Raises:
            InvalidCiphertext: The ciphertext is malformed or altered, or the key, material or context is another one.
            UnusableKeyMaterial: The material does not open.
        """
        entry = (key_arn, material.material_id, blob)
        kept = self._data_keys.get(entry)
        # A ciphertext opens under one context only; another one goes through the decryption, which refuses it.
        if kept is not None and kept[0] == context:
            return kept[1]
        plaintext = self._open_material(key_arn, material).open(blob, context)
        if len(plaintext) == KEY_LENGTH and len(encode_context(context)) <= _MAX_CACHED_CONTEXT:
            self._data_keys.put(entry, (dict(context), plaintext))
        return plaintext

    def open_value(self, data_key: bytes, blob: bytes, context: Mapping[str, str]) -> bytes:
        """As `open_with_data_key`, without deriving the key of a value again that was read before.

        The value itself is not kept: it is decrypted and authenticated each time. `forget` of any key drops what is
        kept, as it is not known under which KMS key a data key was.

        Raises:
            InvalidCiphertext: The ciphertext is malformed or altered, or belongs to another secret, version or key.
            ValueError: The data key is not 32 bytes long.
        """
        return self.value_opener(data_key, blob, context).open(blob)

    def value_opener(self, data_key: bytes, blob: bytes, context: Mapping[str, str]) -> Opener:
        """The first half of `open_value`: what opens this value, as often as it is asked.

        Raises:
            InvalidCiphertext: The ciphertext is malformed, or belongs to another secret, version or key.
            ValueError: The data key is not 32 bytes long.
        """
        entry = (data_key, blob[:SETTLED_LENGTH])
        kept = self._openers.get(entry)
        if kept is not None and kept[0] == context:
            return kept[1]
        opener = value_opener(data_key, blob, context)
        if len(encode_context(context)) <= _MAX_CACHED_CONTEXT:
            self._openers.put(entry, (dict(context), opener))
        return opener

    def opened_keys(self) -> set[str]:
        """The names of the KMS keys of which something opened is in memory: those that `forget` takes."""
        return {name for name, _ in self._materials.all_keys()} | {name for name, _, _ in self._data_keys.all_keys()}

    def forget(self, *key_arns: str) -> None:
        """Drop from memory everything opened under some KMS keys. Call it whenever a key or its state changes."""
        if not key_arns:
            return
        names = frozenset(key_arns)
        self._materials.drop(lambda entry: entry[0] in names)
        self._data_keys.drop(lambda entry: entry[0] in names)
        self._openers.clear()

    def forget_all(self) -> None:
        """Drop every opened key from memory, apart from the root key."""
        self._materials.clear()
        self._data_keys.clear()
        self._openers.clear()
        self._system_keys.clear()

    def seal_system(self, purpose: str, plaintext: bytes, context: Mapping[str, str]) -> bytes:
        """Encrypt something that the system keeps for itself, such as the secret half of an access key.

        Args:
            purpose: What kind of thing it is. Each purpose has a key of its own, derived from the root key.
            plaintext: Any bytes.
            context: What exactly it belongs to, such as the id of the access key.
        """
        return self._system_key(purpose).seal(plaintext, context, self._entropy)

    def open_system(self, purpose: str, blob: bytes, context: Mapping[str, str]) -> bytes:
        """Decrypt what `seal_system` made for the same purpose and context.

        Raises:
            InvalidCiphertext: The ciphertext is malformed or altered, or the purpose or context is another one.
        """
        return self._system_key(purpose).open(blob, context)

    def signing_key(self, purpose: str) -> SigningKey:
        """The key with which the system signs for one purpose of its own."""
        return self._root.signing_key(purpose)

    def _open_material(self, key_arn: str, material: WrappedMaterial) -> SealingKey:
        entry = (key_arn, material.material_id)
        opened = self._materials.get(entry)
        if opened is None:
            opened = SealingKey(self._unwrap_material(key_arn, material), encode_header(Layer.KMS, *entry))
            self._materials.put(entry, opened)
        return opened

    def _unwrap_material(self, key_arn: str, material: WrappedMaterial) -> bytes:
        try:
            return self._root.unwrap(material.blob, _material_context(key_arn, material.material_id))
        except InvalidCiphertext:
            raise UnusableKeyMaterial(key_arn, material.material_id) from None

    def _system_key(self, purpose: str) -> SealingKey:
        key = self._system_keys.get(purpose)
        if key is None:
            key = self._root.system_key(purpose)
            self._system_keys.put(purpose, key)
        return key


def _material_context(key_arn: str, material_id: str) -> dict[str, str]:
    return {"KeyArn": key_arn, "KeyMaterialId": material_id}


def imported_material_id(key_arn: str, material: bytes) -> str:
    """The id of imported material: 64 hexadecimal digits that tell nothing about the material."""
    return derive(material, _IMPORTED_ID_LABEL, key_arn.encode(), _MATERIAL_ID_LENGTH).hex()
