"""Calls that a service makes by itself, not for a caller: their caller is the service, or a role that it assumed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NoReturn

from strongroom.identity.caller import Caller
from strongroom.identity.directory import role_by_arn
from strongroom.identity.principals import load_session_caller
from strongroom.identity.sessions import SessionFacts, mint_session
from strongroom.identity.trust import trusts_service
from strongroom.keyring import Keyring
from strongroom.services.call import Call, UndecidedCall
from strongroom.store import Store, Transaction
from strongroom.world import World

__all__ = ["own_call", "role_caller"]

_SESSION_SECONDS: Final = 900
"""The shortest that STS gives; such a session lasts for one transaction."""


def own_call(
    transaction: Transaction,
    store: Store,
    world: World,
    caller: Caller,
    *,
    service: str,
    operation: str,
    principal: str,
    region: str,
    now_ms: int,
) -> Call:
    """A call for a transaction of the service's own. What comes of it is recorded by whoever makes it.

    Args:
        transaction: The transaction, in which the rights are decided.
        store: Its store.
        world: Where the call's id comes from.
        caller: The service, or a role that it assumed.
        service: The service's name as boto3 has it.
        operation: The operation that it goes on with.
        principal: The service principal, such as ``lambda.amazonaws.com``.
        region: Where it works.
        now_ms: Now, in milliseconds since the epoch.
    """
    return Call(
        service=service,
        operation=operation,
        caller=caller,
        region=region,
        request_id=world.entropy.uuid(),
        now_ms=now_ms,
        source_ip=principal,
        user_agent=principal,
        secure_transport=True,
        parameters={},
        epoch=transaction.epoch(),
        store=store,
        describe=_not_described,
        via=(principal,),
    )


def role_caller(
    transaction: Transaction,
    keyring: Keyring,
    world: World,
    role_arn: str,
    *,
    principal: str,
    session_name: str,
    now_ms: int,
) -> Caller | None:
    """The caller that a service is while it acts under a role; None when it may not assume that role.

    Args:
        transaction: Where roles are.
        keyring: Seals the session.
        world: Where the session's key comes from.
        role_arn: The role.
        principal: The service principal, which the role has to trust.
        session_name: The session's name, for ARNs and the audit trail.
        now_ms: Now, in milliseconds since the epoch.
    """
    role = role_by_arn(transaction, role_arn)
    if role is None or not trusts_service(role, principal):
        return None
    facts = SessionFacts.of(role, session_name, now_ms, _SESSION_SECONDS)
    return load_session_caller(transaction, mint_session(keyring, world.entropy, facts), role)


def _not_described(call: Call, answer: Mapping[str, object] | None) -> NoReturn:
    del answer
    raise UndecidedCall(call.operation)
