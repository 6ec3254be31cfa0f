"""Secrets as the model keeps them: plain attributes, labels in one dictionary per secret."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["CURRENT", "DEFAULT_KEY", "PENDING", "PREVIOUS", "ModelError", "Rotation", "Secret", "Version", "has_suffix"]

CURRENT, PENDING, PREVIOUS = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"
DEFAULT_KEY = "DefaultEncryptionKey"
MOST_LABELS = 20


class ModelError(Exception):
    """What the service must refuse with.

    Args:
        code: The error's code.
        message: Its text; None where AWS's own is not known.
    """

    def __init__(self, code: str, message: str | None = None) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


@dataclass
class Version:
    """One version.

    Attributes:
        value: Text, bytes, or None while a rotation has not filled it.
        key: The key that it is encrypted under, as ListSecretVersionIds shows it.
    """

    value: str | bytes | None
    key: str | None


@dataclass
class Rotation:
    """How a secret rotates."""

    function: str
    rules: dict[str, object]
    enabled: bool


@dataclass
class Secret:
    """One secret.

    Attributes:
        versions: By version id, the oldest first.
        labels: Which version has a label.
        tokens: The tokens of all rotations so far.
        open_rotation: The token of the rotation that is under way.
        changes: How often LastChangedDate has moved.
        was_read: Whether a value was read, so that it may have a LastAccessedDate.
    """

    arn: str
    name: str
    description: str | None
    key: str | None
    tags: dict[str, str]
    policy: str | None = None
    deleted: bool = False
    versions: dict[str, Version] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    rotation: Rotation | None = None
    tokens: set[str] = field(default_factory=set)
    open_rotation: str | None = None
    changes: int = 0
    was_read: bool = False

    @property
    def labels_by_version(self) -> dict[str, list[str]]:
        """Version id -> labels, in alphabetical order; versions without labels are left out."""
        found: dict[str, list[str]] = {}
        for label, version in sorted(self.labels.items()):
            found.setdefault(version, []).append(label)
        return found

    def add_version(self, token: str, value: str | bytes | None) -> None:
        """Store a version, or the value of one that a rotation made."""
        self.versions.pop(token, None)
        self.versions[token] = Version(value, None if value is None else self.key or DEFAULT_KEY)

    def attach(self, token: str, labels: Iterable[str]) -> None:
        """Move labels to a version. AWSPREVIOUS goes where AWSCURRENT comes from, unless it is moved by name.

        Raises:
            ModelError: There would be more than 20 labels.
        """
        moves = dict.fromkeys(labels, token)
        before = self.labels.get(CURRENT)
        if CURRENT in moves and before not in {None, token}:
            moves.setdefault(PREVIOUS, str(before))
        if len(self.labels | moves) > MOST_LABELS:
            raise ModelError("LimitExceededException")
        self.labels |= moves

    def end_rotation(self, *, besides: str | None = None) -> None:
        """A rotation that the labels left behind ends, and AWSPENDING with it."""
        token = self.open_rotation
        if token is None or token == besides:
            return
        if self.labels.get(PENDING) == token:
            del self.labels[PENDING]
        self.open_rotation = None

    def use_key(self, key: str | None) -> None:
        """Change the key; the versions in use are encrypted anew."""
        self.key = key
        for label in (CURRENT, PENDING, PREVIOUS):
            version = self.versions.get(self.labels.get(label, ""))
            if version is not None and version.value is not None:
                version.key = key or DEFAULT_KEY


def has_suffix(name: str) -> bool:
    """Whether a name ends like an ARN's random suffix."""
    return re.fullmatch(r".+-[A-Za-z0-9]{6}", name) is not None
