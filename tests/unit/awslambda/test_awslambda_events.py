"""Event invocations: tried three times, and not accepted without end."""

from __future__ import annotations

import asyncio

import pytest

from strongroom.errors import AwsError
from strongroom.services.awslambda.events import EventQueue
from strongroom.services.clients import InvocationRequest, InvocationResult

REQUEST = InvocationRequest("1", "r", "arn", "id", b"{}")
FINE = InvocationResult(b"{}")
FAILED = InvocationResult(b"{}", "Unhandled")


class _Invoker:
    """Answers what it was told to, in turn."""

    def __init__(self, *answers: InvocationResult | AwsError) -> None:
        self._answers = list(answers)
        self.finished = asyncio.Event()

    async def invoke(self, request: InvocationRequest) -> InvocationResult:
        assert request is REQUEST
        answer = self._answers.pop(0)
        if not self._answers:
            self.finished.set()
        if isinstance(answer, AwsError):
            raise answer
        return answer


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("answers", "given_up"),
    [
        ([FINE], False),
        ([FAILED, FINE], False),
        ([AwsError("ServiceException", "away", status=500), FAILED, FINE], False),
        ([FAILED, FAILED, FAILED], True),
        ([FAILED, FAILED, AwsError("TooManyRequestsException", "full")], True),
    ],
)
def test_tries(answers: list[InvocationResult | AwsError], given_up: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        invoker = _Invoker(*answers)
        EventQueue(invoker, retry_seconds=(0, 0)).accept(REQUEST)
        await invoker.finished.wait()
        await _settle()

    asyncio.run(scene())
    assert ("is given up" in caplog.text) == given_up


def test_too_many_waiting() -> None:
    class Stuck:
        async def invoke(self, request: InvocationRequest) -> InvocationResult:
            await asyncio.Event().wait()
            return FINE

    async def scene() -> None:
        queue = EventQueue(Stuck(), most_waiting=2)
        queue.accept(REQUEST)
        queue.accept(REQUEST)
        with pytest.raises(AwsError) as refused:
            queue.accept(REQUEST)
        assert refused.value.code == "TooManyRequestsException"

    asyncio.run(scene())
