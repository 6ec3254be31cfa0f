"""Token buckets: what they admit in time, and that processes share them."""

from __future__ import annotations

import os

import pytest

from strongroom.services.secretsmanager.quotas import GROUPS, SecretsManagerQuotas
from strongroom.services.throttling import RateLimit, ThrottleMemory, rate_limits
from strongroom.wire import service

NOW = 1_800_000_000_000


def admitted(limit: RateLimit, requests: int, now_ms: int, account: str = "1", region: str = "r") -> int:
    """How many of that many requests at one instant are admitted."""
    return sum(limit.admits(account, region, now_ms) for _ in range(requests))


def test_a_second_is_admitted_at_once_and_then_the_rate() -> None:
    limit = RateLimit(ThrottleMemory(), "group", 50)
    assert admitted(limit, 200, NOW) == 50
    assert admitted(limit, 200, NOW + 19) == 0
    assert admitted(limit, 200, NOW + 100) == 5
    assert admitted(limit, 200, NOW + 60_000) == 50


def test_a_slow_rate_admits_one_at_a_time() -> None:
    limit = RateLimit(ThrottleMemory(), "group", 0.5)
    assert [admitted(limit, 3, NOW + wait) for wait in (0, 1_900, 2_000, 3_000, 4_000)] == [1, 0, 1, 0, 1]


def test_accounts_regions_and_groups_do_not_share() -> None:
    memory = ThrottleMemory()
    one, other = RateLimit(memory, "one", 1), RateLimit(memory, "other", 1)
    asked = [(one, "1", "a"), (one, "2", "a"), (one, "1", "b"), (other, "1", "a")]
    assert [admitted(limit, 2, NOW, account, region) for limit, account, region in asked] == [1, 1, 1, 1]


def test_a_clock_that_is_set_back_does_not_stop_everything() -> None:
    limit = RateLimit(ThrottleMemory(), "group", 2)
    assert admitted(limit, 5, NOW) == 2
    assert admitted(limit, 5, NOW - 3_600_000) == 2


def test_a_full_memory_shares_buckets() -> None:
    limit = RateLimit(ThrottleMemory(buckets=2), "group", 5)
    assert admitted(limit, 5, NOW, account="1") == 5
    assert admitted(limit, 5, NOW, account="2") == 5
    assert admitted(limit, 5, NOW, account="3") == 0


def test_forked_processes_share_the_rate() -> None:
    memory = ThrottleMemory()
    limit = RateLimit(memory, "group", 10)
    child = os.fork()
    if child == 0:
        # The parent has not named this account yet: both find the same bucket by themselves.
        os._exit(admitted(limit, 8, NOW))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 8
    assert admitted(limit, 8, NOW) == 2


def test_every_operation_has_a_rate_unless_it_is_removed() -> None:
    assert set(GROUPS) == set(service("secretsmanager").operations)
    quotas = SecretsManagerQuotas()
    limits = rate_limits(ThrottleMemory(), "secretsmanager", quotas.rates, GROUPS)
    assert {operation for _, operation in limits} == set(GROUPS)
    changed = SecretsManagerQuotas.adjusted({"create_secret": 0, "list_secrets": 7, "secrets": 0})
    limits = rate_limits(ThrottleMemory(), "secretsmanager", changed.rates, GROUPS)
    assert ("secretsmanager", "CreateSecret") not in limits
    assert (changed.rates["list_secrets"], changed.secrets) == (7, None)
    assert quotas.secrets == 500_000


@pytest.mark.parametrize("changes", [{"nothing": 1.0}, {"create_secret": -1.0}])
def test_a_quota_that_is_not_there_is_named(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        SecretsManagerQuotas.adjusted(changes)
