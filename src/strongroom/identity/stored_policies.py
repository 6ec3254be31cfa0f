"""Policies out of the store, compiled once for each text."""

from __future__ import annotations

from functools import lru_cache

from strongroom.errors import OperatorError
from strongroom.policy import MalformedPolicy, Policy, PolicyKind, compile_policy

__all__ = ["compile_stored"]


@lru_cache(maxsize=4096)
def compile_stored(text: str, kind: PolicyKind, name: str) -> Policy:
    """A stored policy, compiled.

    Args:
        text: The document.
        kind: What it is attached to.
        name: What decisions call it by: a policy's name or ARN.

    Raises:
        OperatorError: It can no longer be read.
    """
    try:
        return compile_policy(text, kind, name=name)
    except MalformedPolicy as error:
        raise OperatorError(
            f"The stored policy {name} can no longer be read.", why=error.message, fix="replace it with a valid one"
        ) from None
