"""What of the calls that give out sessions, and of those about identity providers, may enter the trail.

Web identity tokens, session tokens and secret keys never do; nor do encoded messages, which tell who was denied what.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from strongroom.audit.allow_list import fields, list_of, names, scalar
from strongroom.audit.rules import Members, Rule, read, write

__all__ = ["IDENTITY_PROVIDERS", "STS"]

_TAGS: Final = list_of(fields(names("Key Value")))
_TEXTS: Final = list_of(scalar)
_POLICY_ARNS: Final = list_of(fields({"arn": scalar}))
_CREDENTIALS: Final = fields(names("AccessKeyId Expiration"))
_ROLE_SESSION: Final[Members] = {
    "Credentials": _CREDENTIALS,
    "AssumedRoleUser": fields(names("AssumedRoleId Arn")),
    **names("SourceIdentity PackedPolicySize"),
}


STS: Final[Mapping[str, Rule]] = {
    "AssumeRole": Rule(
        names("RoleArn RoleSessionName Policy DurationSeconds ExternalId SerialNumber SourceIdentity")
        | {"PolicyArns": _POLICY_ARNS, "Tags": _TAGS, "TransitiveTagKeys": _TEXTS},
        _ROLE_SESSION,
        read_only=True,
        event_name=None,
    ),
    "AssumeRoleWithWebIdentity": Rule(
        names("RoleArn RoleSessionName ProviderId Policy DurationSeconds") | {"PolicyArns": _POLICY_ARNS},
        {**_ROLE_SESSION, **names("SubjectFromWebIdentityToken Provider Audience")},
        read_only=True,
        event_name=None,
    ),
    "DecodeAuthorizationMessage": read(),
    "GetAccessKeyInfo": read("AccessKeyId"),
    "GetCallerIdentity": read(),
    "GetFederationToken": Rule(
        names("Name Policy DurationSeconds") | {"PolicyArns": _POLICY_ARNS, "Tags": _TAGS},
        {
            "Credentials": _CREDENTIALS,
            "FederatedUser": fields(names("FederatedUserId Arn")),
            "PackedPolicySize": scalar,
        },
        read_only=True,
        event_name=None,
    ),
    "GetSessionToken": Rule(
        names("DurationSeconds SerialNumber"), {"Credentials": _CREDENTIALS}, read_only=True, event_name=None
    ),
}
"""They change nothing, and yet CloudTrail records whom they gave which key."""

IDENTITY_PROVIDERS: Final[Mapping[str, Rule]] = {
    "AddClientIDToOpenIDConnectProvider": write("OpenIDConnectProviderArn ClientID"),
    "CreateOpenIDConnectProvider": write(
        "Url", ClientIDList=_TEXTS, ThumbprintList=_TEXTS, Tags=_TAGS, answer=names("OpenIDConnectProviderArn")
    ),
    "DeleteOpenIDConnectProvider": write("OpenIDConnectProviderArn"),
    "GetOpenIDConnectProvider": read("OpenIDConnectProviderArn"),
    "ListOpenIDConnectProviderTags": read("OpenIDConnectProviderArn MaxItems"),
    "ListOpenIDConnectProviders": read(),
    "RemoveClientIDFromOpenIDConnectProvider": write("OpenIDConnectProviderArn ClientID"),
    "TagOpenIDConnectProvider": write("OpenIDConnectProviderArn", Tags=_TAGS),
    "UntagOpenIDConnectProvider": write("OpenIDConnectProviderArn", TagKeys=_TEXTS),
    "UpdateOpenIDConnectProviderThumbprint": write("OpenIDConnectProviderArn", ThumbprintList=_TEXTS),
}
"""Operations of IAM on OpenID Connect identity providers."""
