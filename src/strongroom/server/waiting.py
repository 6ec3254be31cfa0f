"""What a sealed server waits for: the shares that were given so far, and who guesses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from strongroom.errors import OperatorError
from strongroom.keyring import RootKey
from strongroom.keyring.seals import NotAShare, SealDocument, ShareCollector
from strongroom.world import Clock

__all__ = ["Answer", "Waiting", "WrongGuesses"]

_LOG: Final = logging.getLogger("strongroom.seal")

Answer = tuple[int, Mapping[str, object]]
"""A status of HTTP, and what to answer with it in JSON."""


class Waiting:
    """What a sealed server waits for, and what it was given.

    Args:
        document: The seals.
        clock: Counts how often an address may be wrong.

    Attributes:
        opened: Set once there is nothing more to wait for.
        root_key: The root key then.
        failure: Why there is none, although enough shares were given.
    """

    def __init__(self, document: SealDocument, clock: Clock) -> None:
        self._document = document
        self._collectors = {entry.name: ShareCollector(entry) for entry in document.seals if entry.kind == "shares"}
        self._others = [entry.name for entry in document.seals if entry.kind != "shares"]
        self._guesses = WrongGuesses(clock)
        self.opened = asyncio.Event()
        self.root_key: RootKey | None = None
        self.failure: OperatorError | None = None

    def problems(self) -> list[str]:
        """What is waited for, in words that tell a stranger nothing else."""
        ways = []
        if (needed := self.needed) is not None:
            ways.append(f"{needed} more share{'' if needed == 1 else 's'} of the root key (`strongroom unseal`)")
        if self._others:
            ways.append(f"the seal{'' if len(self._others) == 1 else 's'} {' or '.join(self._others)}")
        return [f"the root key is sealed: waiting for {', or '.join(ways)}"]

    @property
    def needed(self) -> int | None:
        """How many more shares open, of the set of which most were given; None where there are no shares."""
        return min((collector.needed for collector in self._collectors.values()), default=None)

    def give(self, text: str, address: str) -> Answer:
        """Take a share from an address."""
        if not self._guesses.may_try(address):
            return 429, {"problem": "Too many wrong shares from this address. Wait a minute."}
        for name, collector in self._collectors.items():
            try:
                collector.give(text)
            except NotAShare:
                continue
            if not collector.needed:
                self._open(collector, name)
            return 200, {"sealed": not self.opened.is_set(), "needed": collector.needed}
        self._guesses.note(address)
        _LOG.warning("a text that is no share of the root key was given", extra={"detail": f"from {address}"})
        return 400, {"problem": "This is not one of the shares of this root key."}

    def _open(self, collector: ShareCollector, name: str) -> None:
        try:
            self.accept(collector.open(self._document.seal(name)))
        except OperatorError as error:  # the shares are right, so nothing that is still to come would help
            self.failure = error
            self.opened.set()

    def accept(self, root_key: RootKey) -> None:
        """Take the root key, however it was opened."""
        self.root_key = root_key
        self.opened.set()


class WrongGuesses:
    """Counts wrong shares by address, in bounded memory.

    Args:
        clock: The time.
    """

    MOST: Final = 10
    SPAN_MS: Final = 60_000
    MOST_ADDRESSES: Final = 1024

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._made: dict[str, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._made)

    def may_try(self, address: str) -> bool:
        """Whether an address was wrong fewer than `MOST` times in the `SPAN_MS` ms since its first mistake."""
        since, count = self._made.get(address, (0, 0))
        if self._clock.milliseconds() - since >= self.SPAN_MS:
            self._made.pop(address, None)
            return True
        return count < self.MOST

    def note(self, address: str) -> None:
        """Count a wrong share."""
        since, count = self._made.pop(address, (self._clock.milliseconds(), 0))
        self._made[address] = since, count + 1
        if len(self._made) > self.MOST_ADDRESSES:
            del self._made[next(iter(self._made))]
