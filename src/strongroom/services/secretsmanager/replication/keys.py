"""Under whose rights the keys of a primary and of its replica are used, once the request is over.

See the package for which right counts when. Every refusal of KMS becomes a `ReplicationFailure`, whose text the
replica's status shows: it names keys, never what they protect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from strongroom.errors import AccessDenied, AwsError, StrongroomError
from strongroom.identity.caller import Caller, service_caller
from strongroom.keyring import Keyring
from strongroom.services.call import Call
from strongroom.services.clients import DataKey, KmsClient
from strongroom.services.own_calls import own_call, role_caller
from strongroom.services.secretsmanager.records import Secret
from strongroom.services.secretsmanager.values import DEFAULT_ALIAS, SERVICE_PRINCIPAL, key_reference
from strongroom.store import Store, Transaction
from strongroom.world import World

__all__ = ["KeyRights", "NoRights", "ReplicationFailure", "RoleRights", "StandingRights", "service_call"]

Context = Mapping[str, str]

_SESSION_NAME: Final = "SecretsManagerReplication"
_DATA_KEY_BYTES: Final = 32


class ReplicationFailure(StrongroomError):
    """A replica cannot be brought in step. The text is its StatusMessage and holds no secret."""


class KeyRights(Protocol):
    """The two uses of keys that a copy takes."""

    def open(self, transaction: Transaction, primary: Secret, key_arn: str, data_key: bytes, context: Context) -> bytes:
        """Decrypt the data key of a primary's version under its KMS key ``key_arn``.

        Raises:
            ReplicationFailure: KMS refuses.
        """
        ...

    def seal(self, transaction: Transaction, replica: Secret, context: Context) -> DataKey:
        """A fresh data key under the key of a replica.

        Raises:
            ReplicationFailure: KMS refuses.
        """
        ...


def service_call(
    transaction: Transaction, store: Store, world: World, caller: Caller, *, region: str, now_ms: int
) -> Call:
    """A call of the service's own, for a transaction of the engine: see `own_call`."""
    return own_call(
        transaction,
        store,
        world,
        caller,
        service="secretsmanager",
        operation="ReplicateSecretToRegions",
        principal=SERVICE_PRINCIPAL,
        region=region,
        now_ms=now_ms,
    )


@dataclass(frozen=True, slots=True)
class StandingRights:
    """The service's own rights, which the caller who asked for replication has shown to have.

    Attributes:
        kms: KMS.
        store: The store.
        world: Ids of calls.
        now_ms: Now.
    """

    kms: KmsClient
    store: Store
    world: World
    now_ms: int

    def open(self, transaction: Transaction, primary: Secret, key_arn: str, data_key: bytes, context: Context) -> bytes:
        """See `KeyRights`."""
        call = self._call(transaction, primary)
        try:
            return self.kms.decrypt_for_service(transaction, call, key_arn, data_key, context)
        except AwsError as refusal:
            raise _failure(refusal, key_arn) from None

    def seal(self, transaction: Transaction, replica: Secret, context: Context) -> DataKey:
        """See `KeyRights`."""
        call = self._call(transaction, replica)
        key_arn = _key_arn(self.kms, transaction, call, replica)
        try:
            return self.kms.data_key_for_service(transaction, call, key_arn, context)
        except AwsError as refusal:
            raise _failure(refusal, key_arn) from None

    def _call(self, transaction: Transaction, secret: Secret) -> Call:
        caller = service_caller(SERVICE_PRINCIPAL, secret.account, source_arn=secret.arn)
        return service_call(transaction, self.store, self.world, caller, region=secret.region, now_ms=self.now_ms)


@dataclass(frozen=True, slots=True)
class RoleRights:
    """The rights of a replication role, which the service assumes for every copy anew.

    Attributes:
        kms: KMS.
        store: The store.
        keyring: Makes the session.
        world: Ids of calls, data keys.
        role_arn: The role.
        now_ms: Now.
    """

    kms: KmsClient
    store: Store
    keyring: Keyring
    world: World
    role_arn: str
    now_ms: int

    def open(self, transaction: Transaction, primary: Secret, key_arn: str, data_key: bytes, context: Context) -> bytes:
        """See `KeyRights`."""
        call = self._call(transaction, primary.region)
        try:
            return self.kms.decrypt(transaction, call, key_arn, data_key, context)
        except AwsError as refusal:
            raise _failure(refusal, key_arn) from None

    def seal(self, transaction: Transaction, replica: Secret, context: Context) -> DataKey:
        """See `KeyRights`. Takes ``kms:Encrypt`` only, as AWS documents it for copies to another account."""
        call = self._call(transaction, replica.region)
        key_arn = _key_arn(self.kms, transaction, call, replica)
        plaintext = self.world.entropy.bytes(_DATA_KEY_BYTES)
        try:
            ciphertext = self.kms.encrypt(transaction, call, key_arn, plaintext, context)
        except AwsError as refusal:
            raise _failure(refusal, key_arn) from None
        return DataKey(key_arn=key_arn, plaintext=plaintext, ciphertext=ciphertext)

    def _call(self, transaction: Transaction, region: str) -> Call:
        caller = role_caller(
            transaction,
            self.keyring,
            self.world,
            self.role_arn,
            principal=SERVICE_PRINCIPAL,
            session_name=_SESSION_NAME,
            now_ms=self.now_ms,
        )
        if caller is None:
            raise ReplicationFailure(f"Secrets Manager can't assume the replication role {self.role_arn}.")
        return service_call(transaction, self.store, self.world, caller, region=region, now_ms=self.now_ms)


class NoRights:
    """The rights of a caller who changed the primary and may not use the keys: labels follow, values do not."""

    def open(self, transaction: Transaction, primary: Secret, key_arn: str, data_key: bytes, context: Context) -> bytes:
        """See `KeyRights`."""
        raise ReplicationFailure(
            "The caller that changed the primary secret isn't allowed to use the KMS keys of the primary and of the "
            "replica secret.",
        )

    def seal(self, transaction: Transaction, replica: Secret, context: Context) -> DataKey:
        """See `KeyRights`. Nothing is ever opened that could be sealed."""
        raise ReplicationFailure("There is nothing to encrypt.")


def _key_arn(kms: KmsClient, transaction: Transaction, call: Call, replica: Secret) -> str:
    """The key that a replica's versions go under; the service's own key is made at first use."""
    try:
        if replica.kms_key_id is None:
            return kms.service_key(transaction, call, DEFAULT_ALIAS).arn
        reference = key_reference(replica.kms_key_id, replica.account, replica.region)
        return kms.describe(transaction, call, reference).arn
    except AwsError as refusal:
        raise _failure(refusal, replica.kms_key_id or DEFAULT_ALIAS) from None


def _failure(refusal: AwsError, key: str) -> ReplicationFailure:
    """KMS's refusal as a replica's status shows it. Texts of KMS name the key, and its state.

    Raises:
        AwsError: It is no refusal but a fault.
    """
    if refusal.status >= 500:
        raise refusal
    if isinstance(refusal, AccessDenied):
        return ReplicationFailure(f"Access to the KMS key {key} is denied.")
    return ReplicationFailure(f"Secrets Manager can't use the KMS key {key}: {refusal.message or refusal.code}")
