"""The versions of secrets and the staging labels on them: rows, and the rules by which labels move."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from sqlalchemy import BigInteger, Text, and_, bindparam, delete, exists, func, insert, not_, select, tuple_, update

from strongroom.errors import AwsError
from strongroom.services.secretsmanager.java_order import hash_set_order
from strongroom.services.secretsmanager.settings import SecretsManagerSettings
from strongroom.store import Statement, Transaction
from strongroom.store.schema import secret_labels, secret_versions

__all__ = [
    "CURRENT",
    "PENDING",
    "PREVIOUS",
    "ListedVersion",
    "Version",
    "attach_labels",
    "delete_version",
    "detach_label",
    "find_version",
    "insert_version",
    "labels_by_version",
    "labels_of",
    "labels_of_many",
    "prune_versions",
    "replace_data_key",
    "replace_labels",
    "set_value",
    "version_page",
    "version_with_label",
    "versions_present",
]

CURRENT: Final = "AWSCURRENT"
PENDING: Final = "AWSPENDING"
PREVIOUS: Final = "AWSPREVIOUS"

_DAY_MS: Final = 86_400_000
_SECRETS_PER_STATEMENT: Final = 25


@dataclass(frozen=True, slots=True)
class Version:
    """One row of ``secret_versions``.

    Attributes:
        kind: ``string`` or ``binary``; None while a rotation has not given the version a value.
        kms_key_arn: The key that ``data_key`` is a ciphertext of.
        data_key: The data key, encrypted by KMS.
        value: The value, encrypted under the data key.
    """

    arn: str
    version_id: str
    created_ms: int
    accessed_day_ms: int | None = None
    kind: str | None = None
    kms_key_arn: str | None = None
    data_key: bytes | None = field(default=None, repr=False)
    value: bytes | None = field(default=None, repr=False)


class ListedVersion(NamedTuple):
    """What a list says of a version that has a value, without the value."""

    version_id: str
    created_ms: int
    accessed_day_ms: int | None
    kms_key_arn: str


_V: Final = secret_versions.c
_L: Final = secret_labels.c
_COLUMNS: Final = tuple(_V[name] for name in Version.__dataclass_fields__)
_IS_LABELLED: Final = exists().where(_L.arn == _V.arn, _L.version_id == _V.version_id)

_VERSION: Final = Statement(
    select(*_COLUMNS).where(_V.arn == bindparam("arn"), _V.version_id == bindparam("version_id"))
)
_VERSION_WITH_LABEL: Final = Statement(
    select(*_COLUMNS)
    .join(secret_labels, and_(_L.arn == _V.arn, _L.version_id == _V.version_id))
    .where(_V.arn == bindparam("arn"), _L.label == bindparam("label"))
)
_COUNT: Final = Statement(select(func.count()).where(_V.arn == bindparam("arn")))
_PRUNABLE: Final = Statement(
    select(_V.version_id)
    .where(_V.arn == bindparam("arn"), _V.created_ms < bindparam("before_ms"), not_(_IS_LABELLED))
    .order_by(_V.created_ms, _V.version_id)
    .limit(bindparam("most"))
)
_INSERT_VERSION: Final = Statement(
    insert(secret_versions).values({name: bindparam(name) for name in Version.__dataclass_fields__})
)
_DELETE_VERSION: Final = Statement(
    delete(secret_versions).where(_V.arn == bindparam("arn"), _V.version_id == bindparam("version_id"))
)
_SET_VALUE: Final = Statement(
    update(secret_versions)
    .where(_V.arn == bindparam("the_arn"), _V.version_id == bindparam("the_version_id"))
    .values({name: bindparam(name) for name in ("created_ms", "kind", "kms_key_arn", "data_key", "value")})
)
_REPLACE_DATA_KEY: Final = Statement(
    update(secret_versions)
    .where(_V.arn == bindparam("the_arn"), _V.version_id == bindparam("the_version_id"))
    .values(kms_key_arn=bindparam("kms_key_arn"), data_key=bindparam("data_key"))
)
_LABELS: Final = Statement(select(_L.label, _L.version_id).where(_L.arn == bindparam("arn")).order_by(_L.label))
_LABELS_OF_MANY: Final = Statement(
    select(_L.arn, _L.label, _L.version_id)
    .where(_L.arn.in_([bindparam(f"arn_{number}") for number in range(_SECRETS_PER_STATEMENT)]))
    .order_by(_L.arn, _L.label)
)
_PRESENT: Final = Statement(select(_V.version_id, _V.value.is_not(None)).where(_V.arn == bindparam("arn")))
_DELETE_LABELS: Final = Statement(delete(secret_labels).where(_L.arn == bindparam("arn")))
_MOVE_LABEL: Final = Statement(
    update(secret_labels)
    .where(_L.arn == bindparam("the_arn"), _L.label == bindparam("the_label"))
    .values(version_id=bindparam("version_id"))
)
_INSERT_LABEL: Final = Statement(
    insert(secret_labels).values({name: bindparam(name) for name in ("arn", "label", "version_id")})
)
_DELETE_LABEL: Final = Statement(
    delete(secret_labels).where(_L.arn == bindparam("arn"), _L.label == bindparam("label"))
)


def find_version(transaction: Transaction, arn: str, version_id: str) -> Version | None:
    """One version of a secret."""
    row = transaction.one(_VERSION, {"arn": arn, "version_id": version_id})
    return Version(*row) if row else None


def version_with_label(transaction: Transaction, arn: str, label: str) -> Version | None:
    """The version that a label sits on."""
    row = transaction.one(_VERSION_WITH_LABEL, {"arn": arn, "label": label})
    return Version(*row) if row else None


@lru_cache(maxsize=4)
def _page_statement(*, deprecated: bool, continued: bool) -> Statement:
    """Versions with a value, the oldest first; from the beginning, or from after a cursor."""
    listed = select(*(_V[name] for name in ListedVersion._fields)).where(
        _V.arn == bindparam("arn"), _V.value.is_not(None)
    )
    if not deprecated:
        listed = listed.where(_IS_LABELLED)
    if continued:
        end = tuple_(bindparam("created_ms", type_=BigInteger()), bindparam("version_id", type_=Text()))
        listed = listed.where(tuple_(_V.created_ms, _V.version_id) > end)
    return Statement(listed.order_by(_V.created_ms, _V.version_id).limit(bindparam("most")))


def version_page(
    transaction: Transaction, arn: str, *, after: tuple[int | str | None, str] | None, most: int, deprecated: bool
) -> list[ListedVersion]:
    """Versions of a secret that have a value, the oldest first.

    Args:
        transaction: Where to look.
        arn: The secret.
        after: Creation and id of the version to go on after; None at the beginning.
        most: The most versions to answer.
        deprecated: Whether versions without labels are wanted too.
    """
    parameters: dict[str, object] = {"arn": arn, "most": most}
    if after is not None:
        parameters["created_ms"], parameters["version_id"] = after
    statement = _page_statement(deprecated=deprecated, continued=after is not None)
    return [ListedVersion(*row) for row in transaction.all(statement, parameters)]


def insert_version(transaction: Transaction, version: Version) -> None:
    """Store a new version."""
    transaction.run(_INSERT_VERSION, {name: getattr(version, name) for name in Version.__dataclass_fields__})


def set_value(transaction: Transaction, version: Version) -> None:
    """Give an existing version, made by a rotation, its value."""
    transaction.run(
        _SET_VALUE,
        {
            "the_arn": version.arn,
            "the_version_id": version.version_id,
            "created_ms": version.created_ms,
            "kind": version.kind,
            "kms_key_arn": version.kms_key_arn,
            "data_key": version.data_key,
            "value": version.value,
        },
    )


def replace_data_key(transaction: Transaction, version: Version, kms_key_arn: str, data_key: bytes) -> None:
    """Keep a version's data key encrypted under another KMS key."""
    transaction.run(
        _REPLACE_DATA_KEY,
        {
            "the_arn": version.arn,
            "the_version_id": version.version_id,
            "kms_key_arn": kms_key_arn,
            "data_key": data_key,
        },
    )


def labels_of(transaction: Transaction, arn: str) -> dict[str, str]:
    """The labels of a secret: label -> version id."""
    return {str(row[0]): str(row[1]) for row in transaction.all(_LABELS, {"arn": arn})}


def labels_by_version(labels: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Labels as DescribeSecret shows them: version id -> labels, in AWS's order.

    Args:
        labels: Pairs of label and version id.
    """
    found: dict[str, list[str]] = {}
    for label, version_id in labels:
        found.setdefault(version_id, []).append(label)
    return {version_id: hash_set_order(names) for version_id, names in found.items()}


def labels_of_many(transaction: Transaction, arns: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """The labels of several secrets: ARN -> `labels_by_version`. Secrets without labels are left out."""
    pairs: dict[str, list[tuple[str, str]]] = {}
    for start in range(0, len(arns), _SECRETS_PER_STATEMENT):
        some = arns[start : start + _SECRETS_PER_STATEMENT]
        # The statement has a fixed number of places; those left over repeat the last ARN.
        padded = [*some, *[some[-1]] * (_SECRETS_PER_STATEMENT - len(some))]
        parameters = {f"arn_{number}": arn for number, arn in enumerate(padded)}
        for arn, label, version_id in transaction.all(_LABELS_OF_MANY, parameters):
            pairs.setdefault(arn, []).append((label, version_id))
    return {arn: labels_by_version(found) for arn, found in pairs.items()}


def attach_labels(
    transaction: Transaction, arn: str, version_id: str, labels: Iterable[str], settings: SecretsManagerSettings
) -> None:
    """Put labels on a version, taking them from where they are.

    When AWSCURRENT moves, the version it leaves becomes AWSPREVIOUS, unless AWSPREVIOUS is among ``labels`` itself.

    Args:
        transaction: Where to write.
        arn: The secret.
        version_id: The version, which exists.
        labels: The labels.
        settings: For the quota of labels.

    Raises:
        AwsError: ``LimitExceededException``: the secret would have too many labels.
    """
    before = labels_of(transaction, arn)
    moves = dict.fromkeys(labels, version_id)
    holder = before.get(CURRENT)
    if CURRENT in moves and holder is not None and holder != version_id:
        moves.setdefault(PREVIOUS, holder)
    if len(before | moves) > settings.labels_per_secret:
        raise AwsError(
            "LimitExceededException",
            f"A secret can have at most {settings.labels_per_secret} staging labels over all of its versions.",
        )
    for label, target in moves.items():
        if label not in before:
            transaction.run(_INSERT_LABEL, {"arn": arn, "label": label, "version_id": target})
        elif before[label] != target:
            transaction.run(_MOVE_LABEL, {"the_arn": arn, "the_label": label, "version_id": target})


def detach_label(transaction: Transaction, arn: str, label: str) -> None:
    """Take a label off whatever version it is on."""
    transaction.run(_DELETE_LABEL, {"arn": arn, "label": label})


def replace_labels(transaction: Transaction, arn: str, labels: Mapping[str, str]) -> None:
    """Give a replica the labels of its primary, in place of all that it has.

    Args:
        transaction: Where to write.
        arn: The replica, which has the versions.
        labels: Label -> version id.
    """
    transaction.run(_DELETE_LABELS, {"arn": arn})
    for label, version_id in labels.items():
        transaction.run(_INSERT_LABEL, {"arn": arn, "label": label, "version_id": version_id})


def versions_present(transaction: Transaction, arn: str) -> dict[str, bool]:
    """The versions of a secret: version id -> whether it has a value."""
    return {str(version_id): bool(valued) for version_id, valued in transaction.all(_PRESENT, {"arn": arn})}


def delete_version(transaction: Transaction, arn: str, version_id: str) -> None:
    """Remove one version and the labels on it."""
    transaction.run(_DELETE_VERSION, {"arn": arn, "version_id": version_id})


def prune_versions(transaction: Transaction, arn: str, now_ms: int, settings: SecretsManagerSettings) -> None:
    """Remove the oldest versions beyond the quota. Versions with labels, or under 24 hours old, stay in any case."""
    counted = transaction.one(_COUNT, {"arn": arn})
    surplus = (counted[0] if counted else 0) - settings.versions_per_secret
    if surplus <= 0:
        return
    old = transaction.all(_PRUNABLE, {"arn": arn, "before_ms": now_ms - _DAY_MS, "most": surplus})
    for (version_id,) in old:
        transaction.run(_DELETE_VERSION, {"arn": arn, "version_id": version_id})
