"""The rows of grants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Select, and_, bindparam, delete, insert, or_, select

from strongroom.store import Statement, Transaction
from strongroom.store.schema import kms_grants, kms_keys

__all__ = [
    "GrantRecord",
    "delete_grant",
    "find_grant",
    "find_grant_by_name",
    "grants_of_key",
    "insert_grant",
    "list_grants",
    "list_retirable",
]


@dataclass(frozen=True, slots=True)
class GrantRecord:
    """A row of ``kms_grants``.

    Args:
        issuing_account: The account of whoever made it.
        grantee_principal: Who it is for; users and roles of this installation by their unique id.
        grantee_service: The service that it is for, in place of a principal.
        retiring_principal: Who may retire it, in the same form.
        retiring_service: The service that may retire it, in place of a principal.
        operations: What it allows: a JSON list of operations.
        constraints: What it asks of a request: a JSON object with the members of ``GrantConstraints``.
        created_ms: When it was made, in milliseconds since the epoch.
    """

    key_arn: str
    grant_id: str
    name: str | None
    issuing_account: str
    grantee_principal: str | None
    grantee_service: str | None
    retiring_principal: str | None
    retiring_service: str | None
    operations: str
    constraints: str
    created_ms: int


_g = kms_grants.c
_COLUMNS: Final = tuple(_g[name] for name in GrantRecord.__dataclass_fields__)
_OF_KEY: Final = _g.key_arn == bindparam("key_arn")


def _page(chosen: Select[tuple[object, ...]]) -> Statement:
    """A page of grants behind the grant ``after_ms``, ``after_id``, in the order of their making."""
    behind = or_(
        _g.created_ms > bindparam("after_ms"),
        and_(_g.created_ms == bindparam("after_ms"), _g.grant_id > bindparam("after_id")),
    )
    return Statement(chosen.where(behind).order_by(_g.created_ms, _g.grant_id).limit(bindparam("most")))


_ALL: Final = Statement(select(*_COLUMNS).where(_OF_KEY).order_by(_g.created_ms, _g.grant_id))
_FIND: Final = Statement(select(*_COLUMNS).where(_OF_KEY, _g.grant_id == bindparam("grant_id")))
_BY_NAME: Final = Statement(
    select(*_COLUMNS).where(_OF_KEY, _g.name == bindparam("name")).order_by(_g.created_ms, _g.grant_id)
)
_LIST: Final = _page(select(*_COLUMNS).where(_OF_KEY))
_LIST_OF_PRINCIPAL: Final = _page(select(*_COLUMNS).where(_OF_KEY, _g.grantee_principal == bindparam("principal")))
_LIST_OF_SERVICE: Final = _page(select(*_COLUMNS).where(_OF_KEY, _g.grantee_service == bindparam("service")))
_RETIRABLE: Final = _page(
    select(*_COLUMNS)
    .join(kms_keys, kms_keys.c.arn == _g.key_arn)
    .where(kms_keys.c.region == bindparam("region"), _g.retiring_principal == bindparam("principal"))
)
_INSERT: Final = Statement(insert(kms_grants).values({column.name: bindparam(column.name) for column in _COLUMNS}))
_DELETE: Final = Statement(delete(kms_grants).where(_OF_KEY, _g.grant_id == bindparam("grant_id")))


def grants_of_key(transaction: Transaction, key_arn: str) -> list[GrantRecord]:
    """Every grant of a key, the oldest first."""
    return [GrantRecord(*row) for row in transaction.all(_ALL, {"key_arn": key_arn})]


def find_grant(transaction: Transaction, key_arn: str, grant_id: str) -> GrantRecord | None:
    """The grant of a key with this id."""
    row = transaction.one(_FIND, {"key_arn": key_arn, "grant_id": grant_id})
    return None if row is None else GrantRecord(*row)


def find_grant_by_name(transaction: Transaction, key_arn: str, name: str) -> list[GrantRecord]:
    """The grants of a key with this name, the oldest first."""
    return [GrantRecord(*row) for row in transaction.all(_BY_NAME, {"key_arn": key_arn, "name": name})]


def list_grants(
    transaction: Transaction,
    key_arn: str,
    after: tuple[int, str],
    most: int,
    *,
    principal: str | None = None,
    service: str | None = None,
) -> list[GrantRecord]:
    """Up to ``most`` grants of a key behind ``after`` (creation in milliseconds since the epoch, and grant id).

    Args:
        transaction: Where to look.
        key_arn: The key.
        after: The last grant of the page before.
        most: How many.
        principal: Only those for this principal, in its stored form.
        service: Only those for this service.
    """
    parameters: dict[str, object] = {"key_arn": key_arn, "after_ms": after[0], "after_id": after[1], "most": most}
    if principal is not None:
        rows = transaction.all(_LIST_OF_PRINCIPAL, {**parameters, "principal": principal})
    elif service is not None:
        rows = transaction.all(_LIST_OF_SERVICE, {**parameters, "service": service})
    else:
        rows = transaction.all(_LIST, parameters)
    return [GrantRecord(*row) for row in rows]


def list_retirable(
    transaction: Transaction, region: str, principal: str, after: tuple[int, str], most: int
) -> list[GrantRecord]:
    """Up to ``most`` grants in a region, on keys of any account, that a principal may retire."""
    parameters = {
        "region": region,
        "principal": principal,
        "after_ms": after[0],
        "after_id": after[1],
        "most": most,
    }
    return [GrantRecord(*row) for row in transaction.all(_RETIRABLE, parameters)]


def insert_grant(transaction: Transaction, record: GrantRecord) -> None:
    """Store a new grant."""
    transaction.run(_INSERT, {column.name: getattr(record, column.name) for column in _COLUMNS})


def delete_grant(transaction: Transaction, key_arn: str, grant_id: str) -> None:
    """Delete a grant."""
    transaction.run(_DELETE, {"key_arn": key_arn, "grant_id": grant_id})
