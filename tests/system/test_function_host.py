"""The function host on a real store: code, variables, credentials and logs come together."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import zipfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from strongroom.errors import AwsError
from strongroom.keyring import Keyring, RootKey
from strongroom.services.awslambda import host as host_module
from strongroom.services.awslambda.archives import sealed_archive
from strongroom.services.awslambda.host import FunctionHost
from strongroom.services.awslambda.records import (
    FunctionRecord,
    delete_function,
    insert_function,
    save_function,
    store_code,
)
from strongroom.services.call import Call
from strongroom.services.clients import InvocationRequest, SessionCredentials
from strongroom.services.kms import Kms, KmsServiceClient
from strongroom.store import Store, Transaction, open_store
from strongroom.store.migrate import migrate
from strongroom.world import SystemEntropy, World

pytestmark = pytest.mark.system

ACCOUNT, REGION, NAME = "111122223333", "eu-central-1", "f"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{NAME}"
SOURCE = """
import os

def handler(event, context):
    print("printed by the handler")
    return [os.environ["VALUE"], os.environ["AWS_ACCESS_KEY_ID"], context.log_stream_name, os.getpid()]
"""


class _NoJournal:
    def append_now(self, events: Sequence[bytes]) -> None:
        assert not events


class _Iam:
    """Roles that are always there."""

    def authorize_pass_role(self, transaction: Transaction, call: Call, role_arn: str, service: str) -> None:
        raise AssertionError

    def create_access_role(
        self, transaction: Transaction, account: str, trusted_account: str, name: str, now_ms: int
    ) -> None:
        raise AssertionError

    def service_session(
        self, transaction: Transaction, role_arn: str, service: str, session_name: str, seconds: int, now_ms: int
    ) -> SessionCredentials:
        assert (role_arn, service, session_name) == ("role", "lambda.amazonaws.com", NAME)
        return SessionCredentials("ASIAEXAMPLE", "secret", "token", now_ms + seconds * 1000)


class _Log:
    """Remembers what functions print."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def start(self) -> None:
        return

    def write(
        self, account: str, region: str, log_group: str, log_stream: str, entries: Sequence[tuple[int, str]]
    ) -> None:
        assert (account, region, log_group) == (ACCOUNT, REGION, f"/aws/lambda/{NAME}")
        self.lines += [(log_stream, text) for _, text in entries]

    async def stop(self) -> None:
        return


def sealed_variables(keyring: Keyring, arn: str, value: str) -> bytes:
    """Variables as they were sealed before KMS keys did that."""
    return keyring.seal_system("function-environment", json.dumps({"VALUE": value}).encode(), {"FunctionArn": arn})


class Stage:
    """A store, a host on it, and one function."""

    def __init__(self, store: Store, host: FunctionHost, keyring: Keyring, log: _Log) -> None:
        self.store = store
        self.host = host
        self.keyring = keyring
        self.log = log

    async def put(self, source: str = SOURCE, *, value: str = "one", revision: str = "r1") -> FunctionRecord:
        """Store the function, new or again."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("mod.py", source)
        code = await sealed_archive(self.keyring, ARN, buffer.getvalue(), "CreateFunction")
        record = FunctionRecord(
            arn=ARN,
            account=ACCOUNT,
            region=REGION,
            name=NAME,
            description="",
            runtime=f"python3.{sys.version_info.minor}",
            handler="mod.handler",
            role_arn="role",
            timeout_seconds=20,
            memory_megabytes=128,
            environment=sealed_variables(self.keyring, ARN, value),
            kms_key_arn=None,
            code_sha256=code.sha256,
            code_bytes=code.size,
            revision_id=revision,
            policy_revision_id=None,
            policy=None,
            modified_ms=0,
        )

        def work(transaction: Transaction) -> None:
            delete_function(transaction, ARN)
            insert_function(transaction, record)
            store_code(transaction, ARN, code.sha256, code.sealed)

        await self.store.write(work)
        return record

    async def call(self) -> list[object]:
        result = await self.host.invoke(InvocationRequest(ACCOUNT, REGION, ARN, "request", b"{}"))
        assert result.function_error is None, result.payload
        answer: list[object] = json.loads(result.payload)
        return answer


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    path = folder / "strongroom.db"
    migrate(str(path))
    store = open_store(str(path), _NoJournal())
    keyring = Keyring(RootKey.generate(SystemEntropy()), World.real())
    host = FunctionHost.prepare(
        endpoint_url="http://127.0.0.1:4566", work_dir=folder / "work", ca_bundle=None, max_processes=4
    )
    try:
        log = _Log()
        kms = KmsServiceClient(Kms(store, keyring, World.real(), frozenset({REGION})))
        await host.start(store, keyring, World.real(), _Iam(), kms, log)
        yield Stage(store, host, keyring, log)
        await host.stop()
    finally:
        store.close()


def test_a_function_runs_with_what_is_stored(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stage(tmp_path) as scenery:
            await scenery.put()
            first = await scenery.call()
            assert first[:2] == ["one", "ASIAEXAMPLE"]
            assert await scenery.call() == first, "the process stays warm"
            await scenery.host.stop()
            printed = [text for stream, text in scenery.log.lines if stream == first[2]]
            assert printed.count("printed by the handler") == 2
            assert sum(line.startswith("REPORT RequestId: request") for line in printed) == 2

    asyncio.run(scene())


def test_a_change_is_seen_by_the_next_invocation(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stage(tmp_path) as scenery:
            record = await scenery.put()
            first = await scenery.call()
            changed = replace(record, revision_id="r2", environment=sealed_variables(scenery.keyring, ARN, "two"))
            await scenery.store.write(lambda transaction: save_function(transaction, changed))
            second = await scenery.call()
            assert second[0] == "two"
            assert second[2] != first[2]
            assert await scenery.call() == second, "retiring the old process spares the new one"

    asyncio.run(scene())


def test_a_function_that_is_gone_is_not_run_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "_WATCH_SECONDS", 0.01)

    async def scene() -> None:
        async with stage(tmp_path) as scenery:
            await scenery.put()
            await scenery.call()
            unpacked = list((tmp_path / "work").rglob("mod.py"))
            await scenery.store.write(lambda transaction: delete_function(transaction, ARN))
            with pytest.raises(AwsError) as refused:
                await scenery.call()
            assert refused.value.code == "ResourceNotFoundException"
            assert unpacked
            while any(path.exists() for path in unpacked):  # noqa: ASYNC110 - a file that goes away sets no event
                await asyncio.sleep(0.01)

    asyncio.run(scene())


def test_attack_18_variables_of_another_function_do_not_open(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        async with stage(tmp_path) as scenery:
            record = await scenery.put()
            moved = replace(record, environment=sealed_variables(scenery.keyring, ARN + "2", "two"))
            await scenery.store.write(lambda transaction: save_function(transaction, moved))
            with pytest.raises(AwsError) as refused:
                await scenery.call()
            assert (refused.value.code, refused.value.status) == ("ServiceException", 500)

    asyncio.run(scene())
    assert "does not open under the root key" in caplog.text


def test_a_host_that_does_not_run(tmp_path: Path) -> None:
    async def scene() -> None:
        host = FunctionHost.prepare(endpoint_url="http://x", work_dir=tmp_path, ca_bundle=None, max_processes=1)
        with pytest.raises(AwsError) as refused:
            await host.invoke(InvocationRequest(ACCOUNT, REGION, ARN, "request", b"{}"))
        assert refused.value.code == "ServiceException"
        await host.stop()

    asyncio.run(scene())
