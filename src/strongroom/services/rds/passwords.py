"""Master passwords: those that RDS makes, and what it demands of those that it is given."""

from __future__ import annotations

import string
from typing import Final

from strongroom.services.rds import failures
from strongroom.services.rds.engines import longest_password
from strongroom.world import Entropy

__all__ = ["generate_password", "require_password"]

_LENGTH: Final = 28
_PUNCTUATION: Final = "!#$%()*+,-.<=>?[]^_{|}~"
_SETS: Final = (string.ascii_lowercase, string.ascii_uppercase, string.digits, _PUNCTUATION)
_SHORTEST: Final = 8
_FORBIDDEN: Final = '/@" '


def generate_password(entropy: Entropy) -> str:
    r"""A new master password.

    It has 28 characters, and a lower-case and an upper-case letter, a digit and a punctuation mark among them (Amazon
    RDS User Guide, "Rotating the master user password secret"). Beside what RDS forbids it has no quote, backslash,
    ``&``, ``:`` and ``;``, which break connection strings and shells.

    Args:
        entropy: Where it comes from.
    """
    everything = "".join(_SETS)
    characters = [letters[entropy.below(len(letters))] for letters in _SETS]
    characters += [everything[entropy.below(len(everything))] for _ in range(_LENGTH - len(_SETS))]
    # The required ones stand first so far: shuffle (Fisher and Yates, in Durstenfeld's form).
    for index in range(len(characters) - 1, 0, -1):
        other = entropy.below(index + 1)
        characters[index], characters[other] = characters[other], characters[index]
    return "".join(characters)


def require_password(engine: str, password: str) -> None:
    """Refuse what RDS does not take as a new master password (ModifyDBInstance, API Reference).

    Args:
        engine: The engine, which says how long it may be.
        password: The password.

    Raises:
        AwsError: ``InvalidParameterValue``; its text does not show the password.
    """
    if not all("!" <= character <= "~" for character in password) or any(mark in password for mark in _FORBIDDEN):
        raise failures.invalid_value(
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', "
            "'@', '\"', ' ' may be used."
        )
    if len(password) < _SHORTEST:
        raise failures.invalid_value(
            "The parameter MasterUserPassword is not a valid password because it is shorter than 8 characters."
        )
    most = longest_password(engine)
    if len(password) > most:
        raise failures.invalid_value(
            f"The parameter MasterUserPassword is not a valid password because it is longer than {most} characters."
        )
