"""Operations on aliases. An alias belongs to an account and region and stands for one key of the same.

Source: KMS Developer Guide, "Controlling access to aliases": changing an alias needs permission on the alias, which
identity-based policies give, and on every key concerned, under its key policy.
"""

from __future__ import annotations

from typing import Final

from strongroom.services.call import Call
from strongroom.services.kms import failures, records
from strongroom.services.kms.base import KmsBase
from strongroom.services.kms.keys import RESOURCE_TYPE, Key, key_context
from strongroom.services.kms.names import alias_arn, check_alias_name, parse_reference
from strongroom.services.kms.paging import behind, marker_for, page_size, with_page
from strongroom.services.kms.records import AliasRecord
from strongroom.store import Transaction
from strongroom.world import from_milliseconds

__all__ = ["AliasOperations"]

_MOST_ALIASES: Final = 50  # of one key; KMS Developer Guide, "Resource quotas"


class AliasOperations(KmsBase):
    """CreateAlias, UpdateAlias, DeleteAlias and ListAliases."""

    async def create_alias(self, call: Call, *, AliasName: str, TargetKeyId: str) -> dict[str, object]:
        """Give a key a name."""
        _check_names(AliasName, TargetKeyId)

        def work(transaction: Transaction) -> dict[str, object]:
            arn = _authorize_alias(call, "kms:CreateAlias", AliasName)
            key = self._target(transaction, call, "kms:CreateAlias", AliasName, TargetKeyId)
            if records.find_alias(transaction, call.account, call.region, AliasName) is not None:
                raise failures.alias_exists(arn)
            _require_room(transaction, key)
            records.insert_alias(
                transaction,
                AliasRecord(call.account, call.region, AliasName, key.arn, call.now_ms, call.now_ms),
            )
            transaction.raise_epoch()
            return {}

        return dict(await call.write(work))

    async def update_alias(self, call: Call, *, AliasName: str, TargetKeyId: str) -> dict[str, object]:
        """Let an alias stand for another key."""
        _check_names(AliasName, TargetKeyId)

        def work(transaction: Transaction) -> dict[str, object]:
            arn = _authorize_alias(call, "kms:UpdateAlias", AliasName)
            alias = records.find_alias(transaction, call.account, call.region, AliasName)
            if alias is None:
                raise failures.alias_not_found(arn)
            current = self._authorize_current(transaction, call, "kms:UpdateAlias", alias)
            key = self._target(transaction, call, "kms:UpdateAlias", AliasName, TargetKeyId)
            if key.spec.usage != current.spec.usage:
                raise failures.validation(
                    f"Alias {arn} can only be associated with a key whose key usage is {current.spec.usage}."
                )
            if key.arn != alias.key_arn:
                _require_room(transaction, key)
            records.retarget_alias(transaction, alias, key.arn, call.now_ms)
            transaction.raise_epoch()
            return {}

        return dict(await call.write(work))

    async def delete_alias(self, call: Call, *, AliasName: str) -> dict[str, object]:
        """Take a name away from its key. The key stays."""
        check_alias_name(AliasName)

        def work(transaction: Transaction) -> dict[str, object]:
            arn = _authorize_alias(call, "kms:DeleteAlias", AliasName)
            alias = records.find_alias(transaction, call.account, call.region, AliasName)
            if alias is None:
                raise failures.alias_not_found(arn)
            self._authorize_current(transaction, call, "kms:DeleteAlias", alias)
            records.delete_alias(transaction, alias)
            transaction.raise_epoch()
            return {}

        return dict(await call.write(work))

    async def list_aliases(
        self, call: Call, *, KeyId: str | None = None, Limit: int | None = None, Marker: str | None = None
    ) -> dict[str, object]:
        """The aliases of the account in this region, or of one of its keys, in the order of their names."""
        call.authorize("kms:ListAliases", "*", context={"kms:calleraccount": call.account})
        size, after = page_size(Limit, default=50, most=100), behind("aliases", Marker)
        key_arn = None if KeyId is None else _own_key(call, KeyId)

        def work(transaction: Transaction) -> dict[str, object]:
            if key_arn is not None and self.directory.load(transaction, call.epoch, key_arn) is None:
                raise failures.key_not_found(key_arn)
            found = records.aliases_in_account(transaction, call.account, call.region, after, size + 1, key_arn=key_arn)
            return with_page("Aliases", found, size, _entry, lambda alias: marker_for("aliases", alias.name))

        return await call.read(work)

    def _target(self, transaction: Transaction, call: Call, action: str, alias: str, key_id: str) -> Key:
        """The key that an alias is to stand for: authorised, and not about to be destroyed."""
        key = self.directory.for_management(transaction, call, action, key_id, context={"kms:requestalias": alias})
        key.require_kept()
        return key

    def _authorize_current(self, transaction: Transaction, call: Call, action: str, alias: AliasRecord) -> Key:
        """Ask for a decision on the key that the alias stands for now; answer that key."""
        key = self.directory.load(transaction, call.epoch, alias.key_arn)
        if key is None:
            raise failures.key_not_found(alias.key_arn)
        self.directory.authorize(call, action, key, key_context(call, key, alias=alias.name))
        call.touches(key.arn, RESOURCE_TYPE, key.account)
        return key


def _check_names(alias: str, key_id: str) -> None:
    check_alias_name(alias)
    if key_id.startswith("alias/") or ":alias/" in key_id:
        raise failures.validation("Aliases must refer to keys. Not aliases")


def _authorize_alias(call: Call, action: str, name: str) -> str:
    """Ask for a decision on the alias itself; answer its ARN."""
    arn = alias_arn(call.account, call.region, name)
    call.authorize(action, arn, context={"kms:calleraccount": call.account, "kms:requestalias": name})
    return arn


def _require_room(transaction: Transaction, key: Key) -> None:
    if len(records.aliases_of_key(transaction, key.arn)) >= _MOST_ALIASES:
        raise failures.limit_exceeded(f"A key can have at most {_MOST_ALIASES} aliases.")


def _own_key(call: Call, key_id: str) -> str:
    """The ARN of a key of the caller's account; a key of another account does not exist here."""
    reference = parse_reference(key_id, call.account, call.region)
    if reference.alias is not None:
        raise failures.invalid_key_id(key_id)
    if reference.account != call.account:
        raise reference.not_found()
    return reference.arn


def _entry(alias: AliasRecord) -> dict[str, object]:
    return {
        "AliasName": alias.name,
        "AliasArn": alias_arn(alias.account, alias.region, alias.name),
        "TargetKeyId": alias.key_arn.rpartition("/")[2],
        "CreationDate": from_milliseconds(alias.created_ms),
        "LastUpdatedDate": from_milliseconds(alias.updated_ms),
    }
