"""One seal of the root key, as `seal.json` remembers it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from strongroom.errors import OperatorError

__all__ = ["SEAL_FILE", "SealEntry", "damaged", "is_seal_name"]

SEAL_FILE: Final = "seal.json"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


def is_seal_name(text: str) -> bool:
    """Whether a text may name a seal: up to 32 lower-case letters, digits and hyphens, no hyphen first."""
    return _NAME.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class SealEntry:
    """One sealed root key. It gives the key to nobody who lacks what that kind of seal needs besides it.

    Attributes:
        kind: Which kind of seal made it, such as ``file`` or ``passphrase``.
        root_key_id: The fingerprint of the root key: 32 hexadecimal digits.
        parameters: What that kind of seal has to remember: texts, and whole numbers.
        name: What the operator calls it; the kind, if nothing else was chosen.
    """

    kind: str
    root_key_id: str
    parameters: Mapping[str, str | int] = field(default_factory=dict)
    name: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.kind)

    def require_kind(self, kind: str) -> None:
        """Check that the seal is of a kind.

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

    def optional_text(self, name: str) -> str | None:
        """The text parameter ``name``, or None where the seal has none.

        Raises:
            OperatorError: It is a number.
        """
        return self.text(name) if name in self.parameters else None

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
