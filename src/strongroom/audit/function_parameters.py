"""What may enter the trail of Lambda's and CloudWatch Logs' operations. Never code, payloads, variables and messages.

Lambda's event names carry the version of its API, as CloudTrail writes them (Lambda Developer Guide, "Logging AWS
Lambda API calls using AWS CloudTrail").
"""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.audit.allow_list import fields, list_of, names, scalar, text_map
from strongroom.audit.rules import Members, Rule, read, write

__all__ = ["LAMBDA", "LOGS"]

_TEXTS = list_of(scalar)
_FUNCTION: Members = {
    **names(
        "FunctionName FunctionArn Runtime Role Handler CodeSize Description Timeout MemorySize LastModified CodeSha256 "
        "Version PackageType RevisionId State LastUpdateStatus KMSKeyArn"
    ),
    "Architectures": _TEXTS,
}
_FUNCTION_SETTINGS = "FunctionName Role Handler Description Timeout MemorySize Runtime KMSKeyArn"
_STORAGE = fields(names("Size"))
_ROUTING = fields({"AdditionalVersionWeights": lambda value: dict(value) if isinstance(value, Mapping) else None})
_ALIAS: Members = {**names("AliasArn Name FunctionVersion Description RevisionId"), "RoutingConfig": _ROUTING}
_DESTINATION = fields(names("Destination"))
_DESTINATIONS = fields({"OnSuccess": _DESTINATION, "OnFailure": _DESTINATION})
_EVENT_CONFIG = "FunctionName Qualifier MaximumRetryAttempts MaximumEventAgeInSeconds"

_FUNCTIONS: Mapping[str, Rule] = {
    "AddPermission": write(
        "FunctionName StatementId Action Principal SourceArn SourceAccount PrincipalOrgID Qualifier RevisionId",
        answer=names("Statement"),
        event_name="AddPermission20150331v2",
    ),
    "CreateFunction": write(
        f"{_FUNCTION_SETTINGS} Publish PackageType CodeSigningConfigArn",
        Architectures=_TEXTS,
        EphemeralStorage=_STORAGE,
        Layers=_TEXTS,
        Tags=text_map,
        answer=_FUNCTION,
        event_name="CreateFunction20150331",
    ),
    "DeleteFunction": write("FunctionName Qualifier", event_name="DeleteFunction20150331"),
    "DeleteFunctionConcurrency": write("FunctionName", event_name="DeleteFunctionConcurrency20171031"),
    "GetAccountSettings": read(event_name="GetAccountSettings20160819"),
    "GetFunction": read("FunctionName Qualifier", event_name="GetFunction20150331v2"),
    "GetFunctionCodeSigningConfig": read("FunctionName", event_name="GetFunctionCodeSigningConfig20200630"),
    "GetFunctionConcurrency": read("FunctionName", event_name="GetFunctionConcurrency20190930"),
    "GetFunctionConfiguration": read("FunctionName Qualifier", event_name="GetFunctionConfiguration20150331v2"),
    "GetFunctionRecursionConfig": read("FunctionName"),
    "GetPolicy": read("FunctionName Qualifier", event_name="GetPolicy20150331v2"),
    "GetRuntimeManagementConfig": read("FunctionName Qualifier"),
    "Invoke": write("FunctionName InvocationType LogType Qualifier", event_name="Invoke"),
    "ListFunctions": read("MasterRegion FunctionVersion MaxItems", event_name="ListFunctions20150331"),
    "ListFunctionUrlConfigs": read("FunctionName MaxItems"),
    "ListProvisionedConcurrencyConfigs": read(
        "FunctionName MaxItems", event_name="ListProvisionedConcurrencyConfigs20190930"
    ),
    "ListTags": read("Resource", event_name="ListTags20170331"),
    "ListVersionsByFunction": read("FunctionName MaxItems", event_name="ListVersionsByFunction20150331"),
    "PublishVersion": write(
        "FunctionName CodeSha256 Description RevisionId", answer=_FUNCTION, event_name="PublishVersion20150331"
    ),
    "PutFunctionConcurrency": write(
        "FunctionName ReservedConcurrentExecutions",
        answer=names("ReservedConcurrentExecutions"),
        event_name="PutFunctionConcurrency20171031",
    ),
    "RemovePermission": write("FunctionName StatementId Qualifier RevisionId", event_name="RemovePermission20150331v2"),
    "TagResource": write("Resource", Tags=text_map, event_name="TagResource20170331v2"),
    "UntagResource": write("Resource", TagKeys=_TEXTS, event_name="UntagResource20170331v2"),
    "UpdateFunctionCode": write(
        "FunctionName S3Bucket S3Key S3ObjectVersion ImageUri Publish DryRun RevisionId",
        Architectures=_TEXTS,
        answer=_FUNCTION,
        event_name="UpdateFunctionCode20150331v2",
    ),
    "UpdateFunctionConfiguration": write(
        f"{_FUNCTION_SETTINGS} RevisionId",
        EphemeralStorage=_STORAGE,
        Layers=_TEXTS,
        answer=_FUNCTION,
        event_name="UpdateFunctionConfiguration20150331v2",
    ),
}

_ALIASES_AND_EVENTS: Mapping[str, Rule] = {
    "CreateAlias": write(
        "FunctionName Name FunctionVersion Description",
        RoutingConfig=_ROUTING,
        answer=_ALIAS,
        event_name="CreateAlias20150331",
    ),
    "DeleteAlias": write("FunctionName Name", event_name="DeleteAlias20150331"),
    "GetAlias": read("FunctionName Name", event_name="GetAlias20150331"),
    "ListAliases": read("FunctionName FunctionVersion MaxItems", event_name="ListAliases20150331"),
    "UpdateAlias": write(
        "FunctionName Name FunctionVersion Description RevisionId",
        RoutingConfig=_ROUTING,
        answer=_ALIAS,
        event_name="UpdateAlias20150331",
    ),
    "DeleteFunctionEventInvokeConfig": write(
        "FunctionName Qualifier", event_name="DeleteFunctionEventInvokeConfig20190925"
    ),
    "GetFunctionEventInvokeConfig": read("FunctionName Qualifier", event_name="GetFunctionEventInvokeConfig20190925"),
    "ListFunctionEventInvokeConfigs": read(
        "FunctionName MaxItems", event_name="ListFunctionEventInvokeConfigs20190925"
    ),
    "PutFunctionEventInvokeConfig": write(
        _EVENT_CONFIG, DestinationConfig=_DESTINATIONS, event_name="PutFunctionEventInvokeConfig20190925"
    ),
    "UpdateFunctionEventInvokeConfig": write(
        _EVENT_CONFIG, DestinationConfig=_DESTINATIONS, event_name="UpdateFunctionEventInvokeConfig20190925"
    ),
}

_LAYERS: Mapping[str, Rule] = {
    "AddLayerVersionPermission": write(
        "LayerName VersionNumber StatementId Action Principal OrganizationId RevisionId",
        answer=names("Statement RevisionId"),
        event_name="AddLayerVersionPermission20181031",
    ),
    "DeleteLayerVersion": write("LayerName VersionNumber", event_name="DeleteLayerVersion20181031"),
    "GetLayerVersion": read("LayerName VersionNumber", event_name="GetLayerVersion20181031"),
    "GetLayerVersionByArn": read("Arn", event_name="GetLayerVersionByArn20181031"),
    "GetLayerVersionPolicy": read("LayerName VersionNumber", event_name="GetLayerVersionPolicy20181031"),
    "ListLayers": read("CompatibleRuntime CompatibleArchitecture MaxItems", event_name="ListLayers20181031"),
    "ListLayerVersions": read(
        "LayerName CompatibleRuntime CompatibleArchitecture MaxItems", event_name="ListLayerVersions20181031"
    ),
    "PublishLayerVersion": write(
        "LayerName Description LicenseInfo",
        CompatibleRuntimes=_TEXTS,
        CompatibleArchitectures=_TEXTS,
        answer=names("LayerArn LayerVersionArn Version CreatedDate"),
        event_name="PublishLayerVersion20181031",
    ),
    "RemoveLayerVersionPermission": write(
        "LayerName VersionNumber StatementId RevisionId", event_name="RemoveLayerVersionPermission20181031"
    ),
}

LAMBDA: Mapping[str, Rule] = {**_FUNCTIONS, **_ALIASES_AND_EVENTS, **_LAYERS}

LOGS: Mapping[str, Rule] = {
    "CreateLogGroup": write("logGroupName logGroupClass", tags=text_map),
    "CreateLogStream": write("logGroupName logStreamName"),
    "DeleteLogGroup": write("logGroupName"),
    "DeleteLogStream": write("logGroupName logStreamName"),
    "DeleteRetentionPolicy": write("logGroupName"),
    "DescribeLogGroups": read("logGroupNamePrefix logGroupNamePattern limit"),
    "DescribeLogStreams": read("logGroupName logGroupIdentifier logStreamNamePrefix orderBy descending limit"),
    "DescribeMetricFilters": read("logGroupName limit"),
    "DescribeSubscriptionFilters": read("logGroupName limit"),
    "FilterLogEvents": read(
        "logGroupName logGroupIdentifier logStreamNamePrefix startTime endTime filterPattern limit",
        logStreamNames=_TEXTS,
    ),
    "GetLogEvents": read("logGroupName logGroupIdentifier logStreamName startTime endTime limit startFromHead"),
    "ListTagsForResource": read("resourceArn"),
    "ListTagsLogGroup": read("logGroupName"),
    "PutLogEvents": write("logGroupName logStreamName"),
    "PutRetentionPolicy": write("logGroupName retentionInDays"),
    "TagLogGroup": write("logGroupName", tags=text_map),
    "TagResource": write("resourceArn", tags=text_map),
    "UntagLogGroup": write("logGroupName", tags=_TEXTS),
    "UntagResource": write("resourceArn", tagKeys=_TEXTS),
}
