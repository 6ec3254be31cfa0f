"""Who one is, and whose a key is."""

from __future__ import annotations

from typing import Final, NoReturn

from strongroom.errors import AccessDenied, AwsError
from strongroom.identity.directory import access_key
from strongroom.services.call import Call
from strongroom.services.sts.base import Operations, is_session_of_user

__all__ = ["IdentityOperations"]

_NO_RESOURCE: Final = "*"


class IdentityOperations(Operations):
    """GetCallerIdentity, GetAccessKeyInfo, DecodeAuthorizationMessage."""

    async def get_caller_identity(self, call: Call) -> dict[str, object]:
        """Who made this call. Everybody may know that, even where a policy denies it (STS API reference)."""
        call.needs_no_permission()
        caller = call.caller
        return {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn}

    async def get_access_key_info(self, call: Call, *, AccessKeyId: str) -> dict[str, object]:
        """The account that an access key belongs to, whatever the state of the key.

        AWS reads the account out of the key's id. Here an id says nothing, so the keys that the store has are known,
        and the caller's own temporary one.

        Raises:
            AwsError: ``ValidationError``: there is no such key, or it belongs to somebody else's session.
        """
        _authorize(call)
        if AccessKeyId == call.caller.access_key_id:
            return {"Account": call.account}
        key = await call.read(lambda transaction: access_key(transaction, AccessKeyId), single=True)
        if key is None:
            raise AwsError("ValidationError", f"The access key {AccessKeyId} is not known.")
        return {"Account": key.account}

    async def decode_authorization_message(self, call: Call, *, EncodedMessage: str) -> NoReturn:
        """Refuse a message: AWS encodes those of services such as EC2, and no service here does.

        Raises:
            AwsError: ``InvalidAuthorizationMessageException``, always.
        """
        del EncodedMessage
        _authorize(call)
        raise AwsError("InvalidAuthorizationMessageException", "Message is not valid")


def _authorize(call: Call) -> None:
    """Ask for the call's action. Sessions of users are refused ("Compare AWS STS credentials")."""
    if is_session_of_user(call):
        raise AccessDenied(f"Cannot call {call.operation} with session credentials")
    call.authorize(f"sts:{call.operation}", _NO_RESOURCE)
