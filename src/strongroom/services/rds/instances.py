"""The operations on DB instances. Their signatures are the model's.

Parameters that a body does not name are read from the call: `registering` and `modifying` say which mean something
here, which are kept to be shown again, and which are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from strongroom.services.call import Call
from strongroom.services.rds.deleting import Deleting
from strongroom.services.rds.describing import Describing
from strongroom.services.rds.modifying import Modifying
from strongroom.services.rds.names import INSTANCE

__all__ = ["InstanceOperations"]


class InstanceOperations(Modifying, Deleting, Describing):
    """CreateDBInstance, ModifyDBInstance, DeleteDBInstance and DescribeDBInstances."""

    async def create_db_instance(
        self,
        call: Call,
        *,
        DBInstanceIdentifier: str,
        DBInstanceClass: str,
        Engine: str,
        DBName: str | None = None,
        AllocatedStorage: int | None = None,
        MasterUsername: str | None = None,
        MasterUserPassword: str | None = None,
        DBSecurityGroups: Sequence[str] | None = None,
        VpcSecurityGroupIds: Sequence[str] | None = None,
        AvailabilityZone: str | None = None,
        DBSubnetGroupName: str | None = None,
        PreferredMaintenanceWindow: str | None = None,
        DBParameterGroupName: str | None = None,
        BackupRetentionPeriod: int | None = None,
        PreferredBackupWindow: str | None = None,
        Port: int | None = None,
        MultiAZ: bool | None = None,
        EngineVersion: str | None = None,
        AutoMinorVersionUpgrade: bool | None = None,
        LicenseModel: str | None = None,
        Iops: int | None = None,
        StorageThroughput: int | None = None,
        OptionGroupName: str | None = None,
        CharacterSetName: str | None = None,
        NcharCharacterSetName: str | None = None,
        PubliclyAccessible: bool | None = None,
        Tags: Sequence[Mapping[str, object]] | None = None,
        DBClusterIdentifier: str | None = None,
        StorageType: str | None = None,
        TdeCredentialArn: str | None = None,
        TdeCredentialPassword: str | None = None,
        StorageEncrypted: bool | None = None,
        KmsKeyId: str | None = None,
        Domain: str | None = None,
        DomainFqdn: str | None = None,
        DomainOu: str | None = None,
        DomainAuthSecretArn: str | None = None,
        DomainDnsIps: Sequence[str] | None = None,
        CopyTagsToSnapshot: bool | None = None,
        MonitoringInterval: int | None = None,
        MonitoringRoleArn: str | None = None,
        DomainIAMRoleName: str | None = None,
        PromotionTier: int | None = None,
        Timezone: str | None = None,
        EnableIAMDatabaseAuthentication: bool | None = None,
        DatabaseInsightsMode: str | None = None,
        EnablePerformanceInsights: bool | None = None,
        PerformanceInsightsKMSKeyId: str | None = None,
        PerformanceInsightsRetentionPeriod: int | None = None,
        EnableCloudwatchLogsExports: Sequence[str] | None = None,
        ProcessorFeatures: Sequence[Mapping[str, object]] | None = None,
        DeletionProtection: bool | None = None,
        MaxAllocatedStorage: int | None = None,
        EnableCustomerOwnedIp: bool | None = None,
        NetworkType: str | None = None,
        BackupTarget: str | None = None,
        CustomIamInstanceProfile: str | None = None,
        DBSystemId: str | None = None,
        CACertificateIdentifier: str | None = None,
        ManageMasterUserPassword: bool | None = None,
        MasterUserSecretKmsKeyId: str | None = None,
        MultiTenant: bool | None = None,
        DedicatedLogVolume: bool | None = None,
        EngineLifecycleSupport: str | None = None,
        AdditionalStorageVolumes: Sequence[Mapping[str, object]] | None = None,
        TagSpecifications: Sequence[Mapping[str, object]] | None = None,
        DBCapacityReservationIdentifier: str | None = None,
        MasterUserAuthenticationType: str | None = None,
    ) -> dict[str, object]:
        """Register an existing server. See `Registering.register`."""
        return await self.register(call, INSTANCE)

    async def modify_db_instance(
        self,
        call: Call,
        *,
        DBInstanceIdentifier: str,
        AllocatedStorage: int | None = None,
        DBInstanceClass: str | None = None,
        DBSubnetGroupName: str | None = None,
        DBSecurityGroups: Sequence[str] | None = None,
        VpcSecurityGroupIds: Sequence[str] | None = None,
        ApplyImmediately: bool | None = None,
        MasterUserPassword: str | None = None,
        DBParameterGroupName: str | None = None,
        BackupRetentionPeriod: int | None = None,
        PreferredBackupWindow: str | None = None,
        PreferredMaintenanceWindow: str | None = None,
        MultiAZ: bool | None = None,
        EngineVersion: str | None = None,
        AllowMajorVersionUpgrade: bool | None = None,
        AutoMinorVersionUpgrade: bool | None = None,
        LicenseModel: str | None = None,
        Iops: int | None = None,
        StorageThroughput: int | None = None,
        OptionGroupName: str | None = None,
        NewDBInstanceIdentifier: str | None = None,
        StorageType: str | None = None,
        TdeCredentialArn: str | None = None,
        TdeCredentialPassword: str | None = None,
        CACertificateIdentifier: str | None = None,
        Domain: str | None = None,
        DomainFqdn: str | None = None,
        DomainOu: str | None = None,
        DomainAuthSecretArn: str | None = None,
        DomainDnsIps: Sequence[str] | None = None,
        DisableDomain: bool | None = None,
        CopyTagsToSnapshot: bool | None = None,
        MonitoringInterval: int | None = None,
        DBPortNumber: int | None = None,
        PubliclyAccessible: bool | None = None,
        MonitoringRoleArn: str | None = None,
        DomainIAMRoleName: str | None = None,
        PromotionTier: int | None = None,
        EnableIAMDatabaseAuthentication: bool | None = None,
        DatabaseInsightsMode: str | None = None,
        EnablePerformanceInsights: bool | None = None,
        PerformanceInsightsKMSKeyId: str | None = None,
        PerformanceInsightsRetentionPeriod: int | None = None,
        CloudwatchLogsExportConfiguration: Mapping[str, object] | None = None,
        ProcessorFeatures: Sequence[Mapping[str, object]] | None = None,
        UseDefaultProcessorFeatures: bool | None = None,
        DeletionProtection: bool | None = None,
        MaxAllocatedStorage: int | None = None,
        CertificateRotationRestart: bool | None = None,
        ReplicaMode: str | None = None,
        AutomationMode: str | None = None,
        ResumeFullAutomationModeMinutes: int | None = None,
        EnableCustomerOwnedIp: bool | None = None,
        NetworkType: str | None = None,
        AwsBackupRecoveryPointArn: str | None = None,
        ManageMasterUserPassword: bool | None = None,
        RotateMasterUserPassword: bool | None = None,
        MasterUserSecretKmsKeyId: str | None = None,
        MultiTenant: bool | None = None,
        DedicatedLogVolume: bool | None = None,
        Engine: str | None = None,
        AdditionalStorageVolumes: Sequence[Mapping[str, object]] | None = None,
        DBCapacityReservationIdentifier: str | None = None,
        TagSpecifications: Sequence[Mapping[str, object]] | None = None,
        MasterUserAuthenticationType: str | None = None,
        EngineLifecycleSupport: str | None = None,
    ) -> dict[str, object]:
        """Change what is registered, or the master credential. See `Modifying.modify`."""
        return await self.modify(call, INSTANCE, DBInstanceIdentifier)

    async def delete_db_instance(
        self,
        call: Call,
        *,
        DBInstanceIdentifier: str,
        SkipFinalSnapshot: bool | None = None,
        FinalDBSnapshotIdentifier: str | None = None,
        DeleteAutomatedBackups: bool | None = None,
    ) -> dict[str, object]:
        """Forget a server. See `Deleting.delete`."""
        return await self.delete(call, INSTANCE, DBInstanceIdentifier, FinalDBSnapshotIdentifier)

    async def describe_db_instances(
        self,
        call: Call,
        *,
        DBInstanceIdentifier: str | None = None,
        Filters: Sequence[Mapping[str, object]] | None = None,
        MaxRecords: int | None = None,
        Marker: str | None = None,
    ) -> dict[str, object]:
        """Show one, or a page of all. See `Describing.describe`."""
        return await self.describe(call, INSTANCE, DBInstanceIdentifier, Filters, MaxRecords, Marker)
