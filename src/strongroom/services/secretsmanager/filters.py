"""The filters of ListSecrets and BatchGetSecretValue. Pure.

Values of one filter are alternatives; all filters must match; a value that starts with ``!`` matches what the rest of
it does not (AWS Secrets Manager User Guide, "Find secrets"). ``name``, ``tag-key``, ``tag-value``, ``primary-region``
and ``owning-service`` are case-sensitive prefixes. ``description`` and ``all`` look for words: every word of the value
must start a word of the text, in any case of letters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from strongroom.services.secretsmanager.records import Secret
from strongroom.services.secretsmanager.refusals import invalid_parameter

__all__ = ["SecretFilter", "compile_filters"]

SecretFilter: TypeAlias = Callable[[Secret], bool]

_WORD: Final = re.compile(r"[^\W_]+")


def compile_filters(filters: Sequence[Mapping[str, object]] | None) -> SecretFilter:
    """One test for all filters of a request.

    Args:
        filters: The ``Filters`` parameter, as validated against the service model.

    Raises:
        AwsError: ``InvalidParameterException``: a filter has no key or no values.
    """
    tests = [_compile(found) for found in filters or ()]
    return lambda secret: all(test(secret) for test in tests)


def _compile(found: Mapping[str, object]) -> SecretFilter:
    key, values = found.get("Key"), found.get("Values")
    if not isinstance(key, str):
        raise invalid_parameter("Invalid filter key")
    if not isinstance(values, list) or not values:
        raise invalid_parameter(f"Invalid filter values for key: {key}")
    alternatives = [_compile_value(key, str(value)) for value in values]
    return lambda secret: any(test(secret) for test in alternatives)


def _compile_value(key: str, value: str) -> SecretFilter:
    if value.startswith("!"):
        positive = _compile_value(key, value[1:])
        return lambda secret: not positive(secret)
    texts = _TEXTS[key]
    if key in _BY_WORDS:
        wanted = _words([value])
        return lambda secret: _match_words(wanted, _words(texts(secret)))
    return lambda secret: any(text.startswith(value) for text in texts(secret))


def _words(texts: Iterable[str]) -> list[str]:
    return [word for text in texts for word in _WORD.findall(text.lower())]


def _match_words(wanted: Sequence[str], words: Sequence[str]) -> bool:
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
