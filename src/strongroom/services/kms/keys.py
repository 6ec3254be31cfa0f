"""A key as operations use it: its record, its policy compiled, its materials, and what conditions can ask of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from strongroom.keyring import WrappedMaterial
from strongroom.policy import Policy
from strongroom.services.call import Call
from strongroom.services.kms import failures
from strongroom.services.kms.policies import compiled_policy
from strongroom.services.kms.records import KeyRecord
from strongroom.world import from_milliseconds

__all__ = [
    "ALGORITHM",
    "DISABLED",
    "ENABLED",
    "KEY_SPEC",
    "KEY_USAGE",
    "ORIGIN",
    "PENDING_DELETION",
    "RESOURCE_TYPE",
    "Key",
    "MutableContext",
    "add_value",
    "build_key",
    "key_context",
    "key_metadata",
]

ALGORITHM: Final = "SYMMETRIC_DEFAULT"
KEY_SPEC: Final = "SYMMETRIC_DEFAULT"
KEY_USAGE: Final = "ENCRYPT_DECRYPT"
ORIGIN: Final = "AWS_KMS"

ENABLED: Final = "Enabled"
DISABLED: Final = "Disabled"
PENDING_DELETION: Final = "PendingDeletion"

RESOURCE_TYPE: Final = "AWS::KMS::Key"
"""What a key is called in the audit trail."""

MutableContext = dict[str, str | tuple[str, ...]]
"""Condition keys of a request while they are gathered."""


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """A key, loaded. Shared by every request of an epoch, so nothing in it changes.

    Args:
        arn: Its ARN.
        account: The account that owns it.
        record: The rest of its row.
        policy: Its key policy, compiled.
        materials: Its materials by id, wrapped.
        sole_material: Its material, if it has one only.
        tags: Its tags.
        context: The condition keys that come from the key itself, lower-cased.
    """

    arn: str
    account: str
    record: KeyRecord
    policy: Policy
    materials: Mapping[str, WrappedMaterial]
    sole_material: WrappedMaterial | None
    tags: Mapping[str, str]
    context: Mapping[str, str | tuple[str, ...]]

    def require_usable(self) -> None:
        """Return only if the key encrypts and decrypts (KMS Developer Guide, "Key states").

        Raises:
            AwsError: ``DisabledException`` or ``KMSInvalidStateException``.
        """
        state = self.record.state
        if state == ENABLED:
            return
        if state == DISABLED:
            raise failures.disabled(self.arn)
        raise failures.invalid_state(self.arn, "pending deletion")

    def require_not_pending_deletion(self) -> None:
        """Return only if the key is not about to be destroyed.

        Raises:
            AwsError: ``KMSInvalidStateException``.
        """
        if self.record.state == PENDING_DELETION:
            raise failures.invalid_state(self.arn, "pending deletion")


def build_key(
    record: KeyRecord, materials: Mapping[str, WrappedMaterial], aliases: Iterable[str], tags: Mapping[str, str]
) -> Key:
    """Put a key together from its rows."""
    context: MutableContext = {
        "kms:keyspec": record.key_spec,
        "kms:keyusage": record.key_usage,
        "kms:keyorigin": ORIGIN,
        "kms:multiregion": "false",
    }
    names = tuple(aliases)
    if names:
        context["kms:resourcealiases"] = names
    for name, value in tags.items():
        add_value(context, f"aws:resourcetag/{name.lower()}", value)
    return Key(
        arn=record.arn,
        account=record.account,
        record=record,
        policy=compiled_policy(record.policy),
        materials=materials,
        sole_material=next(iter(materials.values())) if len(materials) == 1 else None,
        tags=tags,
        context=context,
    )


def add_value(context: MutableContext, name: str, value: str) -> None:
    """Add a condition key whose name a caller chose.

    Names that differ in case only are one condition key, which then has all of their values, so that no value can
    hide another.
    """
    present = context.get(name)
    if present is None:
        context[name] = value
    else:
        context[name] = (*((present,) if isinstance(present, str) else present), value)


def key_context(
    call: Call, key: Key, *, alias: str | None = None, encryption_context: Mapping[str, str] | None = None
) -> MutableContext:
    """The condition keys of a request on a key (KMS Developer Guide, "AWS KMS condition keys").

    Args:
        call: The call.
        key: The key.
        alias: The alias that the request names the key by, with its ``alias/`` prefix.
        encryption_context: The encryption context of a request that encrypts or decrypts.
    """
    context = dict(key.context)
    context["kms:calleraccount"] = call.account
    if alias is not None:
        context["kms:requestalias"] = alias
    if encryption_context is not None:
        context["kms:encryptionalgorithm"] = ALGORITHM
        if encryption_context:
            context["kms:encryptioncontextkeys"] = tuple(encryption_context)
            for name, value in encryption_context.items():
                add_value(context, _condition_key(name), value)
    return context


@lru_cache(maxsize=256)
def _condition_key(name: str) -> str:
    """The condition key of one name of an encryption context."""
    return f"kms:encryptioncontext:{name.lower()}"


def key_metadata(record: KeyRecord) -> dict[str, object]:
    """The ``KeyMetadata`` shape of a key."""
    metadata: dict[str, object] = {
        "AWSAccountId": record.account,
        "KeyId": record.key_id,
        "Arn": record.arn,
        "CreationDate": from_milliseconds(record.created_ms),
        "Enabled": record.state == ENABLED,
        "Description": record.description,
        "KeyUsage": record.key_usage,
        "KeyState": record.state,
        "Origin": ORIGIN,
        "KeyManager": record.manager,
        "CustomerMasterKeySpec": record.key_spec,
        "KeySpec": record.key_spec,
        "EncryptionAlgorithms": [ALGORITHM],
        "MultiRegion": False,
        "CurrentKeyMaterialId": record.material_id,
    }
    if record.deletion_ms is not None:
        metadata["DeletionDate"] = from_milliseconds(record.deletion_ms)
    return metadata
