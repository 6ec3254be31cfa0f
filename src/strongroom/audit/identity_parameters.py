"""What may enter the trail of IAM's operations. Never the secret half of an access key."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.audit.allow_list import fields, list_of, names, scalar
from strongroom.audit.rules import Rule, read, write

__all__ = ["IAM"]

_TAGS = list_of(fields(names("Key Value")))
_TEXTS = list_of(scalar)
_GROUP = fields(names("Path GroupName GroupId Arn CreateDate"))
_USER = fields(names("Path UserName UserId Arn CreateDate"))
_ROLE = fields(names("Path RoleName RoleId Arn CreateDate AssumeRolePolicyDocument"))
_MANAGED_POLICY = fields(
    names("PolicyName PolicyId Arn Path DefaultVersionId AttachmentCount IsAttachable CreateDate UpdateDate")
)
_POLICY_VERSION = fields(names("VersionId IsDefaultVersion CreateDate"))
_ACCESS_KEY = fields(names("AccessKeyId UserName Status CreateDate"))

IAM: Mapping[str, Rule] = {
    "AddUserToGroup": write("GroupName UserName"),
    "AttachGroupPolicy": write("GroupName PolicyArn"),
    "AttachRolePolicy": write("RoleName PolicyArn"),
    "AttachUserPolicy": write("UserName PolicyArn"),
    "CreateAccessKey": write("UserName", answer={"AccessKey": _ACCESS_KEY}),
    "CreateAccountAlias": write("AccountAlias"),
    "CreateGroup": write("Path GroupName", answer={"Group": _GROUP}),
    "CreatePolicy": write("PolicyName Path PolicyDocument Description", Tags=_TAGS, answer={"Policy": _MANAGED_POLICY}),
    "CreatePolicyVersion": write("PolicyArn PolicyDocument SetAsDefault", answer={"PolicyVersion": _POLICY_VERSION}),
    "CreateRole": write(
        "Path RoleName AssumeRolePolicyDocument Description MaxSessionDuration PermissionsBoundary",
        Tags=_TAGS,
        answer={"Role": _ROLE},
    ),
    "CreateUser": write("Path UserName PermissionsBoundary", Tags=_TAGS, answer={"User": _USER}),
    "DeleteAccessKey": write("UserName AccessKeyId"),
    "DeleteAccountAlias": write("AccountAlias"),
    "DeleteGroup": write("GroupName"),
    "DeleteGroupPolicy": write("GroupName PolicyName"),
    "DeleteLoginProfile": write("UserName"),
    "DeletePolicy": write("PolicyArn"),
    "DeletePolicyVersion": write("PolicyArn VersionId"),
    "DeleteRole": write("RoleName"),
    "DeleteRolePermissionsBoundary": write("RoleName"),
    "DeleteRolePolicy": write("RoleName PolicyName"),
    "DeleteUser": write("UserName"),
    "DeleteUserPermissionsBoundary": write("UserName"),
    "DeleteUserPolicy": write("UserName PolicyName"),
    "DetachGroupPolicy": write("GroupName PolicyArn"),
    "DetachRolePolicy": write("RoleName PolicyArn"),
    "DetachUserPolicy": write("UserName PolicyArn"),
    "GenerateCredentialReport": write(answer=names("State Description")),
    "GetAccessKeyLastUsed": read("AccessKeyId"),
    "GetAccountAuthorizationDetails": read("MaxItems", Filter=_TEXTS),
    "GetAccountPasswordPolicy": read(),
    "GetAccountSummary": read(),
    "GetContextKeysForCustomPolicy": read(),
    "GetContextKeysForPrincipalPolicy": read("PolicySourceArn"),
    "GetCredentialReport": read(),
    "GetGroup": read("GroupName MaxItems"),
    "GetGroupPolicy": read("GroupName PolicyName"),
    "GetLoginProfile": read("UserName"),
    "GetPolicy": read("PolicyArn"),
    "GetPolicyVersion": read("PolicyArn VersionId"),
    "GetRole": read("RoleName"),
    "GetRolePolicy": read("RoleName PolicyName"),
    "GetUser": read("UserName"),
    "GetUserPolicy": read("UserName PolicyName"),
    "ListAccessKeys": read("UserName MaxItems"),
    "ListAccountAliases": read("MaxItems"),
    "ListAttachedGroupPolicies": read("GroupName PathPrefix MaxItems"),
    "ListAttachedRolePolicies": read("RoleName PathPrefix MaxItems"),
    "ListAttachedUserPolicies": read("UserName PathPrefix MaxItems"),
    "ListEntitiesForPolicy": read("PolicyArn EntityFilter PathPrefix PolicyUsageFilter MaxItems"),
    "ListGroupPolicies": read("GroupName MaxItems"),
    "ListGroups": read("PathPrefix MaxItems"),
    "ListGroupsForUser": read("UserName MaxItems"),
    "ListInstanceProfiles": read("PathPrefix MaxItems"),
    "ListInstanceProfilesForRole": read("RoleName MaxItems"),
    "ListMFADevices": read("UserName MaxItems"),
    "ListPolicies": read("Scope OnlyAttached PathPrefix PolicyUsageFilter MaxItems"),
    "ListPolicyTags": read("PolicyArn MaxItems"),
    "ListPolicyVersions": read("PolicyArn MaxItems"),
    "ListRolePolicies": read("RoleName MaxItems"),
    "ListRoleTags": read("RoleName MaxItems"),
    "ListRoles": read("PathPrefix MaxItems"),
    "ListSAMLProviders": read(),
    "ListSSHPublicKeys": read("UserName MaxItems"),
    "ListServerCertificates": read("PathPrefix MaxItems"),
    "ListServiceSpecificCredentials": read("UserName ServiceName AllUsers MaxItems"),
    "ListSigningCertificates": read("UserName MaxItems"),
    "ListUserPolicies": read("UserName MaxItems"),
    "ListUserTags": read("UserName MaxItems"),
    "ListUsers": read("PathPrefix MaxItems"),
    "ListVirtualMFADevices": read("AssignmentStatus MaxItems"),
    "PutGroupPolicy": write("GroupName PolicyName PolicyDocument"),
    "PutRolePermissionsBoundary": write("RoleName PermissionsBoundary"),
    "PutRolePolicy": write("RoleName PolicyName PolicyDocument"),
    "PutUserPermissionsBoundary": write("UserName PermissionsBoundary"),
    "PutUserPolicy": write("UserName PolicyName PolicyDocument"),
    "RemoveUserFromGroup": write("GroupName UserName"),
    "SetDefaultPolicyVersion": write("PolicyArn VersionId"),
    "SimulateCustomPolicy": read("ResourceOwner CallerArn MaxItems", ActionNames=_TEXTS, ResourceArns=_TEXTS),
    "SimulatePrincipalPolicy": read(
        "PolicySourceArn ResourceOwner CallerArn MaxItems", ActionNames=_TEXTS, ResourceArns=_TEXTS
    ),
    "TagPolicy": write("PolicyArn", Tags=_TAGS),
    "TagRole": write("RoleName", Tags=_TAGS),
    "TagUser": write("UserName", Tags=_TAGS),
    "UntagPolicy": write("PolicyArn", TagKeys=_TEXTS),
    "UntagRole": write("RoleName", TagKeys=_TEXTS),
    "UntagUser": write("UserName", TagKeys=_TEXTS),
    "UpdateAccessKey": write("UserName AccessKeyId Status"),
    "UpdateAssumeRolePolicy": write("RoleName PolicyDocument"),
    "UpdateGroup": write("GroupName NewPath NewGroupName"),
    "UpdateRole": write("RoleName Description MaxSessionDuration"),
    "UpdateRoleDescription": write("RoleName Description", answer={"Role": _ROLE}),
    "UpdateUser": write("UserName NewPath NewUserName"),
}
"""Operation -> what of it is recorded."""
