"""Access keys of users: their rows and their operations.

The secret half is shown once, by CreateAccessKey, and kept sealed. An operation without a user name means the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from strongroom.errors import AccessDenied
from strongroom.identity.credentials import new_access_key, seal_secret
from strongroom.identity.directory import User, tags_of, user_by_id
from strongroom.services.call import Call
from strongroom.services.iam.base import Operations
from strongroom.services.iam.calling import named_user
from strongroom.services.iam.owners import tag_context
from strongroom.services.iam.paging import page
from strongroom.services.iam.problems import invalid_input, limit_exceeded, no_such_key
from strongroom.store import Statement, Transaction
from strongroom.store.schema import iam_access_keys
from strongroom.world import from_milliseconds

__all__ = ["MOST_KEYS", "AccessKeyOperations", "keys_of"]

MOST_KEYS: Final = 2
"""How many access keys a user may have ("IAM and AWS STS quotas")."""

_NEVER: Final = "N/A"
_NOTHING: Final[Mapping[str, object]] = {}

_k = iam_access_keys.c
_THIS_KEY = (_k.access_key_id == bindparam("key_id"), _k.user_id == bindparam("id"))

_KEYS: Final = Statement(
    select(_k.access_key_id, _k.status, _k.created_ms)
    .where(_k.user_id == bindparam("id"))
    .order_by(_k.created_ms, _k.access_key_id)
)
_USE: Final = Statement(
    select(_k.user_id, _k.used_ms, _k.used_service, _k.used_region).where(_k.access_key_id == bindparam("key_id"))
)
_ADD: Final = Statement(
    insert(iam_access_keys).values(
        access_key_id=bindparam("key_id"),
        account=bindparam("owner"),
        user_id=bindparam("id"),
        status="Active",
        secret_access_key=bindparam("sealed"),
        created_ms=bindparam("now"),
    )
)
_SET_STATUS: Final = Statement(update(iam_access_keys).where(*_THIS_KEY).values(status=bindparam("state")))
_DELETE: Final = Statement(delete(iam_access_keys).where(*_THIS_KEY))


def keys_of(transaction: Transaction, user_id: str) -> list[tuple[str, str, int]]:
    """Id, status and time of creation (ms) of a user's access keys, oldest first."""
    return [(key_id, status, created) for key_id, status, created in transaction.all(_KEYS, {"id": user_id})]


def _shown(user: User, key_id: str, status: str, created_ms: int) -> dict[str, object]:
    return {
        "UserName": user.name,
        "AccessKeyId": key_id,
        "Status": status,
        "CreateDate": from_milliseconds(created_ms),
    }


class AccessKeyOperations(Operations):
    """CreateAccessKey, UpdateAccessKey, DeleteAccessKey, ListAccessKeys, GetAccessKeyLastUsed."""

    async def create_access_key(self, call: Call, *, UserName: str | None = None) -> dict[str, object]:
        """Make an access key for a user. The answer is the only place where its secret is ever shown."""
        key = new_access_key(self._entropy)
        sealed = seal_secret(self._keyring, call.account, key)

        def work(transaction: Transaction) -> Mapping[str, object]:
            user = named_user(transaction, call, UserName)
            if len(keys_of(transaction, user.user_id)) >= MOST_KEYS:
                raise limit_exceeded(f"Cannot exceed quota for AccessKeysPerUser: {MOST_KEYS}")
            transaction.run(
                _ADD,
                {
                    "key_id": key.access_key_id,
                    "owner": user.account,
                    "id": user.user_id,
                    "sealed": sealed,
                    "now": call.now_ms,
                },
            )
            transaction.raise_epoch()
            shown = _shown(user, key.access_key_id, "Active", call.now_ms)
            return {"AccessKey": {**shown, "SecretAccessKey": key.secret_access_key}}

        return dict(await call.write(work))

    async def update_access_key(
        self, call: Call, *, AccessKeyId: str, Status: str, UserName: str | None = None
    ) -> dict[str, object]:
        """Make an access key active or inactive, from the next request on."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            user = named_user(transaction, call, UserName)
            if Status not in {"Active", "Inactive"}:
                raise invalid_input(f"The status of an access key cannot be set to {Status}.")
            if not transaction.run(_SET_STATUS, {"key_id": AccessKeyId, "id": user.user_id, "state": Status}):
                raise no_such_key(AccessKeyId)
            transaction.raise_epoch()
            return _NOTHING

        return dict(await call.write(work))

    async def delete_access_key(
        self, call: Call, *, AccessKeyId: str, UserName: str | None = None
    ) -> dict[str, object]:
        """Delete an access key. The next request that it signs is refused."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            user = named_user(transaction, call, UserName)
            if not transaction.run(_DELETE, {"key_id": AccessKeyId, "id": user.user_id}):
                raise no_such_key(AccessKeyId)
            transaction.raise_epoch()
            return _NOTHING

        return dict(await call.write(work))

    async def list_access_keys(
        self,
        call: Call,
        *,
        UserName: str | None = None,
        Marker: str | None = None,
        MaxItems: int | None = None,
    ) -> dict[str, object]:
        """The access keys of a user, without their secrets."""

        def work(transaction: Transaction) -> dict[str, object]:
            user = named_user(transaction, call, UserName)
            items, rest = page(keys_of(transaction, user.user_id), Marker, MaxItems)
            return {"AccessKeyMetadata": [_shown(user, *item) for item in items], **rest}

        return await call.read(work)

    async def get_access_key_last_used(self, call: Call, *, AccessKeyId: str) -> dict[str, object]:
        """When, where and for which service a key was used last.

        Raises:
            AccessDenied: The caller may not ask about the key's user. AWS says the same of keys that do not exist and
                of other accounts' keys, and names the key instead of the user.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            row = transaction.one(_USE, {"key_id": AccessKeyId})
            user = None if row is None else user_by_id(transaction, row[0])
            if row is None or user is None or user.account != call.account or not _may_ask(transaction, call, user):
                raise AccessDenied(
                    f"User: {call.caller.arn} is not authorized to perform: iam:{call.operation} on resource: "
                    f"access key {AccessKeyId}"
                )
            _, used_ms, service, region = row
            used = {"LastUsedDate": from_milliseconds(used_ms)} if used_ms is not None else {}
            return {
                "UserName": user.name,
                "AccessKeyLastUsed": {**used, "ServiceName": service or _NEVER, "Region": region or _NEVER},
            }

        return await call.read(work)


def _may_ask(transaction: Transaction, call: Call, user: User) -> bool:
    context = tag_context(tags_of(transaction, user.user_id))
    return call.allows(f"iam:{call.operation}", user.arn, context=context)
