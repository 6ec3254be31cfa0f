"""What every group of STS operations stands on."""

from __future__ import annotations

from strongroom.identity.credentials import TEMPORARY_KEY
from strongroom.identity.sessions import SessionToken, UserSessionToken
from strongroom.keyring import Keyring
from strongroom.services.call import Call
from strongroom.world import World, from_milliseconds

__all__ = ["Operations", "is_session", "is_session_of_user", "shown_credentials"]


class Operations:
    """A group of operations. `strongroom.services.sts.Sts` is made of them.

    Args:
        keyring: Seals session tokens.
        world: Entropy for temporary keys.
    """

    def __init__(self, keyring: Keyring, world: World) -> None:
        self._keyring = keyring
        self._entropy = world.entropy


def is_session(call: Call) -> bool:
    """Whether the caller signed with temporary credentials."""
    return call.caller.access_key_id.startswith(TEMPORARY_KEY)


def is_session_of_user(call: Call) -> bool:
    """Whether the caller signed with what GetSessionToken or GetFederationToken gave, rather than as a role."""
    return is_session(call) and call.caller.facts.kind != "role-session"


def shown_credentials(session: SessionToken | UserSessionToken) -> dict[str, object]:
    """The credentials of a session in the model's shape."""
    return {
        "AccessKeyId": session.key.access_key_id,
        "SecretAccessKey": session.key.secret_access_key,
        "SessionToken": session.token,
        "Expiration": from_milliseconds(session.facts.expires_ms),
    }
