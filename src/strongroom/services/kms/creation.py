"""Make keys: the ones that callers ask for, replicas of them, and the ones that services keep for themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from strongroom.keyring import Keyring
from strongroom.services.call import Call
from strongroom.services.kms import failures, material_records, records
from strongroom.services.kms.keys import ENABLED, PENDING_IMPORT, Key, build_key
from strongroom.services.kms.material_records import MaterialRecord
from strongroom.services.kms.names import alias_arn, key_arn, multi_region_key_id, sealing_name
from strongroom.services.kms.records import AliasRecord, KeyRecord
from strongroom.services.kms.service_keys import ROTATION_DAYS, SERVICE_KEYS
from strongroom.services.kms.specs import EXTERNAL, OWN_MAKING, SPECS, SYMMETRIC_DEFAULT, KeySpecification
from strongroom.store import Transaction
from strongroom.world import World

__all__ = ["DAY_MS", "KeyMaker", "NewKey"]

DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that is not stored yet, with the rows of its materials."""

    key: Key
    materials: tuple[MaterialRecord, ...]


class KeyMaker:
    """Makes keys.

    Args:
        keyring: Makes their material.
        world: Makes their ids.
    """

    __slots__ = ("_keyring", "_world")

    def __init__(self, keyring: Keyring, world: World) -> None:
        self._keyring = keyring
        self._world = world

    def draft(
        self,
        call: Call,
        *,
        policy: str,
        description: str,
        tags: dict[str, str],
        spec: KeySpecification = SPECS[SYMMETRIC_DEFAULT],
        origin: str = OWN_MAKING,
        multi_region: bool = False,
        manager: str = "CUSTOMER",
    ) -> NewKey:
        """A new key in the call's account and region, not yet stored.

        Args:
            call: The call that makes it.
            policy: The key policy's text.
            description: The key's description.
            tags: Its tags.
            spec: What kind of key it is.
            origin: Where its material comes from; with ``EXTERNAL`` it has none yet.
            multi_region: Whether it is the primary key of a new multi-Region key.
            manager: ``CUSTOMER``, or ``AWS`` for a service's own key.
        """
        uuid = self._world.entropy.uuid()
        key_id = multi_region_key_id(uuid) if multi_region else uuid
        arn = key_arn(call.account, call.region, key_id)
        materials: tuple[MaterialRecord, ...] = ()
        if origin != EXTERNAL:
            made = self._keyring.new_material(sealing_name(arn, key_id), spec.material_bytes)
            materials = (MaterialRecord(arn, made.material_id, made.blob, call.now_ms),)
        rotates = manager == "AWS"
        record = KeyRecord(
            arn=arn,
            account=call.account,
            region=call.region,
            key_id=key_id,
            description=description,
            manager=manager,
            state=ENABLED if materials else PENDING_IMPORT,
            key_spec=spec.name,
            key_usage=spec.usage,
            policy=policy,
            material_id=materials[0].material_id if materials else "",
            created_ms=call.now_ms,
            deletion_ms=None,
            origin=origin,
            primary_region=call.region if multi_region else None,
            rotation_days=ROTATION_DAYS if rotates else None,
            next_rotation_ms=call.now_ms + ROTATION_DAYS * DAY_MS if rotates else None,
        )
        return NewKey(build_key(record, materials, tags=tags), materials)

    @staticmethod
    def replica(
        transaction: Transaction,
        primary: Key,
        *,
        region: str,
        policy: str,
        description: str,
        tags: dict[str, str],
        now_ms: int,
    ) -> NewKey:
        """A replica of a multi-Region primary key, not yet stored.

        It shares the primary's id, kind and material. Imported material is not handed on: its owner imports it again.

        Args:
            transaction: Where the primary's materials are.
            primary: The primary key.
            region: The region of the replica.
            policy: The replica's key policy.
            description: Its description.
            tags: Its tags.
            now_ms: The instant of its making, in milliseconds since the epoch.
        """
        arn = key_arn(primary.account, region, primary.record.key_id)
        is_imported = primary.record.origin == EXTERNAL
        materials = tuple(
            replace(
                material,
                key_arn=arn,
                wrapped=None if is_imported else material.wrapped,
                expires_ms=None if is_imported else material.expires_ms,
            )
            for material in material_records.materials_of_key(transaction, primary.arn)
        )
        record = replace(
            primary.record,
            arn=arn,
            region=region,
            description=description,
            policy=policy,
            state=PENDING_IMPORT if is_imported else ENABLED,
            created_ms=now_ms,
            rotation_days=None,
            next_rotation_ms=None,
            grant_count=0,
        )
        return NewKey(build_key(record, materials, tags=tags), materials)

    @staticmethod
    def store(transaction: Transaction, new: NewKey) -> None:
        """Store a new key."""
        records.insert_key(transaction, new.key.record)
        for material in new.materials:
            material_records.insert_material(transaction, material)
        records.set_tags(transaction, new.key.arn, new.key.tags)
        transaction.raise_epoch()

    def service_key(self, transaction: Transaction, call: Call, alias: str) -> KeyRecord:
        """A service's own key in the call's account and region; made if it is not there.

        Args:
            transaction: A write.
            call: The call that needs it.
            alias: Such as ``alias/aws/secretsmanager``.

        Raises:
            AwsError: ``NotFoundException``: no service has a key of this name.
        """
        present = records.find_alias(transaction, call.account, call.region, alias)
        record = None if present is None else records.find_key(transaction, present.key_arn)
        if record is not None:
            return record
        plan = SERVICE_KEYS.get(alias)
        if plan is None:
            raise failures.alias_not_found(alias_arn(call.account, call.region, alias))
        policy = plan.policy(call.account, call.region)
        new = self.draft(call, policy=policy, description=plan.description, tags={}, manager="AWS")
        self.store(transaction, new)
        record = new.key.record
        records.insert_alias(
            transaction, AliasRecord(call.account, call.region, alias, record.arn, call.now_ms, call.now_ms)
        )
        return record
