"""The versions of secrets, for the operator's service."""

from __future__ import annotations

from strongroom.services.call import Call
from strongroom.services.clients import LabelledVersions
from strongroom.services.secretsmanager.access import find_and_authorize
from strongroom.services.secretsmanager.versions import labels_by_version, labels_of
from strongroom.store import Transaction

__all__ = ["VersionServiceClient"]


class VersionServiceClient:
    """Implements `strongroom.services.clients.SecretVersionsClient`, whose texts say what the method does."""

    __slots__ = ()

    def labelled(self, transaction: Transaction, call: Call, action: str, secret_id: str) -> LabelledVersions:
        """The versions of a secret that have labels. Secrets that are marked for deletion, and replicas, will do.

        Raises:
            AwsError: Access denied, or no such secret.
        """
        secret = find_and_authorize(transaction, call, secret_id, action=action, deleted=True)
        return LabelledVersions(secret.arn, secret.name, labels_by_version(labels_of(transaction, secret.arn).items()))
