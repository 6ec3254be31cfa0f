"""CreateGrant, ListGrants, ListRetirableGrants, RetireGrant and RevokeGrant."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from strongroom.services.call import Call
from strongroom.services.kms import failures, grant_records, records
from strongroom.services.kms.base import KmsBase
from strongroom.services.kms.grant_principals import known_principal
from strongroom.services.kms.grant_records import GrantRecord
from strongroom.services.kms.grant_requests import (
    WantedGrant,
    check_grant_id,
    grant_entry,
    grant_marker,
    key_and_grant,
    open_marker,
    stored_grant,
)
from strongroom.services.kms.grant_tokens import NamedGrant, grant_token, require_tokens
from strongroom.services.kms.grants import as_grantee, retirement_policies
from strongroom.services.kms.keys import RESOURCE_TYPE, Key, MutableContext, add_encryption_context, key_context
from strongroom.services.kms.names import parse_reference
from strongroom.services.kms.paging import page_size, with_page
from strongroom.store import Transaction

__all__ = ["GrantOperations"]

_MOST_GRANTS: Final = 50_000  # of one key; KMS Developer Guide, "Resource quotas"


class GrantOperations(KmsBase):
    """The operations on grants. A grant works, and stops to work, from the next request on."""

    async def create_grant(
        self,
        call: Call,
        *,
        KeyId: str,
        Operations: Sequence[str],
        GranteePrincipal: str | None = None,
        RetiringPrincipal: str | None = None,
        Constraints: Mapping[str, object] | None = None,
        GrantTokens: Sequence[str] | None = None,
        Name: str | None = None,
        DryRun: bool | None = None,
        GranteeServicePrincipal: str | None = None,
        RetiringServicePrincipal: str | None = None,
    ) -> dict[str, object]:
        """Let somebody use a key. A request that is repeated with the same name makes no second grant."""
        require_tokens(self._keyring, GrantTokens)
        wanted = WantedGrant.of_request(
            GranteePrincipal,
            GranteeServicePrincipal,
            RetiringPrincipal,
            RetiringServicePrincipal,
            Operations,
            Constraints or {},
        )
        grant_id = self._world.entropy.bytes(32).hex()

        def work(transaction: Transaction) -> dict[str, object]:
            key = self.directory.for_management(
                transaction,
                call,
                "kms:CreateGrant",
                KeyId,
                context={**wanted.conditions(), **_made_by_service(call)},
                any_account=True,
                terms=wanted.terms,
            )
            wanted.require_fitting(key.spec)
            key.require_enabled()
            record = stored_grant(transaction, call, key.arn, grant_id, Name, wanted)
            if DryRun:
                raise failures.dry_run()
            record = self._present(transaction, record) or self._insert(transaction, key, record)
            token = grant_token(self._keyring, NamedGrant(key.arn, record.grant_id))
            return {"GrantToken": token, "GrantId": record.grant_id}

        return dict(await call.write(work))

    @staticmethod
    def _present(transaction: Transaction, wanted: GrantRecord) -> GrantRecord | None:
        """The grant that an earlier request with this name and the same parameters made."""
        if wanted.name is None:
            return None
        for found in grant_records.find_grant_by_name(transaction, wanted.key_arn, wanted.name):
            if found == replace(wanted, grant_id=found.grant_id, created_ms=found.created_ms):
                return found
        return None

    @staticmethod
    def _insert(transaction: Transaction, key: Key, record: GrantRecord) -> GrantRecord:
        if key.record.grant_count >= _MOST_GRANTS:
            raise failures.limit_exceeded(f"A key can have at most {_MOST_GRANTS} grants.")
        grant_records.insert_grant(transaction, record)
        records.count_grants(transaction, key.arn, 1)
        transaction.raise_epoch()
        return record

    async def list_grants(
        self,
        call: Call,
        *,
        KeyId: str,
        Limit: int | None = None,
        Marker: str | None = None,
        GrantId: str | None = None,
        GranteePrincipal: str | None = None,
        GranteeServicePrincipal: str | None = None,
    ) -> dict[str, object]:
        """The grants of a key, the oldest first: all of them, or those of one grantee."""
        if GranteePrincipal is not None and GranteeServicePrincipal is not None:
            raise failures.validation("You cannot specify both GranteePrincipal and GranteeServicePrincipal.")
        size, after = page_size(Limit, default=50, most=100), open_marker(Marker)
        if GrantId is not None:
            check_grant_id(GrantId)

        def work(transaction: Transaction) -> dict[str, object]:
            key = self.directory.for_management(
                transaction, call, "kms:ListGrants", KeyId, context=_made_by_service(call), any_account=True
            )
            if GrantId is not None:
                found = grant_records.find_grant(transaction, key.arn, GrantId)
                grants = [] if found is None else [found]
            else:
                principal = None if GranteePrincipal is None else known_principal(transaction, GranteePrincipal)
                grants = grant_records.list_grants(
                    transaction, key.arn, after, size + 1, principal=principal, service=GranteeServicePrincipal
                )
            return with_page("Grants", grants, size, lambda grant: grant_entry(transaction, grant), grant_marker)

        return await call.read(work)

    async def list_retirable_grants(
        self,
        call: Call,
        *,
        Limit: int | None = None,
        Marker: str | None = None,
        RetiringPrincipal: str | None = None,
        RetiringServicePrincipal: str | None = None,
    ) -> dict[str, object]:
        """The grants, on keys of any account, that a principal of the caller's account may retire."""
        if RetiringPrincipal is None:
            if RetiringServicePrincipal is None:
                raise failures.validation("You must specify RetiringPrincipal or RetiringServicePrincipal.")
            raise failures.validation("RetiringServicePrincipal can be used by AWS services only.")
        principal = RetiringPrincipal
        size, after = page_size(Limit, default=50, most=100), open_marker(Marker)
        account = principal if principal.isdigit() else (principal.split(":") + [""] * 5)[4]

        def work(transaction: Transaction) -> dict[str, object]:
            call.authorize("kms:ListRetirableGrants", principal, resource_account=account or None)
            stored = known_principal(transaction, principal)
            grants = grant_records.list_retirable(transaction, call.region, stored, after, size + 1)
            return with_page("Grants", grants, size, lambda grant: grant_entry(transaction, grant), grant_marker)

        return await call.read(work)

    async def retire_grant(
        self,
        call: Call,
        *,
        GrantToken: str | None = None,
        KeyId: str | None = None,
        GrantId: str | None = None,
        DryRun: bool | None = None,
    ) -> dict[str, object]:
        """Delete a grant, as one of those whom the grant itself lets do it."""
        key_id, grant_id = key_and_grant(self._keyring, GrantToken, KeyId, GrantId)

        def work(transaction: Transaction) -> dict[str, object]:
            action = "kms:RetireGrant"
            reference = parse_reference(key_id, call.account, call.region)
            if reference.alias is not None:
                raise failures.invalid_key_id(key_id)
            key = self.directory.load(transaction, call.epoch, reference.arn)
            if key is None:
                raise self.directory.absent(call, action, reference)
            grant = grant_records.find_grant(transaction, key.arn, grant_id)
            if grant is None:
                call.authorize(action, key.arn, resource_account=key.account)
                raise failures.grant_not_found(grant_id)
            _authorize_retirement(call, key, grant)
            call.touches(key.arn, RESOURCE_TYPE, key.account)
            return _delete(transaction, key, grant, dry_run=DryRun)

        return dict(await call.write(work))

    async def revoke_grant(
        self, call: Call, *, KeyId: str, GrantId: str, DryRun: bool | None = None
    ) -> dict[str, object]:
        """Delete a grant, as one who administers the key."""
        check_grant_id(GrantId)

        def work(transaction: Transaction) -> dict[str, object]:
            key = self.directory.for_management(
                transaction, call, "kms:RevokeGrant", KeyId, context=_made_by_service(call), any_account=True
            )
            grant = grant_records.find_grant(transaction, key.arn, GrantId)
            if grant is None:
                raise failures.grant_not_found(GrantId)
            return _delete(transaction, key, grant, dry_run=DryRun)

        return dict(await call.write(work))


def _made_by_service(call: Call) -> dict[str, str]:
    """``kms:GrantIsForAWSResource``: whether a service asks on the caller's behalf."""
    return {"kms:grantisforawsresource": "true" if call.via else "false"}


def _delete(transaction: Transaction, key: Key, grant: GrantRecord, *, dry_run: bool | None) -> dict[str, object]:
    if dry_run:
        raise failures.dry_run()
    grant_records.delete_grant(transaction, key.arn, grant.grant_id)
    records.count_grants(transaction, key.arn, -1)
    transaction.raise_epoch()
    return {}


def _authorize_retirement(call: Call, key: Key, grant: GrantRecord) -> None:
    """Ask the grant who may retire it. Key policies have no say in it (KMS Developer Guide, "RetireGrant").

    Raises:
        AccessDenied: The caller may not.
    """
    action = "kms:RetireGrant"
    context: MutableContext = key_context(call, key)
    constraints: dict[str, dict[str, str]] = json.loads(grant.constraints)
    for name in ("EncryptionContextSubset", "EncryptionContextEquals"):
        add_encryption_context(context, constraints.get(name, {}))
    choices = retirement_policies(grant, key.account)
    for policy, delegates in choices:
        asking = as_grantee(call, action, key.account, key.arn, delegates=delegates)
        if asking.allows(
            action, key.arn, resource_account=key.account, policy=policy, key_policy=True, context=context
        ):
            return
    policy, _ = choices[0]
    call.authorize(action, key.arn, resource_account=key.account, policy=policy, key_policy=True, context=context)
