"""Filters, and which secrets a list holds (AWS Secrets Manager User Guide, "Find secrets in AWS Secrets Manager")."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.model.state import Secret

__all__ = ["select"]


def select(secrets: Iterable[Secret], filters: Sequence[Mapping[str, Any]], *, deleted: bool) -> list[Secret]:
    """The secrets that all filters match, the oldest first.

    Args:
        secrets: All secrets in the order of their creation.
        filters: The Filters parameter.
        deleted: Whether secrets that are marked for deletion count.
    """
    return [
        secret
        for secret in secrets
        if (deleted or not secret.deleted) and all(_matches(secret, found) for found in filters)
    ]


def _matches(secret: Secret, found: Mapping[str, Any]) -> bool:
    return any(
        not _matches_value(secret, found["Key"], value[1:])
        if value.startswith("!")
        else _matches_value(secret, found["Key"], value)
        for value in found["Values"]
    )


def _matches_value(secret: Secret, key: str, value: str) -> bool:
    if key == "name":
        return secret.name.startswith(value)
    if key == "tag-key":
        return any(tag.startswith(value) for tag in secret.tags)
    if key == "tag-value":
        return any(tag.startswith(value) for tag in secret.tags.values())
    texts = [secret.description or ""]
    if key == "all":
        texts += [secret.name, *secret.tags, *secret.tags.values()]
    wanted = _words(value)
    return any(all(any(word.startswith(each) for word in _words(text)) for each in wanted) for text in texts)


def _words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z0-9]+", text.lower())
