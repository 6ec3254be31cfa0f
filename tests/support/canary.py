"""Canaries: texts that must never turn up outside, and the search for them in every spelling they might have there."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, quote_plus

from tests.support.processes import family

__all__ = ["Canaries", "spellings"]


def spellings(text: str) -> set[bytes]:
    """A text as it looks plain, in base64 at any place, in hex, in a URL, in JSON or in UTF-16."""
    plain = text.encode()
    found = {
        plain,
        plain.hex().encode(),
        plain.hex().upper().encode(),
        quote(text, safe="").encode(),
        quote_plus(text).encode(),
        text.encode("utf-16-le"),
        text.encode("utf-16-be"),
        text.replace("/", "\\/").encode(),
        text.encode("unicode_escape"),
    }
    for offset in range(3):
        # Only the characters that come from the text alone; those at its ends are mixed with its neighbours.
        encoded = base64.b64encode(bytes(offset) + plain)
        start, end = -(-offset * 8 // 6), (offset + len(plain)) * 8 // 6
        found |= {encoded[start:end], encoded[start:end].translate(bytes.maketrans(b"+/", b"-_"))}
    return found


class Canaries:
    """The canaries of a test, by what they were used for."""

    def __init__(self) -> None:
        self._names: dict[bytes, str] = {}

    def new(self, name: str) -> str:
        """A new canary: a random text of letters and digits, which no encoding of text splits."""
        text = f"cAnArY{uuid.uuid4().hex}"
        self.watch(name, text)
        return text

    def watch(self, name: str, text: str) -> None:
        """Look for a text that was made elsewhere."""
        self._names |= dict.fromkeys(spellings(text), name)

    def found_in(self, content: bytes, *, allowed: Iterable[str] = ()) -> set[str]:
        """The names of the canaries in ``content``, besides those that may be there."""
        return {name for needle, name in self._names.items() if needle in content} - set(allowed)

    def found_in_files(self, *places: Path) -> dict[str, set[str]]:
        """The names of the canaries in files, and in all files of folders; by file."""
        files = [file for place in places for file in (place.rglob("*") if place.is_dir() else [place])]
        searched = {str(file): self.found_in(file.read_bytes()) for file in files if file.is_file()}
        return {file: names for file, names in searched.items() if names}

    def found_in_processes(self, pid: int, *, allowed: Iterable[str] = ()) -> dict[str, set[str]]:
        """The names of the canaries in arguments and environments of a process and its descendants.

        Args:
            pid: The process.
            allowed: What may be in an environment.
        """
        found: dict[str, set[str]] = {}
        for member in family(pid):
            with suppress(FileNotFoundError, ProcessLookupError):
                folder = Path("/proc") / str(member)
                found[f"{folder}/cmdline"] = self.found_in((folder / "cmdline").read_bytes())
                found[f"{folder}/environ"] = self.found_in((folder / "environ").read_bytes(), allowed=allowed)
        return {place: names for place, names in found.items() if names}
