"""Filters and pages of DescribeDBInstances and DescribeDBClusters."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from strongroom.services.rds import failures
from strongroom.services.rds.names import Kind
from strongroom.services.rds.records import Database

__all__ = ["Filters", "matcher", "page"]

Filters: TypeAlias = Sequence[Mapping[str, object]]
"""Filters in the model's shape."""

_DEFAULT_RECORDS: Final = 100
_FEWEST, _MOST = 20, 100

_Value: TypeAlias = Callable[[Database], tuple[str, ...]]


def _cluster_of(database: Database) -> tuple[str, ...]:
    identifier = database.cluster_identifier
    if identifier is None:
        return ()
    return (identifier, f"arn:aws:rds:{database.region}:{database.account}:cluster:{identifier}")


_FILTERS: Final[Mapping[str, Mapping[str, _Value]]] = {
    "db": {
        "db-instance-id": lambda database: (database.identifier, database.arn),
        "db-cluster-id": _cluster_of,
        "dbi-resource-id": lambda database: (database.resource_id,),
        "domain": lambda _: (),
        "engine": lambda database: (database.engine,),
    },
    "cluster": {
        "db-cluster-id": lambda database: (database.identifier, database.arn),
        "db-cluster-resource-id": lambda database: (database.resource_id,),
        "clone-group-id": lambda _: (),
        "domain": lambda _: (),
        "engine": lambda database: (database.engine,),
    },
}
"""The filters of each kind, and the values of a database that they look at (API Reference)."""

_FOLDED: Final = frozenset({"db-instance-id", "db-cluster-id"})


def matcher(kind: Kind, filters: Filters | None) -> Callable[[Database], bool]:
    """What tells whether a database is wanted: it must have one of the values of every filter.

    Raises:
        AwsError: ``InvalidParameterValue``: there is no such filter.
    """
    wanted: list[tuple[_Value, frozenset[str]]] = []
    for given in filters or ():
        name, values = str(given["Name"]), given["Values"]
        value = _FILTERS[kind.word].get(name)
        if value is None:
            raise failures.invalid_value(f"Unrecognized filter name: {name}")
        texts = [str(one) for one in values] if isinstance(values, list | tuple) else []
        wanted.append((value, frozenset(one.lower() if name in _FOLDED else one for one in texts)))
    return lambda database: all(not values.isdisjoint(value(database)) for value, values in wanted)


def page(
    found: Sequence[Database], max_records: int | None, marker: str | None
) -> tuple[Sequence[Database], str | None]:
    """One page of a list that is ordered by identifier.

    Args:
        found: Everything that is wanted.
        max_records: MaxRecords of the request.
        marker: Marker of the request: where the page before ended.

    Returns:
        The page, and the Marker of the next one.

    Raises:
        AwsError: ``InvalidParameterValue``.
    """
    if max_records is not None and not _FEWEST <= max_records <= _MOST:
        raise failures.invalid_value(f"Invalid value {max_records} for MaxRecords. Must be between 20 and 100")
    after = _opened(marker)
    rest = [database for database in found if database.identifier > after]
    count = max_records or _DEFAULT_RECORDS
    shown = rest[:count]
    more = urlsafe_b64encode(shown[-1].identifier.encode()).decode() if len(rest) > count else None
    return shown, more


def _opened(marker: str | None) -> str:
    if not marker:
        return ""
    try:
        return urlsafe_b64decode(marker).decode()
    except (binascii.Error, ValueError):
        raise failures.invalid_value("Invalid value for Marker") from None
