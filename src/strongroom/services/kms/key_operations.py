"""Operations on keys as such: making, describing, listing, enabling, disabling and scheduling deletion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from strongroom.services.call import Call
from strongroom.services.kms import failures, material_records, records
from strongroom.services.kms.base import KmsBase
from strongroom.services.kms.creation import DAY_MS
from strongroom.services.kms.grant_tokens import require_tokens
from strongroom.services.kms.keys import (
    DISABLED,
    ENABLED,
    PENDING_DELETION,
    PENDING_IMPORT,
    PENDING_REPLICA_DELETION,
    RESOURCE_TYPE,
    Key,
    MutableContext,
    key_context,
)
from strongroom.services.kms.metadata import describe, key_metadata
from strongroom.services.kms.paging import behind, marker_for, page_size, with_page
from strongroom.services.kms.policies import (
    accept_policy,
    default_policy,
    require_future_control,
    stored_policy,
)
from strongroom.services.kms.service_keys import SERVICE_KEYS
from strongroom.services.kms.specs import OWN_MAKING, chosen_spec, require_offered
from strongroom.services.kms.tags import checked_tags, request_tag_context
from strongroom.store import Transaction
from strongroom.world import from_milliseconds

__all__ = ["KeyOperations"]

_SHORTEST_WINDOW_DAYS: Final = 7
_LONGEST_WINDOW_DAYS: Final = 30


class KeyOperations(KmsBase):
    """CreateKey, DescribeKey, ListKeys, EnableKey, DisableKey, UpdateKeyDescription and the two of deletion."""

    async def create_key(
        self,
        call: Call,
        *,
        Policy: str | None = None,
        Description: str | None = None,
        KeyUsage: str | None = None,
        CustomerMasterKeySpec: str | None = None,
        KeySpec: str | None = None,
        Origin: str | None = None,
        CustomKeyStoreId: str | None = None,
        BypassPolicyLockoutSafetyCheck: bool | None = None,
        Tags: Sequence[Mapping[str, str]] | None = None,
        MultiRegion: bool | None = None,
        XksKeyId: str | None = None,
    ) -> dict[str, object]:
        """Make a symmetric key: for encryption, or for message authentication codes."""
        spec = chosen_spec(KeySpec, CustomerMasterKeySpec, KeyUsage)
        require_offered(Origin, CustomKeyStoreId, XksKeyId)
        origin = Origin or OWN_MAKING
        bypass, multi_region = bool(BypassPolicyLockoutSafetyCheck), bool(MultiRegion)
        tags = checked_tags(Tags or ())
        policy = accept_policy(Policy) if Policy is not None else None
        context: MutableContext = {
            "kms:keyspec": spec.name,
            "kms:keyusage": spec.usage,
            "kms:keyorigin": origin,
            "kms:multiregion": "true" if multi_region else "false",
            "kms:calleraccount": call.account,
            "kms:bypasspolicylockoutsafetycheck": "true" if bypass else "false",
            **request_tag_context(tags),
        }
        if multi_region:
            context["kms:multiregionkeytype"] = "PRIMARY"

        def work(transaction: Transaction) -> dict[str, object]:
            call.authorize("kms:CreateKey", "*", context=context)
            stored = default_policy(call.account)
            if policy is not None and Policy is not None:
                stored = stored_policy(transaction, policy, Policy)
            new = self.maker.draft(
                call,
                policy=stored,
                description=Description or "",
                tags=tags,
                spec=spec,
                origin=origin,
                multi_region=multi_region,
            )
            key = new.key
            if tags:
                # Identity-based policies alone decide: the key's own policy does not count before the key exists.
                call.authorize("kms:TagResource", key.arn, context={**key.context, **context})
            if policy is not None and not bypass:
                require_future_control(call, key.arn, key.account, policy, key_context(call, key))
            self.maker.store(transaction, new)
            call.touches(key.arn, RESOURCE_TYPE, key.account)
            return {"KeyMetadata": key_metadata(key, (key.record,) if multi_region else ())}

        return dict(await call.write(work))

    async def describe_key(
        self, call: Call, *, KeyId: str, GrantTokens: Sequence[str] | None = None
    ) -> dict[str, object]:
        """Everything about a key but its policy, aliases and tags.

        A service's own key that is named by its alias is made if it is not there, as KMS does.
        """
        require_tokens(self._keyring, GrantTokens)

        def work(transaction: Transaction) -> dict[str, object]:
            key = self.directory.for_use(transaction, call, "kms:DescribeKey", KeyId)
            return {"KeyMetadata": describe(transaction, key)}

        def make_first(transaction: Transaction) -> dict[str, object]:
            self.maker.service_key(transaction, call, KeyId)
            return work(transaction)

        if KeyId in SERVICE_KEYS:
            found = await call.read(lambda transaction: self.directory.find(transaction, call, KeyId))
            if found.key is None:
                return dict(await call.write(make_first))
        return await call.read(work)

    async def list_keys(
        self,
        call: Call,
        *,
        Limit: int | None = None,
        Marker: str | None = None,
        ResourceOwners: Sequence[str] | None = None,
    ) -> dict[str, object]:
        """The keys of the account in this region, in the order of their ids."""
        call.authorize("kms:ListKeys", "*", context={"kms:calleraccount": call.account})
        size, after = page_size(Limit, default=100, most=1000), behind("keys", Marker)
        own = ResourceOwners is None or "SELF" in ResourceOwners

        def work(transaction: Transaction) -> dict[str, object]:
            found = records.key_ids(transaction, call.account, call.region, after, size + 1) if own else []
            return with_page(
                "Keys",
                found,
                size,
                lambda item: {"KeyId": item[0], "KeyArn": item[1]},
                lambda item: marker_for("keys", item[0]),
            )

        return await call.read(work, single=True)

    async def enable_key(self, call: Call, *, KeyId: str) -> dict[str, object]:
        """Let a disabled key be used again."""
        return await self._set_state(call, "kms:EnableKey", KeyId, ENABLED)

    async def disable_key(self, call: Call, *, KeyId: str) -> dict[str, object]:
        """Keep a key from being used until it is enabled again."""
        return await self._set_state(call, "kms:DisableKey", KeyId, DISABLED)

    async def _set_state(self, call: Call, action: str, key_id: str, state: str) -> dict[str, object]:
        def work(transaction: Transaction) -> dict[str, object]:
            key = self.directory.for_management(transaction, call, action, key_id)
            key.require_kept()
            key.require_material()
            records.set_state(transaction, key.arn, state)
            transaction.raise_epoch()
            return {}

        return dict(await call.write(work))

    async def update_key_description(self, call: Call, *, KeyId: str, Description: str) -> dict[str, object]:
        """Replace a key's description."""

        def work(transaction: Transaction) -> dict[str, object]:
            key = self.directory.for_management(transaction, call, "kms:UpdateKeyDescription", KeyId)
            key.require_kept()
            records.set_description(transaction, key.arn, Description)
            transaction.raise_epoch()
            return {}

        return dict(await call.write(work))

    async def schedule_key_deletion(
        self, call: Call, *, KeyId: str, PendingWindowInDays: int | None = None
    ) -> dict[str, object]:
        """Stop a key from being used now, and have it destroyed after 7 to 30 days (30 if nothing is said)."""
        days = _LONGEST_WINDOW_DAYS if PendingWindowInDays is None else PendingWindowInDays
        if not _SHORTEST_WINDOW_DAYS <= days <= _LONGEST_WINDOW_DAYS:
            raise failures.validation(
                f"PendingWindowInDays must be between {_SHORTEST_WINDOW_DAYS} and {_LONGEST_WINDOW_DAYS}, inclusive."
            )
        context = {"kms:schedulekeydeletionpendingwindowindays": str(days)}

        def work(transaction: Transaction) -> dict[str, object]:
            key = self.directory.for_management(transaction, call, "kms:ScheduleKeyDeletion", KeyId, context=context)
            key.require_kept()
            answer: dict[str, object] = {"KeyId": key.arn, "PendingWindowInDays": days}
            if key.is_primary and len(records.related_keys(transaction, key.record)) > 1:
                # The waiting period begins when the last replica is destroyed.
                records.set_state(transaction, key.arn, PENDING_REPLICA_DELETION, deletion_days=days)
                answer["KeyState"] = PENDING_REPLICA_DELETION
            else:
                deletion_ms = call.now_ms + days * DAY_MS
                records.set_state(transaction, key.arn, PENDING_DELETION, deletion_ms=deletion_ms)
                answer |= {"KeyState": PENDING_DELETION, "DeletionDate": from_milliseconds(deletion_ms)}
            transaction.raise_epoch()
            return answer

        return dict(await call.write(work))

    async def cancel_key_deletion(self, call: Call, *, KeyId: str) -> dict[str, object]:
        """Keep a key after all. It comes back disabled, or waiting for its material if that is not there."""

        def work(transaction: Transaction) -> dict[str, object]:
            key = self.directory.for_management(transaction, call, "kms:CancelKeyDeletion", KeyId)
            if not key.is_being_deleted:
                raise failures.invalid_state(key.arn, "not pending deletion")
            records.set_state(transaction, key.arn, _state_after_deletion(transaction, key))
            transaction.raise_epoch()
            return {"KeyId": key.arn}

        return dict(await call.write(work))


def _state_after_deletion(transaction: Transaction, key: Key) -> str:
    materials = [found for found in material_records.materials_of_key(transaction, key.arn) if not found.pending]
    is_whole = bool(materials) and all(found.wrapped is not None for found in materials)
    return DISABLED if is_whole else PENDING_IMPORT
