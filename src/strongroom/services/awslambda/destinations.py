"""Destinations of asynchronous invocations: other functions, which are told how an invocation ended.

Source: Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations": the form of the record, and that
the function's execution role must be allowed to invoke the destination. Queues, topics and buses are not offered.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Final, Literal

import orjson

from strongroom.keyring import Keyring
from strongroom.services.awslambda import failures
from strongroom.services.awslambda.access import INVOKE, compiled_policy
from strongroom.services.awslambda.acting import role_call
from strongroom.services.awslambda.event_records import QueuedEvent, enqueue_event, seal_event
from strongroom.services.awslambda.names import FunctionReference, parse_function_arn
from strongroom.services.awslambda.records import FunctionRecord, find_function
from strongroom.services.awslambda.targets import find_target
from strongroom.services.clients import InvocationResult
from strongroom.store import Store, Transaction
from strongroom.world import World, from_milliseconds

__all__ = ["Outcome", "check_destination", "may_invoke", "tell_destination"]

_LOG: Final = logging.getLogger("strongroom.functions")
_LARGEST: Final = 1024 * 1024  # bytes of an asynchronous invocation; Lambda quotas


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an asynchronous invocation ended.

    Args:
        condition: Lambda's word for it.
        attempts: How often the function ran.
        request: What it was given, JSON.
        result: What it answered last; None when it did not run.
    """

    condition: Literal["Success", "RetriesExhausted", "EventAgeExceeded"]
    attempts: int
    request: bytes = field(repr=False)
    result: InvocationResult | None = field(default=None, repr=False)


def check_destination(destination: str, function_arn: str) -> FunctionReference:
    """Read the destination that a request names.

    Args:
        destination: An ARN.
        function_arn: The function that it is a destination of, without a qualifier.

    Raises:
        AwsError: ``InvalidParameterValueException``: it is no function, or the function itself.
    """
    reference = parse_function_arn(destination)
    if reference is None:
        raise failures.invalid_parameter(
            f"The destination ARN {destination} is invalid: Strongroom offers functions as destinations only."
        )
    if reference.arn == function_arn:
        raise failures.invalid_parameter("You can't specify the function as a destination for itself.")
    return reference


def may_invoke(
    transaction: Transaction, store: Store, keyring: Keyring, world: World, record: FunctionRecord, destination: str
) -> bool:
    """Whether the execution role of a function may invoke a destination, which must exist."""
    reference = parse_function_arn(destination)
    target = None if reference is None else find_target(transaction, reference)
    call = role_call(transaction, store, keyring, world, record)
    if reference is None or target is None or call is None:
        return False
    policy = compiled_policy(target.policy, destination)
    return call.allows(INVOKE, destination, resource_account=reference.account, policy=policy)


def tell_destination(
    transaction: Transaction,
    store: Store,
    keyring: Keyring,
    world: World,
    queued: QueuedEvent,
    destination: str,
    outcome: Outcome,
) -> None:
    """Queue an invocation of the destination, with a record of how ``queued`` ended.

    What cannot be told (the destination is gone, or the role may not invoke it any more) is told to the server's log.
    """
    record = find_function(transaction, queued.function_arn)
    reference = parse_function_arn(destination)
    if record is None or reference is None or not may_invoke(transaction, store, keyring, world, record, destination):
        _LOG.warning("%s may not invoke its destination %s, or it is gone", queued.function_arn, destination)
        return
    event_id = world.entropy.uuid()
    now_ms = world.clock.milliseconds()
    payload = _document(queued, outcome, now_ms)
    enqueue_event(
        transaction,
        QueuedEvent(
            id=event_id,
            account=reference.account,
            region=reference.region,
            function_arn=reference.arn,
            qualifier=reference.qualifier,
            event=seal_event(keyring, event_id, reference.arn, payload),
            attempt=0,
            throttled=0,
            accepted_ms=now_ms,
        ),
    )


def _document(queued: QueuedEvent, outcome: Outcome, now_ms: int) -> bytes:
    moment = from_milliseconds(now_ms)
    result = outcome.result
    version = "$LATEST" if result is None else result.executed_version
    document: dict[str, object] = {
        "version": "1.0",
        "timestamp": f"{moment:%Y-%m-%dT%H:%M:%S}.{now_ms % 1000:03d}Z",
        "requestContext": {
            "requestId": queued.id,
            "functionArn": f"{queued.function_arn}:{queued.qualifier or version}",
            "condition": outcome.condition,
            "approximateInvokeCount": outcome.attempts,
        },
        "requestPayload": _embedded(outcome.request),
    }
    if result is not None:
        context: dict[str, object] = {"statusCode": 200, "executedVersion": version}
        if result.function_error is not None:
            context["functionError"] = result.function_error
        document["responseContext"] = context
        document["responsePayload"] = _embedded(result.payload)
    text = orjson.dumps(document)
    if len(text) > _LARGEST:  # what a destination cannot take is left out, as it would be refused
        document |= {"requestPayload": None, "responsePayload": None}
        text = orjson.dumps(document)
    return text


def _embedded(payload: bytes) -> object:
    """A payload inside of the record: JSON as what it is, anything else as text."""
    if not payload:
        return {}
    try:
        document: object = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return payload.decode("utf-8", "replace")
    return document
