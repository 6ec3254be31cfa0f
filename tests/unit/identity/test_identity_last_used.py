"""When keys and roles were used: noted once a minute, written in turns, kept when a turn fails."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from strongroom.identity.caller import Caller
from strongroom.identity.last_used import LastUses
from strongroom.policy import PolicySet, PrincipalFacts
from strongroom.store import StoreError

KEY = "AKIAIOSFODNN7EXAMPLE"
MINUTE = 60_000


def _caller(key_id: str, *, role: str | None = None) -> Caller:
    kind: Any = "user" if role is None else "role-session"
    user_id = "AIDAEXAMPLE" if role is None else f"{role}:session"
    facts = PrincipalFacts(arn="arn", session_arn="arn", account="1" * 12, kind=kind)
    return Caller(facts=facts, policies=PolicySet(), context={}, audit={}, access_key_id=key_id, user_id=user_id)


@dataclass
class _Store:
    """Remembers what was written to it."""

    written: list[Mapping[str, object]] = field(default_factory=list)
    is_broken: bool = False

    async def write(self, work: Any) -> None:
        if self.is_broken:
            raise StoreError("The store is away.")
        work(self)

    def run(self, _statement: object, values: Mapping[str, object]) -> int:
        self.written.append(values)
        return 1


@pytest.fixture
def store() -> _Store:
    return _Store()


@pytest.fixture
def uses(store: _Store) -> LastUses:
    return LastUses(store)  # type: ignore[arg-type]


def _turn(uses: LastUses) -> None:
    asyncio.run(uses.turn())


def test_a_key_is_written_once_a_minute(store: _Store, uses: LastUses) -> None:
    for moment in (MINUTE, MINUTE + 1, 2 * MINUTE - 1):
        uses.note(_caller(KEY), "kms", "eu-central-1", moment)
        _turn(uses)
    assert store.written == [{"id": KEY, "at": MINUTE, "place": "eu-central-1", "name": "kms"}]
    uses.note(_caller(KEY), "sts", "us-east-1", 2 * MINUTE)
    _turn(uses)
    assert store.written[1:] == [{"id": KEY, "at": 2 * MINUTE, "place": "us-east-1", "name": "sts"}]


def test_all_sessions_of_a_role_are_its_use(store: _Store, uses: LastUses) -> None:
    for key_id in ("ASIAONE", "ASIATWO"):
        uses.note(_caller(key_id, role="AROAEXAMPLE"), "kms", "eu-central-1", MINUTE)
        _turn(uses)
    assert store.written == [{"id": "AROAEXAMPLE", "at": MINUTE, "place": "eu-central-1"}]


def test_a_session_of_a_user_is_no_use_of_a_key(store: _Store, uses: LastUses) -> None:
    uses.note(_caller("ASIAUSER"), "kms", "eu-central-1", MINUTE)
    _turn(uses)
    assert store.written == []


def test_what_could_not_be_written_is_written_later(store: _Store, uses: LastUses) -> None:
    uses.note(_caller(KEY), "kms", "eu-central-1", MINUTE)
    store.is_broken = True
    with pytest.raises(StoreError):
        _turn(uses)
    store.is_broken = False
    _turn(uses)
    _turn(uses)
    assert [values["at"] for values in store.written] == [MINUTE]
