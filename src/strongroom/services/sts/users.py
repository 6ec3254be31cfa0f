"""Sessions of users: GetSessionToken and GetFederationToken.

Source: STS API reference, "GetSessionToken" and "GetFederationToken"; IAM User Guide, "Permissions for GetSessionToken"
and "Permissions for GetFederationToken".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from strongroom.errors import AccessDenied
from strongroom.identity.session_callers import federated_user_arn
from strongroom.identity.sessions import UserSessionFacts, mint_user_session
from strongroom.services.call import Call
from strongroom.services.sts.base import Operations, is_session, shown_credentials
from strongroom.services.sts.grants import (
    check_session_policies,
    packed_size,
    refuse_device,
    session_tags,
    tag_context,
)
from strongroom.store import Transaction

__all__ = ["UserOperations"]

_DEFAULT_SECONDS: Final = 43_200


class UserOperations(Operations):
    """GetSessionToken, GetFederationToken."""

    async def get_session_token(
        self,
        call: Call,
        *,
        DurationSeconds: int = _DEFAULT_SECONDS,
        SerialNumber: str | None = None,
        TokenCode: str | None = None,
        MinimumSessionTokenSize: int = 0,
    ) -> dict[str, object]:
        """Temporary credentials of the calling user, good for everything but IAM and most of STS.

        No permission is needed and no policy can take it away: the operation authenticates, it grants nothing.
        """
        _require_user(call)
        call.needs_no_permission()
        refuse_device(SerialNumber, TokenCode)
        facts = _facts(call, DurationSeconds)
        session = mint_user_session(self._keyring, self._entropy, facts, shortest_token=MinimumSessionTokenSize)
        return {"Credentials": shown_credentials(session)}

    async def get_federation_token(
        self,
        call: Call,
        *,
        Name: str,
        Policy: str | None = None,
        PolicyArns: Sequence[Mapping[str, str]] = (),
        DurationSeconds: int = _DEFAULT_SECONDS,
        Tags: Sequence[Mapping[str, str]] = (),
        MinimumSessionTokenSize: int = 0,
    ) -> dict[str, object]:
        """Temporary credentials for somebody that the calling user vouches for, under a name of its choice."""
        _require_user(call)
        arns = tuple(policy["arn"] for policy in PolicyArns if "arn" in policy)
        arn = federated_user_arn(call.account, Name)

        def work(transaction: Transaction) -> tuple[UserSessionFacts, int | None]:
            call.authorize("sts:GetFederationToken", arn, context=tag_context(Tags))
            if Tags:
                call.authorize("sts:TagSession", arn, context=tag_context(Tags))
            check_session_policies(transaction, call.account, Policy, arns)
            facts = _facts(
                call,
                DurationSeconds,
                name=Name,
                policy=Policy,
                policy_arns=arns,
                tags=session_tags(Tags, call.caller),
            )
            return facts, packed_size(facts.policy, facts.policy_arns, facts.tags)

        facts, percent = await call.read(work)
        session = mint_user_session(self._keyring, self._entropy, facts, shortest_token=MinimumSessionTokenSize)
        return {
            "Credentials": shown_credentials(session),
            "FederatedUser": {"FederatedUserId": f"{call.account}:{Name}", "Arn": arn},
            "PackedPolicySize": percent,
        }


def _require_user(call: Call) -> None:
    """Refuse everybody but a user that signs with a long-term key.

    Raises:
        AccessDenied: With AWS's text.
    """
    if is_session(call) or call.caller.facts.kind != "user":
        raise AccessDenied(f"Cannot call {call.operation} with session credentials")


def _facts(
    call: Call,
    seconds: int,
    *,
    name: str | None = None,
    policy: str | None = None,
    policy_arns: tuple[str, ...] = (),
    tags: Mapping[str, str] | None = None,
) -> UserSessionFacts:
    """The session of the calling user that begins now and lasts ``seconds``."""
    return UserSessionFacts(
        account=call.account,
        user_id=call.caller.user_id,
        key_id=call.caller.access_key_id,
        issued_ms=call.now_ms,
        expires_ms=call.now_ms + seconds * 1000,
        name=name,
        policy=policy,
        policy_arns=policy_arns,
        tags=tags or {},
    )
