"""Operations that encrypt, decrypt and make random bytes.

Grants do not exist here, so a grant token, which only makes a new grant work sooner, allows nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from strongroom.services.call import Call, Context
from strongroom.services.kms import failures
from strongroom.services.kms.base import KmsBase
from strongroom.services.kms.cipher import FreshKey, read_header
from strongroom.services.kms.keys import ALGORITHM, Key
from strongroom.services.kms.names import is_key_arn
from strongroom.store import Transaction

__all__ = ["CryptographicOperations"]

_NO_CONTEXT: Final[Mapping[str, str]] = {}
_DATA_KEY_BYTES: Final = {"AES_128": 16, "AES_256": 32}


class CryptographicOperations(KmsBase):
    """Encrypt, Decrypt, ReEncrypt, GenerateDataKey, GenerateDataKeyWithoutPlaintext and GenerateRandom."""

    async def encrypt(
        self,
        call: Call,
        *,
        KeyId: str,
        Plaintext: bytes,
        EncryptionContext: Mapping[str, str] | None = None,
        GrantTokens: Sequence[str] | None = None,
        EncryptionAlgorithm: str | None = None,
        DryRun: bool | None = None,
    ) -> dict[str, object]:
        """Seal up to 4,096 bytes under a key."""
        context = EncryptionContext or _NO_CONTEXT

        def work(transaction: Transaction) -> dict[str, object]:
            key = self._usable(transaction, call, "kms:Encrypt", KeyId, context, EncryptionAlgorithm)
            _stop_dry_run(DryRun)
            return {
                "CiphertextBlob": self.cipher.encrypt(key, Plaintext, context),
                "KeyId": key.arn,
                "EncryptionAlgorithm": ALGORITHM,
            }

        return await call.read(work)

    async def decrypt(
        self,
        call: Call,
        *,
        CiphertextBlob: bytes | None = None,
        EncryptionContext: Mapping[str, str] | None = None,
        GrantTokens: Sequence[str] | None = None,
        KeyId: str | None = None,
        EncryptionAlgorithm: str | None = None,
        Recipient: Mapping[str, object] | None = None,
        DryRun: bool | None = None,
        DryRunModifiers: Sequence[str] | None = None,
    ) -> dict[str, object]:
        """Open a ciphertext under the key that it names, which must be ``KeyId`` if that is given."""
        _refuse_recipient(Recipient)
        ciphertext = _required_ciphertext(CiphertextBlob, DryRunModifiers)
        context = EncryptionContext or _NO_CONTEXT

        def work(transaction: Transaction) -> dict[str, object]:
            key, plaintext, material_id = self._open(
                transaction, call, "kms:Decrypt", KeyId, ciphertext, context, EncryptionAlgorithm
            )
            _stop_dry_run(DryRun)
            return {
                "KeyId": key.arn,
                "Plaintext": plaintext,
                "EncryptionAlgorithm": ALGORITHM,
                "KeyMaterialId": material_id,
            }

        return await call.read(work)

    async def re_encrypt(
        self,
        call: Call,
        *,
        DestinationKeyId: str,
        CiphertextBlob: bytes | None = None,
        SourceEncryptionContext: Mapping[str, str] | None = None,
        SourceKeyId: str | None = None,
        DestinationEncryptionContext: Mapping[str, str] | None = None,
        SourceEncryptionAlgorithm: str | None = None,
        DestinationEncryptionAlgorithm: str | None = None,
        GrantTokens: Sequence[str] | None = None,
        DryRun: bool | None = None,
        DryRunModifiers: Sequence[str] | None = None,
    ) -> dict[str, object]:
        """Seal the plaintext of a ciphertext under another key or context, without showing it to the caller."""
        ciphertext = _required_ciphertext(CiphertextBlob, DryRunModifiers)
        new_context = DestinationEncryptionContext or _NO_CONTEXT

        def work(transaction: Transaction) -> dict[str, object]:
            destination = self.directory.find(transaction, call, DestinationKeyId).key
            is_same = destination is not None and destination.arn == read_header(ciphertext).key_arn
            conditions = {"kms:reencryptonsamekey": "true" if is_same else "false"}
            source, plaintext, material_id = self._open(
                transaction,
                call,
                "kms:ReEncryptFrom",
                SourceKeyId,
                ciphertext,
                SourceEncryptionContext or _NO_CONTEXT,
                SourceEncryptionAlgorithm,
                conditions,
            )
            key = self._usable(
                transaction,
                call,
                "kms:ReEncryptTo",
                DestinationKeyId,
                new_context,
                DestinationEncryptionAlgorithm,
                conditions,
            )
            _stop_dry_run(DryRun)
            return {
                "CiphertextBlob": self.cipher.encrypt(key, plaintext, new_context),
                "SourceKeyId": source.arn,
                "KeyId": key.arn,
                "SourceEncryptionAlgorithm": ALGORITHM,
                "DestinationEncryptionAlgorithm": ALGORITHM,
                "SourceKeyMaterialId": material_id,
                "DestinationKeyMaterialId": key.record.material_id,
            }

        return await call.read(work)

    async def generate_data_key(
        self,
        call: Call,
        *,
        KeyId: str,
        EncryptionContext: Mapping[str, str] | None = None,
        NumberOfBytes: int | None = None,
        KeySpec: str | None = None,
        GrantTokens: Sequence[str] | None = None,
        Recipient: Mapping[str, object] | None = None,
        DryRun: bool | None = None,
    ) -> dict[str, object]:
        """A new data key, in clear and sealed under a key."""
        _refuse_recipient(Recipient)
        count = _data_key_bytes(KeySpec, NumberOfBytes)
        context = EncryptionContext or _NO_CONTEXT

        def work(transaction: Transaction) -> dict[str, object]:
            key, fresh = self._fresh(transaction, call, "kms:GenerateDataKey", KeyId, count, context, DryRun)
            return {**_sealed(key, fresh), "Plaintext": fresh.plaintext}

        return await call.read(work)

    async def generate_data_key_without_plaintext(
        self,
        call: Call,
        *,
        KeyId: str,
        EncryptionContext: Mapping[str, str] | None = None,
        KeySpec: str | None = None,
        NumberOfBytes: int | None = None,
        GrantTokens: Sequence[str] | None = None,
        DryRun: bool | None = None,
    ) -> dict[str, object]:
        """A new data key, sealed under a key only."""
        count = _data_key_bytes(KeySpec, NumberOfBytes)
        context = EncryptionContext or _NO_CONTEXT

        def work(transaction: Transaction) -> dict[str, object]:
            action = "kms:GenerateDataKeyWithoutPlaintext"
            return _sealed(*self._fresh(transaction, call, action, KeyId, count, context, DryRun))

        return await call.read(work)

    async def generate_random(
        self,
        call: Call,
        *,
        NumberOfBytes: int | None = None,
        CustomKeyStoreId: str | None = None,
        Recipient: Mapping[str, object] | None = None,
    ) -> dict[str, object]:
        """Unpredictable bytes, 1 to 1,024 of them."""
        _refuse_recipient(Recipient)
        if CustomKeyStoreId is not None:
            raise failures.unsupported("CustomKeyStoreId")
        if NumberOfBytes is None:
            raise failures.validation("Please specify number of bytes.")
        call.authorize("kms:GenerateRandom", "*", context={"kms:calleraccount": call.account})
        return {"Plaintext": self._world.entropy.bytes(NumberOfBytes)}

    def _usable(
        self,
        transaction: Transaction,
        call: Call,
        action: str,
        key_id: str,
        context: Mapping[str, str],
        algorithm: str | None = None,
        conditions: Context = _NO_CONTEXT,
    ) -> Key:
        """The key of a request that encrypts or decrypts: authorised and enabled."""
        key = self.directory.for_use(transaction, call, action, key_id, encryption_context=context, context=conditions)
        if algorithm not in {None, ALGORITHM}:
            raise failures.wrong_algorithm(str(algorithm))
        key.require_usable()
        return key

    def _open(
        self,
        transaction: Transaction,
        call: Call,
        action: str,
        key_id: str | None,
        ciphertext: bytes,
        context: Mapping[str, str],
        algorithm: str | None,
        conditions: Context = _NO_CONTEXT,
    ) -> tuple[Key, bytes, str]:
        """The key of a ciphertext, its plaintext, and the id of the material it was made under."""
        header = read_header(ciphertext)
        if key_id is None and not is_key_arn(header.key_arn, call.region):
            raise failures.invalid_ciphertext()
        key = self._usable(transaction, call, action, key_id or header.key_arn, context, algorithm, conditions)
        if key.arn != header.key_arn:
            raise failures.incorrect_key()
        return key, self.cipher.decrypt(key, ciphertext, context), header.material_id

    def _fresh(
        self,
        transaction: Transaction,
        call: Call,
        action: str,
        key_id: str,
        count: int,
        context: Mapping[str, str],
        dry_run: bool | None,
    ) -> tuple[Key, FreshKey]:
        key = self._usable(transaction, call, action, key_id, context)
        _stop_dry_run(dry_run)
        return key, self.cipher.fresh_key(key, count, context)


def _sealed(key: Key, fresh: FreshKey) -> dict[str, object]:
    return {"CiphertextBlob": fresh.ciphertext, "KeyId": key.arn, "KeyMaterialId": key.record.material_id}


def _data_key_bytes(key_spec: str | None, number_of_bytes: int | None) -> int:
    """How many bytes a data key has: by its kind or by number, exactly one of the two."""
    if key_spec is not None and number_of_bytes is None:
        return _DATA_KEY_BYTES[key_spec]
    if number_of_bytes is not None and key_spec is None:
        return number_of_bytes
    raise failures.validation("Please specify either number of bytes or key spec.")


def _required_ciphertext(ciphertext: bytes | None, modifiers: Sequence[str] | None) -> bytes:
    if modifiers:
        raise failures.unsupported("DryRunModifiers")
    if ciphertext is None:
        raise failures.validation(
            "1 validation error detected: Value at 'ciphertextBlob' failed to satisfy constraint: "
            "Member must not be null"
        )
    return ciphertext


def _refuse_recipient(recipient: Mapping[str, object] | None) -> None:
    if recipient is not None:
        raise failures.unsupported("Recipient")


def _stop_dry_run(dry_run: bool | None) -> None:
    if dry_run:
        raise failures.dry_run()
