"""The ``userIdentity`` element: who made the call, in CloudTrail's shapes.

Source: AWS CloudTrail User Guide, "CloudTrail userIdentity element". Each function returns the element as plain
data. It does not change for the life of a session, so callers build it once per principal and hand the same one to
every event; wrapped as ``orjson.Fragment(orjson.dumps(identity))`` it costs an event even less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from strongroom.audit.text import one_line
from strongroom.world import from_milliseconds

__all__ = [
    "SessionIssuer",
    "assumed_role",
    "aws_account",
    "aws_service",
    "federated_user",
    "iam_user",
    "iam_user_session",
    "on_behalf_of",
    "root",
    "unknown",
    "web_identity_session",
    "web_identity_user",
]


@dataclass(frozen=True, slots=True)
class SessionIssuer:
    """The role or user behind a temporary session.

    Attributes:
        principal_id: Unique id of the role, ``AROA...``, or of the user, ``AIDA...``.
        arn: Its ARN.
        account_id: Its account, 12 digits.
        user_name: Its name.
    """

    principal_id: str
    arn: str
    account_id: str
    user_name: str


def iam_user(*, principal_id: str, arn: str, account_id: str, access_key_id: str, user_name: str) -> dict[str, object]:
    """A user with a long-lived access key.

    Args:
        principal_id: Unique id of the user, ``AIDA...``.
        arn: ARN of the user.
        account_id: Account of the user, 12 digits.
        access_key_id: The key that signed.
        user_name: Name of the user.
    """
    return {
        "type": "IAMUser",
        "principalId": principal_id,
        "arn": arn,
        "accountId": account_id,
        "accessKeyId": access_key_id,
        "userName": user_name,
    }


def iam_user_session(identity: Mapping[str, object], created: int) -> dict[str, object]:
    """A user that signs with the temporary key of GetSessionToken.

    Args:
        identity: From `iam_user`, with that key.
        created: When the session began, in milliseconds since the epoch.
    """
    return {**identity, "sessionContext": {"attributes": _attributes(created)}}


def federated_user(
    *, principal_id: str, arn: str, account_id: str, access_key_id: str, issuer: SessionIssuer, created: int
) -> dict[str, object]:
    """A session of GetFederationToken.

    Args:
        principal_id: Account and name of the session, ``123456789012:name``.
        arn: ARN of the session, ``arn:aws:sts::account:federated-user/name``.
        account_id: Account of the user, 12 digits.
        access_key_id: The temporary key that signed.
        issuer: The user who asked for the session.
        created: When the session began, in milliseconds since the epoch.
    """
    return {
        "type": "FederatedUser",
        "principalId": principal_id,
        "arn": arn,
        "accountId": account_id,
        "accessKeyId": access_key_id,
        "sessionContext": {
            "sessionIssuer": {
                "type": "IAMUser",
                "principalId": issuer.principal_id,
                "arn": issuer.arn,
                "accountId": issuer.account_id,
                "userName": issuer.user_name,
            },
            "attributes": _attributes(created),
        },
    }


def web_identity_user(*, provider_arn: str, audience: str, subject: str) -> dict[str, object]:
    """Whoever shows a token of an identity provider.

    Args:
        provider_arn: ARN of the provider.
        audience: For whom the provider made the token.
        subject: Whom the token is about.
    """
    return {
        "type": "WebIdentityUser",
        "principalId": one_line(f"{provider_arn}:{audience}:{subject}"),
        "userName": one_line(subject),
        "identityProvider": provider_arn,
    }


def web_identity_session(identity: Mapping[str, object], provider_arn: str) -> dict[str, object]:
    """A session of a role that began with a web identity.

    Args:
        identity: From `assumed_role`.
        provider_arn: ARN of the identity provider.
    """
    context = identity["sessionContext"]
    federation = {"federatedProvider": provider_arn, "attributes": {}}
    kept = context if isinstance(context, Mapping) else {}
    return {**identity, "sessionContext": {**kept, "webIdFederationData": federation}}


def root(*, account_id: str, access_key_id: str) -> dict[str, object]:
    """The account's own root principal. Its ``principalId`` is the account id.

    Args:
        account_id: The account, 12 digits.
        access_key_id: The key that signed.
    """
    return {
        "type": "Root",
        "principalId": account_id,
        "arn": f"arn:aws:iam::{account_id}:root",
        "accountId": account_id,
        "accessKeyId": access_key_id,
    }


def assumed_role(
    *,
    principal_id: str,
    arn: str,
    account_id: str,
    access_key_id: str,
    issuer: SessionIssuer,
    created: int,
    source_identity: str | None = None,
) -> dict[str, object]:
    """A session of a role.

    Args:
        principal_id: Role id and session name, ``AROA...:session``.
        arn: ARN of the session, ``arn:aws:sts::account:assumed-role/role/session``.
        account_id: Account of the role, 12 digits.
        access_key_id: The temporary key that signed.
        issuer: The role.
        created: When the session began, in milliseconds since the epoch.
        source_identity: The source identity given to AssumeRole.
    """
    context: dict[str, object] = {
        "sessionIssuer": {
            "type": "Role",
            "principalId": issuer.principal_id,
            "arn": issuer.arn,
            "accountId": issuer.account_id,
            "userName": issuer.user_name,
        },
        "attributes": _attributes(created),
    }
    if source_identity is not None:
        context["sourceIdentity"] = source_identity
    return {
        "type": "AssumedRole",
        "principalId": principal_id,
        "arn": arn,
        "accountId": account_id,
        "accessKeyId": access_key_id,
        "sessionContext": context,
    }


def aws_service(invoked_by: str, account_id: str | None = None) -> dict[str, object]:
    """A service of the installation itself.

    Args:
        invoked_by: The service, such as ``secretsmanager.amazonaws.com``.
        account_id: For service events (rotation, version deletion) the account they belong to; CloudTrail then writes
            the account instead of the type.
    """
    if account_id is None:
        return {"type": "AWSService", "invokedBy": invoked_by}
    return {"accountId": account_id, "invokedBy": invoked_by}


def aws_account(*, principal_id: str, account_id: str) -> dict[str, object]:
    """A principal of another account, as the owner of the resource sees it.

    Args:
        principal_id: Unique id of the principal.
        account_id: Its account, 12 digits.
    """
    return {"type": "AWSAccount", "principalId": principal_id, "accountId": account_id}


def unknown(access_key_id: str | None = None) -> dict[str, object]:
    """Nobody: the request was refused before the caller was known.

    Args:
        access_key_id: The key id that the request claims, if it claims one. It proves nothing.
    """
    if access_key_id is None:
        return {"type": "Unknown"}
    return {"type": "Unknown", "accessKeyId": one_line(access_key_id)}


def on_behalf_of(identity: Mapping[str, object], service: str) -> dict[str, object]:
    """The same caller when ``service`` called another service for it (a forward access session)."""
    return {**identity, "invokedBy": service}


def _attributes(created: int) -> dict[str, str]:
    """What every session has: when it began, and whether a second factor was shown."""
    return {
        "creationDate": from_milliseconds(created).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "mfaAuthenticated": "false",
    }
