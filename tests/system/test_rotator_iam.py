"""The rotator of IAM access keys, against Strongroom's own IAM."""

from __future__ import annotations

import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.support.databases import STEPS, TOKEN, complete, rotating, run
from tests.support.secrets_manager import RotatingSecret
from tests.support.server import RunningServer

from strongroom.rotators import iam_access_key
from strongroom.rotators.contract import RotationError

handler = iam_access_key.lambda_handler


@pytest.fixture
def secret(strongroom: RunningServer, monkeypatch: pytest.MonkeyPatch) -> RotatingSecret:
    for name, text in strongroom.environment().items():
        monkeypatch.setenv(name, text)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setattr(iam_access_key, "_FIRST_PAUSE_SECONDS", 0)
    user = f"app-{uuid.uuid4().hex[:8]}"
    iam = strongroom.client("iam")
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return rotating(
        monkeypatch,
        {
            "UserName": user,
            "AccessKeyId": key["AccessKeyId"],
            "SecretAccessKey": key["SecretAccessKey"],
            "color": "blue",
        },
    )


def keys(strongroom: RunningServer, secret: RotatingSecret) -> dict[str, str]:
    found: Any = strongroom.client("iam").list_access_keys(UserName=secret.read("AWSCURRENT")["UserName"])
    return {key["AccessKeyId"]: key["Status"] for key in found["AccessKeyMetadata"]}


def works(value: dict[str, object]) -> bool:
    client = boto3.session.Session().client(
        "sts",
        aws_access_key_id=str(value["AccessKeyId"]),
        aws_secret_access_key=str(value["SecretAccessKey"]),
    )
    try:
        client.get_caller_identity()
    except ClientError as error:
        assert error.response["Error"]["Code"] == "SignatureDoesNotMatch"  # noqa: PT017 - no other failure is expected
        return False
    return True


def test_a_key_is_replaced(strongroom: RunningServer, secret: RotatingSecret) -> None:
    first = secret.read("AWSCURRENT")
    for step in STEPS:
        run(handler, step, step)
        assert works(first) == (step != "finishSecret")
    second = secret.read("AWSCURRENT")
    assert second.keys() == first.keys()
    assert (second["color"], second["UserName"]) == ("blue", first["UserName"])
    assert works(second)
    assert keys(strongroom, secret) == {first["AccessKeyId"]: "Inactive", second["AccessKeyId"]: "Active"}

    secret.stages[TOKEN] = ["AWSCURRENT"]
    complete(handler, secret, 2)
    third = secret.read("AWSCURRENT")
    assert keys(strongroom, secret) == {second["AccessKeyId"]: "Inactive", third["AccessKeyId"]: "Active"}


def test_the_old_key_may_stay(secret: RotatingSecret, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEP_PREVIOUS", "true")
    first = secret.read("AWSCURRENT")
    run(handler)
    second = secret.read("AWSCURRENT")
    assert works(first)
    secret.stages[TOKEN] = ["AWSCURRENT"]
    complete(handler, secret, 2)
    assert [works(value) for value in (first, second, secret.read("AWSCURRENT"))] == [False, True, True]


def test_a_finish_that_was_interrupted_still_ends_the_old_key(
    strongroom: RunningServer, secret: RotatingSecret, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = secret.read("AWSCURRENT")
    run(handler, *STEPS[:3])
    with monkeypatch.context() as broken:
        broken.setattr(iam_access_key._AccessKey, "retire", lambda *_: (_ for _ in ()).throw(TimeoutError))
        with pytest.raises(TimeoutError):
            run(handler, "finishSecret")
    assert works(first)
    run(handler, "finishSecret")
    assert not works(first)
    assert works(secret.read("AWSCURRENT"))


def test_somebody_else_s_key_is_left_alone(strongroom: RunningServer, secret: RotatingSecret) -> None:
    user = secret.read("AWSCURRENT")["UserName"]
    other = strongroom.client("iam").create_access_key(UserName=user)["AccessKey"]
    with pytest.raises(RotationError, match=f"another active key, {other['AccessKeyId']}"):
        run(handler, "createSecret")
    assert works(other)
    strongroom.client("iam").update_access_key(UserName=user, AccessKeyId=other["AccessKeyId"], Status="Inactive")
    run(handler)
    assert other["AccessKeyId"] not in keys(strongroom, secret)


def test_a_key_that_cannot_be_stored_is_taken_back(
    strongroom: RunningServer, secret: RotatingSecret, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_parameters: object) -> object:
        raise ClientError({"Error": {"Code": "InternalServiceError"}}, "PutSecretValue")

    monkeypatch.setattr(secret, "put_secret_value", refuse)
    with pytest.raises(ClientError):
        run(handler, "createSecret")
    assert list(keys(strongroom, secret)) == [secret.read("AWSCURRENT")["AccessKeyId"]]


def test_a_key_of_another_user_proves_nothing(strongroom: RunningServer, secret: RotatingSecret) -> None:
    run(handler, "createSecret")
    pending = secret.read("AWSPENDING")
    admin = strongroom.administrator
    forged = {**pending, "AccessKeyId": admin.access_key_id, "SecretAccessKey": admin.secret_access_key}
    secret.put(TOKEN, forged, "AWSPENDING")
    with pytest.raises(RotationError, match="belongs to") as raised:
        run(handler, "testSecret")
    assert admin.secret_access_key not in str(raised.value)
    secret.put(TOKEN, {**pending, "SecretAccessKey": "n3w-canary"}, "AWSPENDING")
    with pytest.raises(RotationError, match="does not work: SignatureDoesNotMatch") as raised:
        run(handler, "testSecret")
    assert "canary" not in str(raised.value)
