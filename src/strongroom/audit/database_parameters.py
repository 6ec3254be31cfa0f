"""What may enter the trail of RDS's operations. Never a password."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.audit.allow_list import fields, list_of, names, scalar
from strongroom.audit.rules import Members, Rule, read, write

__all__ = ["RDS"]

_TEXTS = list_of(scalar)
_TAGS = list_of(fields(names("Key Value")))
_FILTERS = list_of(fields({"Name": scalar, "Values": _TEXTS}))
_SECRET = fields(names("SecretArn SecretStatus KmsKeyId"))
_MASTER = "ManageMasterUserPassword MasterUserSecretKmsKeyId"
_CHANGEABLE = (
    "EngineVersion AllocatedStorage StorageType BackupRetentionPeriod PreferredBackupWindow PreferredMaintenanceWindow "
    "AutoMinorVersionUpgrade CopyTagsToSnapshot DeletionProtection Iops"
)
_SERVER = f"{_CHANGEABLE} Engine MasterUsername StorageEncrypted KmsKeyId PubliclyAccessible"
_INSTANCE_ANSWER: Members = {
    "DBInstance": fields(
        {
            **names(
                "DBInstanceIdentifier DBInstanceArn DBInstanceStatus DBInstanceClass Engine MasterUsername DBName "
                "DbiResourceId DBClusterIdentifier DeletionProtection"
            ),
            "Endpoint": fields(names("Address Port")),
            "MasterUserSecret": _SECRET,
        }
    )
}
_CLUSTER_ANSWER: Members = {
    "DBCluster": fields(
        {
            **names(
                "DBClusterIdentifier DBClusterArn Status Engine MasterUsername DatabaseName DbClusterResourceId "
                "Endpoint Port DeletionProtection"
            ),
            "MasterUserSecret": _SECRET,
        }
    )
}

RDS: Mapping[str, Rule] = {
    "AddTagsToResource": write("ResourceName", Tags=_TAGS),
    "CreateDBCluster": write(
        f"DBClusterIdentifier DatabaseName Port DBClusterInstanceClass {_SERVER} {_MASTER}",
        VpcSecurityGroupIds=_TEXTS,
        Tags=_TAGS,
        answer=_CLUSTER_ANSWER,
    ),
    "CreateDBInstance": write(
        f"DBInstanceIdentifier DBClusterIdentifier DBName Port DBInstanceClass MultiAZ {_SERVER} {_MASTER}",
        VpcSecurityGroupIds=_TEXTS,
        Tags=_TAGS,
        answer=_INSTANCE_ANSWER,
    ),
    "DeleteDBCluster": write("DBClusterIdentifier SkipFinalSnapshot FinalDBSnapshotIdentifier", answer=_CLUSTER_ANSWER),
    "DeleteDBInstance": write(
        "DBInstanceIdentifier SkipFinalSnapshot FinalDBSnapshotIdentifier DeleteAutomatedBackups",
        answer=_INSTANCE_ANSWER,
    ),
    "DescribeDBClusters": read("DBClusterIdentifier MaxRecords IncludeShared", Filters=_FILTERS),
    "DescribeDBInstances": read("DBInstanceIdentifier MaxRecords", Filters=_FILTERS),
    "ListTagsForResource": read("ResourceName"),
    "ModifyDBCluster": write(
        f"DBClusterIdentifier ApplyImmediately Port RotateMasterUserPassword DBClusterInstanceClass {_CHANGEABLE} "
        f"{_MASTER}",
        VpcSecurityGroupIds=_TEXTS,
        answer=_CLUSTER_ANSWER,
    ),
    "ModifyDBInstance": write(
        f"DBInstanceIdentifier ApplyImmediately DBPortNumber RotateMasterUserPassword DBInstanceClass MultiAZ Engine "
        f"PubliclyAccessible {_CHANGEABLE} {_MASTER}",
        VpcSecurityGroupIds=_TEXTS,
        answer=_INSTANCE_ANSWER,
    ),
    "RemoveTagsFromResource": write("ResourceName", TagKeys=_TEXTS),
}
