"""Instances and clusters in the model's shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from strongroom.services.clients import SecretsClient
from strongroom.services.rds.credentials import OWNER
from strongroom.services.rds.engines import Unreachable
from strongroom.services.rds.names import CLUSTER, INSTANCE, Kind
from strongroom.services.rds.records import Database, find_cluster, members_of
from strongroom.services.rds.tags import shown_tags
from strongroom.store import Transaction
from strongroom.world import from_milliseconds

__all__ = ["SETTINGS", "Shapes"]

SETTINGS: Final[Mapping[Kind, frozenset[str]]] = {
    INSTANCE: frozenset({
        "AllocatedStorage", "AutoMinorVersionUpgrade", "AvailabilityZone", "BackupRetentionPeriod", "BackupTarget",
        "CACertificateIdentifier", "CharacterSetName", "CopyTagsToSnapshot", "DBInstanceClass",
        "DBParameterGroupName", "DBSubnetGroupName", "DatabaseInsightsMode", "DedicatedLogVolume",
        "EngineLifecycleSupport", "EngineVersion", "Iops", "KmsKeyId", "LicenseModel", "MaxAllocatedStorage",
        "MonitoringInterval", "MonitoringRoleArn", "MultiAZ", "MultiTenant", "NcharCharacterSetName", "NetworkType",
        "PreferredBackupWindow", "PreferredMaintenanceWindow", "PromotionTier", "PubliclyAccessible",
        "StorageEncrypted", "StorageThroughput", "StorageType", "Timezone", "VpcSecurityGroupIds",
    }),
    CLUSTER: frozenset({
        "AllocatedStorage", "AutoMinorVersionUpgrade", "AvailabilityZones", "BackupRetentionPeriod",
        "BacktrackWindow", "CharacterSetName", "CopyTagsToSnapshot", "DBClusterInstanceClass",
        "DBClusterParameterGroupName", "DBSubnetGroupName", "DatabaseInsightsMode", "EngineLifecycleSupport",
        "EngineMode", "EngineVersion", "Iops", "KmsKeyId", "MonitoringInterval", "MonitoringRoleArn", "NetworkType",
        "PreferredBackupWindow", "PreferredMaintenanceWindow", "PubliclyAccessible", "StorageEncrypted",
        "StorageType", "VpcSecurityGroupIds",
    }),
}  # fmt: skip
"""What requests say about how AWS should run a server. It is kept, shown again, and means nothing here."""

_DEFAULTS: Final[Mapping[Kind, Mapping[str, object]]] = {
    INSTANCE: {
        "AllocatedStorage": 0,
        "AutoMinorVersionUpgrade": False,
        "BackupRetentionPeriod": 0,
        "CopyTagsToSnapshot": False,
        "MonitoringInterval": 0,
        "MultiAZ": False,
        "PubliclyAccessible": False,
        "StorageEncrypted": False,
    },
    CLUSTER: {
        "AllocatedStorage": 0,
        "BackupRetentionPeriod": 1,
        "CopyTagsToSnapshot": False,
        "MultiAZ": False,
        "StorageEncrypted": False,
    },
}
_HIDDEN: Final = "****"


class Shapes:
    """Makes shapes of rows.

    Args:
        secrets: Secrets Manager, which knows the state of managed secrets.
    """

    def __init__(self, secrets: SecretsClient) -> None:
        self._secrets = secrets

    def shown(self, transaction: Transaction, database: Database) -> dict[str, object]:
        """A ``DBInstance`` or a ``DBCluster``."""
        kind = database.of_kind
        common = {
            **_DEFAULTS[kind],
            **_settings(kind, orjson.loads(database.settings)),
            kind.identifier: database.identifier,
            f"{kind.member}Arn": database.arn,
            "Engine": database.engine,
            "DeletionProtection": bool(database.deletion_protection),
            "IAMDatabaseAuthenticationEnabled": False,
            "TagList": shown_tags(database.tag_map),
            "PendingModifiedValues": {} if database.next_password is None else {"MasterUserPassword": _HIDDEN},
        }
        if database.secret_arn is not None:
            common["MasterUserSecret"] = self._secret(transaction, database, database.secret_arn)
        if kind is INSTANCE:
            return {**common, **_instance(transaction, database)}
        return {
            **common,
            **_cluster(database, members_of(transaction, database.account, database.region, database.identifier)),
        }

    def _secret(self, transaction: Transaction, database: Database, secret_arn: str) -> dict[str, object]:
        """``MasterUserSecret`` (MasterUserSecret, API Reference).

        A secret that the server refuses, or whose rotation was given up, is impaired: it cannot be rotated.
        """
        managed = self._secrets.describe_managed(transaction, OWNER, secret_arn)
        if managed is None:
            return {"SecretArn": secret_arn, "SecretStatus": "impaired"}
        status = "active"
        is_away = database.problem is not None and database.problem.startswith(Unreachable.code)
        if managed.rotation == "failed" or (database.problem is not None and not is_away):
            status = "impaired"
        elif managed.rotation == "running":
            status = "creating" if database.secret_is_new else "rotating"
        return {"SecretArn": secret_arn, "SecretStatus": status, "KmsKeyId": managed.kms_key_arn}


def _settings(kind: Kind, kept: Mapping[str, object]) -> dict[str, object]:
    """Settings of a request as answers show them: some go by another name, or are wrapped."""
    shown = dict(kept)
    groups = shown.pop("VpcSecurityGroupIds", None)
    if isinstance(groups, list):
        shown["VpcSecurityGroups"] = [{"VpcSecurityGroupId": group, "Status": "active"} for group in groups]
    subnets = shown.pop("DBSubnetGroupName", None)
    if subnets is not None:
        shown["DBSubnetGroup"] = {"DBSubnetGroupName": subnets} if kind is INSTANCE else subnets
    parameters = shown.pop("DBParameterGroupName", None)
    if parameters is not None:
        shown["DBParameterGroups"] = [{"DBParameterGroupName": parameters, "ParameterApplyStatus": "in-sync"}]
    parameters = shown.pop("DBClusterParameterGroupName", None)
    if parameters is not None:
        shown["DBClusterParameterGroup"] = parameters
    return shown


def _instance(transaction: Transaction, database: Database) -> dict[str, object]:
    username = database.master_username
    members: dict[str, object] = {}
    if database.cluster_identifier is not None:
        members["DBClusterIdentifier"] = database.cluster_identifier
        cluster = find_cluster(transaction, database)
        username = None if cluster is None else cluster.master_username
    if username is not None:
        members["MasterUsername"] = username
    if database.database_name is not None:
        members["DBName"] = database.database_name
    return {
        **members,
        "DBInstanceStatus": _status(database),
        "Endpoint": {"Address": database.host, "Port": database.port},
        "DbInstancePort": 0,
        "DbiResourceId": database.resource_id,
        "InstanceCreateTime": from_milliseconds(database.created_ms),
    }


def _cluster(database: Database, instances: Sequence[Database]) -> dict[str, object]:
    named = {} if database.database_name is None else {"DatabaseName": database.database_name}
    return {
        **named,
        "MasterUsername": database.master_username,
        "Status": _status(database),
        "Endpoint": database.host,
        "ReaderEndpoint": database.host,
        "Port": database.port,
        "DbClusterResourceId": database.resource_id,
        "ClusterCreateTime": from_milliseconds(database.created_ms),
        "DBClusterMembers": [
            {
                "DBInstanceIdentifier": instance.identifier,
                "IsClusterWriter": number == 0,
                "DBClusterParameterGroupStatus": "in-sync",
                "PromotionTier": 1,
            }
            for number, instance in enumerate(instances)
        ],
    }


def _status(database: Database) -> str:
    return "available" if database.next_password is None else "resetting-master-credentials"
