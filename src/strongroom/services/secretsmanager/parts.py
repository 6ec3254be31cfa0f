"""What every group of operations is given: the collaborators of the service."""

from __future__ import annotations

from strongroom.keyring import Keyring
from strongroom.services.clients import IamClient, KmsClient, LambdaClient, OrganizationClient
from strongroom.services.secretsmanager.access_dates import AccessDates
from strongroom.services.secretsmanager.paging import PageTokens
from strongroom.services.secretsmanager.quotas import SecretLimit
from strongroom.services.secretsmanager.replication.requests import ReplicaRequests
from strongroom.services.secretsmanager.settings import SecretsManagerSettings
from strongroom.services.secretsmanager.values import Values
from strongroom.store import Store
from strongroom.world import World

__all__ = ["Parts"]


class Parts:
    """Base of the operation groups, which together make `SecretsManager`.

    Args:
        store: Where secrets are kept.
        keyring: Seals page tokens and rotation tokens.
        world: Clock and entropy.
        kms: KMS, for the data keys of versions.
        functions: Lambda, for rotation functions.
        iam: IAM, for replication roles.
        organization: Tells which accounts belong together.
        settings: Settings and quotas.
    """

    def __init__(
        self,
        store: Store,
        keyring: Keyring,
        world: World,
        kms: KmsClient,
        functions: LambdaClient,
        iam: IamClient,
        organization: OrganizationClient,
        settings: SecretsManagerSettings,
    ) -> None:
        self.store = store
        self.keyring = keyring
        self.world = world
        self.functions = functions
        self.iam = iam
        self.organization = organization
        self.settings = settings
        self.values = Values(kms, keyring, world)
        self.replicas = ReplicaRequests(kms, organization, self.values, world)
        self.pages = PageTokens(keyring)
        self.secret_limit = SecretLimit(settings.quotas.secrets)
        self.access_dates = AccessDates(store)
