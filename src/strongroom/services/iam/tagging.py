"""The tagging operations of users, roles and managed policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from strongroom.identity.directory import tags_of
from strongroom.services.call import Call
from strongroom.services.iam.base import Operations
from strongroom.services.iam.managed import authorized_own_policy, authorized_policy
from strongroom.services.iam.owners import Context, authorized_role, authorized_user
from strongroom.services.iam.paging import page
from strongroom.services.iam.tags import (
    TagList,
    add_tags,
    remove_tags,
    request_tags,
    shown_tags,
    tag_request_context,
)
from strongroom.store import Transaction

__all__ = ["TagOperations"]

_NOTHING: Final[Mapping[str, object]] = {}


class TagOperations(Operations):
    """TagUser, UntagUser, ListUserTags, and the same of roles and policies."""

    async def tag_user(self, call: Call, *, UserName: str, Tags: TagList) -> dict[str, object]:
        """Set tags of a user. Changes what tag conditions decide, for the user and about it."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            user = authorized_user(transaction, call, UserName, tag_request_context(Tags))
            return _tag(transaction, user.user_id, Tags)

        return dict(await call.write(work))

    async def untag_user(self, call: Call, *, UserName: str, TagKeys: Sequence[str]) -> dict[str, object]:
        """Remove tags of a user."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            user = authorized_user(transaction, call, UserName, _untag_context(TagKeys))
            return _untag(transaction, user.user_id, TagKeys)

        return dict(await call.write(work))

    async def list_user_tags(
        self, call: Call, *, UserName: str, Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """The tags of a user, by key."""

        def work(transaction: Transaction) -> dict[str, object]:
            user = authorized_user(transaction, call, UserName)
            return _list(transaction, user.user_id, Marker, MaxItems)

        return await call.read(work)

    async def tag_role(self, call: Call, *, RoleName: str, Tags: TagList) -> dict[str, object]:
        """Set tags of a role. Changes what tag conditions decide, for its sessions and about it."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            role = authorized_role(transaction, call, RoleName, tag_request_context(Tags))
            return _tag(transaction, role.role_id, Tags)

        return dict(await call.write(work))

    async def untag_role(self, call: Call, *, RoleName: str, TagKeys: Sequence[str]) -> dict[str, object]:
        """Remove tags of a role."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            role = authorized_role(transaction, call, RoleName, _untag_context(TagKeys))
            return _untag(transaction, role.role_id, TagKeys)

        return dict(await call.write(work))

    async def list_role_tags(
        self, call: Call, *, RoleName: str, Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """The tags of a role, by key."""

        def work(transaction: Transaction) -> dict[str, object]:
            role = authorized_role(transaction, call, RoleName)
            return _list(transaction, role.role_id, Marker, MaxItems)

        return await call.read(work)

    async def tag_policy(self, call: Call, *, PolicyArn: str, Tags: TagList) -> dict[str, object]:
        """Set tags of one of the account's managed policies."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            policy = authorized_own_policy(transaction, call, PolicyArn, tag_request_context(Tags))
            return _tag(transaction, policy.policy_id, Tags)

        return dict(await call.write(work))

    async def untag_policy(self, call: Call, *, PolicyArn: str, TagKeys: Sequence[str]) -> dict[str, object]:
        """Remove tags of one of the account's managed policies."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            policy = authorized_own_policy(transaction, call, PolicyArn, _untag_context(TagKeys))
            return _untag(transaction, policy.policy_id, TagKeys)

        return dict(await call.write(work))

    async def list_policy_tags(
        self, call: Call, *, PolicyArn: str, Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """The tags of a managed policy, by key."""

        def work(transaction: Transaction) -> dict[str, object]:
            policy = authorized_policy(transaction, call, PolicyArn)
            return _list(transaction, policy.policy_id, Marker, MaxItems)

        return await call.read(work)


def _untag_context(keys: Sequence[str]) -> Context:
    return {"aws:tagkeys": tuple(keys)}


def _tag(transaction: Transaction, owner_id: str, tags: TagList) -> Mapping[str, object]:
    add_tags(transaction, owner_id, request_tags(tags))
    transaction.raise_epoch()
    return _NOTHING


def _untag(transaction: Transaction, owner_id: str, keys: Sequence[str]) -> Mapping[str, object]:
    remove_tags(transaction, owner_id, keys)
    transaction.raise_epoch()
    return _NOTHING


def _list(transaction: Transaction, owner_id: str, marker: str | None, max_items: int | None) -> dict[str, object]:
    items, rest = page(shown_tags(tags_of(transaction, owner_id)), marker, max_items)
    return {"Tags": items, **rest}
