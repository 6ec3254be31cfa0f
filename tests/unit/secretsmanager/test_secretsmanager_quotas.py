"""The quota of secrets: kept without counting at every creation."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from strongroom.errors import AwsError
from strongroom.services.secretsmanager.quotas import SecretLimit
from strongroom.store import Row, Statement


class Counting:
    """A transaction on a store of so many secrets.

    Attributes:
        counts: How often they were counted.
    """

    def __init__(self, secrets: int) -> None:
        self.secrets = secrets
        self.counts = 0

    def one(self, _statement: Statement, _parameters: Mapping[str, object]) -> Row | None:
        self.counts += 1
        return (self.secrets,)


def create(limit: SecretLimit, store: Counting, times: int) -> None:
    for _ in range(times):
        limit.require_room(store, "1", "r")  # type: ignore[arg-type]
        store.secrets += 1


def test_far_from_the_quota_a_process_seldom_counts() -> None:
    store = Counting(0)
    create(SecretLimit(500_000), store, 7_000)
    assert store.counts == 1


def test_many_processes_do_not_overfill_and_the_last_place_can_be_had() -> None:
    store = Counting(0)
    processes = [SecretLimit(1_000) for _ in range(64)]
    while store.secrets < 1_000:
        create(processes[store.secrets % 64], store, 1)
    for limit in processes:
        with pytest.raises(AwsError, match="quota of 1000 secrets"):
            create(limit, store, 1)
    assert store.secrets == 1_000


def test_no_quota_counts_nothing() -> None:
    store = Counting(10**9)
    create(SecretLimit(None), store, 10)
    assert store.counts == 0
