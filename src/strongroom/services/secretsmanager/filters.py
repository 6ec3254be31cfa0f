"""The filters of ListSecrets and BatchGetSecretValue. Pure.

Values of one filter are alternatives; all filters must match; a value that starts with ``!`` matches what the rest of
it does not (AWS Secrets Manager User Guide, "Find secrets"). ``name``, ``tag-key``, ``tag-value``, ``primary-region``
and ``owning-service`` are case-sensitive prefixes. ``description`` and ``all`` look for words: every word of the value
must start a word of one text of the secret, in any case of letters. Words end where something else than a letter or a
digit stands, and where a small letter meets a capital: ``MyTest`` has the words ``my``, ``test`` and ``mytest``, as
people who compared with AWS have found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from strongroom.services.secretsmanager.records import Secret
from strongroom.services.secretsmanager.refusals import invalid_parameter

__all__ = ["SecretFilters", "compile_filters"]

_Test: TypeAlias = Callable[[Secret], bool]

_RUN: Final = re.compile(r"[^\W_]+")
_CAPITALISED: Final = re.compile(r"[A-Z][a-z]+|[^A-Z]+|[A-Z]+(?![a-z])")


@dataclass(frozen=True, slots=True)
class SecretFilters:
    """The filters of a request.

    Attributes:
        match: Whether a secret passes all of them.
        name_prefixes: Every secret that passes has a name that starts with one of these; None when that says nothing.
    """

    match: _Test
    name_prefixes: tuple[str, ...] | None


def compile_filters(filters: Sequence[Mapping[str, object]] | None) -> SecretFilters:
    """One test for all filters of a request.

    Args:
        filters: The ``Filters`` parameter, as validated against the service model.

    Raises:
        AwsError: ``InvalidParameterException``: a filter has no key or no values.
    """
    tests: list[_Test] = []
    prefixes: tuple[str, ...] | None = None
    for found in filters or ():
        key, values = _key_and_values(found)
        tests.append(_compile(key, values))
        if key == "name" and all(value and not value.startswith("!") for value in values):
            prefixes = values
    return SecretFilters(lambda secret: all(test(secret) for test in tests), prefixes)


def _key_and_values(found: Mapping[str, object]) -> tuple[str, tuple[str, ...]]:
    key, values = found.get("Key"), found.get("Values")
    if not isinstance(key, str):
        raise invalid_parameter("Invalid filter key")
    if not isinstance(values, list) or not values:
        raise invalid_parameter(f"Invalid filter values for key: {key}")
    return key, tuple(str(value) for value in values)


def _compile(key: str, values: Sequence[str]) -> _Test:
    alternatives = [_compile_value(key, value) for value in values]
    return lambda secret: any(test(secret) for test in alternatives)


def _compile_value(key: str, value: str) -> _Test:
    if value.startswith("!"):
        positive = _compile_value(key, value[1:])
        return lambda secret: not positive(secret)
    texts = _TEXTS[key]
    if key in _BY_WORDS:
        wanted = _parts(value)
        # A value without a word, such as "/", matches nothing.
        return lambda secret: bool(wanted) and any(_match_words(wanted, text) for text in texts(secret))
    return lambda secret: any(text.startswith(value) for text in texts(secret))


def _parts(text: str) -> list[str]:
    return [part.lower() for run in _RUN.findall(text) for part in _CAPITALISED.findall(run)]


def _match_words(wanted: Sequence[str], text: str) -> bool:
    folded = text.lower()
    if not all(start in folded for start in wanted):
        return False  # most texts end here, before the costlier search for words
    words = [*_parts(text), *_RUN.findall(folded)]
    return all(any(word.startswith(start) for word in words) for start in wanted)


def _present(*texts: str | None) -> list[str]:
    return [text for text in texts if text is not None]


def _everything(secret: Secret) -> list[str]:
    tags = secret.tag_map
    return _present(
        secret.name, secret.description, secret.owning_service, secret.primary_region, *tags, *tags.values()
    )


_BY_WORDS: Final = frozenset({"all", "description"})
_TEXTS: Final[Mapping[str, Callable[[Secret], list[str]]]] = {
    "all": _everything,
    "description": lambda secret: _present(secret.description),
    "name": lambda secret: [secret.name],
    "owning-service": lambda secret: _present(secret.owning_service),
    "primary-region": lambda secret: _present(secret.primary_region),
    "tag-key": lambda secret: list(secret.tag_map),
    "tag-value": lambda secret: list(secret.tag_map.values()),
}
