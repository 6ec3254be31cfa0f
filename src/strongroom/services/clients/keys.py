"""KMS, for services that seal things, and what KMS asks of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from strongroom.services.call import Call
from strongroom.store import Transaction

__all__ = ["CiphertextHolder", "DataKey", "HeldCiphertext", "KeyDescription", "KmsClient"]


@dataclass(frozen=True, slots=True)
class KeyDescription:
    """What another service may know of a KMS key."""

    arn: str
    account: str
    manager: str
    """``AWS`` for a service's own key, ``CUSTOMER`` otherwise."""
    state: str


@dataclass(frozen=True, slots=True)
class DataKey:
    """A fresh data key: its 32 bytes, and the same sealed under the KMS key."""

    key_arn: str
    plaintext: bytes = field(repr=False)
    ciphertext: bytes


class KmsClient(Protocol):
    """KMS, for services that seal things. The call says through which service it comes (`Call.forward`)."""

    def describe(self, transaction: Transaction, call: Call, key_id: str) -> KeyDescription:
        """Find a key by id, ARN, alias or alias ARN. Asks for no permission.

        Raises:
            AwsError: ``NotFoundException``, with KMS's text.
        """
        ...

    def service_key(self, transaction: Transaction, call: Call, alias: str) -> KeyDescription:
        """A service's own key in the call's account and region, made at first use.

        Args:
            transaction: A write.
            call: The call that needs the key.
            alias: Such as ``alias/aws/secretsmanager``.
        """
        ...

    def generate_data_key(
        self, transaction: Transaction, call: Call, key_arn: str, context: Mapping[str, str]
    ) -> DataKey:
        """A new 256-bit data key under ``key_arn``. Needs ``kms:GenerateDataKey``.

        Raises:
            AwsError: Access denied, or the key's state forbids it, with KMS's codes.
        """
        ...

    def encrypt(
        self, transaction: Transaction, call: Call, key_arn: str, plaintext: bytes, context: Mapping[str, str]
    ) -> bytes:
        """Seal up to 4,096 bytes under ``key_arn``. Needs ``kms:Encrypt``."""
        ...

    def decrypt(
        self, transaction: Transaction, call: Call, key_arn: str, ciphertext: bytes, context: Mapping[str, str]
    ) -> bytes:
        """Open a ciphertext that must be one of ``key_arn``. Needs ``kms:Decrypt``. The hot path of every read.

        Raises:
            AwsError: Access denied, a key state that forbids it, or ``InvalidCiphertextException``.
        """
        ...

    def data_key_for_service(
        self, transaction: Transaction, call: Call, key_arn: str, context: Mapping[str, str]
    ) -> DataKey:
        """`generate_data_key` for a service that goes on with what a caller who might do so asked it for.

        The service needs no Allow of its own: what that caller showed is like a grant to it. A Deny in the key policy
        and the key's state still stand against it.

        Args:
            transaction: A transaction.
            call: A call whose caller is the service itself.
            key_arn: The key.
            context: The encryption context.

        Raises:
            AwsError: A Deny, or the key's state forbids it.
        """
        ...

    def decrypt_for_service(
        self, transaction: Transaction, call: Call, key_arn: str, ciphertext: bytes, context: Mapping[str, str]
    ) -> bytes:
        """`decrypt` for a service, as in `data_key_for_service`.

        Raises:
            AwsError: A Deny, the key's state forbids it, or ``InvalidCiphertextException``.
        """
        ...


@dataclass(frozen=True, slots=True)
class HeldCiphertext:
    """A ciphertext of a KMS key that a service keeps.

    Args:
        position: Where it stands in the service's order of its ciphertexts, as text.
        key_arn: The key that it was made under.
        ciphertext: The ciphertext.
        context: Its encryption context.
    """

    position: str
    key_arn: str
    ciphertext: bytes = field(repr=False)
    context: Mapping[str, str]


class CiphertextHolder(Protocol):
    """A service's ciphertexts of KMS keys, for KMS to bring to the newest material of their keys."""

    name: str
    """What an operator calls them, such as ``secrets``."""

    def count(self, transaction: Transaction) -> int:
        """How many there are."""
        ...

    def page(self, transaction: Transaction, after: str, most: int) -> list[HeldCiphertext]:
        """Up to ``most`` of them behind a position, in the order of positions; the first position is behind ``""``."""
        ...

    def replace(self, transaction: Transaction, held: HeldCiphertext, ciphertext: bytes) -> None:
        """Put another ciphertext of the same plaintext and key in the place of one."""
        ...
