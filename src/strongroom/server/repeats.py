"""Requests that repeat one of the present second, answered without deciding again what cannot have changed.

Applications ask for the same secret again and again. When the same caller sends the same request from the same address
with the same client within one second, and nothing at all was committed in between, by any process, then every input
of the policy decisions is the same to the last condition key, so the decisions are; and so are the rows. What is done
each time is what depends on this request or must not be kept: its signature is verified, the value is decrypted and
authenticated, and its own event is recorded before the answer leaves.

No plaintext is kept here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from strongroom.audit import RepeatedEvent
from strongroom.identity.caller import Caller
from strongroom.identity.sigv4 import SignedRequest
from strongroom.services.throttling import RateLimit
from strongroom.store import Store
from strongroom.wire import HttpRequest, Refill

__all__ = ["PresentVersion", "Repeat", "Repeats", "Sameness", "sameness"]

_MOST: Final = 1024  # entries of about 2 KB
_LONGEST_BODY: Final = 1024  # bytes
_USES: Final = 256  # an event loop is told of up to 1,024 sockets at once

Sameness = tuple[object, ...]
"""Everything of a request that its answer depends on, apart from the moment and the signature."""


def sameness(request: HttpRequest, signed: SignedRequest, *, secure: bool) -> Sameness:
    """What two requests must have in common to be repetitions of each other.

    Args:
        request: A POST to ``/``.
        signed: What its Authorization header says.
        secure: Whether it came over TLS.
    """
    headers = signed.headers
    return (
        request.body,
        signed.scope,
        signed.security_token,
        headers.get(b"x-amz-target"),
        headers.get(b"content-type"),
        headers.get(b"user-agent"),
        request.client_address,
        secure,
    )


class Repeat(NamedTuple):
    """How to answer a request once more.

    Attributes:
        caller: Who sent it the first time; the same object as long as nothing about the caller changed.
        limit: The quota that it counts for.
        make: Makes what is made each time: decrypts the value.
        event: The record.
        answer: The answer.
    """

    caller: Caller
    limit: RateLimit | None
    make: Callable[[], Mapping[str, str | bytes]]
    event: RepeatedEvent
    answer: Refill


class PresentVersion:
    """`Store.version`, asked once in a turn of the event loop: asking costs as much as the rest of finding a repeat.

    All requests of one turn were there when the turn began. A commit that happens during the turn is answered to its
    caller after that, so nobody can have sent a request of this turn because of it, and to find the data as they were
    before is right. With more requests than the loop takes in at once it is asked again.

    Args:
        store: The store.
    """

    __slots__ = ("_asked", "_store", "_uses", "_version")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._version: int | None = None
        self._asked = False
        self._uses = 0

    def __call__(self) -> int | None:
        """The version. To be called on the running event loop."""
        if not self._asked:
            asyncio.get_running_loop().call_soon(self._forget)
            self._asked = True
            self._uses = 0
        if self._uses % _USES == 0:
            self._version = self._store.version()
        self._uses += 1
        return self._version

    def _forget(self) -> None:
        self._asked = False


class Repeats:
    """The requests of the present second that can be answered again, as long as nothing is committed.

    One is kept when it comes for the second time: most that come once do not come again.
    """

    __slots__ = ("_bodies", "_known", "_second", "_seen", "_version")

    def __init__(self) -> None:
        self._known: dict[Sameness, Repeat] = {}
        self._seen: set[Sameness] = set()
        self._bodies: set[bytes] = set()
        self._second = -1
        self._version = -1

    def may_know(self, body: bytes) -> bool:
        """Whether a request with this body was kept: a first look, before anything else about it was read."""
        return body in self._bodies

    def find(self, same: Sameness, second: int, version: int | None) -> Repeat | None:
        """How to answer the request, if it was kept in this second and nothing was committed since.

        Args:
            same: From `sameness`.
            second: Seconds since the epoch.
            version: `Store.version` now.
        """
        return self._known.get(same) if second == self._second and version == self._version else None

    def is_worth_keeping(self, same: Sameness, second: int, version: int | None) -> bool:
        """Whether a request that is being answered has come before: then say with `keep` how to answer it again.

        Args:
            same: From `sameness`.
            second: The second in which it was decided.
            version: `Store.seen` when it was decided, or before.
        """
        body = same[0]
        if version is None or not isinstance(body, bytes) or len(body) > _LONGEST_BODY:
            return False
        if second != self._second or version != self._version or len(self._seen) >= _MOST:
            self._clear()
            self._second = second
            self._version = version
        if same in self._seen:
            return True
        self._seen.add(same)
        return False

    def forget_past(self, second: int) -> None:
        """Let go of everything that was kept in another second than ``second``."""
        if second != self._second:
            self._clear()

    def _clear(self) -> None:
        self._known.clear()
        self._seen.clear()
        self._bodies.clear()

    def keep(self, same: Sameness, repeat: Repeat) -> None:
        """Keep how to answer a request that `is_worth_keeping`, at once."""
        self._known[same] = repeat
        if isinstance(body := same[0], bytes):
            self._bodies.add(body)
