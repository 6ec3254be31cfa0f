"""Users and roles as callers that have not called: for questions about what they could do.

No key and no session is made. A role stands for a plain session of it: no session policies, no session tags.
"""

from __future__ import annotations

from typing import Final

from strongroom.identity.caller import Caller
from strongroom.identity.credentials import AccessKey
from strongroom.identity.directory import Role, User
from strongroom.identity.organization import Organization
from strongroom.identity.principals import load_session_caller, load_user_caller
from strongroom.identity.sessions import SessionFacts, SessionToken
from strongroom.store import Transaction

__all__ = ["hypothetical_caller"]

_SESSION_SECONDS: Final = 3600


def hypothetical_caller(
    transaction: Transaction,
    owner: User | Role,
    now_ms: int,
    *,
    session_name: str = "session",
    organization: Organization | None = None,
) -> Caller:
    """The caller that a user, or a plain session of a role, would be.

    Args:
        transaction: Where its policies are.
        owner: The user or role.
        now_ms: When a session would have begun, in milliseconds since the epoch.
        session_name: The name of a role's session.
        organization: The organization as ``transaction`` sees it, if it is at hand.

    Raises:
        OperatorError: One of its policies cannot be read, so nothing can be decided.
    """
    if isinstance(owner, User):
        return load_user_caller(transaction, owner, "", organization)
    facts = SessionFacts.of(owner, session_name, now_ms, _SESSION_SECONDS)
    return load_session_caller(transaction, SessionToken(AccessKey("", ""), "", facts), owner, organization)
