"""The credential report: one CSV line for each user, with what keys it has and when they were used.

Columns and words are AWS's (IAM User Guide, "Generate credential reports for your AWS account"). A report is made at
once when it is asked for, where AWS makes a new one every four hours at most; like AWS's, it can be fetched for that
long.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

from sqlalchemy import bindparam, delete, insert, select

from strongroom.errors import AwsError
from strongroom.services.call import Call
from strongroom.services.iam.base import Operations
from strongroom.store import Row, Statement, Transaction
from strongroom.store.schema import accounts, iam_access_keys, iam_credential_reports, iam_users
from strongroom.world import from_milliseconds

__all__ = ["CredentialReportOperations"]

_GOOD_FOR_MS: Final = 4 * 3_600_000
_KEY_COLUMNS: Final = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
_COLUMNS: Final = (
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    *(f"access_key_{number}_{column}" for number in (1, 2) for column in _KEY_COLUMNS),
    "cert_1_active",
    "cert_1_last_rotated",
    "cert_2_active",
    "cert_2_last_rotated",
)
_NONE: Final = "N/A"
_NO_KEY: Final = ("false", _NONE, _NONE, _NONE, _NONE)
_NO_CERTIFICATES: Final = ("false", _NONE, "false", _NONE)
_NO_PASSWORD: Final = ("false", _NONE, _NONE, _NONE)
_ROOT_PASSWORD: Final = ("not_supported", "no_information", "not_supported", "not_supported")

_u, _k, _c = iam_users.c, iam_access_keys.c, iam_credential_reports.c
_FOUNDED: Final = Statement(select(accounts.c.joined_ms).where(accounts.c.account == bindparam("owner")))
_USERS: Final = Statement(
    select(
        _u.folded_name,
        _u.name,
        _u.path,
        _u.created_ms,
        _k.status,
        _k.created_ms,
        _k.used_ms,
        _k.used_region,
        _k.used_service,
    )
    .select_from(iam_users.outerjoin(iam_access_keys, _k.user_id == _u.user_id))
    .where(_u.account == bindparam("owner"))
    .order_by(_u.folded_name, _k.created_ms, _k.access_key_id)
)
_REPORT: Final = Statement(select(_c.content, _c.generated_ms).where(_c.account == bindparam("owner")))
_FORGET: Final = Statement(delete(iam_credential_reports).where(_c.account == bindparam("owner")))
_KEEP: Final = Statement(
    insert(iam_credential_reports).values(
        account=bindparam("owner"), content=bindparam("text"), generated_ms=bindparam("now")
    )
)


def _moment(milliseconds: int | None) -> str:
    if milliseconds is None:
        return _NONE
    return from_milliseconds(milliseconds).replace(microsecond=0).isoformat()


def _key(status: str, created_ms: int, used_ms: int | None, region: str | None, service: str | None) -> Sequence[str]:
    active = "true" if status == "Active" else "false"
    return active, _moment(created_ms), _moment(used_ms), region or _NONE, service or _NONE


def _lines(transaction: Transaction, account: str) -> Iterator[Sequence[str]]:
    """The report, line by line. AWS begins with the root user, who has no credentials here."""
    yield _COLUMNS
    founded = transaction.one(_FOUNDED, {"owner": account})
    created = _moment(None if founded is None else founded[0])
    arn = f"arn:aws:iam::{account}"
    yield "<root_account>", f"{arn}:root", created, *_ROOT_PASSWORD, "false", *_NO_KEY, *_NO_KEY, *_NO_CERTIFICATES
    for _, group in groupby(transaction.all(_USERS, {"owner": account}), key=itemgetter(0)):
        rows: list[Row] = list(group)
        _, name, path, created_ms = rows[0][:4]
        keys = [_key(*row[4:]) for row in rows if row[4] is not None]
        first, second = [*keys, _NO_KEY, _NO_KEY][:2]
        user = f"{arn}:user{path}{name}"
        yield name, user, _moment(created_ms), *_NO_PASSWORD, "false", *first, *second, *_NO_CERTIFICATES


class CredentialReportOperations(Operations):
    """GenerateCredentialReport, GetCredentialReport."""

    async def generate_credential_report(self, call: Call) -> dict[str, object]:
        """Make a report of this moment, in the place of an older one."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            call.authorize("iam:GenerateCredentialReport", "*")
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(_lines(transaction, call.account))
            transaction.run(_FORGET, {"owner": call.account})
            transaction.run(_KEEP, {"owner": call.account, "text": text.getvalue(), "now": call.now_ms})
            return {"State": "COMPLETE"}

        return dict(await call.write(work))

    async def get_credential_report(self, call: Call) -> dict[str, object]:
        """The report that was made last.

        Raises:
            AwsError: ``ReportNotPresent`` or ``ReportExpired``: GenerateCredentialReport comes first.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            call.authorize("iam:GetCredentialReport", "*")
            row = transaction.one(_REPORT, {"owner": call.account})
            if row is None:
                raise AwsError("ReportNotPresent", "No credential report exists. Generate one first.", status=410)
            content, generated_ms = row
            if call.now_ms >= generated_ms + _GOOD_FOR_MS:
                raise AwsError("ReportExpired", "The credential report has expired. Generate a new one.", status=410)
            return {
                "Content": content.encode(),
                "ReportFormat": "text/csv",
                "GeneratedTime": from_milliseconds(generated_ms),
            }

        return await call.read(work)
