"""A key as operations use it: its record, its policy compiled, its materials, and what conditions can ask of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from strongroom.keyring import WrappedMaterial
from strongroom.policy import Policy
from strongroom.services.call import Call
from strongroom.services.kms import failures
from strongroom.services.kms.grants import Grant
from strongroom.services.kms.material_records import MaterialRecord, usable
from strongroom.services.kms.names import sealing_name
from strongroom.services.kms.policies import compiled_policy
from strongroom.services.kms.records import KeyRecord
from strongroom.services.kms.specs import ENCRYPTION_ALGORITHM, EXTERNAL, SPECS, KeySpecification

__all__ = [
    "DISABLED",
    "ENABLED",
    "PENDING_DELETION",
    "PENDING_IMPORT",
    "PENDING_REPLICA_DELETION",
    "RESOURCE_TYPE",
    "Key",
    "MutableContext",
    "add_encryption_context",
    "add_value",
    "build_key",
    "key_context",
]

ENABLED: Final = "Enabled"
DISABLED: Final = "Disabled"
PENDING_IMPORT: Final = "PendingImport"
PENDING_DELETION: Final = "PendingDeletion"
PENDING_REPLICA_DELETION: Final = "PendingReplicaDeletion"

_WORDS: Final = {
    PENDING_IMPORT: "pending import",
    PENDING_DELETION: "pending deletion",
    PENDING_REPLICA_DELETION: "pending replica deletion",
}
"""How an error's text names a state."""

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
        sealing_name: What it is called in ciphertexts: its ARN, or what the keys of one multi-Region key share.
        record: The rest of its row.
        spec: What kind of key it is.
        policy: Its key policy, compiled.
        grants: Its grants.
        materials: The materials that can be used, by id, wrapped.
        sole_material: The only one of them, if there is only one.
        expires_ms: When the first of its materials expires, in milliseconds since the epoch; None for never.
        tags: Its tags.
        context: The condition keys that come from the key itself, lower-cased.
    """

    arn: str
    account: str
    sealing_name: str
    record: KeyRecord
    spec: KeySpecification
    policy: Policy
    grants: tuple[Grant, ...]
    materials: Mapping[str, WrappedMaterial]
    sole_material: WrappedMaterial | None
    expires_ms: int | None
    tags: Mapping[str, str]
    context: Mapping[str, str | tuple[str, ...]]

    def require_usable(self, usage: str, action: str, now_ms: int) -> None:
        """Return only if the key can do what the operation does (KMS Developer Guide, "Key states of AWS KMS keys").

        Args:
            usage: The ``KeyUsage`` that the operation needs.
            action: The action that was authorised, such as ``kms:Decrypt``.
            now_ms: The instant of the call, in milliseconds since the epoch.

        Raises:
            AwsError: ``InvalidKeyUsageException``, ``DisabledException`` or ``KMSInvalidStateException``.
        """
        if self.spec.usage != usage:
            raise failures.wrong_usage(self.arn, self.spec.usage, action.partition(":")[2])
        if self.record.state != ENABLED:
            self.require_enabled()
        if self.expires_ms is not None and now_ms >= self.expires_ms:
            raise failures.invalid_state(self.arn, _WORDS[PENDING_IMPORT])

    def require_enabled(self) -> None:
        """Return only if the key is enabled.

        Raises:
            AwsError: ``DisabledException`` or ``KMSInvalidStateException``.
        """
        state = self.record.state
        if state == DISABLED:
            raise failures.disabled(self.arn)
        if state != ENABLED:
            raise failures.invalid_state(self.arn, _WORDS[state])

    def require_kept(self) -> None:
        """Return only if the key is not about to be destroyed.

        Raises:
            AwsError: ``KMSInvalidStateException``.
        """
        if self.is_being_deleted:
            raise failures.invalid_state(self.arn, _WORDS[self.record.state])

    def require_material(self) -> None:
        """Return only if the key does not wait for material to be imported.

        Raises:
            AwsError: ``KMSInvalidStateException``.
        """
        if self.record.state == PENDING_IMPORT:
            raise failures.invalid_state(self.arn, _WORDS[PENDING_IMPORT])

    def require_origin(self, origin: str) -> None:
        """Return only if the key's material comes from there.

        Raises:
            AwsError: ``UnsupportedOperationException``.
        """
        if self.record.origin != origin:
            raise failures.unsuitable(self.arn, "origin", self.record.origin)

    def require_rotatable(self) -> None:
        """Return only if keys of this kind can have several materials.

        Raises:
            AwsError: ``UnsupportedOperationException``.
        """
        if not self.spec.has_many_materials:
            raise failures.unsuitable(self.arn, "key spec", self.spec.name)

    @property
    def is_being_deleted(self) -> bool:
        """Whether the key is about to be destroyed."""
        return self.record.state in {PENDING_DELETION, PENDING_REPLICA_DELETION}

    @property
    def is_primary(self) -> bool:
        """Whether this is the primary key of a multi-Region key."""
        return self.record.primary_region == self.record.region

    @property
    def is_replica(self) -> bool:
        """Whether this is a replica key of a multi-Region key."""
        return self.record.primary_region not in {None, self.record.region}


def build_key(
    record: KeyRecord,
    materials: Sequence[MaterialRecord],
    aliases: Iterable[str] = (),
    tags: Mapping[str, str] | None = None,
    grants: Iterable[Grant] = (),
) -> Key:
    """Put a key together from its rows."""
    can_be_used = usable(materials)
    return Key(
        arn=record.arn,
        account=record.account,
        sealing_name=sealing_name(record.arn, record.key_id),
        record=record,
        spec=SPECS[record.key_spec],
        policy=compiled_policy(record.policy),
        grants=tuple(grants),
        materials=can_be_used,
        sole_material=next(iter(can_be_used.values())) if len(can_be_used) == 1 else None,
        expires_ms=_first_expiry(record, materials),
        tags=tags or {},
        context=_own_context(record, aliases, tags or {}),
    )


def _first_expiry(record: KeyRecord, materials: Iterable[MaterialRecord]) -> int | None:
    if record.origin != EXTERNAL:
        return None
    expiries = [
        material.expires_ms
        for material in materials
        if material.expires_ms is not None and material.wrapped is not None and not material.pending
    ]
    return min(expiries, default=None)


def _own_context(record: KeyRecord, aliases: Iterable[str], tags: Mapping[str, str]) -> MutableContext:
    context: MutableContext = {
        "kms:keyspec": record.key_spec,
        "kms:keyusage": record.key_usage,
        "kms:keyorigin": record.origin,
        "kms:multiregion": "false" if record.primary_region is None else "true",
    }
    if record.primary_region is not None:
        context["kms:multiregionkeytype"] = "PRIMARY" if record.primary_region == record.region else "REPLICA"
    names = tuple(aliases)
    if names:
        context["kms:resourcealiases"] = names
    for name, value in tags.items():
        add_value(context, f"aws:resourcetag/{name.lower()}", value)
    return context


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
        context["kms:encryptionalgorithm"] = ENCRYPTION_ALGORITHM
        add_encryption_context(context, encryption_context)
    return context


def add_encryption_context(context: MutableContext, encryption_context: Mapping[str, str]) -> None:
    """Add ``kms:EncryptionContext:*`` and ``kms:EncryptionContextKeys``."""
    if encryption_context:
        context["kms:encryptioncontextkeys"] = tuple(encryption_context)
        for name, value in encryption_context.items():
            add_value(context, _condition_key(name), value)


@lru_cache(maxsize=256)
def _condition_key(name: str) -> str:
    """The condition key of one name of an encryption context."""
    return f"kms:encryptioncontext:{name.lower()}"
