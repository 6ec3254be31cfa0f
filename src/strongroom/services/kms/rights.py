"""Keys as those who explain access see them: key policy, grants and condition keys. No permission is asked for."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.errors import AwsError
from strongroom.services.call import Call
from strongroom.services.clients import GrantRights, ResourceRights
from strongroom.services.kms.grants import Grant, own_side
from strongroom.services.kms.keys import Key, key_context
from strongroom.services.kms.service import Kms
from strongroom.store import Transaction

__all__ = ["KeyRightsSource"]


class KeyRightsSource:
    """Implements `strongroom.services.clients.RightsSource`.

    Args:
        kms: The service.
    """

    __slots__ = ("_directory",)

    def __init__(self, kms: Kms) -> None:
        self._directory = kms.directory

    def rights(
        self,
        transaction: Transaction,
        call: Call,
        name: str,
        action: str,
        encryption_context: Mapping[str, str] | None = None,
    ) -> ResourceRights | None:
        """A key by id, ARN or alias; by its ARN in any region. See `RightsSource.rights`."""
        key = self._key(transaction, call, name)
        if key is None:
            return None
        context = key_context(call, key, encryption_context=encryption_context)
        del context["kms:calleraccount"]  # whoever asks is not the one who is asked about
        operation = action.partition(":")[2]
        return ResourceRights(
            arn=key.arn,
            account=key.account,
            policy=key.policy,
            decides_alone=True,
            context=context,
            grants=tuple(
                _grant(grant, action, key) for grant in key.grants if grant.covers(operation, encryption_context)
            ),
        )

    def _key(self, transaction: Transaction, call: Call, name: str) -> Key | None:
        if name.startswith("arn:") and ":key/" in name:
            return self._directory.load(transaction, call.epoch, name)
        try:
            return self._directory.find(transaction, call, name).key
        except AwsError:  # a text that names no key of this region
            return None


def _grant(grant: Grant, action: str, key: Key) -> GrantRights:
    return GrantRights(grant.record.grant_id, grant.policy, None if grant.is_for_account else own_side(action, key.arn))
