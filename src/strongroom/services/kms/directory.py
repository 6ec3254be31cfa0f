"""Find the key that a request means, and ask whether the caller may do with it what it wants.

The decision is asked on the key that was found, or, for a key that does not exist, on the ARN it would have: nobody
learns of a key by the difference between "no" and "not there".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from strongroom.errors import AwsError
from strongroom.keyring import Keyring
from strongroom.services.call import Call, Context
from strongroom.services.kms import failures, grant_records, material_records, records
from strongroom.services.kms.cache import KeyCache
from strongroom.services.kms.grants import GrantTerms, as_grantee, load_grant
from strongroom.services.kms.keys import ENABLED, RESOURCE_TYPE, Key, build_key, key_context
from strongroom.services.kms.names import KeyReference, parse_reference
from strongroom.store import Transaction

__all__ = ["Found", "KeyDirectory"]

_NOTHING_MORE: Final[Context] = {}


@dataclass(frozen=True, slots=True)
class Found:
    """A key that a request names, and how it names it."""

    reference: KeyReference
    key: Key | None


class KeyDirectory:
    """Loads keys, through a cache, and guards them.

    Args:
        keyring: Told to forget what it has opened of a key that must not be used.
    """

    __slots__ = ("_cache", "_keyring")

    def __init__(self, keyring: Keyring) -> None:
        self._cache = KeyCache()
        self._keyring = keyring

    def load(self, transaction: Transaction, epoch: int, arn: str) -> Key | None:
        """The key with this ARN.

        Args:
            transaction: Where to look when it is not in memory.
            epoch: The epoch of the call.
            arn: The key's ARN.
        """
        key = self._cache.get(epoch, arn)
        if key is None:
            record = records.find_key(transaction, arn)
            if record is None:
                return None
            granted = grant_records.grants_of_key(transaction, arn) if record.grant_count else ()
            key = build_key(
                record,
                material_records.materials_of_key(transaction, arn),
                records.aliases_of_key(transaction, arn),
                records.tags_of_key(transaction, arn),
                [load_grant(grant, record.policy) for grant in granted],
            )
            if record.state != ENABLED:
                self._keyring.forget(key.sealing_name)
            # Asked after the rows were read, and of this transaction: what was read may be newer than the call's
            # epoch, or this transaction's own and never committed.
            if transaction.epoch() == epoch:
                self._cache.put(epoch, key)
        return key

    def find(self, transaction: Transaction, call: Call, key_id: str) -> Found:
        """Find a key by id, ARN, alias name or alias ARN. Asks for no permission.

        Raises:
            AwsError: ``NotFoundException`` for a text that cannot name a key of this region.
        """
        reference = parse_reference(key_id, call.account, call.region)
        arn = reference.arn
        if reference.alias is not None:
            alias = records.find_alias(transaction, reference.account, reference.region, reference.alias)
            if alias is None:
                return Found(reference, None)
            arn = alias.key_arn
        return Found(reference, self.load(transaction, call.epoch, arn))

    def for_use(
        self,
        transaction: Transaction,
        call: Call,
        action: str,
        key_id: str,
        *,
        encryption_context: Mapping[str, str] | None = None,
        context: Context = _NOTHING_MORE,
    ) -> Key:
        """A key to look at or work with, under any of its names, of any account.

        Args:
            transaction: The operation's transaction.
            call: The call.
            action: Such as ``kms:Encrypt``.
            key_id: The request's name for the key.
            encryption_context: The encryption context of a request that encrypts or decrypts.
            context: Further condition keys of the request, lower-cased.

        Raises:
            AwsError: Access denied, or ``NotFoundException``.
        """
        found = self.find(transaction, call, key_id)
        reference, key = found.reference, found.key
        if key is None:
            raise self.absent(call, action, reference)
        conditions = key_context(call, key, alias=reference.alias, encryption_context=encryption_context)
        conditions.update(context)
        if reference.alias is not None and key.account != call.account:
            # The refusal must not tell which key another account's alias stands for.
            if not self._allows(call, action, key, conditions, encryption_context):
                raise self.absent(call, action, reference)
        else:
            self.authorize(call, action, key, conditions, encryption_context=encryption_context)
        call.touches(key.arn, RESOURCE_TYPE, key.account)
        return key

    def for_management(
        self,
        transaction: Transaction,
        call: Call,
        action: str,
        key_id: str,
        *,
        context: Context = _NOTHING_MORE,
        any_account: bool = False,
        terms: GrantTerms | None = None,
    ) -> Key:
        """A key to manage. KMS takes its id or ARN only, no alias, and mostly only a key of the caller's own account.

        Args:
            transaction: The operation's transaction.
            call: The call.
            action: Such as ``kms:DisableKey``.
            key_id: The request's name for the key.
            context: Further condition keys of the request, lower-cased.
            any_account: Whether the operation takes a key of another account too.
            terms: What CreateGrant asks for.

        Raises:
            AwsError: Access denied, or ``NotFoundException``.
        """
        reference = parse_reference(key_id, call.account, call.region)
        if reference.alias is not None:
            raise failures.invalid_key_id(key_id)
        key = self.load(transaction, call.epoch, reference.arn)
        if key is None or (key.account != call.account and not any_account):
            raise self.absent(call, action, reference)
        self.authorize(call, action, key, {**key_context(call, key), **context}, terms=terms)
        call.touches(key.arn, RESOURCE_TYPE, key.account)
        return key

    @classmethod
    def authorize(
        cls,
        call: Call,
        action: str,
        key: Key,
        context: Context | Callable[[], Context],
        *,
        encryption_context: Mapping[str, str] | None = None,
        terms: GrantTerms | None = None,
    ) -> None:
        """Ask for a decision on a key under its key policy and its grants.

        Args:
            call: The call.
            action: Such as ``kms:Decrypt``.
            key: The key.
            context: Condition keys of the request, or what gathers them.
            encryption_context: That of the request, which grants may ask for.
            terms: What CreateGrant asks for.

        Raises:
            AccessDenied: The caller may not.
        """
        if key.grants and cls._allows(call, action, key, context, encryption_context, terms):
            return
        call.authorize(
            action, key.arn, resource_account=key.account, policy=key.policy, key_policy=True, context=context
        )

    @staticmethod
    def _allows(
        call: Call,
        action: str,
        key: Key,
        context: Context | Callable[[], Context],
        encryption_context: Mapping[str, str] | None,
        terms: GrantTerms | None = None,
    ) -> bool:
        """`authorize` as a question."""
        if call.allows(
            action, key.arn, resource_account=key.account, policy=key.policy, key_policy=True, context=context
        ):
            return True
        operation = action.partition(":")[2]
        return any(
            as_grantee(call, action, key.account, key.arn, delegates=grant.is_for_account).allows(
                action, key.arn, resource_account=key.account, policy=grant.policy, key_policy=True, context=context
            )
            for grant in key.grants
            if grant.covers(operation, encryption_context, terms)
        )

    @staticmethod
    def absent(call: Call, action: str, reference: KeyReference) -> AwsError:
        """The error for a key that is not there, or not for this caller to know of.

        In the caller's own account, identity-based policies decide whether it may learn that there is no such key. In
        another account nobody gave permission, so the answer is always a refusal.

        Raises:
            AccessDenied: The caller may not learn it.
        """
        call.authorize(action, reference.arn, resource_account=reference.account)
        return reference.not_found()
