"""The seal document: every seal of one root key, kept in `seal.json` in the data folder.

Any one of its seals opens the root key. The document is authenticated under that key, so that nobody who can write
the file, but lacks the key, can have the next root key sealed to themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from strongroom.errors import OperatorError
from strongroom.keyring.header import InvalidCiphertext
from strongroom.keyring.root import FINGERPRINT_LENGTH, RootKey
from strongroom.keyring.seals.entry import SEAL_FILE, SealEntry, damaged, is_seal_name
from strongroom.keyring.seals.files import SealFiles
from strongroom.world import Entropy

__all__ = ["MOST_SEALS", "SealDocument"]

_FORMAT: Final = 2
_FORMAT_OF_ONE_SEAL: Final = 1
_KINDS_OF_ONE_SEAL: Final = frozenset({"file", "passphrase"})
"""What the first format can hold. It is not authenticated as a whole: these two name nothing that is reached for."""
_MAX_LENGTH: Final = 64 * 1024

MOST_SEALS: Final = 16
"""The most seals of one root key."""


@dataclass(frozen=True, slots=True)
class SealDocument:
    """The seals of one root key.

    Attributes:
        root_key_id: The fingerprint of the root key: 32 hexadecimal digits.
        seals: Its seals, in the order in which they were made. Their names differ.
        authenticator: Opens under the root key for exactly these seals, in hexadecimal digits; empty in a document of
            the first format, which had one seal and no authenticator.
    """

    root_key_id: str
    seals: tuple[SealEntry, ...]
    authenticator: str

    @classmethod
    def made(cls, root_key: RootKey, seals: Sequence[SealEntry], entropy: Entropy) -> SealDocument:
        """A document of these seals, authenticated under the root key."""
        authenticator = root_key.wrap(b"", _context(seals), entropy).hex()
        return cls(root_key.fingerprint, tuple(seals), authenticator)

    def require_made_with(self, root_key: RootKey) -> None:
        """Check that a holder of the root key wrote this very document.

        Raises:
            OperatorError: Somebody else changed it, or the key is another one.
        """
        if not self.authenticator and root_key.fingerprint == self.root_key_id:
            return
        try:
            root_key.unwrap(bytes.fromhex(self.authenticator), _context(self.seals))
        except InvalidCiphertext:
            raise OperatorError(
                f"{SEAL_FILE} was changed by something other than Strongroom.",
                why="It is not authenticated under the root key that it opens.",
                fix=f"Restore {SEAL_FILE} from a backup of the data folder, and find out who could write there.",
            ) from None

    def seal(self, name: str) -> SealEntry:
        """The seal called ``name``.

        Raises:
            OperatorError: There is none.
        """
        for entry in self.seals:
            if entry.name == name:
                return entry
        raise OperatorError(
            f"There is no seal called {name}.",
            why=f"There are these: {', '.join(entry.name for entry in self.seals)}.",
            fix="See `strongroom seal status`.",
        )

    def save(self, files: SealFiles, name: str = SEAL_FILE) -> None:
        """Write the document, in place of an older one.

        Raises:
            OperatorError: The file cannot be written.
        """
        files.write(name, self.to_json())

    @classmethod
    def load(cls, files: SealFiles, name: str = SEAL_FILE) -> SealDocument:
        """Read the document.

        Raises:
            OperatorError: The file is missing, open to others, damaged, or of a later format.
        """
        return cls.from_json(files.read(name, _MAX_LENGTH))

    def to_json(self) -> bytes:
        """The document as indented JSON text in UTF-8."""
        content = {
            "format": _FORMAT,
            "root_key_id": self.root_key_id,
            "seals": [_content(entry) for entry in self.seals],
            "authenticator": self.authenticator,
        }
        return json.dumps(content, indent=2).encode() + b"\n"

    @classmethod
    def from_json(cls, text: bytes) -> SealDocument:
        """Parse what `to_json` wrote, or a document of the first format, which is one seal by itself.

        Raises:
            OperatorError: The text is damaged, or of a later format.
        """
        try:
            content: object = json.loads(text)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise damaged("it is not a JSON object")
        number, root_key_id = content.get("format"), content.get("root_key_id")
        if number not in (_FORMAT, _FORMAT_OF_ONE_SEAL) or type(number) is not int:
            raise OperatorError(
                f"The format of {SEAL_FILE} is not one that this version of Strongroom knows.",
                why=f"This version knows the formats {_FORMAT_OF_ONE_SEAL} and {_FORMAT}.",
                fix="Run the version of Strongroom that this data folder was last used with, or a later one.",
            )
        if not isinstance(root_key_id, str) or not _is_fingerprint(root_key_id):
            raise damaged("root_key_id is not the fingerprint of a root key")
        if number == _FORMAT_OF_ONE_SEAL:
            entry = _entry(content, root_key_id)
            if entry.kind not in _KINDS_OF_ONE_SEAL:
                raise damaged(f"a document of the first format holds no seal of the kind {entry.kind}")
            return cls(root_key_id, (entry,), "")
        found = content.get("seals")
        if not isinstance(found, list) or not 1 <= len(found) <= MOST_SEALS:
            raise damaged(f"it does not hold between 1 and {MOST_SEALS} seals")
        seals = tuple(_entry(entry, root_key_id) for entry in found)
        if len({entry.name for entry in seals}) < len(seals):
            raise damaged("two seals have the same name")
        return cls(root_key_id, seals, _digits(content.get("authenticator")))


def _content(entry: SealEntry) -> dict[str, object]:
    return {"name": entry.name, "kind": entry.kind, "parameters": dict(entry.parameters)}


def _context(seals: Sequence[SealEntry]) -> Mapping[str, str]:
    """What an authenticator is bound to: every word of every seal, whatever the layout of the file."""
    text = json.dumps([_content(entry) for entry in seals], sort_keys=True, separators=(",", ":"))
    return {"Seals": sha256(text.encode()).hexdigest()}


def _entry(content: object, root_key_id: str) -> SealEntry:
    if not isinstance(content, dict):
        raise damaged("a seal is not a JSON object")
    kind, parameters, name = content.get("kind"), content.get("parameters"), content.get("name", content.get("kind"))
    if not isinstance(kind, str) or not isinstance(parameters, dict):
        raise damaged("the kind or the parameters of a seal are missing")
    if not isinstance(name, str) or not is_seal_name(name):
        raise damaged("the name of a seal is not one")
    for parameter, value in parameters.items():
        if type(value) not in (str, int):
            raise damaged(f"the parameter {parameter} is neither a text nor a whole number")
    return SealEntry(kind, root_key_id, parameters, name)


def _digits(text: object) -> str:
    try:
        if isinstance(text, str) and text and bytes.fromhex(text).hex() == text:
            return text
    except ValueError:
        pass
    raise damaged("the authenticator is missing or not written in hexadecimal digits")


def _is_fingerprint(text: str) -> bool:
    return len(text) == 2 * FINGERPRINT_LENGTH and all(digit in "0123456789abcdef" for digit in text)
