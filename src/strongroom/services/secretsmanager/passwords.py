"""Random passwords, as GetRandomPassword makes them. Pure: randomness comes in as an argument."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Final

from strongroom.services.secretsmanager.refusals import invalid_parameter
from strongroom.world import Entropy

__all__ = ["PASSWORD_LENGTH", "character_types", "generate_password"]

PASSWORD_LENGTH: Final = 32
"""Characters of a password when the request does not say (GetRandomPassword, API Reference)."""


def character_types(
    *,
    lowercase: bool,
    uppercase: bool,
    numbers: bool,
    punctuation: bool,
    excluded: str,
) -> list[str]:
    r"""The four types of characters, without the excluded characters and without types that are empty then.

    Args:
        lowercase: Include a to z.
        uppercase: Include A to Z.
        numbers: Include 0 to 9.
        punctuation: Include ``! " # $ % & ' ( ) * + , - . / : ; < = > ? @ [ \ ] ^ _ ` { | } ~``.
        excluded: Characters to leave out of all of them.
    """
    wanted = (
        (lowercase, string.ascii_lowercase),
        (uppercase, string.ascii_uppercase),
        (numbers, string.digits),
        (punctuation, string.punctuation),
    )
    barred = frozenset(excluded)
    sets = ["".join(character for character in letters if character not in barred) for on, letters in wanted if on]
    return [letters for letters in sets if letters]


def generate_password(
    types: Sequence[str], length: int, *, each_type: bool, entropy: Entropy, optional: str = ""
) -> str:
    """A random password.

    Args:
        types: The sets of characters to draw from.
        length: In characters.
        each_type: Whether it must hold a character of every set.
        optional: Characters that it may hold besides, and need not: the space (GetRandomPassword, API Reference).
        entropy: Where it comes from.

    Raises:
        AwsError: ``InvalidParameterException``: there is nothing to draw from, or it cannot hold every set.
    """
    everything = "".join(types) + optional
    if not everything:
        raise invalid_parameter("The excluded characters leave no characters to build a password from.")
    if each_type and length < len(types):
        raise invalid_parameter("Password length is too short based on the required types.")
    required = list(types) if each_type else []
    sources = required + [everything] * (length - len(required))
    characters = [source[entropy.below(len(source))] for source in sources]
    # The required ones stand first so far: shuffle (Fisher and Yates, in Durstenfeld's form).
    for index in range(len(characters) - 1, 0, -1):
        other = entropy.below(index + 1)
        characters[index], characters[other] = characters[other], characters[index]
    return "".join(characters)
