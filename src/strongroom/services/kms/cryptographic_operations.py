"""Operations that encrypt, decrypt and make random bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from strongroom.services.call import Again, Call, Context
from strongroom.services.kms import failures
from strongroom.services.kms.base import KmsBase
from strongroom.services.kms.cipher import FreshKey, read_header
from strongroom.services.kms.grant_tokens import require_tokens
from strongroom.services.kms.keys import Key
from strongroom.services.kms.names import local_key_arn, parse_reference
from strongroom.services.kms.specs import ENCRYPT_DECRYPT, ENCRYPTION_ALGORITHM
from strongroom.store import Transaction

__all__ = ["CryptographicOperations"]

_NO_CONTEXT: Final[Mapping[str, str]] = {}
_DATA_KEY_BYTES: Final = {"AES_128": 16, "AES_256": 32}
_IGNORE_CIPHERTEXT: Final = "IGNORE_CIPHERTEXT"


@dataclass(frozen=True, slots=True)
class _Source:
    """What a request wants opened.

    Args:
        key_id: The key that the request names; None to take the one that the ciphertext names.
        ciphertext: The ciphertext; None in a dry run that asks for permissions only.
        context: The encryption context that it was made with.
        algorithm: The algorithm that the request names.
    """

    key_id: str | None
    ciphertext: bytes | None
    context: Mapping[str, str]
    algorithm: str | None


class _Opened(NamedTuple):
    """An opened ciphertext, and the key and material that it was made under."""

    key: Key
    plaintext: bytes
    material_id: str


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
        require_tokens(self._keyring, GrantTokens)
        context = EncryptionContext or _NO_CONTEXT

        def work(transaction: Transaction) -> dict[str, object]:
            key = self._usable(transaction, call, "kms:Encrypt", KeyId, context, EncryptionAlgorithm)
            _stop_dry_run(DryRun)
            return {
                "CiphertextBlob": self.cipher.encrypt(key, Plaintext, context),
                "KeyId": key.arn,
                "EncryptionAlgorithm": ENCRYPTION_ALGORITHM,
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
        require_tokens(self._keyring, GrantTokens)
        source = _Source(
            KeyId,
            _given_ciphertext(CiphertextBlob, KeyId, DryRunModifiers, dry_run=DryRun),
            EncryptionContext or _NO_CONTEXT,
            EncryptionAlgorithm,
        )

        def work(transaction: Transaction) -> dict[str, object]:
            opened = self._open(transaction, call, "kms:Decrypt", source)
            _stop_dry_run(DryRun)
            if source.ciphertext is not None:
                call.progress.again = self._decrypting(opened.key, source.ciphertext, source.context)
            return {
                "KeyId": opened.key.arn,
                "Plaintext": opened.plaintext,
                "EncryptionAlgorithm": ENCRYPTION_ALGORITHM,
                "KeyMaterialId": opened.material_id,
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
        require_tokens(self._keyring, GrantTokens)
        source = _Source(
            SourceKeyId,
            _given_ciphertext(CiphertextBlob, SourceKeyId, DryRunModifiers, dry_run=DryRun),
            SourceEncryptionContext or _NO_CONTEXT,
            SourceEncryptionAlgorithm,
        )
        new_context = DestinationEncryptionContext or _NO_CONTEXT

        def work(transaction: Transaction) -> dict[str, object]:
            conditions = self._same_key_condition(transaction, call, source, DestinationKeyId)
            opened = self._open(transaction, call, "kms:ReEncryptFrom", source, conditions)
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
                "CiphertextBlob": self.cipher.encrypt(key, opened.plaintext, new_context),
                "SourceKeyId": opened.key.arn,
                "KeyId": key.arn,
                "SourceEncryptionAlgorithm": ENCRYPTION_ALGORITHM,
                "DestinationEncryptionAlgorithm": ENCRYPTION_ALGORITHM,
                "SourceKeyMaterialId": opened.material_id,
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
        require_tokens(self._keyring, GrantTokens)
        count = _data_key_bytes(KeySpec, NumberOfBytes)
        context = EncryptionContext or _NO_CONTEXT

        def work(transaction: Transaction) -> dict[str, object]:
            action = "kms:GenerateDataKey"
            key, fresh_key = self._fresh(transaction, call, action, KeyId, count, context, DryRun)
            fresh = fresh_key()
            call.progress.again = _generating(fresh_key)
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
        require_tokens(self._keyring, GrantTokens)
        count = _data_key_bytes(KeySpec, NumberOfBytes)
        context = EncryptionContext or _NO_CONTEXT

        def work(transaction: Transaction) -> dict[str, object]:
            action = "kms:GenerateDataKeyWithoutPlaintext"
            key, fresh_key = self._fresh(transaction, call, action, KeyId, count, context, DryRun)
            return _sealed(key, fresh_key())

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
            raise failures.no_key_store(CustomKeyStoreId)
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
        if algorithm not in {None, ENCRYPTION_ALGORITHM}:
            raise failures.wrong_algorithm(str(algorithm), key.spec.name)
        key.require_usable(ENCRYPT_DECRYPT, action, call.now_ms)
        return key

    def _open(
        self,
        transaction: Transaction,
        call: Call,
        action: str,
        source: _Source,
        conditions: Context = _NO_CONTEXT,
    ) -> _Opened:
        """Open what a request wants opened, if the caller may."""
        if source.ciphertext is None:
            key = self._usable(
                transaction, call, action, source.key_id or "", source.context, source.algorithm, conditions
            )
            return _Opened(key, b"", key.record.material_id)
        header = read_header(source.ciphertext)
        key_id = source.key_id or self._named_key(transaction, call, action, header.key_arn)
        key = self._usable(transaction, call, action, key_id, source.context, source.algorithm, conditions)
        if key.sealing_name != header.key_arn:
            raise failures.incorrect_key()
        plaintext = self.cipher.decrypt(key, source.ciphertext, source.context)
        return _Opened(key, plaintext, header.material_id)

    def _decrypting(self, key: Key, ciphertext: bytes, context: Mapping[str, str]) -> Again:
        return Again(("Plaintext",), lambda: {"Plaintext": self.cipher.decrypt(key, ciphertext, context)})

    def _named_key(self, transaction: Transaction, call: Call, action: str, name: str) -> str:
        """The ARN of the key that a ciphertext names: a claim, so one that leads nowhere is a bad ciphertext.

        Raises:
            AwsError: ``InvalidCiphertextException``; or access denied, which is all that is told of another account.
        """
        arn = local_key_arn(name, call.region)
        if arn is None:
            raise failures.invalid_ciphertext()
        if self.directory.load(transaction, call.epoch, arn) is None:
            reference = parse_reference(arn, call.account, call.region)
            call.authorize(action, arn, resource_account=reference.account)
            raise failures.invalid_ciphertext()
        return arn

    def _same_key_condition(
        self, transaction: Transaction, call: Call, source: _Source, destination_id: str
    ) -> dict[str, str]:
        """``kms:ReEncryptOnSameKey``, which both permissions of ReEncrypt can ask for."""
        destination = self.directory.find(transaction, call, destination_id).key
        if source.ciphertext is not None:
            name = read_header(source.ciphertext).key_arn
        else:
            from_key = self.directory.find(transaction, call, source.key_id or "").key
            name = "" if from_key is None else from_key.sealing_name
        is_same = destination is not None and destination.sealing_name == name
        return {"kms:reencryptonsamekey": "true" if is_same else "false"}

    def _fresh(
        self,
        transaction: Transaction,
        call: Call,
        action: str,
        key_id: str,
        count: int,
        context: Mapping[str, str],
        dry_run: bool | None,
    ) -> tuple[Key, Callable[[], FreshKey]]:
        """The key of a request for data keys, and what makes them."""
        key = self._usable(transaction, call, action, key_id, context)
        _stop_dry_run(dry_run)
        return key, self.cipher.fresh_keys(key, count, context)


def _generating(fresh_key: Callable[[], FreshKey]) -> Again:
    def make() -> dict[str, bytes]:
        fresh = fresh_key()
        return {"Plaintext": fresh.plaintext, "CiphertextBlob": fresh.ciphertext}

    return Again(("Plaintext", "CiphertextBlob"), make)


def _sealed(key: Key, fresh: FreshKey) -> dict[str, object]:
    return {"CiphertextBlob": fresh.ciphertext, "KeyId": key.arn, "KeyMaterialId": key.record.material_id}


def _data_key_bytes(key_spec: str | None, number_of_bytes: int | None) -> int:
    """How many bytes a data key has: by its kind or by number, exactly one of the two."""
    if key_spec is not None and number_of_bytes is None:
        return _DATA_KEY_BYTES[key_spec]
    if number_of_bytes is not None and key_spec is None:
        return number_of_bytes
    raise failures.validation("Please specify either number of bytes or key spec.")


def _given_ciphertext(
    ciphertext: bytes | None, key_id: str | None, modifiers: Sequence[str] | None, *, dry_run: bool | None
) -> bytes | None:
    """The ciphertext of a request; None when a dry run asks to ignore it, which takes a key's name in its place."""
    if modifiers and not dry_run:
        raise failures.validation("DryRunModifiers can only be used when DryRun is true.")
    if modifiers and _IGNORE_CIPHERTEXT in modifiers:
        if key_id is None:
            raise failures.validation("You must specify the key when DryRunModifiers is IGNORE_CIPHERTEXT.")
        return None
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
