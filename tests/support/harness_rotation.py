"""The rotation engine in this process: a scripted function and a movable clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
from tests.support.harness_secretsmanager import FUNCTION, Functions, SecretsHarness, token

from strongroom.services.clients import InvocationResult
from strongroom.services.secretsmanager import SecretsManagerSettings
from strongroom.services.secretsmanager.rotation import RotationEngine

__all__ = ["Behaviour", "RotationHarness"]

Behaviour = Callable[[str, dict[str, str]], Awaitable[str | None]]


class RotationHarness(SecretsHarness):
    """A secret, an engine, and a function that does what a test says.

    Attributes:
        steps: What the function was called for, in order.
        behaviour: Called for each step; answers the type of an error, or None.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, SecretsManagerSettings(allow_minute_schedules=True))
        self.steps: list[str] = []
        self.behaviour: Behaviour = self.rotate_well
        self.functions = _Scripted(self)
        self.secrets.functions = self.functions
        self.engine = self.make_engine()

    def make_engine(self) -> RotationEngine:
        """Another engine on the same store, as another process has."""
        return RotationEngine(self.store, self.keyring, self.world, self.functions)

    async def rotate_well(self, step: str, event: dict[str, str]) -> str | None:
        """What a good function does: put a value, and at the end move AWSCURRENT."""
        arn, version = event["SecretId"], event["ClientRequestToken"]
        if step == "createSecret":
            await self.secrets.put_secret_value(
                await self.call_of("PutSecretValue"),
                SecretId=arn,
                ClientRequestToken=version,
                SecretString=f"rotated-{version}",
                VersionStages=["AWSPENDING"],
                RotationToken=event["RotationToken"],
            )
        if step == "finishSecret":
            stages = (await self.describe(arn))["VersionIdsToStages"]
            current = next(held for held, labels in stages.items() if "AWSCURRENT" in labels)
            await self.secrets.update_secret_version_stage(
                await self.call_of("UpdateSecretVersionStage"),
                SecretId=arn,
                VersionStage="AWSCURRENT",
                MoveToVersionId=version,
                RemoveFromVersionId=current,
            )
        return None

    async def describe(self, arn: str) -> dict[str, Any]:
        """DescribeSecret."""
        return await self.secrets.describe_secret(await self.call_of("DescribeSecret"), SecretId=arn)

    async def rotate(self, arn: str, **parameters: object) -> str:
        """RotateSecret; answers the token."""
        call = await self.call_of("RotateSecret")
        parameters = {"RotationLambdaARN": FUNCTION, "ClientRequestToken": token(), **parameters}
        answer = await self.secrets.rotate_secret(call, SecretId=arn, **parameters)  # type: ignore[arg-type]
        return str(answer["VersionId"])

    async def run(self, *, after_ms: int = 0) -> None:
        """Let time pass, take one turn, and wait for what it began."""
        self.clock.now_ms += after_ms
        await self.engine.turn()
        while self.engine._running:
            await asyncio.gather(*self.engine._running)

    def events(self) -> list[str]:
        """Names of the service events so far."""
        found = [orjson.loads(event) for event in self.journal.events]
        return [event["eventName"] for event in found if event.get("eventType") == "AwsServiceEvent"]


class _Scripted(Functions):
    def __init__(self, rig: RotationHarness) -> None:
        super().__init__()
        self._rig = rig

    async def invoke_as_service(
        self, function_arn: str, payload: bytes, *, service: str, source_arn: str, source_account: str
    ) -> InvocationResult:
        event = orjson.loads(payload)
        self._rig.steps.append(event["Step"])
        problem = await self._rig.behaviour(event["Step"], event)
        if problem is None:
            return InvocationResult(payload=b"null")
        answer = orjson.dumps({"errorType": problem, "errorMessage": "the password is canary"})
        return InvocationResult(payload=answer, function_error="Unhandled")
