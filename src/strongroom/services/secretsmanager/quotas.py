"""The quotas of Secrets Manager: request rates by group of operations, and how many secrets there may be.

Source: AWS Secrets Manager User Guide, "AWS Secrets Manager quotas". Each is per account and region. The operations
that are not on that page yet stand with the group that they are like.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Final

from sqlalchemy import bindparam, func, select

from strongroom.services.secretsmanager.refusals import too_many_secrets
from strongroom.store import Statement, Transaction
from strongroom.store.schema import secrets

__all__ = ["GROUPS", "NO_QUOTAS", "SecretLimit", "SecretsManagerQuotas"]

_RATES: Final[Mapping[str, float]] = {
    "batch_get_secret_value": 100,
    "create_secret": 50,
    "delete_secret": 50,
    "describe_secret": 40_000,
    "get_random_password": 50,
    "get_secret_value": 10_000,
    "list_secret_version_ids": 50,
    "list_secrets": 100,
    "resource_policies": 50,
    "restore_secret": 50,
    "rotate_secret": 50,
    "tag_resource": 50,
    "update_secret": 50,
}
"""Requests a second, by group."""

GROUPS: Final[Mapping[str, str]] = {
    "AssociateCrossAccountReplica": "update_secret",
    "BatchGetSecretValue": "batch_get_secret_value",
    "CancelRotateSecret": "rotate_secret",
    "CreateSecret": "create_secret",
    "DeleteResourcePolicy": "resource_policies",
    "DeleteSecret": "delete_secret",
    "DescribeSecret": "describe_secret",
    "DisassociateCrossAccountReplica": "update_secret",
    "GetRandomPassword": "get_random_password",
    "GetResourcePolicy": "resource_policies",
    "GetSecretValue": "get_secret_value",
    "ListResourcePolicies": "resource_policies",
    "ListSecretVersionIds": "list_secret_version_ids",
    "ListSecrets": "list_secrets",
    "PutResourcePolicy": "resource_policies",
    "PutSecretValue": "update_secret",
    "RemoveRegionsFromReplication": "update_secret",
    "ReplicateSecretToRegions": "update_secret",
    "RestoreSecret": "restore_secret",
    "RotateSecret": "rotate_secret",
    "StopReplicationToReplica": "update_secret",
    "TagResource": "tag_resource",
    "UntagResource": "tag_resource",
    "UpdateSecret": "update_secret",
    "UpdateSecretVersionStage": "update_secret",
    "ValidateResourcePolicy": "resource_policies",
}
"""Operation -> group."""

_SECRETS: Final = "secrets"
_MOST_SECRETS: Final = 500_000
_PROCESSES: Final = 64


@dataclass(frozen=True, slots=True)
class SecretsManagerQuotas:
    """The quotas in force.

    Attributes:
        rates: Group of `GROUPS` -> requests a second; a group without a rate is not limited.
        secrets: The most secrets of an account in a region; None for any number.
    """

    rates: Mapping[str, float] = field(default_factory=lambda: dict(_RATES))
    secrets: int | None = _MOST_SECRETS

    @classmethod
    def adjusted(cls, changes: Mapping[str, float]) -> SecretsManagerQuotas:
        """AWS's quotas with some of them changed.

        Args:
            changes: A group of `GROUPS`, or ``secrets`` -> the quota; 0 for none.

        Raises:
            ValueError: There is no such quota, or it is not a number from 0 on.
        """
        known = [*_RATES, _SECRETS]
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"secretsmanager has no quota {name}; it has {', '.join(known)}")
            if not isfinite(value):
                raise ValueError(f"the quota {name} of secretsmanager must be a number; 0 removes it")
            if value < 0:
                raise ValueError(f"the quota {name} of secretsmanager must not be negative; 0 removes it")
        rates = {group: changes.get(group, rate) for group, rate in _RATES.items()}
        most = int(changes.get(_SECRETS, _MOST_SECRETS))
        return cls({group: rate for group, rate in rates.items() if rate}, most or None)


NO_QUOTAS: Final = SecretsManagerQuotas({}, None)
"""No limit on anything."""

_COUNT: Final = Statement(
    select(func.count())
    .select_from(secrets)
    .where(secrets.c.account == bindparam("account"), secrets.c.region == bindparam("region"))
)


class SecretLimit:
    """Keeps the number of secrets within its quota without counting them at every creation.

    After a count, a process admits a 64th part of the room that it found before it counts again: 64 processes that all
    did so would just fill the room. Near the quota every creation counts.

    Args:
        most: The most secrets of an account in a region; None for any number.
    """

    __slots__ = ("_most", "_uncounted")

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._uncounted: dict[tuple[str, str], int] = {}

    def require_room(self, transaction: Transaction, account: str, region: str) -> None:
        """Refuse when one more secret would be too many.

        Raises:
            AwsError: ``LimitExceededException``.
        """
        if self._most is None:
            return
        left = self._uncounted.get((account, region), 0)
        if left:
            self._uncounted[account, region] = left - 1
            return
        row = transaction.one(_COUNT, {"account": account, "region": region})
        room = self._most - (row[0] if row else 0)
        if room <= 0:
            raise too_many_secrets(self._most)
        self._uncounted[account, region] = max(0, room // _PROCESSES - 1)
