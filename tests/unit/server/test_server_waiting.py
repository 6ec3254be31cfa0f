"""What a sealed server says and takes, without a network."""

from __future__ import annotations

import pytest

from strongroom.keyring import RootKey
from strongroom.keyring.seals import SealDocument, SealEntry, SharesSeal, new_share_set
from strongroom.server.waiting import Waiting, WrongGuesses
from strongroom.world import SystemEntropy

ENTROPY = SystemEntropy()
SHARE_SET, SHARES = new_share_set(2, 3, ENTROPY)
ROOT = RootKey.generate(ENTROPY)
HERE = "192.0.2.1"


class HandClock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def milliseconds(self) -> int:
        """The time it was set to."""
        return self.now


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def document(*more: SealEntry) -> SealDocument:
    return SealDocument.made(ROOT, [SharesSeal(SHARE_SET, ENTROPY).seal(ROOT), *more], ENTROPY)


def test_shares_open_and_only_the_number_that_is_missing_is_told(clock: HandClock) -> None:
    waiting = Waiting(document(), clock)
    assert waiting.problems() == [
        "the root key is sealed: waiting for 2 more shares of the root key (`strongroom unseal`)"
    ]
    assert waiting.give(SHARES[0], HERE) == (200, {"sealed": True, "needed": 1})
    assert waiting.give(SHARES[0], HERE) == (200, {"sealed": True, "needed": 1})
    assert "1 more share of" in waiting.problems()[0]
    assert not waiting.opened.is_set()
    assert waiting.give(SHARES[2], HERE) == (200, {"sealed": False, "needed": 0})
    assert waiting.root_key is not None
    assert waiting.root_key.expose() == ROOT.expose()


def test_a_server_without_shares_names_what_it_waits_for(clock: HandClock) -> None:
    waiting = Waiting(SealDocument.made(ROOT, [SealEntry("kms", ROOT.fingerprint, {}, "cloud")], ENTROPY), clock)
    assert waiting.problems() == ["the root key is sealed: waiting for the seal cloud"]
    assert waiting.needed is None
    assert waiting.give(SHARES[0], HERE)[0] == 400


def test_too_many_wrong_shares_of_an_address_have_to_wait_and_others_do_not(clock: HandClock) -> None:
    waiting = Waiting(document(), clock)
    for _ in range(WrongGuesses.MOST):
        assert waiting.give("wrong words", HERE)[0] == 400
    assert waiting.give("wrong words", HERE)[0] == 429
    assert waiting.give(SHARES[0], HERE)[0] == 429
    assert waiting.give(SHARES[0], "192.0.2.2") == (200, {"sealed": True, "needed": 1})
    clock.now += WrongGuesses.SPAN_MS
    assert waiting.give(SHARES[1], HERE) == (200, {"sealed": False, "needed": 0})


def test_wrong_guesses_take_bounded_memory(clock: HandClock) -> None:
    guesses = WrongGuesses(clock)
    for number in range(5000):
        guesses.note(f"address {number}")
    assert len(guesses) <= WrongGuesses.MOST_ADDRESSES


def test_shares_that_are_right_for_a_damaged_entry_end_the_waiting(clock: HandClock) -> None:
    entry = SharesSeal(SHARE_SET, ENTROPY).seal(ROOT)
    wrong = SealEntry(entry.kind, entry.root_key_id, {**entry.parameters, "wrapped_root_key": "00" * 160})
    waiting = Waiting(SealDocument.made(ROOT, [wrong], ENTROPY), clock)
    for share in SHARES[:2]:
        waiting.give(share, HERE)
    assert waiting.opened.is_set()
    assert waiting.root_key is None
    assert waiting.failure is not None
