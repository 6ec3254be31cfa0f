"""The service as a whole: every operation that is offered, gathered from its groups."""

from __future__ import annotations

from strongroom.services.secretsmanager.deleting import Deleting
from strongroom.services.secretsmanager.descriptions import Descriptions
from strongroom.services.secretsmanager.labelling import Labelling
from strongroom.services.secretsmanager.listing import Listing
from strongroom.services.secretsmanager.policies import Policies
from strongroom.services.secretsmanager.reading import Reading
from strongroom.services.secretsmanager.replication.accounts import ReplicatingToAccounts
from strongroom.services.secretsmanager.replication.regions import ReplicatingToRegions
from strongroom.services.secretsmanager.rotating import Rotating
from strongroom.services.secretsmanager.tagging import Tagging
from strongroom.services.secretsmanager.writing import Writing

__all__ = ["SecretsManager"]


class SecretsManager(
    Reading,
    Writing,
    Descriptions,
    Listing,
    Labelling,
    Deleting,
    Tagging,
    Rotating,
    Policies,
    ReplicatingToRegions,
    ReplicatingToAccounts,
):
    """AWS Secrets Manager. One method for each operation, named as boto3 names it."""
