"""The operations on DB clusters. Their signatures are the model's.

Parameters that a body does not name are read from the call: `registering` and `modifying` say which mean something
here, which are kept to be shown again, and which are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from strongroom.services.call import Call
from strongroom.services.rds.deleting import Deleting
from strongroom.services.rds.describing import Describing
from strongroom.services.rds.modifying import Modifying
from strongroom.services.rds.names import CLUSTER

__all__ = ["ClusterOperations"]


class ClusterOperations(Modifying, Deleting, Describing):
    """CreateDBCluster, ModifyDBCluster, DeleteDBCluster and DescribeDBClusters."""

    async def create_db_cluster(
        self,
        call: Call,
        *,
        DBClusterIdentifier: str,
        Engine: str,
        AvailabilityZones: Sequence[str] | None = None,
        BackupRetentionPeriod: int | None = None,
        CharacterSetName: str | None = None,
        DatabaseName: str | None = None,
        DBClusterParameterGroupName: str | None = None,
        VpcSecurityGroupIds: Sequence[str] | None = None,
        DBSubnetGroupName: str | None = None,
        EngineVersion: str | None = None,
        Port: int | None = None,
        MasterUsername: str | None = None,
        MasterUserPassword: str | None = None,
        OptionGroupName: str | None = None,
        PreferredBackupWindow: str | None = None,
        PreferredMaintenanceWindow: str | None = None,
        ReplicationSourceIdentifier: str | None = None,
        Tags: Sequence[Mapping[str, object]] | None = None,
        StorageEncrypted: bool | None = None,
        KmsKeyId: str | None = None,
        PreSignedUrl: str | None = None,
        EnableIAMDatabaseAuthentication: bool | None = None,
        BacktrackWindow: int | None = None,
        EnableCloudwatchLogsExports: Sequence[str] | None = None,
        EngineMode: str | None = None,
        ScalingConfiguration: Mapping[str, object] | None = None,
        RdsCustomClusterConfiguration: Mapping[str, object] | None = None,
        DBClusterInstanceClass: str | None = None,
        AllocatedStorage: int | None = None,
        StorageType: str | None = None,
        Iops: int | None = None,
        PubliclyAccessible: bool | None = None,
        AutoMinorVersionUpgrade: bool | None = None,
        DeletionProtection: bool | None = None,
        GlobalClusterIdentifier: str | None = None,
        EnableHttpEndpoint: bool | None = None,
        CopyTagsToSnapshot: bool | None = None,
        Domain: str | None = None,
        DomainIAMRoleName: str | None = None,
        EnableGlobalWriteForwarding: bool | None = None,
        NetworkType: str | None = None,
        ServerlessV2ScalingConfiguration: Mapping[str, object] | None = None,
        MonitoringInterval: int | None = None,
        MonitoringRoleArn: str | None = None,
        DatabaseInsightsMode: str | None = None,
        EnablePerformanceInsights: bool | None = None,
        PerformanceInsightsKMSKeyId: str | None = None,
        PerformanceInsightsRetentionPeriod: int | None = None,
        EnableLimitlessDatabase: bool | None = None,
        ClusterScalabilityType: str | None = None,
        DBSystemId: str | None = None,
        ManageMasterUserPassword: bool | None = None,
        EnableLocalWriteForwarding: bool | None = None,
        MasterUserSecretKmsKeyId: str | None = None,
        CACertificateIdentifier: str | None = None,
        EngineLifecycleSupport: str | None = None,
        TagSpecifications: Sequence[Mapping[str, object]] | None = None,
        MasterUserAuthenticationType: str | None = None,
        WithExpressConfiguration: bool | None = None,
        AssociatedRoles: Sequence[Mapping[str, object]] | None = None,
        SourceRegion: str | None = None,
    ) -> dict[str, object]:
        """Register an existing server. See `Registering.register`."""
        return await self.register(call, CLUSTER)

    async def modify_db_cluster(
        self,
        call: Call,
        *,
        DBClusterIdentifier: str,
        NewDBClusterIdentifier: str | None = None,
        ApplyImmediately: bool | None = None,
        BackupRetentionPeriod: int | None = None,
        DBClusterParameterGroupName: str | None = None,
        VpcSecurityGroupIds: Sequence[str] | None = None,
        Port: int | None = None,
        MasterUserPassword: str | None = None,
        OptionGroupName: str | None = None,
        PreferredBackupWindow: str | None = None,
        PreferredMaintenanceWindow: str | None = None,
        EnableIAMDatabaseAuthentication: bool | None = None,
        BacktrackWindow: int | None = None,
        CloudwatchLogsExportConfiguration: Mapping[str, object] | None = None,
        EngineVersion: str | None = None,
        AllowMajorVersionUpgrade: bool | None = None,
        DBInstanceParameterGroupName: str | None = None,
        Domain: str | None = None,
        DomainIAMRoleName: str | None = None,
        ScalingConfiguration: Mapping[str, object] | None = None,
        DeletionProtection: bool | None = None,
        EnableHttpEndpoint: bool | None = None,
        CopyTagsToSnapshot: bool | None = None,
        EnableGlobalWriteForwarding: bool | None = None,
        DBClusterInstanceClass: str | None = None,
        AllocatedStorage: int | None = None,
        StorageType: str | None = None,
        Iops: int | None = None,
        AutoMinorVersionUpgrade: bool | None = None,
        NetworkType: str | None = None,
        ServerlessV2ScalingConfiguration: Mapping[str, object] | None = None,
        MonitoringInterval: int | None = None,
        MonitoringRoleArn: str | None = None,
        DatabaseInsightsMode: str | None = None,
        EnablePerformanceInsights: bool | None = None,
        PerformanceInsightsKMSKeyId: str | None = None,
        PerformanceInsightsRetentionPeriod: int | None = None,
        ManageMasterUserPassword: bool | None = None,
        RotateMasterUserPassword: bool | None = None,
        EnableLocalWriteForwarding: bool | None = None,
        MasterUserSecretKmsKeyId: str | None = None,
        EngineMode: str | None = None,
        AllowEngineModeChange: bool | None = None,
        AwsBackupRecoveryPointArn: str | None = None,
        EnableLimitlessDatabase: bool | None = None,
        CACertificateIdentifier: str | None = None,
        MasterUserAuthenticationType: str | None = None,
        EngineLifecycleSupport: str | None = None,
    ) -> dict[str, object]:
        """Change what is registered, or the master credential. See `Modifying.modify`."""
        return await self.modify(call, CLUSTER, DBClusterIdentifier)

    async def delete_db_cluster(
        self,
        call: Call,
        *,
        DBClusterIdentifier: str,
        SkipFinalSnapshot: bool | None = None,
        FinalDBSnapshotIdentifier: str | None = None,
        DeleteAutomatedBackups: bool | None = None,
    ) -> dict[str, object]:
        """Forget a server. See `Deleting.delete`."""
        return await self.delete(call, CLUSTER, DBClusterIdentifier, FinalDBSnapshotIdentifier)

    async def describe_db_clusters(
        self,
        call: Call,
        *,
        DBClusterIdentifier: str | None = None,
        Filters: Sequence[Mapping[str, object]] | None = None,
        MaxRecords: int | None = None,
        Marker: str | None = None,
        IncludeShared: bool | None = None,
    ) -> dict[str, object]:
        """Show one, or a page of all. See `Describing.describe`."""
        return await self.describe(call, CLUSTER, DBClusterIdentifier, Filters, MaxRecords, Marker)
