"""The order of staging labels: what clients assert, and Java's published hash."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.services.secretsmanager.java_order import hash_set_order, string_hash


@pytest.mark.parametrize(
    ("text", "code"),
    [("", 0), ("a", 97), ("ab", 3105), ("hello", 99162322), ("é", 233), ("\U0001f600", 0xD83D * 31 + 0xDE00)],
)
def test_string_hash_is_javas(text: str, code: int) -> None:
    assert string_hash(text) == code & 0xFFFFFFFF


@pytest.mark.parametrize(
    "expected",
    [["one", "AWSCURRENT"], ["AWSCURRENT", "two"], ["one", "AWSCURRENT", "two"]],
)
def test_labels_come_in_the_order_that_clients_assert(expected: list[str]) -> None:
    assert hash_set_order(sorted(expected)) == expected
    assert hash_set_order(sorted(expected, reverse=True)) == expected


@given(st.sets(st.text(max_size=8), max_size=30))
def test_the_order_depends_on_the_set_only(labels: set[str]) -> None:
    assert hash_set_order(sorted(labels)) == hash_set_order(sorted(labels, reverse=True))
    assert set(hash_set_order(labels)) == labels


def test_a_large_set_is_ordered_by_its_grown_table() -> None:
    labels = [chr(ord("a") + index) for index in range(20)]
    # 20 texts need 32 buckets; one-letter texts hash to their own code, so they come in the order of code % 32.
    assert hash_set_order(labels) == sorted(labels, key=lambda label: ord(label) % 32)
