"""The principals that grants name, kept like those of policies: users and roles by their unique ids.

So a grant never passes to whoever takes a deleted user's name (see `strongroom.identity.named_principals`).
"""

from __future__ import annotations

import json
import re
from typing import Final

from strongroom.arn import Arn
from strongroom.identity.directory import role_by_arn, role_by_id, user_by_arn, user_by_id
from strongroom.identity.named_principals import stored_principals
from strongroom.policy import MalformedPolicy, PolicyKind, compile_policy
from strongroom.services.kms import failures
from strongroom.store import Transaction

__all__ = ["known_principal", "shown_principal", "stored_principal"]

_ACCOUNT: Final = re.compile("[0-9]{12}")
_UNIQUE_IDS = ("AIDA", "AROA")


def stored_principal(transaction: Transaction, name: str) -> str:
    """A principal that a request names, as the store keeps it.

    Args:
        transaction: Where users and roles are.
        name: An ARN of an account, user, role or session, an account id, or a unique id.

    Raises:
        AwsError: ``InvalidArnException``: it is none of these, or a user or role that does not exist.
    """
    statement = {"Effect": "Allow", "Principal": {"AWS": name}, "Action": "kms:*", "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    try:
        kept = json.loads(stored_principals(transaction, compile_policy(text, PolicyKind.KEY), text))
    except MalformedPolicy:
        raise failures.invalid_principal(name) from None
    return str(kept["Statement"][0]["Principal"]["AWS"])


def known_principal(transaction: Transaction, name: str) -> str:
    """A principal to look for: as it is stored, if it exists, and as it was named otherwise.

    Raises:
        AwsError: ``InvalidArnException``: the text cannot name a principal.
    """
    arn = Arn.parse(name)
    if not _ACCOUNT.fullmatch(name) and (arn is None or arn.service not in {"iam", "sts"}):
        raise failures.invalid_principal(name)
    owner = user_by_arn(transaction, name) or role_by_arn(transaction, name)
    return name if owner is None else owner.unique_id


def shown_principal(transaction: Transaction, stored: str) -> str:
    """A stored principal as answers show it: its ARN, unless it is gone."""
    if not stored.startswith(_UNIQUE_IDS):
        return stored
    owner = user_by_id(transaction, stored) or role_by_id(transaction, stored)
    return stored if owner is None else owner.arn
