"""All users and roles with their policies, read page by page: each page is a short read, and other requests go between.

What the pages tell together is one state of the store: every change of a user, role, group or policy raises the epoch,
and when that moved since the call was authenticated, the call starts over.

Policies are compiled for the actions that matter only, and each text once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeAlias

from sqlalchemy import Column, Integer, Select, Table, bindparam, select

from strongroom.errors import OperatorError
from strongroom.identity.directory import ROLE_COLUMNS, USER_COLUMNS, Role, User, managed_document
from strongroom.identity.organization import Organization
from strongroom.identity.principal_keys import role_keys, user_keys
from strongroom.identity.principals import session_arn
from strongroom.policy import MalformedPolicy, Policy, PolicyKind, PolicySet, PrincipalFacts, compile_policy
from strongroom.services.access.principals import Standing
from strongroom.services.call import Call, StaleAuthorization
from strongroom.store import Statement, Transaction
from strongroom.store.schema import (
    iam_attachments,
    iam_group_members,
    iam_groups,
    iam_inline_policies,
    iam_roles,
    iam_tags,
    iam_users,
)

__all__ = ["Resident", "population"]

_PAGE: Final = 500
_AT_A_TIME: Final = 25
"""How many principals are made ready before other requests have their turn; some milliseconds."""

_SESSION_NAME: Final = "session"

_Documents: TypeAlias = dict[str, list[tuple[str, str | None]]]
"""Owner -> its policies: an inline one as (name, text), an attached one as (ARN, None)."""


@dataclass(frozen=True, slots=True)
class Resident:
    """A user or role of the installation.

    Args:
        standing: It as the engine sees it. A role stands for a plain session of it.
        role: The role; None for a user.
        tags: Its tags.
    """

    standing: Standing
    role: Role | None
    tags: Mapping[str, str]


def _of_page(chosen: Select[tuple[object, ...]], table: Table) -> Statement:
    """Those rows whose owner stands on a page: an account's names after one and up to another."""
    return Statement(
        chosen.where(
            table.c.account == bindparam("owner"),
            table.c.folded_name > bindparam("after"),
            table.c.folded_name <= bindparam("upto"),
        )
    )


@dataclass(frozen=True, slots=True)
class _Statements:
    """The statements that read one kind of principal."""

    page: Statement
    inline: Statement
    attached: Statement
    tags: Statement


def _statements(table: Table, unique_id: str, columns: Sequence[Column[Any]]) -> _Statements:
    own = table.c[unique_id]
    inline, attached, tags = iam_inline_policies, iam_attachments, iam_tags
    return _Statements(
        page=Statement(
            select(table.c.folded_name, *columns)
            .where(table.c.account == bindparam("owner"), table.c.folded_name > bindparam("after"))
            .order_by(table.c.folded_name)
            .limit(bindparam("count", type_=Integer))
        ),
        inline=_of_page(
            select(inline.c.owner_id, inline.c.name, inline.c.document).join(table, own == inline.c.owner_id), table
        ),
        attached=_of_page(
            select(attached.c.owner_id, attached.c.policy_arn).join(table, own == attached.c.owner_id), table
        ),
        tags=_of_page(select(tags.c.owner_id, tags.c.key, tags.c.value).join(table, own == tags.c.owner_id), table),
    )


_USERS: Final = _statements(iam_users, "user_id", USER_COLUMNS)
_ROLES: Final = _statements(iam_roles, "role_id", ROLE_COLUMNS)
_MEMBERSHIPS: Final = _of_page(
    select(iam_group_members.c.user_id, iam_group_members.c.group_id).join(
        iam_users, iam_users.c.user_id == iam_group_members.c.user_id
    ),
    iam_users,
)
_GROUPS: Final = Statement(
    select(iam_groups.c.group_id, iam_groups.c.name).where(iam_groups.c.account == bindparam("owner"))
)
_GROUP_INLINE: Final = Statement(
    select(iam_inline_policies.c.owner_id, iam_inline_policies.c.name, iam_inline_policies.c.document)
    .join(iam_groups, iam_groups.c.group_id == iam_inline_policies.c.owner_id)
    .where(iam_groups.c.account == bindparam("owner"))
)
_GROUP_ATTACHED: Final = Statement(
    select(iam_attachments.c.owner_id, iam_attachments.c.policy_arn)
    .join(iam_groups, iam_groups.c.group_id == iam_attachments.c.owner_id)
    .where(iam_groups.c.account == bindparam("owner"))
)


@dataclass(slots=True)
class _Shelf:
    """Compiled policies. Managed ones are shared by all who have them.

    Args:
        actions: The actions that matter, in lower case.
    """

    actions: frozenset[str]
    managed: dict[tuple[str, PolicyKind], Policy] = field(default_factory=dict)

    def compiled(self, text: str, kind: PolicyKind, name: str) -> Policy:
        """A stored policy, compiled.

        Raises:
            OperatorError: It can no longer be read.
        """
        try:
            return compile_policy(text, kind, name=name, only_actions=self.actions)
        except MalformedPolicy as error:
            raise OperatorError(
                f"The stored policy {name} can no longer be read.", why=error.message, fix="replace it with a valid one"
            ) from None

    def take_in(self, transaction: Transaction, arns: Iterable[str], kind: PolicyKind) -> None:
        """Read the managed policies that are not here yet.

        Raises:
            OperatorError: One of them does not exist. It may hold a Deny, so nothing can be told.
        """
        for arn in arns:
            if (arn, kind) in self.managed:
                continue
            text = managed_document(transaction, arn)
            if text is None:
                raise OperatorError(f"The policy {arn} is in use and does not exist.", fix="detach it")
            self.managed[arn, kind] = self.compiled(text, kind, arn)


@dataclass(slots=True)
class _Page:
    """The rows of one page."""

    owners: Sequence[User | Role]
    documents: _Documents
    groups: dict[str, list[str]]
    tags: dict[str, dict[str, str]]


async def population(
    call: Call, organization: Organization, accounts: Sequence[str], actions: frozenset[str]
) -> AsyncIterator[Resident]:
    """Every user and role of some accounts.

    Args:
        call: Reads them.
        organization: The organization, as of the call's epoch.
        accounts: Whose.
        actions: The actions that matter, in lower case; statements about others only are left out.

    Raises:
        StaleAuthorization: Something changed since the call was authenticated.
        OperatorError: A policy cannot be read.
    """
    shelf = _Shelf(actions)
    for account in accounts:
        groups = await call.read(partial(_read_groups, account=account, shelf=shelf))
        for statements in (_USERS, _ROLES):
            after = ""
            while True:
                page = await call.read(
                    partial(
                        _read_page, epoch=call.epoch, statements=statements, account=account, after=after, shelf=shelf
                    )
                )
                for number, owner in enumerate(page.owners):
                    yield _resident(owner, page, groups, organization, shelf, call.now_ms)
                    if number % _AT_A_TIME == 0:
                        await asyncio.sleep(0)
                if len(page.owners) < _PAGE:
                    break
                after = page.owners[-1].name.lower()


def _read_groups(transaction: Transaction, *, account: str, shelf: _Shelf) -> dict[str, tuple[Policy, ...]]:
    """Group id -> its policies."""
    owner = {"owner": account}
    names: dict[str, str] = dict(transaction.all(_GROUPS, owner))
    attached = transaction.all(_GROUP_ATTACHED, owner)
    shelf.take_in(transaction, (arn for _, arn in attached), PolicyKind.IDENTITY)
    found: dict[str, list[Policy]] = {group_id: [] for group_id in names}
    for group_id, name, text in transaction.all(_GROUP_INLINE, owner):
        found[group_id].append(shelf.compiled(text, PolicyKind.IDENTITY, f"{name} of group {names[group_id]}"))
    for group_id, arn in attached:
        found[group_id].append(shelf.managed[arn, PolicyKind.IDENTITY])
    return {group_id: tuple(policies) for group_id, policies in found.items()}


def _read_page(
    transaction: Transaction, *, epoch: int, statements: _Statements, account: str, after: str, shelf: _Shelf
) -> _Page:
    if transaction.epoch() != epoch:
        raise StaleAuthorization
    rows = transaction.all(statements.page, {"owner": account, "after": after, "count": _PAGE})
    make: type[User] | type[Role] = User if statements is _USERS else Role
    page = _Page([make(*row[1:]) for row in rows], {}, {}, {})
    if not rows:
        return page
    span = {"owner": account, "after": after, "upto": rows[-1][0]}
    for owner_id, name, text in transaction.all(statements.inline, span):
        page.documents.setdefault(owner_id, []).append((name, text))
    attached = transaction.all(statements.attached, span)
    for owner_id, arn in attached:
        page.documents.setdefault(owner_id, []).append((arn, None))
    for owner_id, key, value in transaction.all(statements.tags, span):
        page.tags.setdefault(owner_id, {})[key] = value
    if statements is _USERS:
        for user_id, group_id in transaction.all(_MEMBERSHIPS, span):
            page.groups.setdefault(user_id, []).append(group_id)
    shelf.take_in(transaction, (arn for _, arn in attached), PolicyKind.IDENTITY)
    shelf.take_in(transaction, (each.boundary_arn for each in page.owners if each.boundary_arn), PolicyKind.BOUNDARY)
    return page


def _resident(
    owner: User | Role,
    page: _Page,
    groups: Mapping[str, tuple[Policy, ...]],
    organization: Organization,
    shelf: _Shelf,
    now_ms: int,
) -> Resident:
    unique_id = owner.unique_id
    identity = [
        shelf.managed[name, PolicyKind.IDENTITY] if text is None else shelf.compiled(text, PolicyKind.IDENTITY, name)
        for name, text in page.documents.get(unique_id, ())
    ]
    for group_id in page.groups.get(unique_id, ()):
        identity += groups[group_id]
    boundary = None if owner.boundary_arn is None else shelf.managed[owner.boundary_arn, PolicyKind.BOUNDARY]
    policies = PolicySet(tuple(identity), boundary, None, organization.service_control(owner.account))
    tags, identifiers = page.tags.get(unique_id, {}), frozenset({unique_id})
    if isinstance(owner, User):
        facts = PrincipalFacts(owner.arn, owner.arn, owner.account, "user", identifiers=identifiers)
        standing = Standing(owner.arn, "user", facts, policies, user_keys(owner, tags, organization))
        return Resident(standing, None, tags)
    facts = PrincipalFacts(
        owner.arn, session_arn(owner, _SESSION_NAME), owner.account, "role-session", identifiers=identifiers
    )
    keys = role_keys(owner, _SESSION_NAME, now_ms, tags, organization)
    return Resident(Standing(owner.arn, "role", facts, policies, keys), owner, tags)
