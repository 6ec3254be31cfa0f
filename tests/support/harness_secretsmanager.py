"""Secrets Manager in this process, on a SQLite store of its own: for what cannot be seen from outside the server."""

from __future__ import annotations

import asyncio
import functools
import uuid
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ParamSpec

from sqlalchemy import bindparam, select
from tests.support.harness_kms import ACCOUNT, KmsHarness, allow

from strongroom.services.call import Call, CallProgress
from strongroom.services.clients import InvocationResult
from strongroom.services.iam import IamServiceClient
from strongroom.services.secretsmanager import SecretsManager, SecretsManagerSettings
from strongroom.services.secretsmanager.versions import Version
from strongroom.store import Statement, Transaction
from strongroom.store.schema import secret_versions

__all__ = ["FUNCTION", "Accounts", "Functions", "SecretsHarness", "in_loop", "token"]

P = ParamSpec("P")

_VERSIONS = Statement(
    select(*(secret_versions.c[name] for name in Version.__dataclass_fields__))
    .where(secret_versions.c.arn == bindparam("arn"))
    .order_by(secret_versions.c.created_ms, secret_versions.c.version_id)
)

FUNCTION = f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:rotate"


def token() -> str:
    """A fresh ClientRequestToken."""
    return str(uuid.uuid4())


def in_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an asynchronous test in an event loop of its own."""

    @functools.wraps(test)
    def run(*arguments: P.args, **keywords: P.kwargs) -> None:
        asyncio.run(test(*arguments, **keywords))

    return run


class Functions:
    """Lambda with functions that exist as soon as they are named, and admit Secrets Manager if told so."""

    def __init__(self) -> None:
        self.admits = True

    def authorize_invoke(self, transaction: Transaction, call: Call, function_arn: str) -> None:
        call.authorize("lambda:InvokeFunction", function_arn)

    def admits_service(
        self, transaction: Transaction, function_arn: str, service: str, *, source_arn: str, source_account: str
    ) -> bool:
        return self.admits

    async def invoke_as_service(
        self, function_arn: str, payload: bytes, *, service: str, source_arn: str, source_account: str
    ) -> InvocationResult:
        raise AssertionError("a request never invokes")


class Accounts:
    """An installation with every account there can be, all of one organization."""

    def exists(self, transaction: Transaction, account: str) -> bool:
        return True

    def same_organization(self, transaction: Transaction, one: str, other: str) -> bool:
        return True


class SecretsHarness(KmsHarness):
    """A store, KMS and Secrets Manager on it.

    Args:
        folder: Where the database file goes.
        settings: Settings of Secrets Manager.
    """

    def __init__(self, folder: Path, settings: SecretsManagerSettings | None = None) -> None:
        super().__init__(folder)
        self.functions = Functions()
        self.secrets = SecretsManager(
            self.store,
            self.keyring,
            self.world,
            self.client,
            self.functions,
            IamServiceClient(self.store, self.keyring, self.world),
            Accounts(),
            settings or SecretsManagerSettings(),
        )

    async def call_of(
        self,
        operation: str,
        policy: Mapping[str, object] | None = None,
        *,
        account: str = ACCOUNT,
        name: str = "someone",
    ) -> Call:
        """A call of one operation; allowed everything unless a policy is given."""
        call = await self.call(policy or allow("*"), account=account, name=name)
        return replace(call, service="secretsmanager", operation=operation, progress=CallProgress())

    async def create(self, name: str, value: str | None = "v1", **parameters: object) -> str:
        """A new secret; answers its ARN."""
        if value is not None:
            parameters["SecretString"] = value
        answer = await self.secrets.create_secret(
            await self.call_of("CreateSecret"),
            Name=name,
            ClientRequestToken=str(parameters.pop("ClientRequestToken", token())),
            **parameters,  # type: ignore[arg-type]
        )
        return str(answer["ARN"])

    def versions(self, arn: str) -> list[Version]:
        """The rows of a secret's versions, the oldest first."""
        return [Version(*row) for row in self.store.read_now(lambda tx: tx.all(_VERSIONS, {"arn": arn}))]

    async def get(self, secret_id: str, **parameters: str) -> dict[str, object]:
        """GetSecretValue by one who may do everything."""
        return await self.secrets.get_secret_value(
            await self.call_of("GetSecretValue"), SecretId=secret_id, **parameters
        )
