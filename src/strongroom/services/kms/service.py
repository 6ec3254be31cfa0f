"""KMS, the service: every operation in one class."""

from __future__ import annotations

from strongroom.services.kms.alias_operations import AliasOperations
from strongroom.services.kms.cryptographic_operations import CryptographicOperations
from strongroom.services.kms.key_operations import KeyOperations
from strongroom.services.kms.maintenance import destroy_due
from strongroom.services.kms.policy_operations import PolicyOperations
from strongroom.services.kms.tags import TagOperations

__all__ = ["Kms"]


class Kms(KeyOperations, AliasOperations, PolicyOperations, TagOperations, CryptographicOperations):
    """AWS Key Management Service for symmetric encryption keys.

    Each public method that is named as boto3 names an operation is that operation; parameters carry the names of the
    service model and arrive validated against it. Its arguments are those of `KmsBase`.
    """

    async def destroy_due_keys(self) -> tuple[str, ...]:
        """Destroy the keys whose waiting period has ended; background work, harmless to repeat.

        Returns:
            The ARNs of the keys that are no more.
        """
        return await destroy_due(self._store, self._keyring, self._world)
