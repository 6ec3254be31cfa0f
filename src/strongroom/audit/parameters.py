"""Which parameters and answers of which operation may enter the trail: one allow-list per operation.

What is not listed here is not recorded. In particular never: SecretString, SecretBinary, Plaintext, CiphertextBlob,
RotationToken, function code, payloads and environments, passwords, SecretAccessKey and SessionToken.

Names and shapes follow what CloudTrail records for the same calls (AWS CloudTrail User Guide, and the logging
chapters of the Secrets Manager, KMS, IAM, STS and Lambda guides).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from strongroom.audit.allow_list import Copier, fields, list_of, names, scalar, text_map
from strongroom.audit.cloudtrail_parameters import CLOUDTRAIL
from strongroom.audit.database_parameters import RDS
from strongroom.audit.federation_parameters import IDENTITY_PROVIDERS, STS
from strongroom.audit.function_parameters import LAMBDA, LOGS
from strongroom.audit.identity_parameters import IAM
from strongroom.audit.rules import Members
from strongroom.audit.rules import Rule as _Rule
from strongroom.audit.rules import read as _read
from strongroom.audit.rules import write as _write

__all__ = ["OPERATIONS", "Operation", "operation"]

_TAGS = list_of(fields(names("Key Value")))
_KMS_TAGS = list_of(fields(names("TagKey TagValue")))
_TEXTS = list_of(scalar)


@dataclass(frozen=True, slots=True)
class Operation:
    """How one operation is recorded.

    Attributes:
        source: ``eventSource``, such as ``secretsmanager.amazonaws.com``.
        name: ``eventName``. Lambda's carry the version of its API, as CloudTrail writes them.
        read_only: ``readOnly``.
        request: Copies the allowed parameters.
        answer: Copies the allowed parts of the answer.
        answers: Whether any part of the answer is recorded.
    """

    source: str
    name: str
    read_only: bool
    request: Copier
    answer: Copier
    answers: bool

    def parameters(self, given: Mapping[str, object] | None) -> dict[str, object] | None:
        """``requestParameters`` for the parameters of a call, named as in the service model; None when empty."""
        recorded = self.request(given)
        return recorded if isinstance(recorded, dict) and recorded else None

    def response(self, result: Mapping[str, object] | None) -> dict[str, object] | None:
        """``responseElements`` for the answer of a call, named as in the service model; None when empty."""
        recorded = self.answer(result)
        return recorded if isinstance(recorded, dict) and recorded else None


_ARN: Members = {"ARN": ("arn", scalar)}
_REPLICAS = list_of(fields(names("Region KmsKeyId")))
_FILTERS = list_of(fields({"Key": scalar, "Values": _TEXTS}))
_ROTATION_RULES = fields(names("AutomaticallyAfterDays Duration ScheduleExpression"))

_SECRETS_MANAGER: Mapping[str, _Rule] = {
    "AssociateCrossAccountReplica": _write(
        "SecretId CrossAccountReplicaARN ReplicaRestriction ReplicationRoleARN",
        answer={**_ARN, **names("CrossAccountReplicaARN ReplicationStatus")},
    ),
    "BatchGetSecretValue": _read("MaxResults", SecretIdList=_TEXTS, Filters=_FILTERS),
    "CancelRotateSecret": _write("SecretId", answer=_ARN),
    "CreateSecret": _write(
        "Name ClientRequestToken Description KmsKeyId Type ForceOverwriteReplicaSecret CrossAccountPrimaryARN",
        Tags=_TAGS,
        AddReplicaRegions=_REPLICAS,
        answer=_ARN,
    ),
    "DeleteResourcePolicy": _write("SecretId PolicyName", answer=_ARN),
    "DeleteSecret": _write("SecretId RecoveryWindowInDays ForceDeleteWithoutRecovery", answer=_ARN),
    "DescribeSecret": _read("SecretId"),
    "DisassociateCrossAccountReplica": _write("SecretId CrossAccountReplicaARN", answer=_ARN),
    "GetRandomPassword": _read(
        "PasswordLength ExcludeNumbers ExcludePunctuation ExcludeUppercase ExcludeLowercase IncludeSpace "
        "RequireEachIncludedType"
    ),
    "GetResourcePolicy": _read("SecretId PolicyName"),
    "GetSecretValue": _read("SecretId VersionId VersionStage"),
    "ListResourcePolicies": _read("SecretId MaxResults"),
    "ListSecretVersionIds": _read("SecretId MaxResults IncludeDeprecated"),
    "ListSecrets": _read("IncludePlannedDeletion MaxResults SortOrder SortBy", Filters=_FILTERS),
    "PutResourcePolicy": _write("SecretId ResourcePolicy PolicyName BlockPublicPolicy", answer=_ARN),
    "PutSecretValue": _write("SecretId ClientRequestToken", VersionStages=_TEXTS, answer=_ARN),
    "RemoveRegionsFromReplication": _write("SecretId", RemoveReplicaRegions=_TEXTS, answer=_ARN),
    "ReplicateSecretToRegions": _write(
        "SecretId ForceOverwriteReplicaSecret", AddReplicaRegions=_REPLICAS, answer=_ARN
    ),
    "RestoreSecret": _write("SecretId", answer=_ARN),
    "RotateSecret": _write(
        "SecretId ClientRequestToken RotationLambdaARN ExternalSecretRotationRoleArn RotateImmediately",
        RotationRules=_ROTATION_RULES,
        answer=_ARN,
    ),
    "StopReplicationToReplica": _write("SecretId", answer=_ARN),
    "TagResource": _write("SecretId", Tags=_TAGS),
    "UntagResource": _write("SecretId", TagKeys=_TEXTS),
    "UpdateSecret": _write("SecretId ClientRequestToken Description KmsKeyId Type", answer=_ARN),
    "UpdateSecretVersionStage": _write("SecretId VersionStage RemoveFromVersionId MoveToVersionId", answer=_ARN),
    "ValidateResourcePolicy": _read("SecretId ResourcePolicy"),
}

_KEY_PLACE = fields(names("Arn Region"))
_KEY_METADATA = fields(
    names(
        "AWSAccountId KeyId Arn CreationDate Enabled Description KeyUsage KeyState KeyManager Origin "
        "CustomerMasterKeySpec KeySpec MultiRegion DeletionDate ValidTo ExpirationModel PendingDeletionWindowInDays "
        "CurrentKeyMaterialId"
    )
    | {
        "EncryptionAlgorithms": _TEXTS,
        "MacAlgorithms": _TEXTS,
        "MultiRegionConfiguration": fields(
            {"MultiRegionKeyType": scalar, "PrimaryKey": _KEY_PLACE, "ReplicaKeys": list_of(_KEY_PLACE)}
        ),
    }
)
_GRANT_CONSTRAINTS = fields(
    {"EncryptionContextSubset": text_map, "EncryptionContextEquals": text_map, "SourceArn": scalar}
)

_KMS: Mapping[str, _Rule] = {
    "CancelKeyDeletion": _write("KeyId", answer=names("KeyId")),
    "ConnectCustomKeyStore": _write("CustomKeyStoreId"),
    "CreateAlias": _write("AliasName TargetKeyId"),
    "CreateCustomKeyStore": _write("CustomKeyStoreName CustomKeyStoreType CloudHsmClusterId"),
    "CreateKey": _write(
        "Policy Description KeyUsage CustomerMasterKeySpec KeySpec Origin BypassPolicyLockoutSafetyCheck MultiRegion",
        Tags=_KMS_TAGS,
        answer={"KeyMetadata": _KEY_METADATA},
    ),
    "CreateGrant": _write(
        "KeyId GranteePrincipal RetiringPrincipal GranteeServicePrincipal RetiringServicePrincipal Name DryRun",
        Operations=_TEXTS,
        Constraints=_GRANT_CONSTRAINTS,
        answer=names("GrantId"),
    ),
    "Decapsulate": _read("KeyId EncapsulationAlgorithm DryRun"),
    "Decrypt": _read("KeyId EncryptionAlgorithm DryRun", EncryptionContext=text_map, DryRunModifiers=_TEXTS),
    "DeleteAlias": _write("AliasName"),
    "DeleteCustomKeyStore": _write("CustomKeyStoreId"),
    "DeleteImportedKeyMaterial": _write("KeyId KeyMaterialId", answer=names("KeyId KeyMaterialId")),
    "DeriveSharedSecret": _read("KeyId KeyAgreementAlgorithm DryRun"),
    "DescribeCustomKeyStores": _read("CustomKeyStoreId CustomKeyStoreName Limit"),
    "DescribeKey": _read("KeyId"),
    "DisableKey": _write("KeyId"),
    "DisableKeyRotation": _write("KeyId"),
    "DisconnectCustomKeyStore": _write("CustomKeyStoreId"),
    "EnableKey": _write("KeyId"),
    "EnableKeyRotation": _write("KeyId RotationPeriodInDays"),
    "Encapsulate": _read("KeyId EncapsulationAlgorithm DryRun"),
    "Encrypt": _read("KeyId EncryptionAlgorithm DryRun", EncryptionContext=text_map),
    "GenerateDataKey": _read("KeyId KeySpec NumberOfBytes DryRun", EncryptionContext=text_map),
    "GenerateDataKeyPair": _read("KeyId KeyPairSpec DryRun", EncryptionContext=text_map),
    "GenerateDataKeyPairWithoutPlaintext": _read("KeyId KeyPairSpec DryRun", EncryptionContext=text_map),
    "GenerateDataKeyWithoutPlaintext": _read("KeyId KeySpec NumberOfBytes DryRun", EncryptionContext=text_map),
    "GenerateMac": _read("KeyId MacAlgorithm DryRun"),
    "GenerateRandom": _read("NumberOfBytes"),
    "GetKeyPolicy": _read("KeyId PolicyName"),
    "GetKeyRotationStatus": _read("KeyId"),
    "GetParametersForImport": _read("KeyId WrappingAlgorithm WrappingKeySpec"),
    "GetPublicKey": _read("KeyId"),
    "ImportKeyMaterial": _write(
        "KeyId ValidTo ExpirationModel ImportType KeyMaterialDescription KeyMaterialId",
        answer=names("KeyId KeyMaterialId"),
    ),
    "ListAliases": _read("KeyId Limit"),
    "ListGrants": _read("KeyId GrantId GranteePrincipal GranteeServicePrincipal Limit"),
    "ListKeyPolicies": _read("KeyId Limit"),
    "ListKeyRotations": _read("KeyId IncludeKeyMaterial Limit"),
    "ListKeys": _read("Limit"),
    "ListResourceTags": _read("KeyId Limit"),
    "ListRetirableGrants": _read("RetiringPrincipal RetiringServicePrincipal Limit"),
    "PutKeyPolicy": _write("KeyId PolicyName Policy BypassPolicyLockoutSafetyCheck"),
    "ReEncrypt": _read(
        "SourceKeyId DestinationKeyId SourceEncryptionAlgorithm DestinationEncryptionAlgorithm DryRun",
        SourceEncryptionContext=text_map,
        DestinationEncryptionContext=text_map,
        DryRunModifiers=_TEXTS,
    ),
    "ReplicateKey": _write(
        "KeyId ReplicaRegion Policy BypassPolicyLockoutSafetyCheck Description",
        Tags=_KMS_TAGS,
        answer={"ReplicaKeyMetadata": _KEY_METADATA, "ReplicaPolicy": scalar, "ReplicaTags": _KMS_TAGS},
    ),
    "RetireGrant": _write("KeyId GrantId DryRun"),
    "RevokeGrant": _write("KeyId GrantId DryRun"),
    "RotateKeyOnDemand": _write("KeyId", answer=names("KeyId")),
    "ScheduleKeyDeletion": _write(
        "KeyId PendingWindowInDays", answer=names("KeyId DeletionDate KeyState PendingWindowInDays")
    ),
    "Sign": _read("KeyId SigningAlgorithm MessageType DryRun"),
    "TagResource": _write("KeyId", Tags=_KMS_TAGS),
    "UntagResource": _write("KeyId", TagKeys=_TEXTS),
    "UpdateAlias": _write("AliasName TargetKeyId"),
    "UpdateCustomKeyStore": _write("CustomKeyStoreId NewCustomKeyStoreName CloudHsmClusterId"),
    "UpdateKeyDescription": _write("KeyId Description"),
    "UpdatePrimaryRegion": _write("KeyId PrimaryRegion"),
    "Verify": _read("KeyId SigningAlgorithm MessageType DryRun"),
    "VerifyMac": _read("KeyId MacAlgorithm DryRun"),
}

_ACCOUNT_STATUS = fields(names("Id State AccountId RequestedTimestamp CompletedTimestamp FailureReason"))
_UNIT = fields(names("Id Arn Name"))
_CONTROL_POLICY = fields({"PolicySummary": fields(names("Id Arn Name Description Type AwsManaged"))})
_ROOT = fields(names("Id Arn Name"))

# Names and addresses of accounts stay out, as CloudTrail keeps them out.
_ORGANIZATIONS: Mapping[str, _Rule] = {
    "AttachPolicy": _write("PolicyId TargetId"),
    "CloseAccount": _write("AccountId"),
    "CreateAccount": _write(
        "RoleName IamUserAccessToBilling", Tags=_TAGS, answer={"CreateAccountStatus": _ACCOUNT_STATUS}
    ),
    "CreateOrganization": _write("FeatureSet"),
    "CreateOrganizationalUnit": _write("ParentId Name", Tags=_TAGS, answer={"OrganizationalUnit": _UNIT}),
    "CreatePolicy": _write("Content Description Name Type", Tags=_TAGS, answer={"Policy": _CONTROL_POLICY}),
    "DeleteOrganizationalUnit": _write("OrganizationalUnitId"),
    "DeletePolicy": _write("PolicyId"),
    "DescribeAccount": _read("AccountId"),
    "DescribeCreateAccountStatus": _read("CreateAccountRequestId"),
    "DescribeOrganization": _read(),
    "DescribeOrganizationalUnit": _read("OrganizationalUnitId"),
    "DescribePolicy": _read("PolicyId"),
    "DetachPolicy": _write("PolicyId TargetId"),
    "DisablePolicyType": _write("RootId PolicyType", answer={"Root": _ROOT}),
    "EnablePolicyType": _write("RootId PolicyType", answer={"Root": _ROOT}),
    "ListAccounts": _read("MaxResults"),
    "ListAccountsForParent": _read("ParentId MaxResults"),
    "ListChildren": _read("ParentId ChildType MaxResults"),
    "ListCreateAccountStatus": _read("MaxResults", States=_TEXTS),
    "ListOrganizationalUnitsForParent": _read("ParentId MaxResults"),
    "ListParents": _read("ChildId MaxResults"),
    "ListPolicies": _read("Filter MaxResults"),
    "ListPoliciesForTarget": _read("TargetId Filter MaxResults"),
    "ListRoots": _read("MaxResults"),
    "ListTagsForResource": _read("ResourceId"),
    "ListTargetsForPolicy": _read("PolicyId MaxResults"),
    "MoveAccount": _write("AccountId SourceParentId DestinationParentId"),
    "TagResource": _write("ResourceId", Tags=_TAGS),
    "UntagResource": _write("ResourceId", TagKeys=_TEXTS),
    "UpdateOrganizationalUnit": _write("OrganizationalUnitId Name", answer={"OrganizationalUnit": _UNIT}),
    "UpdatePolicy": _write("PolicyId Name Description Content", answer={"Policy": _CONTROL_POLICY}),
}

_STRONGROOM: Mapping[str, _Rule] = {
    "AbortRotation": _write("SecretId Force", answer={**_ARN, **names("VersionId Step")}),
    "CheckDatabases": _read(Identifiers=_TEXTS),
    "CreateAuditCheckpoint": _write(answer=names("Sequence")),
    "DescribeRotations": _read("SecretId VersionId"),
    "ExplainAccess": _read("Principal Action Resource"),
    "ListRotations": _read("Failing MaxResults", States=_TEXTS),
    "ListSecretConsumers": _read("SecretId HoldingOlder MaxResults"),
    "ListSecretReaders": _read("SecretId"),
    "ListUpcomingRotations": _read("Days MaxResults"),
    "RepairDatabase": _write("Identifier Username"),
    "RetryRotation": _write("SecretId", answer={**_ARN, **names("VersionId Step")}),
    "TryLogins": _read(SecretIds=_TEXTS),
}

_TABLES: Mapping[str, Mapping[str, _Rule]] = {
    "secretsmanager": _SECRETS_MANAGER,
    "kms": _KMS,
    "iam": {**IAM, **IDENTITY_PROVIDERS},
    "sts": STS,
    "lambda": LAMBDA,
    "logs": LOGS,
    "organizations": _ORGANIZATIONS,
    "strongroom": _STRONGROOM,
    "rds": RDS,
    "cloudtrail": CLOUDTRAIL,
}

_READING = ("BatchGet", "Describe", "Get", "List", "Validate")
_NOTHING = fields({})


def _source(service: str) -> str:
    return f"{service}.amazonaws.com"


OPERATIONS: Mapping[tuple[str, str], Operation] = {
    (service, name): Operation(
        _source(service),
        rule.event_name or name,
        rule.read_only,
        fields(rule.request),
        fields(rule.answer),
        bool(rule.answer),
    )
    for service, table in _TABLES.items()
    for name, rule in table.items()
}
"""(service as botocore names it, operation) -> how it is recorded."""


def operation(service: str, name: str) -> Operation:
    """How ``name`` of ``service`` is recorded. An operation without an allow-list is recorded without parameters.

    Args:
        service: Service name as in botocore, such as ``secretsmanager``.
        name: Operation name as in the service model.
    """
    known = OPERATIONS.get((service, name))
    if known is not None:
        return known
    return Operation(_source(service), name, name.startswith(_READING), _NOTHING, _NOTHING, answers=False)
