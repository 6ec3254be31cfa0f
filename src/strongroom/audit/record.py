r"""One line of the trail: its layout, its hash, and how the chain links.

A line is a JSON object of exactly this layout, in ASCII order of bytes as written here, ended by one newline::

    {"sequence":7,"previous":"<64 hex digits>","event":{...a CloudTrail record...}}

- ``sequence`` counts from 1 without gaps.
- The hash of a record is the SHA-256 (FIPS 180-4) of the whole line without its newline. It therefore covers the
  sequence, the link to the record before and every byte of the event.
- ``previous`` is the hash of the record before; the first record carries 64 zeros.

Anyone can check a link with standard tools: ``sed -n 7p trail.jsonl | tr -d '\n' | sha256sum`` is the ``previous``
of line 8. Nothing here touches a file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

__all__ = ["GENESIS", "Link", "chain", "hash_of", "parse"]

GENESIS = "0" * 64
"""The ``previous`` of the first record."""

_LINE = re.compile(rb'\{"sequence":([1-9][0-9]{0,18}),"previous":"([0-9a-f]{64})","event":(\{.*\})\}', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Link:
    """The end of a chain: what the next record has to continue.

    Attributes:
        sequence: Sequence of the last record; 0 when there is none.
        hash: Hash of the last record, 64 hex digits; `GENESIS` when there is none.
    """

    sequence: int = 0
    hash: str = GENESIS


def hash_of(line: bytes) -> str:
    """The hash of a record, as 64 hex digits. ``line`` comes without its newline."""
    return sha256(line).hexdigest()


def chain(after: Link, events: Sequence[bytes]) -> tuple[bytes, Link]:
    """Lay out ``events`` as the records that follow ``after``.

    Args:
        after: The last record so far.
        events: Serialised JSON objects without raw newlines.

    Returns:
        The lines, each ended by a newline, as one piece of bytes, and the new end of the chain.
    """
    sequence, previous = after.sequence, after.hash
    lines: list[bytes] = []
    for event in events:
        sequence += 1
        line = b'{"sequence":%d,"previous":"%b","event":%b}' % (sequence, previous.encode(), event)
        previous = sha256(line).hexdigest()
        lines.append(line)
    lines.append(b"")
    return b"\n".join(lines), Link(sequence, previous)


def parse(line: bytes) -> tuple[int, str, bytes] | None:
    """Take a line (without newline) apart into sequence, previous hash and event bytes.

    Returns None when the line does not have the layout. Whether the event is JSON is not looked at.
    """
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    sequence, previous, event = match.groups()
    return int(sequence), previous.decode(), event
