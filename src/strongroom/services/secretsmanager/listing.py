"""ListSecrets and ListSecretVersionIds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from strongroom.services.call import Call
from strongroom.services.secretsmanager.access import find_and_authorize
from strongroom.services.secretsmanager.descriptions import describe
from strongroom.services.secretsmanager.filters import compile_filters
from strongroom.services.secretsmanager.parts import Parts
from strongroom.services.secretsmanager.records import Secret
from strongroom.services.secretsmanager.searching import LIST_ACTION, ListQuery, list_page
from strongroom.services.secretsmanager.versions import (
    ListedVersion,
    labels_by_version,
    labels_of,
    labels_of_many,
    version_page,
)
from strongroom.store import Transaction
from strongroom.world import from_milliseconds

__all__ = ["Listing"]

_PAGE: Final = 100


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
            filters=compile_filters(Filters),
            planned_deletion=bool(IncludePlannedDeletion),
            sort_by=SortBy or "created-date",
            descending=SortOrder == "desc",
            most=MaxResults or _PAGE,
            after=self.pages.open(call, shape, NextToken),
        )

        def work(transaction: Transaction) -> dict[str, object]:
            call.authorize(LIST_ACTION, "*")
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
            listed = version_page(
                transaction, secret.arn, after=after, most=most + 1, deprecated=bool(IncludeDeprecated)
            )
            answer: dict[str, object] = {"ARN": secret.arn, "Name": secret.name}
            answer["Versions"] = [self._version(transaction, call, each, labels) for each in listed[:most]]
            if len(listed) > most:
                last = listed[most - 1]
                answer["NextToken"] = self.pages.seal(call, shape, (last.created_ms, last.version_id))
            return answer

        return await call.read(work)

    def _version(
        self, transaction: Transaction, call: Call, version: ListedVersion, labels: Mapping[str, list[str]]
    ) -> dict[str, object]:
        is_default = self.values.is_service_key(transaction, call, version.kms_key_arn)
        entry: dict[str, object] = {
            "VersionId": version.version_id,
            "CreatedDate": from_milliseconds(version.created_ms),
            "KmsKeyIds": ["DefaultEncryptionKey" if is_default else version.kms_key_arn],
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
