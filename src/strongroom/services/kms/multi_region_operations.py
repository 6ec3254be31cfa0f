"""ReplicateKey and UpdatePrimaryRegion.

Source: KMS Developer Guide, "Multi-Region keys in AWS KMS". The keys of one multi-Region key share id, kind, material
and rotation; policy, aliases, tags, grants and state are each key's own. A replica is complete when the operation
answers, so the transient states ``Creating`` and ``Updating`` do not occur here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from strongroom.services.call import Call
from strongroom.services.kms import failures, records
from strongroom.services.kms.base import KmsBase
from strongroom.services.kms.creation import NewKey
from strongroom.services.kms.keys import RESOURCE_TYPE, Key, MutableContext, key_context
from strongroom.services.kms.metadata import key_metadata
from strongroom.services.kms.names import key_arn
from strongroom.services.kms.policies import accept_policy, default_policy, require_future_control, stored_policy
from strongroom.services.kms.tags import checked_tags, request_tag_context
from strongroom.store import Transaction

__all__ = ["MultiRegionOperations"]


class MultiRegionOperations(KmsBase):
    """The operations that reach from one region into another."""

    async def replicate_key(
        self,
        call: Call,
        *,
        KeyId: str,
        ReplicaRegion: str,
        Policy: str | None = None,
        BypassPolicyLockoutSafetyCheck: bool | None = None,
        Description: str | None = None,
        Tags: Sequence[Mapping[str, str]] | None = None,
    ) -> dict[str, object]:
        """Make a replica of a multi-Region primary key in another region."""
        self._require_region(ReplicaRegion)
        tags = checked_tags(Tags or ())
        policy = accept_policy(Policy) if Policy is not None else None
        bypass = bool(BypassPolicyLockoutSafetyCheck)
        conditions = {"kms:replicaregion": ReplicaRegion}

        def work(transaction: Transaction) -> dict[str, object]:
            primary = self.directory.for_management(transaction, call, "kms:ReplicateKey", KeyId, context=conditions)
            _require_primary(primary)
            primary.require_enabled()
            self._require_absent(transaction, primary, ReplicaRegion)
            stored = default_policy(call.account)
            if policy is not None and Policy is not None:
                stored = stored_policy(transaction, policy, Policy)
            new = self.maker.replica(
                transaction,
                primary,
                region=ReplicaRegion,
                policy=stored,
                description=Description or "",
                tags=tags,
                now_ms=call.now_ms,
            )
            there = replace(call, region=ReplicaRegion)
            _authorize_creation(there, new, tags, bypass=bypass)
            if policy is not None and not bypass:
                require_future_control(there, new.key.arn, new.key.account, policy, key_context(there, new.key))
            self.maker.store(transaction, new)
            call.touches(new.key.arn, RESOURCE_TYPE, new.key.account)
            return {
                "ReplicaKeyMetadata": key_metadata(new.key, records.related_keys(transaction, new.key.record)),
                "ReplicaPolicy": default_policy(call.account) if Policy is None else Policy,
                "ReplicaTags": [{"TagKey": name, "TagValue": value} for name, value in tags.items()],
            }

        return dict(await call.write(work))

    async def update_primary_region(self, call: Call, *, KeyId: str, PrimaryRegion: str) -> dict[str, object]:
        """Let the replica in another region be the primary key, and the primary key a replica."""
        self._require_region(PrimaryRegion)
        conditions = {"kms:primaryregion": PrimaryRegion}

        def work(transaction: Transaction) -> dict[str, object]:
            action = "kms:UpdatePrimaryRegion"
            primary = self.directory.for_management(transaction, call, action, KeyId, context=conditions)
            _require_primary(primary)
            primary.require_enabled()
            there = replace(call, region=PrimaryRegion)
            arn = key_arn(primary.account, PrimaryRegion, primary.record.key_id)
            replica = self.directory.for_management(transaction, there, action, arn, context=conditions)
            replica.require_enabled()
            for key in records.related_keys(transaction, primary.record):
                records.set_primary_region(transaction, key.arn, PrimaryRegion)
            records.set_rotation(transaction, primary.arn, None, None)
            records.set_rotation(
                transaction, replica.arn, primary.record.rotation_days, primary.record.next_rotation_ms
            )
            transaction.raise_epoch()
            return {}

        return dict(await call.write(work))

    def _require_region(self, region: str) -> None:
        if region not in self._regions:
            raise failures.validation(
                f"Region {region} is not one of this installation: {', '.join(sorted(self._regions))}."
            )

    def _require_absent(self, transaction: Transaction, primary: Key, region: str) -> None:
        arn = key_arn(primary.account, region, primary.record.key_id)
        if records.find_key(transaction, arn) is not None:
            raise failures.key_exists(arn)


def _require_primary(key: Key) -> None:
    """Refuse a key that is not the primary key of a multi-Region key.

    Raises:
        AwsError: ``UnsupportedOperationException``.
    """
    if key.record.primary_region is None:
        raise failures.unsuitable(key.arn, "multi-Region", "false")
    if key.is_replica:
        raise failures.unsuitable(key.arn, "multi-Region key type", "REPLICA")


def _authorize_creation(call: Call, new: NewKey, tags: Mapping[str, str], *, bypass: bool) -> None:
    """Ask for a decision on making the replica in its region: identity-based policies alone decide on it.

    Raises:
        AccessDenied: The caller may not.
    """
    context: MutableContext = {
        **new.key.context,
        "kms:calleraccount": call.account,
        "kms:bypasspolicylockoutsafetycheck": "true" if bypass else "false",
        **request_tag_context(tags),
    }
    call.authorize("kms:CreateKey", "*", context=context)
    if tags:
        call.authorize("kms:TagResource", new.key.arn, context=context)
