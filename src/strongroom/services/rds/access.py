"""Find an instance or cluster and ask whether the caller may do this to it: the one way in for every operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson

from strongroom.errors import AwsError
from strongroom.services.call import Call
from strongroom.services.rds.names import Kind, Reference, parse_reference
from strongroom.services.rds.records import Database, find_database
from strongroom.store import Transaction

__all__ = ["Context", "authorized", "authorized_reference", "database_context", "missing"]

Context = Mapping[str, str | tuple[str, ...]]

_NOTHING: Final[Context] = {}


def missing(kind: Kind, shown: str) -> AwsError:
    """There is no such instance or cluster."""
    return AwsError(kind.missing_code, f"{kind.member} {shown} not found.", status=404)


def database_context(database: Database) -> dict[str, str | tuple[str, ...]]:
    """The condition keys that a database has by itself (Service Authorization Reference, "Amazon RDS")."""
    context: dict[str, str | tuple[str, ...]] = {"rds:databaseengine": database.engine}
    for key, value in database.tag_map.items():
        context[f"aws:resourcetag/{key.lower()}"] = value
        context[f"rds:{database.kind}-tag/{key.lower()}"] = value
    settings = orjson.loads(database.settings)
    if "DBInstanceClass" in settings:
        context["rds:databaseclass"] = settings["DBInstanceClass"]
    if database.database_name is not None:
        context["rds:databasename"] = database.database_name
    return context


def authorized(
    transaction: Transaction, call: Call, kind: Kind, identifier: str, context: Context = _NOTHING
) -> Database:
    """The instance or cluster that a request names, once the caller may do this to it.

    Args:
        transaction: Where to look.
        call: The call.
        kind: What the operation is about.
        identifier: An identifier or ARN.
        context: Condition keys of the request.

    Raises:
        AwsError: Access denied, or there is none.
    """
    reference = parse_reference(kind, identifier, call.account, call.region)
    return authorized_reference(transaction, call, reference, identifier, context)


def authorized_reference(
    transaction: Transaction, call: Call, reference: Reference, shown: str, context: Context = _NOTHING
) -> Database:
    """`authorized` for a reference; ``shown`` is what the caller wrote."""
    database = find_database(transaction, reference)
    own = _NOTHING if database is None else database_context(database)
    call.authorize(f"rds:{call.operation}", reference.arn, context={**own, **context})
    if database is None:
        raise missing(reference.kind, shown)
    call.touches(database.arn, reference.kind.resource_type, database.account)
    return database
