"""The user that an operation is about, when its name may be left out."""

from __future__ import annotations

from strongroom.identity.directory import User, user_by_id
from strongroom.services.call import Call
from strongroom.services.iam.owners import authorized_user
from strongroom.services.iam.problems import validation_error
from strongroom.store import Transaction

__all__ = ["named_user"]


def named_user(transaction: Transaction, call: Call, name: str | None) -> User:
    """The user of this name, or the caller when there is no name, after asking for the call's action on it.

    Raises:
        AccessDenied: The caller may not.
        AwsError: ``NoSuchEntity``, or ``ValidationError``: no name was given and the caller is not a user.
    """
    if name is None:
        user = user_by_id(transaction, call.caller.user_id) if call.caller.facts.kind == "user" else None
        if user is None:
            raise validation_error("Must specify userName when calling with non-User credentials")
        name = user.name
    return authorized_user(transaction, call, name)
