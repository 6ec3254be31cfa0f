"""Calling a function: Invoke."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Final

import orjson

from strongroom.services.awslambda import failures
from strongroom.services.awslambda.access import INVOKE, authorized_function
from strongroom.services.awslambda.base import Operations
from strongroom.services.awslambda.configuration import check_features
from strongroom.services.awslambda.names import parse_reference
from strongroom.services.awslambda.records import FunctionRecord
from strongroom.services.awslambda.runtime import REQUEST_LIMIT
from strongroom.services.call import Call
from strongroom.services.clients import InvocationRequest
from strongroom.store import Transaction

__all__ = ["InvokeOperations"]

_EVENT_LIMIT: Final = 1024 * 1024  # bytes; Lambda quotas, "Invocation payload", asynchronous
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

        A function that fails is an answer with ``FunctionError``. An event is kept in memory only until it has run.

        Raises:
            AwsError: ``ResourceNotFoundException``; ``RequestTooLargeException``: more than 6 MB, or 1 MB for an event;
                ``InvalidRequestContentException``: the payload is not JSON; what `FunctionInvoker.invoke` raises.
        """
        reference = parse_reference(FunctionName, call.account, call.region, Qualifier)

        def permitted(transaction: Transaction) -> FunctionRecord:
            return authorized_function(transaction, call, reference, INVOKE)

        record = await call.read(permitted)
        check_features(
            {"ClientContext": ClientContext, "DurableExecutionName": DurableExecutionName, "TenantId": TenantId}
        )
        if InvocationType == "DryRun":
            return {"StatusCode": 204}
        await _check_payload(Payload, _EVENT_LIMIT if InvocationType == "Event" else REQUEST_LIMIT)
        request = InvocationRequest(
            account=record.account,
            region=record.region,
            function_arn=record.arn,
            request_id=call.request_id,
            payload=Payload,
            log_tail=LogType == "Tail",
        )
        if InvocationType == "Event":
            self._events.accept(request)
            return {"StatusCode": 202}
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
