"""The seal document: what is stored about a seal, in `seal.json` in the data folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from strongroom.errors import OperatorError
from strongroom.keyring.private_file import read_private, write_private
from strongroom.keyring.root import FINGERPRINT_LENGTH

__all__ = ["SEAL_FILE", "SealDocument"]

SEAL_FILE: Final = "seal.json"
_FORMAT: Final = 1
_MAX_LENGTH: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class SealDocument:
    """One sealed root key. It gives the key to nobody who lacks what that kind of seal needs besides it.

    Attributes:
        kind: Which kind of seal made it, such as ``file`` or ``passphrase``.
        root_key_id: The fingerprint of the root key: 32 hexadecimal digits.
        parameters: What that kind of seal has to remember: texts, and whole numbers.
    """

    kind: str
    root_key_id: str
    parameters: Mapping[str, str | int]

    def save(self, folder: Path) -> None:
        """Write the document to `seal.json` in ``folder``, in place of an older one.

        Raises:
            OperatorError: The file cannot be written.
        """
        write_private(folder / SEAL_FILE, self.to_json())

    @classmethod
    def load(cls, folder: Path) -> SealDocument:
        """Read `seal.json` from ``folder``.

        Raises:
            OperatorError: The file is missing, open to others, damaged, or of a later format.
        """
        return cls.from_json(read_private(folder / SEAL_FILE, _MAX_LENGTH))

    def to_json(self) -> bytes:
        """The document as indented JSON text in UTF-8."""
        content = {
            "format": _FORMAT,
            "kind": self.kind,
            "root_key_id": self.root_key_id,
            "parameters": dict(self.parameters),
        }
        return json.dumps(content, indent=2).encode() + b"\n"

    @classmethod
    def from_json(cls, text: bytes) -> SealDocument:
        """Parse what `to_json` wrote.

        Raises:
            OperatorError: The text is damaged, or of a later format.
        """
        try:
            content: object = json.loads(text)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise damaged("it is not a JSON object")
        if content.get("format") != _FORMAT:
            raise OperatorError(
                f"The format of {SEAL_FILE} is not one that this version of Strongroom knows.",
                why=f"This version knows format {_FORMAT}.",
                fix="Run the version of Strongroom that this data folder was last used with, or a later one.",
            )
        kind, root_key_id, parameters = (content.get(name) for name in ("kind", "root_key_id", "parameters"))
        if not isinstance(kind, str) or not isinstance(root_key_id, str) or not isinstance(parameters, dict):
            raise damaged("kind, root_key_id or parameters is missing")
        if not _is_fingerprint(root_key_id):
            raise damaged("root_key_id is not the fingerprint of a root key")
        for name, value in parameters.items():
            if type(value) not in (str, int):
                raise damaged(f"the parameter {name} is neither a text nor a whole number")
        return cls(kind, root_key_id, parameters)

    def require_kind(self, kind: str) -> None:
        """Check that the document is of a kind.

        Raises:
            OperatorError: It is of another one.
        """
        if self.kind != kind:
            raise OperatorError(
                f"The root key cannot be opened as a seal of the kind {kind}.",
                why=f"{SEAL_FILE} says that it is sealed with the kind {self.kind}.",
                fix=f"Open it with the settings for the kind {self.kind}.",
            )

    def text(self, name: str) -> str:
        """The text parameter ``name``.

        Raises:
            OperatorError: It is missing or a number.
        """
        value = self.parameters.get(name)
        if not isinstance(value, str):
            raise damaged(f"the text parameter {name} is missing")
        return value

    def binary(self, name: str) -> bytes:
        """The bytes that the text parameter ``name`` holds as hexadecimal digits.

        Raises:
            OperatorError: It is missing or holds something else.
        """
        try:
            return bytes.fromhex(self.text(name))
        except ValueError:
            raise damaged(f"the parameter {name} is not written in hexadecimal digits") from None

    def number(self, name: str, lowest: int, highest: int) -> int:
        """The number parameter ``name``.

        Raises:
            OperatorError: It is missing, a text, or not between ``lowest`` and ``highest``.
        """
        value = self.parameters.get(name)
        if not isinstance(value, int) or not lowest <= value <= highest:
            raise damaged(f"the parameter {name} is not a number from {lowest} to {highest}")
        return value


def damaged(reason: str) -> OperatorError:
    """The error for a seal document that is not as it was written."""
    return OperatorError(
        f"{SEAL_FILE} is damaged.",
        why=f"{reason[0].upper()}{reason[1:]}.",
        fix=f"Restore {SEAL_FILE} from a backup of the data folder.",
    )


def _is_fingerprint(text: str) -> bool:
    return len(text) == 2 * FINGERPRINT_LENGTH and all(digit in "0123456789abcdef" for digit in text)
