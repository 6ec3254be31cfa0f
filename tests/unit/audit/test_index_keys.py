"""Lists of keys in few bytes."""

from __future__ import annotations

import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from strongroom.audit.index.keys import KeyMaker, count_steps, first_key, pack, second, unpack

KEYS = st.lists(st.integers(0, 1 << 55), min_size=1, max_size=50, unique=True).map(sorted)


@given(KEYS)
def test_keys_come_out_as_they_went_in(keys: list[int]) -> None:
    packed = pack(keys[0], keys[1:])
    assert list(unpack(keys[0], packed)) == keys
    assert count_steps(packed) == len(keys) - 1


def test_neighbours_take_a_byte() -> None:
    assert (
        len(pack(first_key(1_800_000_000), range(first_key(1_800_000_000) + 1, first_key(1_800_000_000) + 100))) == 99
    )


def test_events_are_numbered_in_the_order_of_time_and_of_the_trail() -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE events (key INTEGER PRIMARY KEY)")
    keys = KeyMaker(database)
    first, second_key, earlier = keys.key(100), keys.key(100), keys.key(99)
    assert earlier < first < second_key < keys.key(101)
    assert {second(first), second(second_key)} == {100}
    database.execute("INSERT INTO events VALUES (?)", (second_key,))
    assert KeyMaker(database).key(100) == second_key + 1
    database.close()
