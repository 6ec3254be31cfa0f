"""Calling a function: Invoke."""

from __future__ import annotations

import asyncio
import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Final

import orjson

from strongroom.services.awslambda import failures
from strongroom.services.awslambda.access import INVOKE, authorized_target
from strongroom.services.awslambda.base import Operations
from strongroom.services.awslambda.configuration import check_features
from strongroom.services.awslambda.event_records import QueuedEvent, enqueue_event, seal_event
from strongroom.services.awslambda.names import FunctionReference, parse_reference
from strongroom.services.awslambda.runtime import REQUEST_LIMIT
from strongroom.services.awslambda.targets import Target, chosen_version
from strongroom.services.call import Call
from strongroom.services.clients import InvocationRequest
from strongroom.store import Transaction

__all__ = ["InvokeOperations"]

_EVENT_LIMIT: Final = 1024 * 1024  # bytes; Lambda quotas, "Invocation payload", asynchronous
_CONTEXT_LIMIT: Final = 3_583  # bytes of ClientContext; Lambda API Reference, "Invoke"
_LARGE: Final = 64 * 1024  # bytes of a payload that is read on a thread of its own


class InvokeOperations(Operations):
    """Invoke."""

    async def invoke(
        self,
        call: Call,
        *,
        FunctionName: str,
        InvocationType: str = "RequestResponse",
        LogType: str = "None",
        ClientContext: str | None = None,
        DurableExecutionName: str | None = None,
        Payload: bytes = b"",
        Qualifier: str | None = None,
        TenantId: str | None = None,
    ) -> dict[str, object]:
        """Run a function and answer what it answers; with ``Event`` run it later, with ``DryRun`` not at all.

        A function that fails is an answer with ``FunctionError``. An event is stored before the answer leaves; it comes
        without the client's context and the end of the log, as on AWS.

        Raises:
            AwsError: ``ResourceNotFoundException``; ``RequestTooLargeException``: more than 6 MB, or 1 MB for an event;
                ``InvalidRequestContentException``: the payload is not JSON; what `FunctionInvoker.invoke` raises.
        """
        reference = parse_reference(FunctionName, call.account, call.region, Qualifier)

        def permitted(transaction: Transaction) -> Target:
            return authorized_target(transaction, call, reference, INVOKE)

        target = await call.read(permitted)
        check_features({"DurableExecutionName": DurableExecutionName, "TenantId": TenantId})
        if InvocationType == "DryRun":
            return {"StatusCode": 204}
        await _check_payload(Payload, _EVENT_LIMIT if InvocationType == "Event" else REQUEST_LIMIT)
        if InvocationType == "Event":
            return await self._accept(call, reference, Payload)
        request = InvocationRequest(
            account=reference.account,
            region=reference.region,
            function_arn=reference.arn,
            request_id=call.request_id,
            payload=Payload,
            log_tail=LogType == "Tail",
            version=chosen_version(target, self._entropy),
            qualifier=reference.qualifier,
            client_context=_client_context(ClientContext),
        )
        result = await self._invoker.invoke(request)
        answer: dict[str, object] = {
            "StatusCode": 200,
            "ExecutedVersion": result.executed_version,
            "Payload": result.payload,
        }
        if result.function_error is not None:
            answer["FunctionError"] = result.function_error
        if request.log_tail:
            answer["LogResult"] = b64encode(result.log_tail).decode()
        return answer

    async def _accept(self, call: Call, reference: FunctionReference, payload: bytes) -> dict[str, object]:
        """Queue an event."""
        sealed = seal_event(self._keyring, call.request_id, reference.arn, payload)

        def work(transaction: Transaction) -> Mapping[str, object]:
            authorized_target(transaction, call, reference, INVOKE)
            queued = QueuedEvent(
                id=call.request_id,
                account=reference.account,
                region=reference.region,
                function_arn=reference.arn,
                qualifier=reference.qualifier,
                event=sealed,
                attempt=0,
                throttled=0,
                accepted_ms=call.now_ms,
            )
            enqueue_event(transaction, queued)
            return {"StatusCode": 202}

        return dict(await call.write(work))


def _client_context(given: str | None) -> str | None:
    """The JSON object that a client tells about itself, which it sends in base64.

    Raises:
        AwsError: ``InvalidRequestContentException``: it is none; ``InvalidParameterValueException``: it is too long.
    """
    if not given:
        return None
    if len(given) > _CONTEXT_LIMIT:
        raise failures.invalid_parameter(f"The client context must be at most {_CONTEXT_LIMIT} bytes in base64.")
    try:
        text = b64decode(given, validate=True)
        document = orjson.loads(text)
    except (binascii.Error, orjson.JSONDecodeError):
        raise failures.invalid_content("the client context is not JSON in base64") from None
    if not isinstance(document, dict):
        raise failures.invalid_content("the client context is not a JSON object")
    return text.decode()


async def _check_payload(payload: bytes, limit: int) -> None:
    """Refuse a payload that is too large or no JSON; an empty one stands for an empty object."""
    if len(payload) > limit:
        raise failures.request_too_large(limit)
    if not payload:
        return
    try:
        if len(payload) > _LARGE:
            await asyncio.to_thread(orjson.loads, payload)
        else:
            orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise failures.invalid_content(error.msg) from None
