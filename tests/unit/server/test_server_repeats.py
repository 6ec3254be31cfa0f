"""A request that repeats another is answered again only while nothing that its answer depends on can have changed."""

from __future__ import annotations

import asyncio
import configparser
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from strongroom.audit import verify
from strongroom.server.composition import House
from strongroom.server.dispatch import Dispatcher
from strongroom.server.settings import load_settings
from strongroom.server.setup import open_installation
from strongroom.wire import HttpRequest, HttpResponse
from strongroom.world import SystemClock, SystemEntropy, World

VALUE = "the value of a secret that is read again"


class _StoppedClock(SystemClock):
    """The time of the start, until it is moved."""

    def __init__(self) -> None:
        self.now = super().milliseconds() // 1000 * 1000

    def milliseconds(self) -> int:
        return self.now


class _Client:
    """Signs requests and hands them to the dispatcher as a connection does."""

    def __init__(self, dispatcher: Dispatcher, key: tuple[str, str]) -> None:
        self.dispatcher = dispatcher
        self.key = key

    def request(
        self, target: str, body: dict[str, object], *, agent: str = "agent", address: str = "127.0.0.1"
    ) -> HttpRequest:
        content = json.dumps(body).encode()
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target, "Host": "localhost"}
        signed = AWSRequest("POST", "http://localhost/", data=content, headers=headers)
        service = "kms" if target.startswith("Trent") else "secretsmanager"
        SigV4Auth(Credentials(*self.key), service, "us-east-1").add_auth(signed)
        lines = [(name.lower().encode(), str(value).encode()) for name, value in signed.headers.items()]
        lines.append((b"user-agent", agent.encode()))
        return HttpRequest("POST", b"/", b"", tuple(lines), content, address)

    async def call(self, target: str, **body: object) -> dict[str, Any]:
        answer = await self.dispatcher.handle(self.request(target, body), secure=False)
        assert answer.status == 200, answer.body
        found: dict[str, Any] = json.loads(answer.body or b"{}")
        return found

    async def again(self, request: HttpRequest, *, secure: bool = False) -> HttpResponse | None:
        """The answer of the repeated way, or None when it does not take the request."""
        answers: asyncio.Queue[HttpResponse] = asyncio.Queue()
        if not self.dispatcher.answer_again(request, secure=secure, respond=answers.put_nowait):
            return None
        return await asyncio.wait_for(answers.get(), 10)


class _Nobody:
    """Runs no functions."""


@asynccontextmanager
async def _client(folder: Path) -> AsyncIterator[tuple[_Client, _StoppedClock]]:
    clock = _StoppedClock()
    world = World(clock, SystemEntropy())
    settings = load_settings({"data_dir": folder / "data"})
    installation = open_installation(settings, world)
    profile = configparser.ConfigParser()
    profile.read(folder / "data" / "admin.credentials")
    key = profile["strongroom"]
    house = House.open(settings, installation.root_key, world, _Nobody())  # type: ignore[arg-type]
    try:
        yield _Client(Dispatcher(house), (key["aws_access_key_id"], key["aws_secret_access_key"])), clock
    finally:
        house.close()


async def _read_once(client: _Client, **value: object) -> tuple[str, HttpRequest]:
    """A secret that was read, with its date of access written, and the request that read it."""
    made = await client.call("secretsmanager.CreateSecret", Name="one", ClientRequestToken="t" * 32, **value)
    read = client.request("secretsmanager.GetSecretValue", {"SecretId": made["ARN"]})
    house = client.dispatcher._house
    before = house.store.version()
    await client.dispatcher.handle(read, secure=False)
    for _ in range(500):  # the first read of a day is noted behind the answer's back, which is a commit
        await asyncio.sleep(0.01)
        if house.store.version() != before:
            break
    for _ in range(2):
        await client.dispatcher.handle(read, secure=False)
    return made["ARN"], read


def _run(folder: Path, work: Callable[[_Client, _StoppedClock], Awaitable[None]]) -> None:
    async def run() -> None:
        async with _client(folder) as (client, clock):
            await work(client, clock)

    asyncio.run(run())


@pytest.mark.parametrize("value", [{"SecretString": VALUE}, {"SecretBinary": "AAECAwQ="}])
def test_the_answer_is_the_same_but_for_its_ids_and_recorded_each_time(tmp_path: Path, value: dict[str, str]) -> None:
    async def work(client: _Client, _clock: _StoppedClock) -> None:
        _, read = await _read_once(client, **value)
        long_way = await client.dispatcher.handle(read, secure=False)
        answers = [await client.again(read) for _ in range(3)]
        assert None not in answers
        bodies = [json.loads(answer.body) for answer in answers if answer]
        assert bodies == [json.loads(long_way.body)] * 3
        heads = [dict(answer.headers) for answer in (*answers, long_way) if answer]
        ids = {head.pop(b"x-amzn-requestid") for head in heads}
        assert len(ids) == 4
        assert all(head == heads[0] for head in heads)

    _run(tmp_path, work)
    lines = (tmp_path / "data" / "audit" / "trail.jsonl").read_bytes().splitlines()
    events = [json.loads(line)["event"] for line in lines]
    reads = [event for event in events if event["eventName"] == "GetSecretValue"]
    assert len(reads) == 7
    assert len({event["eventID"] for event in reads}) == len({event["requestID"] for event in reads}) == 7
    for event in reads:
        del event["eventID"], event["requestID"]
    assert all(event == reads[0] for event in reads)
    assert verify(tmp_path / "data" / "audit").problem is None


def test_nothing_else_counts_as_a_repetition(tmp_path: Path) -> None:
    async def work(client: _Client, clock: _StoppedClock) -> None:
        arn, read = await _read_once(client, SecretString=VALUE)
        target = "secretsmanager.GetSecretValue"
        body: dict[str, object] = {"SecretId": arn}
        assert await client.again(read) is not None
        assert await client.again(client.request(target, body, agent="another")) is None
        assert await client.again(client.request(target, body, address="127.0.0.2")) is None
        assert await client.again(client.request(target, {"SecretId": "one"})) is None
        assert await client.again(client.request("secretsmanager.DescribeSecret", body)) is None
        assert await client.again(read, secure=True) is None
        clock.now += 1000
        assert await client.again(read) is None

    _run(tmp_path, work)


def test_the_signature_is_verified_each_time(tmp_path: Path) -> None:
    async def work(client: _Client, clock: _StoppedClock) -> None:
        _, read = await _read_once(client, SecretString=VALUE)
        forged = tuple(
            (name, value[:-1] + (b"0" if value[-1:] != b"0" else b"1") if name == b"authorization" else value)
            for name, value in read.headers
        )
        assert await client.again(HttpRequest("POST", b"/", b"", forged, read.body, "127.0.0.1")) is None
        stranger = _Client(client.dispatcher, (client.key[0], hashlib.sha256(b"guess").hexdigest()))
        body = json.loads(read.body)
        assert await stranger.again(stranger.request("secretsmanager.GetSecretValue", body)) is None
        assert await client.again(read) is not None

    _run(tmp_path, work)


@pytest.mark.parametrize(
    ("target", "parameters"),
    [
        ("secretsmanager.PutSecretValue", {"SecretString": "new", "ClientRequestToken": "u" * 32}),
        ("secretsmanager.DeleteSecret", {}),
        (
            "secretsmanager.PutResourcePolicy",
            {
                "ResourcePolicy": json.dumps(
                    {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Effect": "Deny",
                                "Principal": "*",
                                "Action": "secretsmanager:GetSecretValue",
                                "Resource": "*",
                            }
                        ],
                    }
                )
            },
        ),
    ],
)
def test_a_commit_ends_it_at_once(tmp_path: Path, target: str, parameters: dict[str, object]) -> None:
    async def work(client: _Client, _clock: _StoppedClock) -> None:
        arn, read = await _read_once(client, SecretString=VALUE)
        assert await client.again(read) is not None
        await client.call(target, SecretId=arn, **parameters)
        assert await client.again(read) is None
        answer = await client.dispatcher.handle(read, secure=False)
        assert VALUE.encode() not in answer.body

    _run(tmp_path, work)


def test_no_record_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(client: _Client, _clock: _StoppedClock) -> None:
        _, read = await _read_once(client, SecretString=VALUE)
        trail = tmp_path / "data" / "audit" / "trail.jsonl"
        trail.rename(trail.with_suffix(".moved"))
        answer = await client.again(read)
        assert answer is not None
        assert answer.status == 500
        assert VALUE.encode() not in answer.body

    _run(tmp_path, work)


def test_a_repeated_generate_data_key_gives_new_keys_and_decrypt_opens_them(tmp_path: Path) -> None:
    async def work(client: _Client, _clock: _StoppedClock) -> None:
        key = (await client.call("TrentService.CreateKey"))["KeyMetadata"]["Arn"]
        context = {"purpose": "test"}
        generate = client.request(
            "TrentService.GenerateDataKey", {"KeyId": key, "KeySpec": "AES_256", "EncryptionContext": context}
        )
        first = json.loads((await client.dispatcher.handle(generate, secure=False)).body)
        assert await client.again(generate) is None, "what came once is not kept"
        await client.dispatcher.handle(generate, secure=False)
        answers = [await client.again(generate) for _ in range(3)]
        made = [first, *(json.loads(answer.body) for answer in answers if answer)]
        assert len({answer["Plaintext"] for answer in made}) == len({answer["CiphertextBlob"] for answer in made}) == 4
        assert all(answer.keys() == first.keys() for answer in made)
        blob = made[-1]["CiphertextBlob"]
        decrypt = client.request("TrentService.Decrypt", {"CiphertextBlob": blob, "EncryptionContext": context})
        for _ in range(2):
            opened = await client.dispatcher.handle(decrypt, secure=False)
        again = await client.again(decrypt)
        assert again is not None
        assert json.loads(again.body) == json.loads(opened.body)
        assert json.loads(again.body)["Plaintext"] == made[-1]["Plaintext"]
        await client.call("TrentService.DisableKey", KeyId=key)
        assert await client.again(decrypt) is None
        assert await client.again(generate) is None

    _run(tmp_path, work)


def test_what_was_kept_is_let_go_when_its_second_is_over(tmp_path: Path) -> None:
    async def work(client: _Client, clock: _StoppedClock) -> None:
        _, read = await _read_once(client, SecretString=VALUE)
        repeats = client.dispatcher._repeats
        client.dispatcher.forget_past()
        assert repeats.may_know(read.body)
        clock.now += 1000
        client.dispatcher.forget_past()
        assert not repeats.may_know(read.body)

    _run(tmp_path, work)
