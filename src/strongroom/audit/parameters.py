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

__all__ = ["OPERATIONS", "Operation", "operation"]

Members = Mapping[str, Copier | tuple[str, Copier]]

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
    """

    source: str
    name: str
    read_only: bool
    request: Copier
    answer: Copier

    def parameters(self, given: Mapping[str, object] | None) -> dict[str, object] | None:
        """``requestParameters`` for the parameters of a call, named as in the service model; None when empty."""
        recorded = self.request(given)
        return recorded if isinstance(recorded, dict) and recorded else None

    def response(self, result: Mapping[str, object] | None) -> dict[str, object] | None:
        """``responseElements`` for the answer of a call, named as in the service model; None when empty."""
        recorded = self.answer(result)
        return recorded if isinstance(recorded, dict) and recorded else None


@dataclass(frozen=True, slots=True)
class _Rule:
    """One line of the tables below."""

    request: Members
    answer: Members
    read_only: bool
    event_name: str | None


def _read(scalars: str = "", *, event_name: str | None = None, **structures: Copier) -> _Rule:
    return _Rule(names(scalars) | structures, {}, read_only=True, event_name=event_name)


def _write(
    scalars: str = "", *, answer: Members | None = None, event_name: str | None = None, **structures: Copier
) -> _Rule:
    return _Rule(names(scalars) | structures, answer or {}, read_only=False, event_name=event_name)


_ARN: Members = {"ARN": ("arn", scalar)}
_REPLICAS = list_of(fields(names("Region KmsKeyId")))
_FILTERS = list_of(fields({"Key": scalar, "Values": _TEXTS}))
_ROTATION_RULES = fields(names("AutomaticallyAfterDays Duration ScheduleExpression"))

_SECRETS_MANAGER: Mapping[str, _Rule] = {
    "AssociateCrossAccountReplica": _write("SecretId", answer=_ARN),
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
    "DisassociateCrossAccountReplica": _write("SecretId", answer=_ARN),
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

_KEY_METADATA = fields(
    names(
        "AWSAccountId KeyId Arn CreationDate Enabled Description KeyUsage KeyState KeyManager Origin "
        "CustomerMasterKeySpec KeySpec MultiRegion"
    )
    | {"EncryptionAlgorithms": _TEXTS}
)

_KMS: Mapping[str, _Rule] = {
    "CancelKeyDeletion": _write("KeyId", answer=names("KeyId")),
    "CreateAlias": _write("AliasName TargetKeyId"),
    "CreateKey": _write(
        "Policy Description KeyUsage CustomerMasterKeySpec KeySpec Origin BypassPolicyLockoutSafetyCheck MultiRegion",
        Tags=_KMS_TAGS,
        answer={"KeyMetadata": _KEY_METADATA},
    ),
    "Decrypt": _read("KeyId EncryptionAlgorithm", EncryptionContext=text_map),
    "DeleteAlias": _write("AliasName"),
    "DescribeKey": _read("KeyId"),
    "DisableKey": _write("KeyId"),
    "EnableKey": _write("KeyId"),
    "Encrypt": _read("KeyId EncryptionAlgorithm", EncryptionContext=text_map),
    "GenerateDataKey": _read("KeyId KeySpec NumberOfBytes", EncryptionContext=text_map),
    "GenerateDataKeyWithoutPlaintext": _read("KeyId KeySpec NumberOfBytes", EncryptionContext=text_map),
    "GenerateRandom": _read("NumberOfBytes"),
    "GetKeyPolicy": _read("KeyId PolicyName"),
    "ListAliases": _read("KeyId Limit"),
    "ListKeyPolicies": _read("KeyId Limit"),
    "ListKeys": _read("Limit"),
    "ListResourceTags": _read("KeyId Limit"),
    "PutKeyPolicy": _write("KeyId PolicyName Policy BypassPolicyLockoutSafetyCheck"),
    "ReEncrypt": _read(
        "SourceKeyId DestinationKeyId SourceEncryptionAlgorithm DestinationEncryptionAlgorithm",
        SourceEncryptionContext=text_map,
        DestinationEncryptionContext=text_map,
    ),
    "ScheduleKeyDeletion": _write("KeyId PendingWindowInDays", answer=names("KeyId DeletionDate KeyState")),
    "TagResource": _write("KeyId", Tags=_KMS_TAGS),
    "UntagResource": _write("KeyId", TagKeys=_TEXTS),
    "UpdateAlias": _write("AliasName TargetKeyId"),
    "UpdateKeyDescription": _write("KeyId Description"),
}

_USER = fields(names("Path UserName UserId Arn CreateDate"))
_ROLE = fields(names("Path RoleName RoleId Arn CreateDate AssumeRolePolicyDocument"))
_POLICY = fields(
    names("PolicyName PolicyId Arn Path DefaultVersionId AttachmentCount IsAttachable CreateDate UpdateDate")
)
_POLICY_VERSION = fields(names("VersionId IsDefaultVersion CreateDate"))
_ACCESS_KEY = fields(names("AccessKeyId UserName Status CreateDate"))

_IAM: Mapping[str, _Rule] = {
    "AttachRolePolicy": _write("RoleName PolicyArn"),
    "AttachUserPolicy": _write("UserName PolicyArn"),
    "CreateAccessKey": _write("UserName", answer={"AccessKey": _ACCESS_KEY}),
    "CreatePolicy": _write("PolicyName Path PolicyDocument Description", Tags=_TAGS, answer={"Policy": _POLICY}),
    "CreatePolicyVersion": _write("PolicyArn PolicyDocument SetAsDefault", answer={"PolicyVersion": _POLICY_VERSION}),
    "CreateRole": _write(
        "Path RoleName AssumeRolePolicyDocument Description MaxSessionDuration PermissionsBoundary",
        Tags=_TAGS,
        answer={"Role": _ROLE},
    ),
    "CreateUser": _write("Path UserName PermissionsBoundary", Tags=_TAGS, answer={"User": _USER}),
    "DeleteAccessKey": _write("UserName AccessKeyId"),
    "DeletePolicy": _write("PolicyArn"),
    "DeletePolicyVersion": _write("PolicyArn VersionId"),
    "DeleteRole": _write("RoleName"),
    "DeleteRolePermissionsBoundary": _write("RoleName"),
    "DeleteRolePolicy": _write("RoleName PolicyName"),
    "DeleteUser": _write("UserName"),
    "DeleteUserPermissionsBoundary": _write("UserName"),
    "DeleteUserPolicy": _write("UserName PolicyName"),
    "DetachRolePolicy": _write("RoleName PolicyArn"),
    "DetachUserPolicy": _write("UserName PolicyArn"),
    "GetAccessKeyLastUsed": _read("AccessKeyId"),
    "GetPolicy": _read("PolicyArn"),
    "GetPolicyVersion": _read("PolicyArn VersionId"),
    "GetRole": _read("RoleName"),
    "GetRolePolicy": _read("RoleName PolicyName"),
    "GetUser": _read("UserName"),
    "GetUserPolicy": _read("UserName PolicyName"),
    "ListAccessKeys": _read("UserName MaxItems"),
    "ListAttachedRolePolicies": _read("RoleName PathPrefix MaxItems"),
    "ListAttachedUserPolicies": _read("UserName PathPrefix MaxItems"),
    "ListGroupsForUser": _read("UserName MaxItems"),
    "ListInstanceProfilesForRole": _read("RoleName MaxItems"),
    "ListPolicyTags": _read("PolicyArn MaxItems"),
    "ListRoleTags": _read("RoleName MaxItems"),
    "ListUserTags": _read("UserName MaxItems"),
    "ListPolicies": _read("Scope OnlyAttached PathPrefix PolicyUsageFilter MaxItems"),
    "ListPolicyVersions": _read("PolicyArn MaxItems"),
    "ListRolePolicies": _read("RoleName MaxItems"),
    "ListRoles": _read("PathPrefix MaxItems"),
    "ListUserPolicies": _read("UserName MaxItems"),
    "ListUsers": _read("PathPrefix MaxItems"),
    "PutRolePermissionsBoundary": _write("RoleName PermissionsBoundary"),
    "PutRolePolicy": _write("RoleName PolicyName PolicyDocument"),
    "PutUserPermissionsBoundary": _write("UserName PermissionsBoundary"),
    "PutUserPolicy": _write("UserName PolicyName PolicyDocument"),
    "SetDefaultPolicyVersion": _write("PolicyArn VersionId"),
    "TagPolicy": _write("PolicyArn", Tags=_TAGS),
    "TagRole": _write("RoleName", Tags=_TAGS),
    "TagUser": _write("UserName", Tags=_TAGS),
    "UntagPolicy": _write("PolicyArn", TagKeys=_TEXTS),
    "UntagRole": _write("RoleName", TagKeys=_TEXTS),
    "UntagUser": _write("UserName", TagKeys=_TEXTS),
    "UpdateAccessKey": _write("UserName AccessKeyId Status"),
    "UpdateAssumeRolePolicy": _write("RoleName PolicyDocument"),
    "UpdateRole": _write("RoleName Description MaxSessionDuration"),
    "UpdateUser": _write("UserName NewPath NewUserName"),
}

_STS: Mapping[str, _Rule] = {
    "AssumeRole": _Rule(
        names("RoleArn RoleSessionName Policy DurationSeconds ExternalId SerialNumber SourceIdentity")
        | {
            "PolicyArns": list_of(fields({"arn": scalar})),
            "Tags": _TAGS,
            "TransitiveTagKeys": _TEXTS,
        },
        {
            "Credentials": fields(names("AccessKeyId Expiration")),
            "AssumedRoleUser": fields(names("AssumedRoleId Arn")),
            "SourceIdentity": scalar,
            "PackedPolicySize": scalar,
        },
        read_only=True,
        event_name=None,
    ),
    "GetCallerIdentity": _read(),
}

_FUNCTION: Members = {
    **names(
        "FunctionName FunctionArn Runtime Role Handler CodeSize Description Timeout MemorySize LastModified CodeSha256 "
        "Version PackageType RevisionId State LastUpdateStatus"
    ),
    "Architectures": _TEXTS,
}
_FUNCTION_SETTINGS = "FunctionName Role Handler Description Timeout MemorySize Runtime KMSKeyArn"
_LAYERS = list_of(scalar)

_LAMBDA: Mapping[str, _Rule] = {
    "AddPermission": _write(
        "FunctionName StatementId Action Principal SourceArn SourceAccount PrincipalOrgID Qualifier RevisionId",
        answer=names("Statement"),
        event_name="AddPermission20150331v2",
    ),
    "CreateFunction": _write(
        f"{_FUNCTION_SETTINGS} Publish PackageType CodeSigningConfigArn",
        Architectures=_TEXTS,
        Layers=_LAYERS,
        Tags=text_map,
        answer=_FUNCTION,
        event_name="CreateFunction20150331",
    ),
    "DeleteFunction": _write("FunctionName Qualifier", event_name="DeleteFunction20150331"),
    "GetFunction": _read("FunctionName Qualifier", event_name="GetFunction20150331v2"),
    "GetFunctionConfiguration": _read("FunctionName Qualifier", event_name="GetFunctionConfiguration20150331v2"),
    "GetPolicy": _read("FunctionName Qualifier", event_name="GetPolicy20150331v2"),
    "Invoke": _write("FunctionName InvocationType LogType Qualifier", event_name="Invoke"),
    "ListFunctions": _read("MasterRegion FunctionVersion MaxItems", event_name="ListFunctions20150331"),
    "ListTags": _read("Resource", event_name="ListTags20170331"),
    "RemovePermission": _write(
        "FunctionName StatementId Qualifier RevisionId", event_name="RemovePermission20150331v2"
    ),
    "TagResource": _write("Resource", Tags=text_map, event_name="TagResource20170331v2"),
    "UntagResource": _write("Resource", TagKeys=_TEXTS, event_name="UntagResource20170331v2"),
    "UpdateFunctionCode": _write(
        "FunctionName S3Bucket S3Key S3ObjectVersion ImageUri Publish DryRun RevisionId",
        Architectures=_TEXTS,
        answer=_FUNCTION,
        event_name="UpdateFunctionCode20150331v2",
    ),
    "UpdateFunctionConfiguration": _write(
        f"{_FUNCTION_SETTINGS} RevisionId",
        Layers=_LAYERS,
        answer=_FUNCTION,
        event_name="UpdateFunctionConfiguration20150331v2",
    ),
}

_TABLES: Mapping[str, Mapping[str, _Rule]] = {
    "secretsmanager": _SECRETS_MANAGER,
    "kms": _KMS,
    "iam": _IAM,
    "sts": _STS,
    "lambda": _LAMBDA,
}

_READING = ("BatchGet", "Describe", "Get", "List", "Validate")
_NOTHING = fields({})


def _source(service: str) -> str:
    return f"{service}.amazonaws.com"


OPERATIONS: Mapping[tuple[str, str], Operation] = {
    (service, name): Operation(
        _source(service), rule.event_name or name, rule.read_only, fields(rule.request), fields(rule.answer)
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
    return Operation(_source(service), name, name.startswith(_READING), _NOTHING, _NOTHING)
