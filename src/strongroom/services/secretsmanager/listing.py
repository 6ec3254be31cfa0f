"""ListSecrets and ListSecretVersionIds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sqlalchemy import BindParameter, and_, bindparam, func, or_, select

from strongroom.services.call import Call
from strongroom.services.secretsmanager.access import compile_resource_policy, find_and_authorize, secret_context
from strongroom.services.secretsmanager.descriptions import describe
from strongroom.services.secretsmanager.filters import SecretFilter, compile_filters
from strongroom.services.secretsmanager.paging import Cursor
from strongroom.services.secretsmanager.parts import Parts
from strongroom.services.secretsmanager.records import SECRET_COLUMNS, Secret
from strongroom.services.secretsmanager.versions import (
    Version,
    labels_by_version,
    labels_of,
    labels_of_many,
    list_versions,
)
from strongroom.store import Statement, Transaction
from strongroom.store.schema import secrets
from strongroom.world import from_milliseconds

__all__ = ["ListQuery", "Listing", "Page", "list_page"]

_ACTION: Final = "secretsmanager:ListSecrets"
_PAGE: Final = 100
_ROWS_AT_ONCE: Final = 200

_SORT_COLUMNS: Final = {
    "created-date": secrets.c.created_ms,
    "last-changed-date": secrets.c.changed_ms,
    "last-accessed-date": func.coalesce(secrets.c.accessed_day_ms, 0),
    "name": secrets.c.name,
}


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What to list.

    Attributes:
        matches: The filters, compiled.
        planned_deletion: Whether secrets in their recovery window are wanted too.
        sort_by: A value of the model's SortByType.
        descending: The order.
        most: The size of a page.
        after: Where the page before ended; None for the first page.
    """

    matches: SecretFilter
    planned_deletion: bool
    sort_by: str
    descending: bool
    most: int
    after: Cursor | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some secrets, and where they end if there may be more."""

    secrets: list[Secret]
    next_cursor: Cursor | None


@lru_cache(maxsize=32)
def _page_statement(sort_by: str, *, descending: bool, continued: bool) -> Statement:
    """Secrets of an account and region in an order; from the beginning, or from after a cursor."""
    column, arn = _SORT_COLUMNS[sort_by], secrets.c.arn
    found = select(*SECRET_COLUMNS).where(
        secrets.c.account == bindparam("account"), secrets.c.region == bindparam("region")
    )
    if continued:
        value: BindParameter[object] = bindparam("value")
        tie: BindParameter[str] = bindparam("tie")
        later = column < value if descending else column > value
        later_arn = arn < tie if descending else arn > tie
        found = found.where(or_(later, and_(column == value, later_arn)))
    order = (column.desc(), arn.desc()) if descending else (column, arn)
    return Statement(found.order_by(*order).limit(bindparam("most")))


def _sort_value(secret: Secret, sort_by: str) -> int | str:
    if sort_by == "name":
        return secret.name
    if sort_by == "last-accessed-date":
        return secret.accessed_day_ms or 0
    return secret.changed_ms if sort_by == "last-changed-date" else secret.created_ms


def list_page(transaction: Transaction, call: Call, query: ListQuery) -> Page:
    """One page of the secrets in the call's account and region that match a query.

    A secret on which the caller is denied ListSecrets is left out, although AWS itself decides ListSecrets as a whole:
    what a Deny hides stays hidden here.
    """
    found: list[Secret] = []
    cursor = query.after
    while True:
        statement = _page_statement(query.sort_by, descending=query.descending, continued=cursor is not None)
        parameters: dict[str, object] = {"account": call.account, "region": call.region, "most": _ROWS_AT_ONCE}
        if cursor is not None:
            parameters["value"], parameters["tie"] = cursor
        rows = transaction.all(statement, parameters)
        for row in rows:
            secret = Secret(*row)
            if _is_visible(call, secret, query):
                if len(found) == query.most:
                    return Page(found, cursor)
                found.append(secret)
            cursor = (_sort_value(secret, query.sort_by), secret.arn)
        if len(rows) < _ROWS_AT_ONCE:
            return Page(found, None)


def _is_visible(call: Call, secret: Secret, query: ListQuery) -> bool:
    if secret.deleted_ms is not None and not query.planned_deletion:
        return False
    return query.matches(secret) and call.allows(
        _ACTION,
        secret.arn,
        policy=compile_resource_policy(secret.policy) if secret.policy is not None else None,
        context=secret_context(secret),
    )


class Listing(Parts):
    """The operations that list."""

    async def list_secrets(
        self,
        call: Call,
        *,
        IncludePlannedDeletion: bool | None = None,
        MaxResults: int | None = None,
        NextToken: str | None = None,
        Filters: list[dict[str, object]] | None = None,
        SortOrder: str | None = None,
        SortBy: str | None = None,
    ) -> dict[str, object]:
        """The secrets of the caller's account in this region, by date of creation unless asked otherwise.

        Raises:
            AwsError: Access denied, a filter without key or values, or a token of another query.
        """
        shape: list[object] = [bool(IncludePlannedDeletion), Filters, SortOrder, SortBy]
        query = ListQuery(
            matches=compile_filters(Filters),
            planned_deletion=bool(IncludePlannedDeletion),
            sort_by=SortBy or "created-date",
            descending=SortOrder == "desc",
            most=MaxResults or _PAGE,
            after=self.pages.open(call, shape, NextToken),
        )

        def work(transaction: Transaction) -> dict[str, object]:
            call.authorize(_ACTION, "*")
            page = list_page(transaction, call, query)
            labels = labels_of_many(transaction, [secret.arn for secret in page.secrets])
            answer: dict[str, object] = {"SecretList": [_entry(secret, labels) for secret in page.secrets]}
            if page.next_cursor is not None:
                answer["NextToken"] = self.pages.seal(call, shape, page.next_cursor)
            return answer

        return await call.read(work)

    async def list_secret_version_ids(
        self,
        call: Call,
        *,
        SecretId: str,
        MaxResults: int | None = None,
        NextToken: str | None = None,
        IncludeDeprecated: bool | None = None,
    ) -> dict[str, object]:
        """The versions of a secret that have a value; those without labels only if asked for.

        Raises:
            AwsError: Access denied, no such secret, or a token of another query.
        """
        shape: list[object] = [SecretId, bool(IncludeDeprecated)]
        after = self.pages.open(call, shape, NextToken)
        most = MaxResults or _PAGE

        def work(transaction: Transaction) -> dict[str, object]:
            call.progress.resources.clear()
            secret = find_and_authorize(transaction, call, SecretId, deleted=True)
            labels = labels_by_version(labels_of(transaction, secret.arn).items())
            listed = [
                version
                for version in list_versions(transaction, secret.arn)
                if version.value is not None
                and (IncludeDeprecated or version.version_id in labels)
                and (after is None or (version.created_ms, version.version_id) > after)
            ]
            answer: dict[str, object] = {"ARN": secret.arn, "Name": secret.name}
            answer["Versions"] = [self._version(transaction, call, each, labels) for each in listed[:most]]
            if len(listed) > most:
                last = listed[most - 1]
                answer["NextToken"] = self.pages.seal(call, shape, (last.created_ms, last.version_id))
            return answer

        return await call.read(work)

    def _version(
        self, transaction: Transaction, call: Call, version: Version, labels: Mapping[str, list[str]]
    ) -> dict[str, object]:
        key_arn = version.kms_key_arn or ""
        is_default = self.values.is_service_key(transaction, call, key_arn)
        entry: dict[str, object] = {
            "VersionId": version.version_id,
            "CreatedDate": from_milliseconds(version.created_ms),
            "KmsKeyIds": ["DefaultEncryptionKey" if is_default else key_arn],
        }
        if version.version_id in labels:
            entry["VersionStages"] = labels[version.version_id]
        if version.accessed_day_ms is not None:
            entry["LastAccessedDate"] = from_milliseconds(version.accessed_day_ms)
        return entry


def _entry(secret: Secret, labels: Mapping[str, Mapping[str, list[str]]]) -> dict[str, object]:
    entry = describe(secret)
    if secret.arn in labels:
        entry["SecretVersionsToStages"] = labels[secret.arn]
    if secret.deleted_ms is not None:
        # SecretListEntry speaks of the moment of the deletion, DescribeSecret of the end of the recovery window.
        entry["DeletedDate"] = from_milliseconds(secret.deleted_ms)
    return entry
