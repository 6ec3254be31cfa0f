"""Lambda acting by itself: as the service, or under the execution role of a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NoReturn

from strongroom.identity.caller import Caller, service_caller
from strongroom.identity.directory import role_by_arn
from strongroom.identity.principals import load_session_caller
from strongroom.identity.sessions import SessionFacts, mint_session
from strongroom.identity.trust import trusts_service
from strongroom.keyring import Keyring
from strongroom.services.awslambda.access import LAMBDA
from strongroom.services.awslambda.records import FunctionRecord
from strongroom.services.call import Call, UndecidedCall
from strongroom.store import Store, Transaction
from strongroom.world import World

__all__ = ["role_call", "service_call"]

_SESSION_SECONDS: Final = 900


def service_call(transaction: Transaction, store: Store, world: World, record: FunctionRecord) -> Call:
    """A call of Lambda's own, on behalf of a function."""
    caller = service_caller(LAMBDA, record.account, source_arn=record.arn)
    return _call(transaction, store, world, record, caller)


def role_call(
    transaction: Transaction, store: Store, keyring: Keyring, world: World, record: FunctionRecord
) -> Call | None:
    """A call that Lambda makes under the execution role of a function; None when it may not assume that role.

    Args:
        transaction: Where roles are.
        store: The store of ``transaction``.
        keyring: Seals the session.
        world: Clock and entropy.
        record: The function.
    """
    role = role_by_arn(transaction, record.role_arn)
    if role is None or not trusts_service(role, LAMBDA):
        return None
    facts = SessionFacts.of(role, record.name, world.clock.milliseconds(), _SESSION_SECONDS)
    session = mint_session(keyring, world.entropy, facts)
    return _call(transaction, store, world, record, load_session_caller(transaction, session, role))


def _call(transaction: Transaction, store: Store, world: World, record: FunctionRecord, caller: Caller) -> Call:
    return Call(
        service="lambda",
        operation="Invoke",
        caller=caller,
        region=record.region,
        request_id=world.entropy.uuid(),
        now_ms=world.clock.milliseconds(),
        source_ip=LAMBDA,
        user_agent=LAMBDA,
        secure_transport=True,
        parameters={},
        epoch=transaction.epoch(),
        store=store,
        describe=_not_described,
        via=(LAMBDA,),
    )


def _not_described(call: Call, answer: Mapping[str, object] | None) -> NoReturn:
    """Such a call only asks; what comes of it is recorded by those who do it."""
    del answer
    raise UndecidedCall(call.operation)
