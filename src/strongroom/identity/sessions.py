"""Sessions of roles: temporary credentials that need no row in the store.

The session token is the session itself, sealed under a key of the system: any worker and any node can open it, nobody
else can make or read one. It is bound to its access key id. Whether the role still exists is asked of the store.
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
    "SessionFacts",
    "SessionToken",
    "expired_token",
    "invalid_token",
    "mint_session",
    "open_session",
]

_PURPOSE: Final = "session-token"


def expired_token() -> AwsError:
    """The session is over."""
    return AwsError("ExpiredTokenException", "The security token included in the request is expired")


def invalid_token() -> AwsError:
    """The session token is none of ours, or does not belong to the access key."""
    return AwsError("UnrecognizedClientException", "The security token included in the request is invalid.")


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What a session is, apart from its credentials.

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

    @classmethod
    def of(cls, role: Role, name: str, now_ms: int, seconds: int) -> SessionFacts:
        """A plain session of ``role`` that begins now and lasts ``seconds``."""
        return cls(role.account, role.role_id, name, now_ms, now_ms + seconds * 1000)


@dataclass(frozen=True, slots=True)
class SessionToken:
    """A session with its credentials.

    Args:
        key: The temporary access key.
        token: The session token: base64 text.
        facts: What the session is.
    """

    key: AccessKey
    token: str = field(repr=False)
    facts: SessionFacts


def mint_session(keyring: Keyring, entropy: Entropy, facts: SessionFacts, *, shortest_token: int = 0) -> SessionToken:
    """Make credentials for a session.

    Args:
        keyring: Seals the token.
        entropy: Where the access key comes from.
        facts: What the session is.
        shortest_token: How many characters the token has at least; clients that must take long ones test with it.
    """
    key = new_access_key(entropy, TEMPORARY_KEY)
    document = {
        "format": 1,
        "secret": key.secret_access_key,
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
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    text = text.ljust(shortest_token * 3 // 4)  # JSON takes the spaces, base64 makes four characters of three bytes
    sealed = keyring.seal_system(_PURPOSE, text, _context(key.access_key_id))
    return SessionToken(key, b64encode(sealed).decode(), facts)


def open_session(keyring: Keyring, access_key_id: str, token: str) -> SessionToken:
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
        case {
            "format": 1,
            "secret": str(secret),
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
            facts = SessionFacts(
                account, role_id, name, issued, expires, policy, tuple(policies), tags, tuple(transitive), source
            )
            return SessionToken(AccessKey(access_key_id, secret), token, facts)
    raise invalid_token()  # of a later Strongroom's format


def _context(access_key_id: str) -> dict[str, str]:
    return {"AccessKeyId": access_key_id}
