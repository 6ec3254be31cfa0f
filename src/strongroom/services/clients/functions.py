"""Lambda, for services that run functions, and the way from a process to the pool that runs them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from strongroom.services.call import Call
from strongroom.store import Transaction

__all__ = ["FunctionInvoker", "InvocationRequest", "InvocationResult", "LambdaClient"]


@dataclass(frozen=True, slots=True)
class InvocationRequest:
    """One invocation of a function, as the process that owns the function pool receives it.

    Args:
        account: The function's account.
        region: Its region.
        function_arn: The function, without a qualifier.
        request_id: The invocation's id.
        payload: The event, JSON.
        log_tail: Whether to answer the end of the log.
        version: What is run: ``$LATEST``, or the number of a published version.
        qualifier: The version or alias that the caller named.
        client_context: JSON that the caller tells about itself.
    """

    account: str
    region: str
    function_arn: str
    request_id: str
    payload: bytes = field(repr=False)
    log_tail: bool = False
    version: str = "$LATEST"
    qualifier: str | None = None
    client_context: str | None = field(default=None, repr=False)

    @property
    def invoked_arn(self) -> str:
        """The ARN as the caller named it."""
        return self.function_arn if self.qualifier is None else f"{self.function_arn}:{self.qualifier}"


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """What a function answered.

    Args:
        payload: The answer, or the error object when ``function_error`` is set.
        function_error: ``Unhandled`` when the function failed.
        log_tail: The last 4 KiB of its output, when that was asked for.
        executed_version: The version that ran.
        log_stream: The stream of its log group that the output went to, where the pool is in this process.
    """

    payload: bytes = field(repr=False)
    function_error: str | None = None
    log_tail: bytes = field(default=b"", repr=False)
    executed_version: str = "$LATEST"
    log_stream: str = ""


class FunctionInvoker(Protocol):
    """Runs functions. In the background worker this is the pool; in a request worker, the way to it."""

    async def invoke(self, request: InvocationRequest) -> InvocationResult:
        """Run one invocation to its end.

        Raises:
            AwsError: The function does not exist or cannot be run (Lambda's own codes).
        """
        ...


class LambdaClient(Protocol):
    """Lambda, for services that call functions on somebody's behalf."""

    def authorize_invoke(self, transaction: Transaction, call: Call, function_arn: str) -> None:
        """Check that the call's caller may invoke the function (``lambda:InvokeFunction``).

        Raises:
            AwsError: Access denied, or ``ResourceNotFoundException``.
        """
        ...

    def admits_service(
        self, transaction: Transaction, function_arn: str, service: str, *, source_arn: str, source_account: str
    ) -> bool:
        """Whether the function exists and its policy lets ``service`` invoke it on behalf of ``source_arn``."""
        ...

    async def invoke_as_service(
        self, function_arn: str, payload: bytes, *, service: str, source_arn: str, source_account: str
    ) -> InvocationResult:
        """Invoke as a service, after checking the function's policy again.

        Raises:
            AwsError: ``AccessDeniedException`` or ``ResourceNotFoundException`` of Lambda.
        """
        ...
