"""Many clients at once, on several request workers: nothing is lost, and what one writes all others read at once."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.support.server import Credentials, RunningServer
from tests.support.versions import version_ids

pytestmark = pytest.mark.system

WRITERS = READERS = 8
ROUNDS = 12


def _own_client(server: RunningServer, who: Credentials | None = None) -> Any:
    """A Secrets Manager client with connections of its own, so that its requests reach any worker. No retries."""
    credentials = who or server.administrator
    return boto3.session.Session().client(
        "secretsmanager",
        endpoint_url=server.endpoint,
        region_name=server.region,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        config=Config(retries={"total_max_attempts": 1}),
    )


def _together(*works: Callable[[], None]) -> None:
    """Run ``works`` at the same time; raise the first error of any of them."""
    start = threading.Barrier(len(works))

    def begin(work: Callable[[], None]) -> None:
        start.wait(30)
        work()

    with ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(begin, work) for work in works]:
            done.result()


def test_eight_writers_and_eight_readers_of_one_secret(strongroom: RunningServer) -> None:
    name = f"counter-{uuid.uuid4().hex[:12]}"
    strongroom.client("secretsmanager").create_secret(Name=name, SecretString="start 0")
    clients = [_own_client(strongroom) for _ in range(WRITERS + READERS)]
    acknowledged: dict[str, str] = {}
    written = {"start 0"}

    def write(number: int) -> None:
        client, other = clients[number], clients[WRITERS + number]
        for step in range(ROUNDS):
            value = f"{number} {step}"
            written.add(value)
            version = client.put_secret_value(SecretId=name, SecretString=value)["VersionId"]
            acknowledged[version] = value
            # Another connection, and so possibly another worker, reads it at once.
            assert other.get_secret_value(SecretId=name, VersionId=version)["SecretString"] == value

    def read(number: int) -> None:
        client = clients[WRITERS + number]
        for _ in range(ROUNDS * 2):
            found = client.get_secret_value(SecretId=name)
            assert found["SecretString"] in written
            assert "AWSCURRENT" in found["VersionStages"]

    _together(
        *(partial(write, number) for number in range(WRITERS)),
        *(partial(read, number) for number in range(READERS)),
    )

    client = clients[0]
    assert len(acknowledged) == WRITERS * ROUNDS
    found = version_ids(client, name)
    assert len(found) == len(set(found)) == WRITERS * ROUNDS + 1
    assert set(acknowledged) <= set(found)
    for version, value in acknowledged.items():
        assert client.get_secret_value(SecretId=name, VersionId=version)["SecretString"] == value
    stages = client.describe_secret(SecretId=name)["VersionIdsToStages"]
    assert sorted(stages.values()) == [["AWSCURRENT"], ["AWSPREVIOUS"]]


def test_of_writers_with_one_token_one_value_wins(strongroom: RunningServer) -> None:
    name = f"token-{uuid.uuid4().hex[:12]}"
    strongroom.client("secretsmanager").create_secret(Name=name, SecretString="start")
    clients = [_own_client(strongroom) for _ in range(WRITERS)]
    token = str(uuid.uuid4())
    outcomes: list[tuple[str, str]] = []

    def write(number: int) -> None:
        try:
            clients[number].put_secret_value(SecretId=name, SecretString=str(number), ClientRequestToken=token)
        except ClientError as error:
            outcomes.append((str(number), error.response["Error"]["Code"]))
        else:
            outcomes.append((str(number), "ok"))

    _together(*(partial(write, number) for number in range(WRITERS)))
    (winner,) = [value for value, outcome in outcomes if outcome == "ok"]
    assert {outcome for _, outcome in outcomes} == {"ok", "ResourceExistsException"}
    assert clients[0].get_secret_value(SecretId=name, VersionId=token)["SecretString"] == winner


def test_of_creators_of_one_name_one_wins(strongroom: RunningServer) -> None:
    name = f"name-{uuid.uuid4().hex[:12]}"
    clients = [_own_client(strongroom) for _ in range(WRITERS)]
    outcomes: list[str] = []

    def create(number: int) -> None:
        try:
            outcomes.append(clients[number].create_secret(Name=name, SecretString=str(number))["ARN"])
        except ClientError as error:
            outcomes.append(error.response["Error"]["Code"])

    _together(*(partial(create, number) for number in range(WRITERS)))
    assert outcomes.count("ResourceExistsException") == WRITERS - 1
    (arn,) = [outcome for outcome in outcomes if outcome != "ResourceExistsException"]
    assert clients[0].describe_secret(SecretId=name)["ARN"] == arn


def _outcome(client: Any, name: str) -> str:
    try:
        client.get_secret_value(SecretId=name)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "ok"


def test_a_right_that_was_taken_away_is_gone_on_the_next_request_of_every_worker(strongroom: RunningServer) -> None:
    name = f"right-{uuid.uuid4().hex[:12]}"
    strongroom.client("secretsmanager").create_secret(Name=name, SecretString="value")
    user = strongroom.make_user()
    iam = strongroom.client("iam")
    policy = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*",'
        ' "Action": ["secretsmanager:GetSecretValue", "kms:Decrypt"]}]}'
    )
    clients = [_own_client(strongroom, user) for _ in range(6)]
    for _ in range(8):
        iam.put_user_policy(UserName=user.user_name, PolicyName="read", PolicyDocument=policy)
        assert [_outcome(client, name) for client in clients] == ["ok"] * len(clients)
        iam.delete_user_policy(UserName=user.user_name, PolicyName="read")
        assert [_outcome(client, name) for client in clients] == ["AccessDeniedException"] * len(clients)


def test_a_key_that_was_switched_off_is_refused_on_the_next_request_of_every_worker(strongroom: RunningServer) -> None:
    name = f"key-{uuid.uuid4().hex[:12]}"
    strongroom.client("secretsmanager").create_secret(Name=name, SecretString="value")
    allow = {"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue", "kms:Decrypt"], "Resource": "*"}
    user = strongroom.make_user({"Version": "2012-10-17", "Statement": [allow]})
    iam = strongroom.client("iam")
    clients = [_own_client(strongroom, user) for _ in range(6)]
    for _ in range(4):
        for status, expected in (("Active", "ok"), ("Inactive", "InvalidSignatureException")):
            iam.update_access_key(UserName=user.user_name, AccessKeyId=user.access_key_id, Status=status)
            assert [_outcome(client, name) for client in clients] == [expected] * len(clients)


def test_a_kms_key_that_was_disabled_opens_nothing_from_the_next_request_on(strongroom: RunningServer) -> None:
    name = f"kms-{uuid.uuid4().hex[:12]}"
    kms = strongroom.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    strongroom.client("secretsmanager").create_secret(Name=name, SecretString="value", KmsKeyId=key)
    clients = [_own_client(strongroom) for _ in range(6)]
    for _ in range(4):
        assert [_outcome(client, name) for client in clients] == ["ok"] * len(clients)
        kms.disable_key(KeyId=key)
        assert "ok" not in [_outcome(client, name) for client in clients]
        kms.enable_key(KeyId=key)
