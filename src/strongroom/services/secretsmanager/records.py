"""The rows of secrets, and the statements that read and write them.

Versions and labels are in `versions`, rotations in `rotations`. Functions here take a transaction and ask for no
permission: that is `access`'s part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import orjson
from sqlalchemy import BindParameter, bindparam, delete, insert, select, update

from strongroom.services.secretsmanager.names import SecretReference
from strongroom.store import Statement, Transaction
from strongroom.store.schema import secret_replicas, secrets

__all__ = [
    "SECRET_COLUMNS",
    "Secret",
    "delete_secret",
    "due_for_purge",
    "find_secret",
    "insert_secret",
    "pack_tags",
    "replicas_fall_behind",
    "secret_by_arn",
    "unpack_tags",
    "update_secret",
]


@dataclass(frozen=True, slots=True)
class Secret:
    """One row of ``secrets``. Instants are milliseconds since the epoch.

    Attributes:
        kms_key_id: The key as the caller named it; None is the account's ``aws/secretsmanager`` key.
        accessed_day_ms: Midnight UTC of the day of the last read.
        deleted_ms: When deletion was asked for; None for a secret in use.
        purge_ms: When the recovery window ends.
        tags: A JSON object; see `unpack_tags`.
        rotation_schedule: The ``rate()`` or ``cron()`` expression, if one was given.
        rotation_duration: Such as ``3h``.
        next_window_opens_ms: When the next scheduled rotation may begin.
        next_window_closes_ms: The first instant after that window.
        primary_region: Where it was created, once it has or had replicas in other regions, or is one.
        external_rotation_metadata: ExternalSecretRotationMetadata, as JSON.
        external_rotation_role_arn: ExternalSecretRotationRoleArn.
        cross_account_primary_arn: The secret of another account whose values it receives.
    """

    arn: str
    account: str
    region: str
    name: str
    created_ms: int
    changed_ms: int
    description: str | None = None
    kms_key_id: str | None = None
    accessed_day_ms: int | None = None
    deleted_ms: int | None = None
    purge_ms: int | None = None
    policy: str | None = None
    tags: str | None = None
    owning_service: str | None = None
    type: str | None = None
    primary_region: str | None = None
    rotation_enabled: int = 0
    rotation_function_arn: str | None = None
    rotation_after_days: int | None = None
    rotation_schedule: str | None = None
    rotation_duration: str | None = None
    last_rotated_ms: int | None = None
    next_window_opens_ms: int | None = None
    next_window_closes_ms: int | None = None
    cross_account_primary_arn: str | None = None
    external_rotation_metadata: str | None = None
    external_rotation_role_arn: str | None = None

    @property
    def follows_region(self) -> bool:
        """Whether it is a replica of a secret in another region."""
        return self.primary_region is not None and self.primary_region != self.region

    @property
    def rotates(self) -> bool:
        """Whether it was ever set up to rotate, by a function, by the service that manages it or by a partner."""
        return bool(self.rotation_enabled or self.rotation_function_arn or self.external_rotation_role_arn)

    @property
    def tag_map(self) -> Mapping[str, str]:
        """The tags, in the order in which they were added."""
        return unpack_tags(self.tags)


_FIELDS: Final = tuple(Secret.__dataclass_fields__)
SECRET_COLUMNS: Final = tuple(secrets.c[name] for name in _FIELDS)
"""The columns of a `Secret`, in the order of its fields."""

_BY_ARN: Final = Statement(select(*SECRET_COLUMNS).where(secrets.c.arn == bindparam("arn")))
_BY_NAME: Final = Statement(
    select(*SECRET_COLUMNS).where(
        secrets.c.account == bindparam("account"),
        secrets.c.region == bindparam("region"),
        secrets.c.name == bindparam("name"),
    )
)
_INSERT: Final = Statement(insert(secrets).values({name: bindparam(name) for name in _FIELDS}))
_DELETE: Final = Statement(delete(secrets).where(secrets.c.arn == bindparam("arn")))
_FALL_BEHIND: Final = Statement(
    update(secret_replicas)
    .where(
        secret_replicas.c.primary_arn == bindparam("arn"),
        secret_replicas.c.associated == 1,
        secret_replicas.c.status != "Detached",
    )
    .values(status="InProgress", message=None, attempt=0, due_ms=0)
)
_DUE_FOR_PURGE: Final = Statement(
    select(*SECRET_COLUMNS)
    .where(secrets.c.purge_ms <= bindparam("now_ms"))
    .order_by(secrets.c.purge_ms)
    .limit(bindparam("most"))
)


def find_secret(transaction: Transaction, reference: SecretReference) -> Secret | None:
    """The secret that a reference names, deleted or not."""
    if reference.arn:
        row = transaction.one(_BY_ARN, {"arn": reference.arn})
    else:
        row = transaction.one(
            _BY_NAME, {"account": reference.account, "region": reference.region, "name": reference.name}
        )
    return Secret(*row) if row else None


def secret_by_arn(transaction: Transaction, arn: str) -> Secret | None:
    """The secret with this full ARN, deleted or not."""
    row = transaction.one(_BY_ARN, {"arn": arn})
    return Secret(*row) if row else None


def insert_secret(transaction: Transaction, secret: Secret) -> None:
    """Store a new secret."""
    transaction.run(_INSERT, {name: getattr(secret, name) for name in _FIELDS})


def update_secret(transaction: Transaction, arn: str, **changes: int | str | None) -> None:
    """Change columns of one secret. Its replicas are to follow.

    Args:
        transaction: Where to write.
        arn: The secret.
        changes: New values by the names of the fields of `Secret`.
    """
    transaction.run(_update_statement(tuple(sorted(changes))), {"the_arn": arn, **changes})
    replicas_fall_behind(transaction, arn)


def replicas_fall_behind(transaction: Transaction, primary_arn: str) -> None:
    """Make the replicas of a secret due: what they hold is no longer what it holds.

    Every change of a secret calls this in its own transaction, through `update_secret` unless only versions or labels
    change.
    """
    transaction.run(_FALL_BEHIND, {"arn": primary_arn})


@lru_cache(maxsize=64)
def _update_statement(columns: tuple[str, ...]) -> Statement:
    values: dict[str, BindParameter[object]] = {name: bindparam(name) for name in columns}
    return Statement(update(secrets).where(secrets.c.arn == bindparam("the_arn")).values(values))


def delete_secret(transaction: Transaction, arn: str) -> None:
    """Remove a secret with its versions, labels and rotations. Data keys and values go with them."""
    transaction.run(_DELETE, {"arn": arn})


def due_for_purge(transaction: Transaction, now_ms: int, most: int) -> list[Secret]:
    """Secrets whose recovery window has ended, the longest overdue first."""
    return [Secret(*row) for row in transaction.all(_DUE_FOR_PURGE, {"now_ms": now_ms, "most": most})]


def pack_tags(tags: Mapping[str, str]) -> str | None:
    """Tags as `Secret.tags` holds them."""
    return orjson.dumps(tags).decode() if tags else None


@lru_cache(maxsize=4096)
def unpack_tags(text: str | None) -> Mapping[str, str]:
    """Tags from `Secret.tags`. Shared by all who ask: never change it."""
    if text is None:
        return {}
    tags: dict[str, str] = orjson.loads(text)
    return tags
