"""What a page of a list may cost: bounded work, short pages, and nothing lost or told twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.support.harness_secretsmanager import SecretsHarness, in_loop

from strongroom.services.secretsmanager import searching

ORDERS = ("created-date", "last-changed-date", "last-accessed-date", "name")


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[SecretsHarness]:
    found = SecretsHarness(tmp_path)
    yield found
    found.store.close()


async def _fill(harness: SecretsHarness) -> None:
    """Thirty secrets: every fifth named b..., every third read, every fourth with a description that differs."""
    for number in range(30):
        harness.clock.now_ms += number % 2  # some are made in the same millisecond
        prefix = "b" if number % 5 == 0 else "a"
        name = f"{prefix}/{number * 7 % 30:02}"
        await harness.create(name, Description="rare" if number % 4 == 0 else "common")
        if number % 3 == 0:
            harness.clock.now_ms += 86_400_000
            await harness.get(name)
            await harness.secrets.access_dates.drain()


async def _pages(harness: SecretsHarness, **query: Any) -> list[list[str]]:
    pages: list[list[str]] = []
    token: Mapping[str, object] = {}
    call = await harness.call_of("ListSecrets")
    while True:
        answer = await harness.secrets.list_secrets(call, **query, **token)  # type: ignore[arg-type]
        entries = answer["SecretList"]
        assert isinstance(entries, list)
        pages.append([entry["Name"] for entry in entries])
        if "NextToken" not in answer:
            return pages
        token = {"NextToken": answer["NextToken"]}


def _joined(pages: list[list[str]]) -> list[str]:
    return [name for page in pages for name in page]


@in_loop
async def test_a_filter_that_matches_few_yields_short_pages_and_loses_nothing(
    harness: SecretsHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _fill(harness)
    rare = [{"Key": "description", "Values": ["rare"]}]
    for order in ORDERS:
        for direction in ("asc", "desc"):
            query = {"SortBy": order, "SortOrder": direction}
            whole = await _pages(harness, Filters=rare, **query)
            assert [len(page) for page in whole] == [8]
            with monkeypatch.context() as patch:
                patch.setattr(searching, "_EXAMINED", 4)
                patch.setattr(searching, "_ROWS_AT_ONCE", 3)
                short = await _pages(harness, Filters=rare, MaxResults=2, **query)
            assert _joined(short) == whole[0]
            assert len(short) >= 8
            assert max(map(len, short)) <= 2


@in_loop
async def test_nothing_matches_and_still_each_page_is_short(
    harness: SecretsHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _fill(harness)
    monkeypatch.setattr(searching, "_EXAMINED", 10)
    assert await _pages(harness, Filters=[{"Key": "all", "Values": ["nowhere"]}]) == [[], [], []]


@in_loop
async def test_few_secrets_of_a_name_come_in_one_page_and_many_in_the_same_order(
    harness: SecretsHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _fill(harness)
    monkeypatch.setattr(searching, "_EXAMINED", 6)
    for values, found in ((["b/"], 6), (["b/", "b/0", "b/1"], 6), (["b/", "zz"], 6), (["nothing"], 0)):
        named = [{"Key": "name", "Values": values}]
        for order in ORDERS:
            for direction in ("asc", "desc"):
                query = {"Filters": named, "SortBy": order, "SortOrder": direction}
                [few] = await _pages(harness, **query)
                assert len(few) == found
                assert _joined(await _pages(harness, MaxResults=1, **query)) == few
                with monkeypatch.context() as patch:
                    patch.setattr(searching, "_FEW", 0)
                    assert _joined(await _pages(harness, **query)) == few


@in_loop
async def test_a_walk_may_go_on_when_few_have_become_many(
    harness: SecretsHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _fill(harness)
    call = await harness.call_of("ListSecrets")
    for order in ORDERS:
        query: dict[str, Any] = {"Filters": [{"Key": "name", "Values": ["a/"]}], "SortBy": order, "MaxResults": 7}
        whole = _joined(await _pages(harness, **query))
        first = await harness.secrets.list_secrets(call, **query)
        with monkeypatch.context() as patch:
            patch.setattr(searching, "_FEW", 5)
            rest = await harness.secrets.list_secrets(
                call, **{**query, "MaxResults": 100}, NextToken=str(first["NextToken"])
            )
        listed = [entry["Name"] for answer in (first, rest) for entry in answer["SecretList"]]  # type: ignore[attr-defined]
        assert listed == whole
        assert len(listed) == 24
