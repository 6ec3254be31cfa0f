"""The text of an ``authorized_keys`` file: a key added, keys taken away, every other byte as it was.

The format is that of sshd(8), "AUTHORIZED_KEYS FILE FORMAT": a line is a comment, empty, or a public key with options
before it and a comment behind it. Pure functions: reading and writing the file is `ssh`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Entry", "parse_entry", "with_key", "without_keys"]

_KEY = re.compile(r"((?:sk-)?(?:ssh|ecdsa)-[A-Za-z0-9@.-]+)[ \t]+([A-Za-z0-9+/=]+)(?:[ \t]+(.*))?")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line that lets a key in.

    Attributes:
        options: What stands before the key; empty when there is nothing.
        key_type: Such as ``ssh-ed25519``.
        key: The public key in base64.
        comment: What stands behind it.
    """

    options: str
    key_type: str
    key: str
    comment: str


def parse_entry(line: str) -> Entry | None:
    """The key of a line, or None when it has none."""
    text = line.strip()
    if not text or text.startswith("#"):
        return None
    options = ""
    found = _KEY.fullmatch(text)
    if found is None:
        end = _end_of_options(text)
        options, found = text[:end], _KEY.fullmatch(text[end:].lstrip(" \t"))
    return None if found is None else Entry(options, found[1], found[2], found[3] or "")


def with_key(text: str, new: Entry, *, like: str) -> str:
    """The file with one more key, which may do what another one may.

    Args:
        text: The file.
        new: The key; its options are not used. A file that has it stays as it is.
        like: The key in base64 whose options the new one gets.

    Raises:
        LookupError: The file has no such key.
    """
    entries = [entry for entry in map(parse_entry, text.split("\n")) if entry is not None]
    if any(entry.key == new.key for entry in entries):
        return text
    options = next((entry.options for entry in entries if entry.key == like), None)
    if options is None:
        raise LookupError("the key is not in the file")
    line = " ".join(part for part in (options, new.key_type, new.key, new.comment) if part)
    end = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{end}{line}\n"


def without_keys(text: str, gone: Callable[[Entry], bool]) -> str:
    """The file without the lines of the keys for which ``gone`` is true."""
    kept = []
    for line in text.split("\n"):
        entry = parse_entry(line)
        if entry is None or not gone(entry):
            kept.append(line)
    return "\n".join(kept)


def _end_of_options(text: str) -> int:
    """Where the options end: at the first blank outside quotes, as sshd reads them."""
    quoted, position = False, 0
    while position < len(text) and (quoted or text[position] not in " \t"):
        if text.startswith('\\"', position):
            position += 1
        elif text[position] == '"':
            quoted = not quoted
        position += 1
    return position
