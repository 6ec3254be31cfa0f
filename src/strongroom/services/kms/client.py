"""KMS for the services that seal things: the operations' own path, without parameters to parse and answers to shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from strongroom.errors import AccessDenied
from strongroom.services.call import Call
from strongroom.services.clients import DataKey, KeyDescription
from strongroom.services.kms.keys import Key, key_context
from strongroom.services.kms.names import parse_reference
from strongroom.services.kms.records import KeyRecord
from strongroom.services.kms.service import Kms
from strongroom.services.kms.specs import ENCRYPT_DECRYPT
from strongroom.store import Transaction

__all__ = ["KmsServiceClient"]

_DATA_KEY_BYTES: Final = 32


class KmsServiceClient:
    """Implements `strongroom.services.clients.KmsClient`.

    Args:
        kms: The service.
    """

    __slots__ = ("_cipher", "_directory", "_maker")

    def __init__(self, kms: Kms) -> None:
        self._directory = kms.directory
        self._cipher = kms.cipher
        self._maker = kms.maker

    def describe(self, transaction: Transaction, call: Call, key_id: str) -> KeyDescription:
        """Find a key by id, ARN, alias or alias ARN. Asks for no permission.

        Raises:
            AwsError: ``NotFoundException``.
        """
        found = self._directory.find(transaction, call, key_id)
        if found.key is None:
            raise found.reference.not_found()
        return _description(found.key.record)

    def service_key(self, transaction: Transaction, call: Call, alias: str) -> KeyDescription:
        """A service's own key in the call's account and region, made at first use. ``transaction`` must be a write.

        Raises:
            AwsError: ``NotFoundException``: no service has a key of this name.
        """
        return _description(self._maker.service_key(transaction, call, alias))

    def generate_data_key(
        self, transaction: Transaction, call: Call, key_arn: str, context: Mapping[str, str]
    ) -> DataKey:
        """A new 256-bit data key under ``key_arn``. Needs ``kms:GenerateDataKey``.

        Raises:
            AwsError: Access denied, the key is not there, or its state forbids it.
        """
        key = self._usable(transaction, call, "kms:GenerateDataKey", key_arn, context)
        fresh = self._cipher.fresh_key(key, _DATA_KEY_BYTES, context)
        return DataKey(key_arn=key.arn, plaintext=fresh.plaintext, ciphertext=fresh.ciphertext)

    def encrypt(
        self, transaction: Transaction, call: Call, key_arn: str, plaintext: bytes, context: Mapping[str, str]
    ) -> bytes:
        """Seal up to 4,096 bytes under ``key_arn``. Needs ``kms:Encrypt``.

        Raises:
            AwsError: Access denied, the key is not there, its state forbids it, or the plaintext is too long.
        """
        key = self._usable(transaction, call, "kms:Encrypt", key_arn, context)
        return self._cipher.encrypt(key, plaintext, context)

    def decrypt(
        self, transaction: Transaction, call: Call, key_arn: str, ciphertext: bytes, context: Mapping[str, str]
    ) -> bytes:
        """Open a ciphertext that must be one of ``key_arn``. Needs ``kms:Decrypt``.

        Raises:
            AwsError: Access denied, the key is not there, its state forbids it, or ``InvalidCiphertextException``.
        """
        key = self._usable(transaction, call, "kms:Decrypt", key_arn, context)
        return self._cipher.decrypt(key, ciphertext, context)

    def data_key_for_service(
        self, transaction: Transaction, call: Call, key_arn: str, context: Mapping[str, str]
    ) -> DataKey:
        """`generate_data_key` for a service that goes on with what a caller who might do so asked it for.

        Raises:
            AwsError: A Deny of the key policy, the key is not there, or its state forbids it.
        """
        key = self._usable_by_service(transaction, call, "kms:GenerateDataKey", key_arn, context)
        fresh = self._cipher.fresh_key(key, _DATA_KEY_BYTES, context)
        return DataKey(key_arn=key.arn, plaintext=fresh.plaintext, ciphertext=fresh.ciphertext)

    def decrypt_for_service(
        self, transaction: Transaction, call: Call, key_arn: str, ciphertext: bytes, context: Mapping[str, str]
    ) -> bytes:
        """`decrypt` for a service that goes on with what a caller who might do so asked it for.

        Raises:
            AwsError: A Deny of the key policy, the key is not there, its state forbids it, or
                ``InvalidCiphertextException``.
        """
        key = self._usable_by_service(transaction, call, "kms:Decrypt", key_arn, context)
        return self._cipher.decrypt(key, ciphertext, context)

    def _usable_by_service(
        self, transaction: Transaction, call: Call, action: str, key_arn: str, context: Mapping[str, str]
    ) -> Key:
        key = self._directory.load(transaction, call.epoch, key_arn)
        if key is None:
            raise parse_reference(key_arn, call.account, call.region).not_found()
        forbidden = call.forbids(
            action,
            key.arn,
            resource_account=key.account,
            policy=key.policy,
            context=lambda: key_context(call, key, encryption_context=context),
        )
        if forbidden:
            raise AccessDenied(f"A policy denies {action} on {key.arn} to {call.caller.arn}")
        key.require_usable(ENCRYPT_DECRYPT, action, call.now_ms)
        return key

    def _usable(
        self, transaction: Transaction, call: Call, action: str, key_arn: str, context: Mapping[str, str]
    ) -> Key:
        key = self._directory.load(transaction, call.epoch, key_arn)
        if key is None:
            raise self._directory.absent(call, action, parse_reference(key_arn, call.account, call.region))
        self._directory.authorize(
            call,
            action,
            key,
            lambda: key_context(call, key, encryption_context=context),
            encryption_context=context,
        )
        key.require_usable(ENCRYPT_DECRYPT, action, call.now_ms)
        return key


def _description(record: KeyRecord) -> KeyDescription:
    return KeyDescription(arn=record.arn, account=record.account, manager=record.manager, state=record.state)
