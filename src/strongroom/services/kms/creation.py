"""Make keys: the ones that callers ask for, and the ones that services keep for themselves."""

from __future__ import annotations

from strongroom.keyring import Keyring
from strongroom.services.call import Call
from strongroom.services.kms import failures, records
from strongroom.services.kms.keys import ENABLED, KEY_SPEC, KEY_USAGE, Key, build_key
from strongroom.services.kms.names import alias_arn, key_arn
from strongroom.services.kms.policies import SERVICE_KEYS
from strongroom.services.kms.records import AliasRecord, KeyRecord
from strongroom.store import Transaction
from strongroom.world import World

__all__ = ["KeyMaker"]


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
        self, call: Call, *, policy: str, description: str, tags: dict[str, str], manager: str = "CUSTOMER"
    ) -> Key:
        """A new key in the call's account and region, not yet stored.

        Args:
            call: The call that makes it.
            policy: The key policy's text.
            description: The key's description.
            tags: Its tags.
            manager: ``CUSTOMER``, or ``AWS`` for a service's own key.
        """
        key_id = self._world.entropy.uuid()
        arn = key_arn(call.account, call.region, key_id)
        material = self._keyring.new_material(arn)
        record = KeyRecord(
            arn=arn,
            account=call.account,
            region=call.region,
            key_id=key_id,
            description=description,
            manager=manager,
            state=ENABLED,
            key_spec=KEY_SPEC,
            key_usage=KEY_USAGE,
            policy=policy,
            material_id=material.material_id,
            created_ms=call.now_ms,
            deletion_ms=None,
        )
        return build_key(record, {material.material_id: material}, (), tags)

    @staticmethod
    def store(transaction: Transaction, key: Key) -> None:
        """Store a key that was drafted."""
        records.insert_key(transaction, key.record, key.materials[key.record.material_id])
        records.set_tags(transaction, key.arn, key.tags)
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
        key = self.draft(call, policy=policy, description=plan.description, tags={}, manager="AWS")
        self.store(transaction, key)
        records.insert_alias(
            transaction, AliasRecord(call.account, call.region, alias, key.arn, call.now_ms, call.now_ms)
        )
        return key.record
