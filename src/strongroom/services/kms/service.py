"""KMS, the service: every operation in one class."""

from __future__ import annotations

from strongroom.services.kms.alias_operations import AliasOperations
from strongroom.services.kms.asymmetric_operations import AsymmetricOperations
from strongroom.services.kms.cryptographic_operations import CryptographicOperations
from strongroom.services.kms.grant_operations import GrantOperations
from strongroom.services.kms.import_operations import ImportOperations
from strongroom.services.kms.key_operations import KeyOperations
from strongroom.services.kms.key_store_operations import KeyStoreOperations
from strongroom.services.kms.mac_operations import MacOperations
from strongroom.services.kms.maintenance import Maintenance
from strongroom.services.kms.multi_region_operations import MultiRegionOperations
from strongroom.services.kms.pair_operations import PairOperations
from strongroom.services.kms.policy_operations import PolicyOperations
from strongroom.services.kms.rotation_operations import RotationOperations
from strongroom.services.kms.tags import TagOperations

__all__ = ["Kms"]


class Kms(
    KeyOperations,
    AliasOperations,
    PolicyOperations,
    TagOperations,
    CryptographicOperations,
    PairOperations,
    MacOperations,
    GrantOperations,
    RotationOperations,
    ImportOperations,
    MultiRegionOperations,
    KeyStoreOperations,
    AsymmetricOperations,
):
    """AWS Key Management Service for symmetric keys.

    Each public method that is named as boto3 names an operation is that operation; parameters carry the names of the
    service model and arrive validated against it. Its arguments are those of `KmsBase`.
    """

    async def maintain(self) -> None:
        """Do what is due on keys; background work, harmless to repeat."""
        maintenance = Maintenance(self._store, self._keyring, self._world)
        await maintenance.destroy_keys()
        await maintenance.delete_expired_material()
        await maintenance.rotate_keys()
