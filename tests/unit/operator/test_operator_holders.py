"""Which version a consumer of a secret holds."""

from __future__ import annotations

import pytest

from strongroom.audit.index import Consumption
from strongroom.services.operator.holders import holders_of


def read(version: str, last: int, *, as_current: int = 0, user: str = "app") -> Consumption:
    return Consumption(
        secret="arn",
        version=version,
        principal=f"arn:aws:iam::111122223333:user/{user}",
        address="10.0.0.1",
        own_key="",
        access_key="ASIA1",
        agent="Boto3",
        first=1,
        last=last,
        last_as_current=as_current,
        count=1,
    )


@pytest.mark.parametrize(
    ("reads", "held"),
    [
        ([read("new", 9, as_current=9), read("old", 5, as_current=5)], "new"),
        ([read("old", 5, as_current=5)], "old"),
        # An older version beside the current one, as some drivers read.
        ([read("new", 8, as_current=8), read("old", 9, as_current=5)], "new"),
        # A rotation function: the old one as AWSCURRENT, then the new one as AWSPENDING.
        ([read("new", 9), read("old", 8, as_current=8)], "new"),
        # What is current now was so before, and was read then: another value was got since.
        ([read("new", 5, as_current=5), read("other", 9, as_current=9)], "other"),
        ([read("older", 3), read("old", 5)], "old"),
    ],
)
def test_a_consumer_holds_what_it_got_last(reads: list[Consumption], held: str) -> None:
    (holder,) = holders_of(reads, "new")
    assert holder.held == held
    assert holder.last.last == max(each.last for each in reads)


def test_without_a_current_version_the_last_read_counts() -> None:
    (holder,) = holders_of([read("old", 5, as_current=5), read("older", 6)], None)
    assert holder.held == "older"


def test_consumers_come_in_one_order() -> None:
    holders = holders_of([read("new", 9, user="web"), read("new", 8, user="app"), read("old", 7, user="web")], "new")
    assert [(holder.last.principal.rpartition("/")[2], len(holder.reads)) for holder in holders] == [
        ("app", 1),
        ("web", 2),
    ]
