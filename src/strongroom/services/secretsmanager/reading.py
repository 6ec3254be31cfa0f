"""GetSecretValue and BatchGetSecretValue.

GetSecretValue is what the product is for, and its path is short on purpose: one statement brings the secret, the
version and its labels; one decision; one decryption.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Select, and_, bindparam, select

from strongroom.errors import AccessDenied, AwsError
from strongroom.services.call import Again, Call
from strongroom.services.secretsmanager.access import (
    authorize_on,
    authorize_secret,
    refuse_impossible_name,
    resource_context,
)
from strongroom.services.secretsmanager.access_dates import DAY_MS
from strongroom.services.secretsmanager.filters import compile_filters
from strongroom.services.secretsmanager.java_order import hash_set_order
from strongroom.services.secretsmanager.names import SecretReference, parse_secret_id
from strongroom.services.secretsmanager.parts import Parts
from strongroom.services.secretsmanager.refusals import (
    invalid_parameter,
    invalid_request,
    label_not_found,
    marked_for_deletion,
    not_found,
    version_not_found,
)
from strongroom.services.secretsmanager.searching import LIST_ACTION, ListQuery, list_page
from strongroom.services.secretsmanager.service_events import RESOURCE_TYPE
from strongroom.services.secretsmanager.values import default_key_across_accounts
from strongroom.services.secretsmanager.versions import CURRENT
from strongroom.store import Row, Statement, Transaction
from strongroom.store.schema import secret_labels, secret_versions, secrets
from strongroom.world import from_milliseconds

__all__ = ["Reading"]

_ACTION: Final = "secretsmanager:GetSecretValue"
_BATCH_PAGE: Final = 20

_CHOSEN: Final = secret_labels.alias("chosen")
_VALUE: Final = (
    secrets.c.arn,
    secrets.c.account,
    secrets.c.region,
    secrets.c.name,
    secrets.c.kms_key_id,
    secrets.c.accessed_day_ms,
    secrets.c.deleted_ms,
    secrets.c.policy,
    secrets.c.tags,
    secrets.c.rotation_function_arn,
    secrets.c.type,
    secrets.c.primary_region,
    secret_versions.c.version_id,
    secret_versions.c.created_ms,
    secret_versions.c.accessed_day_ms,
    secret_versions.c.kind,
    secret_versions.c.kms_key_arn,
    secret_versions.c.data_key,
    secret_versions.c.value,
    secret_labels.c.label,
)


def _with_labels(chosen: Select[tuple[object, ...]]) -> Select[tuple[object, ...]]:
    """One row for each label of the version: both engines can do that, and a version has one or two."""
    return chosen.outerjoin(
        secret_labels,
        and_(secret_labels.c.arn == secret_versions.c.arn, secret_labels.c.version_id == secret_versions.c.version_id),
    )


_BY_LABEL: Final = _with_labels(
    select(*_VALUE)
    .select_from(secrets)
    .outerjoin(_CHOSEN, and_(_CHOSEN.c.arn == secrets.c.arn, _CHOSEN.c.label == bindparam("label")))
    .outerjoin(
        secret_versions,
        and_(secret_versions.c.arn == secrets.c.arn, secret_versions.c.version_id == _CHOSEN.c.version_id),
    )
)
_BY_VERSION: Final = _with_labels(
    select(*_VALUE)
    .select_from(secrets)
    .outerjoin(
        secret_versions,
        and_(secret_versions.c.arn == secrets.c.arn, secret_versions.c.version_id == bindparam("version_id")),
    )
)
_NAMED: Final = (
    secrets.c.account == bindparam("account"),
    secrets.c.region == bindparam("region"),
    secrets.c.name == bindparam("name"),
)
_ARN_AND_LABEL: Final = Statement(_BY_LABEL.where(secrets.c.arn == bindparam("arn")))
_ARN_AND_VERSION: Final = Statement(_BY_VERSION.where(secrets.c.arn == bindparam("arn")))
_NAME_AND_LABEL: Final = Statement(_BY_LABEL.where(*_NAMED))
_NAME_AND_VERSION: Final = Statement(_BY_VERSION.where(*_NAMED))


class _Wanted(NamedTuple):
    """Which version of which secret; ``label`` is AWSCURRENT when the request names neither."""

    secret_id: str
    version_id: str | None
    label: str | None


class _Found(NamedTuple):
    """The answer, and the day of the read if it is not noted yet."""

    answer: dict[str, object]
    again: Again
    arn: str
    version_id: str
    is_first_of_day: bool


class Reading(Parts):
    """The operations that give values out."""

    async def get_secret_value(
        self, call: Call, *, SecretId: str, VersionId: str | None = None, VersionStage: str | None = None
    ) -> dict[str, object]:
        """The value of a version: the one labelled AWSCURRENT unless the request names another.

        Raises:
            AwsError: Access denied, no such secret, version or label, marked for deletion, or undecipherable.
        """
        wanted = _wanted(SecretId, VersionId, VersionStage)
        # KMS keeps its keys in memory; when it has to load one, that statement stands by itself.
        found = await call.read(lambda transaction: self._read_value(transaction, call, wanted), single=True)
        self._note_read(call, found)
        call.progress.again = found.again
        return found.answer

    async def batch_get_secret_value(
        self,
        call: Call,
        *,
        SecretIdList: list[str] | None = None,
        Filters: list[dict[str, object]] | None = None,
        MaxResults: int | None = None,
        NextToken: str | None = None,
    ) -> dict[str, object]:
        """The AWSCURRENT values of up to 20 secrets, chosen by their ids or by filters.

        Every secret needs GetSecretValue besides BatchGetSecretValue; what one of them fails with is told in
        ``Errors``, in the order of the request. Filters need ListSecrets too. The trail gets a GetSecretValue event
        for each secret (BatchGetSecretValue, API Reference).

        Raises:
            AwsError: Access denied to the operation itself, or parameters that exclude each other.
        """
        if bool(SecretIdList) == bool(Filters):
            raise invalid_parameter("Either 'SecretIdList' or 'Filters' must be provided, but not both.")
        for name, given in (("MaxResults", MaxResults), ("NextToken", NextToken)):
            if SecretIdList and given is not None:
                raise invalid_parameter(
                    f"'Filters' not specified. 'Filters' must also be specified when '{name}' is provided.",
                )
        query = ListQuery(
            filters=compile_filters(Filters),
            planned_deletion=False,
            sort_by="created-date",
            descending=False,
            most=MaxResults or _BATCH_PAGE,
            after=self.pages.open(call, [Filters], NextToken),
        )

        def work(transaction: Transaction) -> tuple[dict[str, object], list[_Found]]:
            call.progress.resources.clear()
            call.authorize("secretsmanager:BatchGetSecretValue", "*")
            answer: dict[str, object] = {}
            ids: Sequence[str] = SecretIdList or ()
            if Filters:
                call.authorize(LIST_ACTION, "*")
                page = list_page(transaction, call, query)
                ids = [secret.arn for secret in page.secrets]
                if page.next_cursor is not None:
                    answer["NextToken"] = self.pages.seal(call, [Filters], page.next_cursor)
            return answer, self._read_each(transaction, call, ids, answer)

        answer, found = await call.read(work)
        for each in found:
            self._note_read(call, each)
        return answer

    def _read_each(
        self, transaction: Transaction, call: Call, ids: Sequence[str], answer: dict[str, object]
    ) -> list[_Found]:
        found: list[_Found] = []
        errors: list[dict[str, object]] = []
        parts: list[tuple[Call, AwsError | None]] = []
        for secret_id in ids:
            part = call.part("GetSecretValue", {"SecretId": secret_id})
            try:
                found.append(self._read_value(transaction, part, _wanted(secret_id, None, None)))
                parts.append((part, None))
            except AwsError as error:
                parts.append((part, error))
                errors.append({"SecretId": secret_id, "ErrorCode": error.code, "Message": error.message})
        call.progress.parts = parts
        answer["SecretValues"] = [each.answer for each in found]
        answer["Errors"] = errors
        return found

    def _note_read(self, call: Call, found: _Found) -> None:
        if found.is_first_of_day:
            self.access_dates.note(found.arn, found.version_id, call.now_ms - call.now_ms % DAY_MS)

    def _read_value(self, transaction: Transaction, call: Call, wanted: _Wanted) -> _Found:
        reference = parse_secret_id(wanted.secret_id, call.account, call.region)
        rows = _select(transaction, reference, wanted) if reference else []
        if not rows:
            if reference is None:
                refuse_impossible_name(wanted.secret_id)
            authorize_secret(call, _ACTION, wanted.secret_id, None, _request_context(wanted))
            raise not_found()
        (
            arn, account, region, name, kms_key_id, secret_read_ms, deleted_ms, policy, tags, function_arn, kind,
            primary_region, version_id, created_ms, version_read_ms, value_kind, key_arn, data_key, value, _,
        ) = rows[0]  # fmt: skip
        authorize_on(
            call,
            _ACTION,
            wanted.secret_id,
            arn,
            account,
            policy,
            lambda: {
                **resource_context(tags, function_arn, kind, primary_region or region),
                **_request_context(wanted),
            },
        )
        call.touches(arn, RESOURCE_TYPE, account)
        if deleted_ms is not None:
            raise marked_for_deletion()
        if kms_key_id is None and account != call.account:
            raise default_key_across_accounts()
        labels = [row[-1] for row in rows]
        _require_value(wanted, labels, value)
        try:
            open_value = self.values.opener(transaction, call, arn, version_id, key_arn, data_key, value)
        except AccessDenied:
            raise self.values.denied_reading(transaction, call, key_arn, kms_key_id, account) from None
        again = _binary(open_value) if value_kind == "binary" else _text(open_value)
        answer: dict[str, object] = {"ARN": arn, "Name": name, "VersionId": version_id, **again.make()}
        if labels[0] is not None:
            answer["VersionStages"] = hash_set_order(labels)
        answer["CreatedDate"] = from_milliseconds(created_ms)
        call.progress.additional["versionId"] = version_id  # the trail tells who holds which version
        day_ms = call.now_ms - call.now_ms % DAY_MS
        return _Found(answer, again, arn, version_id, secret_read_ms != day_ms or version_read_ms != day_ms)


def _text(open_value: Callable[[], bytes]) -> Again:
    return Again(("SecretString",), lambda: {"SecretString": open_value().decode()})


def _binary(open_value: Callable[[], bytes]) -> Again:
    return Again(("SecretBinary",), lambda: {"SecretBinary": open_value()})


def _wanted(secret_id: str, version_id: str | None, label: str | None) -> _Wanted:
    return _Wanted(secret_id, version_id, CURRENT if version_id is None and label is None else label)


def _select(transaction: Transaction, reference: SecretReference, wanted: _Wanted) -> list[Row]:
    parameters: dict[str, object]
    if wanted.version_id is not None:
        by_arn, by_name = _ARN_AND_VERSION, _NAME_AND_VERSION
        parameters = {"version_id": _storable(wanted.version_id)}
    else:
        by_arn, by_name = _ARN_AND_LABEL, _NAME_AND_LABEL
        parameters = {"label": _storable(wanted.label or "")}
    if reference.arn:
        parameters["arn"] = reference.arn
        return transaction.all(by_arn, parameters)
    parameters["account"] = reference.account
    parameters["region"] = reference.region
    parameters["name"] = reference.name
    return transaction.all(by_name, parameters)


def _storable(text: str) -> str:
    """``text``, or one that nothing is stored under when the store could not hold ``text``."""
    return "" if "\0" in text else text


def _request_context(wanted: _Wanted) -> Mapping[str, str]:
    context = {"secretsmanager:secretid": wanted.secret_id}
    if wanted.version_id is not None:
        context["secretsmanager:versionid"] = wanted.version_id
    if wanted.label is not None:
        context["secretsmanager:versionstage"] = wanted.label
    return context


def _require_value(wanted: _Wanted, labels: Sequence[str | None], value: bytes | None) -> None:
    """Refuse when the version is not there, has no value yet, or does not carry the label that was named with it."""
    if wanted.version_id is None:
        if value is None:
            raise label_not_found(wanted.label or CURRENT)
        return
    if value is None:
        raise version_not_found(wanted.version_id)
    if wanted.label is not None and wanted.label not in labels:
        raise invalid_request("You provided a VersionStage that is not associated to the provided VersionId.")
