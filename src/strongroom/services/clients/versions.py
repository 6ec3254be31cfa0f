"""The versions of secrets, for the operator's service, which tells who read which.

Secrets Manager implements `SecretVersionsClient` (``secretsmanager/version_client.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from strongroom.services.call import Call
from strongroom.store import Transaction

__all__ = ["LabelledVersions", "SecretVersionsClient"]


@dataclass(frozen=True, slots=True)
class LabelledVersions:
    """A secret and the staging labels of its versions.

    Args:
        arn: Its ARN.
        name: Its name.
        labels: Version id -> labels. A version without labels is left out.
    """

    arn: str
    name: str
    labels: Mapping[str, Sequence[str]]

    def with_label(self, label: str) -> str | None:
        """The version that has a label, such as AWSCURRENT."""
        return next((version for version, labels in self.labels.items() if label in labels), None)


class SecretVersionsClient(Protocol):
    """Secrets Manager's versions, for who may ask."""

    def labelled(self, transaction: Transaction, call: Call, action: str, secret_id: str) -> LabelledVersions:
        """The versions of a secret that have labels, after asking for ``action`` on the secret.

        Args:
            transaction: A read.
            call: The call.
            action: Such as ``strongroom:ListSecretConsumers``.
            secret_id: A name, ARN or partial ARN.

        Raises:
            AwsError: Access denied, or no such secret.
        """
        ...
