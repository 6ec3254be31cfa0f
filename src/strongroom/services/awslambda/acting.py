"""Lambda acting by itself: as the service, or under the execution role of a function."""

from __future__ import annotations

from strongroom.identity.caller import Caller, service_caller
from strongroom.keyring import Keyring
from strongroom.services.awslambda.access import LAMBDA
from strongroom.services.awslambda.records import FunctionRecord
from strongroom.services.call import Call
from strongroom.services.own_calls import own_call, role_caller
from strongroom.store import Store, Transaction
from strongroom.world import World

__all__ = ["role_call", "service_call"]


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
    caller = role_caller(
        transaction,
        keyring,
        world,
        record.role_arn,
        principal=LAMBDA,
        session_name=record.name,
        now_ms=world.clock.milliseconds(),
    )
    return None if caller is None else _call(transaction, store, world, record, caller)


def _call(transaction: Transaction, store: Store, world: World, record: FunctionRecord, caller: Caller) -> Call:
    return own_call(
        transaction,
        store,
        world,
        caller,
        service="lambda",
        operation="Invoke",
        principal=LAMBDA,
        region=record.region,
        now_ms=world.clock.milliseconds(),
    )
