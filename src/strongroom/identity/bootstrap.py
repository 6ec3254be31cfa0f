"""The first user of a new installation: its administrator. After that, users are made by users."""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import bindparam, insert

from strongroom.errors import OperatorError
from strongroom.identity.aws_managed import ADMINISTRATOR_ACCESS
from strongroom.identity.credentials import (
    TEMPORARY_KEY,
    USER_ID,
    AccessKey,
    new_access_key,
    new_unique_id,
    seal_secret,
)
from strongroom.keyring import Keyring
from strongroom.store import Statement, Transaction
from strongroom.store.schema import iam_access_keys, iam_attachments, iam_users
from strongroom.world import World

__all__ = ["ADMINISTRATOR", "AccessKey", "create_administrator"]

ADMINISTRATOR: Final = "administrator"
"""The administrator's user name."""

_KEY_ID: Final = re.compile(r"[A-Za-z0-9]{16,128}")
_SECRET: Final = re.compile(r"[!-~]{20,128}")

_ADD_USER: Final = Statement(
    insert(iam_users).values(
        account=bindparam("owner"),
        folded_name=ADMINISTRATOR,
        name=ADMINISTRATOR,
        path="/",
        user_id=bindparam("id"),
        created_ms=bindparam("now"),
    )
)
_ADD_KEY: Final = Statement(
    insert(iam_access_keys).values(
        access_key_id=bindparam("key_id"),
        account=bindparam("owner"),
        user_id=bindparam("id"),
        status="Active",
        secret_access_key=bindparam("sealed"),
        created_ms=bindparam("now"),
    )
)
_ATTACH: Final = Statement(
    insert(iam_attachments).values(
        owner_id=bindparam("id"), policy_arn=ADMINISTRATOR_ACCESS, attached_ms=bindparam("now")
    )
)


def create_administrator(
    transaction: Transaction, keyring: Keyring, world: World, account: str, access_key: AccessKey | None = None
) -> AccessKey:
    """Create the user `ADMINISTRATOR` with the policy AdministratorAccess and an access key.

    Args:
        transaction: A write on a store that has no such user in the account.
        keyring: Seals the key's secret.
        world: Clock and entropy.
        account: The account, 12 digits.
        access_key: The key to use, instead of a new one.

    Returns:
        The key that works from the commit on.

    Raises:
        OperatorError: The given key has not the form of one.
    """
    if access_key is not None:
        _check(access_key)
    key = access_key or new_access_key(world.entropy)
    user_id = new_unique_id(world.entropy, USER_ID)
    now = world.clock.milliseconds()
    transaction.run(_ADD_USER, {"owner": account, "id": user_id, "now": now})
    sealed = seal_secret(keyring, account, key)
    transaction.run(
        _ADD_KEY, {"key_id": key.access_key_id, "owner": account, "id": user_id, "sealed": sealed, "now": now}
    )
    transaction.run(_ATTACH, {"id": user_id, "now": now})
    transaction.raise_epoch()
    return key


def _check(key: AccessKey) -> None:
    """A key that clients could not sign with, or that would be taken for a session's, is refused at once."""
    if not _KEY_ID.fullmatch(key.access_key_id) or key.access_key_id.startswith(TEMPORARY_KEY):
        raise OperatorError(
            "The administrator's access key id has not the form of one.",
            why=f"it is 16 to 128 letters and digits, and does not begin with {TEMPORARY_KEY}",
            fix="choose another, such as AKIA followed by 16 capital letters and digits",
        )
    if not _SECRET.fullmatch(key.secret_access_key):
        raise OperatorError(
            "The administrator's secret access key has not the form of one.",
            why="it is 20 to 128 printable ASCII characters without spaces",
            fix="write a long random text of such characters into the file",
        )
