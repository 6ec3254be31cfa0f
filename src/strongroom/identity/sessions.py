"""Sessions: temporary credentials of a role or a user, which need no row in the store.

The session token is the session itself, sealed under a key of the system: any worker and any node can open it, nobody
else can make or read one. It is bound to its access key id. Whether the role, or the user and its key, still exist is
asked of the store (`session_callers`).
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from strongroom.errors import AwsError
from strongroom.identity.credentials import TEMPORARY_KEY, AccessKey, new_access_key
from strongroom.identity.directory import Role
from strongroom.keyring import InvalidCiphertext, Keyring
from strongroom.world import Entropy

__all__ = [
    "Federation",
    "SessionFacts",
    "SessionToken",
    "UserSessionFacts",
    "UserSessionToken",
    "expired_token",
    "invalid_token",
    "mint_session",
    "mint_user_session",
    "open_session",
]

_PURPOSE: Final = "session-token"


def expired_token() -> AwsError:
    """The session is over."""
    # STS has an error of this name too: that of a web identity token.
    return AwsError("ExpiredTokenException", "The security token included in the request is expired", is_common=True)


def invalid_token() -> AwsError:
    """The session token is none of ours, or does not belong to the access key."""
    return AwsError("UnrecognizedClientException", "The security token included in the request is invalid.")


@dataclass(frozen=True, slots=True)
class Federation:
    """The identity provider that vouched for whoever began a session of a role.

    Args:
        provider: The ARN of the provider.
        keys: The condition keys of the web identity that the session keeps, lower-cased, with their values.
    """

    provider: str
    keys: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What a session of a role is, apart from its credentials.

    Args:
        account: The role's account.
        role_id: The role's unique id; a role made again under the old name is another.
        name: The session's name.
        issued_ms: When it began.
        expires_ms: When it ends.
        policy: The inline session policy.
        policy_arns: Managed policies that serve as session policies.
        tags: Session tags, inherited ones included.
        transitive_keys: Which of the tags go on to sessions assumed from this one.
        source_identity: The source identity, which goes on too.
        federation: Set when the session began with a web identity.
    """

    account: str
    role_id: str
    name: str
    issued_ms: int
    expires_ms: int
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive_keys: tuple[str, ...] = ()
    source_identity: str | None = None
    federation: Federation | None = None

    @classmethod
    def of(cls, role: Role, name: str, now_ms: int, seconds: int) -> SessionFacts:
        """A plain session of ``role`` that begins now and lasts ``seconds``."""
        return cls(role.account, role.role_id, name, now_ms, now_ms + seconds * 1000)


@dataclass(frozen=True, slots=True)
class UserSessionFacts:
    """What a session of a user is, apart from its credentials.

    Args:
        account: The user's account.
        user_id: The user's unique id.
        key_id: The long-term access key that asked for the session, and with which it ends.
        issued_ms: When it began.
        expires_ms: When it ends.
        name: The name that GetFederationToken gave it; None for a session of GetSessionToken, which acts as the user.
        policy: The inline session policy.
        policy_arns: Managed policies that serve as session policies.
        tags: Session tags.
    """

    account: str
    user_id: str
    key_id: str
    issued_ms: int
    expires_ms: int
    name: str | None = None
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SessionToken:
    """A session of a role with its credentials.

    Args:
        key: The temporary access key.
        token: The session token: base64 text.
        facts: What the session is.
    """

    key: AccessKey
    token: str = field(repr=False)
    facts: SessionFacts


@dataclass(frozen=True, slots=True)
class UserSessionToken:
    """A session of a user with its credentials; the members are those of `SessionToken`."""

    key: AccessKey
    token: str = field(repr=False)
    facts: UserSessionFacts


def mint_session(keyring: Keyring, entropy: Entropy, facts: SessionFacts, *, shortest_token: int = 0) -> SessionToken:
    """Make credentials for a session of a role.

    Args:
        keyring: Seals the token.
        entropy: Where the access key comes from.
        facts: What the session is.
        shortest_token: How many characters the token has at least; clients that must take long ones test with it.
    """
    document: dict[str, object] = {
        "format": 1,
        "account": facts.account,
        "role": facts.role_id,
        "name": facts.name,
        "issued": facts.issued_ms,
        "expires": facts.expires_ms,
        "policy": facts.policy,
        "policies": facts.policy_arns,
        "tags": facts.tags,
        "transitive": facts.transitive_keys,
        "source": facts.source_identity,
    }
    if facts.federation is not None:
        document["federation"] = {"provider": facts.federation.provider, "keys": facts.federation.keys}
    return SessionToken(*_seal(keyring, entropy, document, shortest_token), facts)


def mint_user_session(
    keyring: Keyring, entropy: Entropy, facts: UserSessionFacts, *, shortest_token: int = 0
) -> UserSessionToken:
    """Make credentials for a session of a user; the arguments are those of `mint_session`."""
    document = {
        "format": 2,
        "account": facts.account,
        "user": facts.user_id,
        "key": facts.key_id,
        "name": facts.name,
        "issued": facts.issued_ms,
        "expires": facts.expires_ms,
        "policy": facts.policy,
        "policies": facts.policy_arns,
        "tags": facts.tags,
    }
    return UserSessionToken(*_seal(keyring, entropy, document, shortest_token), facts)


def _seal(
    keyring: Keyring, entropy: Entropy, document: Mapping[str, object], shortest_token: int
) -> tuple[AccessKey, str]:
    """A fresh access key, and the token that holds it with the rest of the session."""
    key = new_access_key(entropy, TEMPORARY_KEY)
    complete = {**document, "secret": key.secret_access_key}
    text = json.dumps(complete, separators=(",", ":"), ensure_ascii=False).encode()
    text = text.ljust(shortest_token * 3 // 4)  # JSON takes the spaces, base64 makes four characters of three bytes
    return key, b64encode(keyring.seal_system(_PURPOSE, text, _context(key.access_key_id))).decode()


def open_session(keyring: Keyring, access_key_id: str, token: str) -> SessionToken | UserSessionToken:
    """The session that a token holds. Says nothing about whether it is over.

    Args:
        keyring: Opens the token.
        access_key_id: The key that the request names.
        token: The session token as it was sent.

    Raises:
        AwsError: ``UnrecognizedClientException``: not a token of this installation, altered, or of another key.
    """
    try:
        sealed = b64decode(token, validate=True)
        text = keyring.open_system(_PURPOSE, sealed, _context(access_key_id))
    except (InvalidCiphertext, binascii.Error, ValueError):
        raise invalid_token() from None
    document: object = json.loads(text)
    match document:
        case {"format": 1, "secret": str(secret), **facts}:
            return SessionToken(AccessKey(access_key_id, secret), token, _role_facts(facts))
        case {"format": 2, "secret": str(secret), **facts}:
            return UserSessionToken(AccessKey(access_key_id, secret), token, _user_facts(facts))
    raise invalid_token()  # of a later Strongroom's format


def _role_facts(document: Mapping[object, object]) -> SessionFacts:
    match document:
        case {
            "account": str(account),
            "role": str(role_id),
            "name": str(name),
            "issued": int(issued),
            "expires": int(expires),
            "policy": (str() | None) as policy,
            "policies": list(policies),
            "tags": dict(tags),
            "transitive": list(transitive),
            "source": (str() | None) as source,
        }:
            return SessionFacts(
                account=account,
                role_id=role_id,
                name=name,
                issued_ms=issued,
                expires_ms=expires,
                policy=policy,
                policy_arns=tuple(policies),
                tags=tags,
                transitive_keys=tuple(transitive),
                source_identity=source,
                federation=_federation(document.get("federation")),
            )
    raise invalid_token()


def _federation(document: object) -> Federation | None:
    match document:
        case {"provider": str(provider), "keys": dict(keys)}:
            return Federation(
                provider, {key: tuple(value) if isinstance(value, list) else value for key, value in keys.items()}
            )
    return None


def _user_facts(document: Mapping[object, object]) -> UserSessionFacts:
    match document:
        case {
            "account": str(account),
            "user": str(user_id),
            "key": str(key_id),
            "name": (str() | None) as name,
            "issued": int(issued),
            "expires": int(expires),
            "policy": (str() | None) as policy,
            "policies": list(policies),
            "tags": dict(tags),
        }:
            return UserSessionFacts(account, user_id, key_id, issued, expires, name, policy, tuple(policies), tags)
    raise invalid_token()


def _context(access_key_id: str) -> dict[str, str]:
    return {"AccessKeyId": access_key_id}
