"""Key policies through boto3, and the service's own key."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.refusals import told
from tests.support.server import RunningServer


@pytest.fixture
def kms(strongroom: RunningServer) -> Any:
    return strongroom.client("kms")


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(principal: str, *actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": list(actions), "Resource": "*"}


@pytest.fixture
def root(strongroom: RunningServer) -> str:
    return f"arn:aws:iam::{strongroom.account}:root"


def test_the_default_policy(kms: Any, root: str) -> None:
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    found = kms.get_key_policy(KeyId=arn)
    assert found["PolicyName"] == "default"
    assert json.loads(found["Policy"]) == {
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [
            {
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": root},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }
    assert kms.list_key_policies(KeyId=arn)["PolicyNames"] == ["default"]


def test_a_key_policy_alone_gives_permission(kms: Any, strongroom: RunningServer, root: str) -> None:
    user = strongroom.make_user()
    written = policy(allow(root, "kms:*"), allow(user.arn, "kms:Encrypt"))
    arn = kms.create_key(Policy=written)["KeyMetadata"]["Arn"]
    assert kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"] == written
    client = strongroom.client("kms", user)
    sealed = client.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    with pytest.raises(ClientError) as refused:
        client.decrypt(CiphertextBlob=sealed)
    assert told(refused)[0] == "AccessDeniedException"


def test_a_key_policy_holds_from_the_next_request_on(kms: Any, strongroom: RunningServer, root: str) -> None:
    user = strongroom.make_user()
    client = strongroom.client("kms", user)
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    for _ in range(3):
        with pytest.raises(ClientError):
            client.encrypt(KeyId=arn, Plaintext=b"x")
        kms.put_key_policy(KeyId=arn, Policy=policy(allow(root, "kms:*"), allow(user.arn, "kms:Encrypt")))
        client.encrypt(KeyId=arn, Plaintext=b"x")
        kms.put_key_policy(KeyId=arn, Policy=policy(allow(root, "kms:*")))


def test_identity_policies_do_not_count_unless_the_key_policy_says_so(kms: Any, strongroom: RunningServer) -> None:
    administrator = strongroom.client("sts").get_caller_identity()["Arn"]
    arn = kms.create_key(Policy=policy(allow(administrator, "kms:*")))["KeyMetadata"]["Arn"]
    statement = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
    user = strongroom.client("kms", strongroom.make_user({"Version": "2012-10-17", "Statement": [statement]}))
    with pytest.raises(ClientError) as refused:
        user.encrypt(KeyId=arn, Plaintext=b"x")
    code, text = told(refused)
    assert code == "AccessDeniedException"
    assert "because no resource-based policy allows the kms:Encrypt action" in text


def test_nobody_locks_himself_out(kms: Any, root: str) -> None:
    useless = policy(allow(root, "kms:Encrypt", "kms:GetKeyPolicy"))
    expected = (
        "MalformedPolicyDocumentException",
        "The new key policy will not allow you to update the key policy in the future.",
    )
    with pytest.raises(ClientError) as refused:
        kms.create_key(Policy=useless)
    assert told(refused) == expected
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    with pytest.raises(ClientError) as refused:
        kms.put_key_policy(KeyId=arn, Policy=useless)
    assert told(refused) == expected
    kms.put_key_policy(KeyId=arn, Policy=useless, BypassPolicyLockoutSafetyCheck=True)
    assert kms.get_key_policy(KeyId=arn)["Policy"] == useless
    with pytest.raises(ClientError) as refused:
        kms.put_key_policy(KeyId=arn, Policy=useless, BypassPolicyLockoutSafetyCheck=True)
    assert told(refused)[0] == "AccessDeniedException"


@pytest.mark.parametrize("text", ["{", "[]", '{"Version": "2012-10-17"}', policy({"Effect": "Allow"})])
def test_a_policy_that_is_none(kms: Any, text: str) -> None:
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    uses: tuple[Callable[[], Any], ...] = (
        lambda: kms.put_key_policy(KeyId=arn, Policy=text),
        lambda: kms.create_key(Policy=text),
    )
    for use in uses:
        with pytest.raises(ClientError) as refused:
            use()
        assert told(refused)[0] == "MalformedPolicyDocumentException"


def test_a_policy_of_another_name(kms: Any) -> None:
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    with pytest.raises(ClientError) as refused:
        kms.get_key_policy(KeyId=arn, PolicyName="other")
    assert told(refused) == ("NotFoundException", "No such policy exists")


def test_attack_08_a_weak_user_does_not_raise_itself_by_a_key_policy(
    kms: Any, strongroom: RunningServer, root: str
) -> None:
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    statement = {"Effect": "Allow", "Action": ["kms:GetKeyPolicy", "kms:DescribeKey"], "Resource": "*"}
    user = strongroom.make_user({"Version": "2012-10-17", "Statement": [statement]})
    weak = strongroom.client("kms", user)
    before = weak.get_key_policy(KeyId=arn)["Policy"]
    for bypass in (False, True):
        with pytest.raises(ClientError) as refused:
            weak.put_key_policy(
                KeyId=arn, Policy=policy(allow(user.arn, "kms:*")), BypassPolicyLockoutSafetyCheck=bypass
            )
        assert told(refused)[0] == "AccessDeniedException"
    assert weak.get_key_policy(KeyId=arn)["Policy"] == before


def test_the_key_of_secrets_manager(kms: Any, strongroom: RunningServer) -> None:
    metadata = kms.describe_key(KeyId="alias/aws/secretsmanager")["KeyMetadata"]
    assert metadata["KeyManager"] == "AWS"
    assert kms.describe_key(KeyId="alias/aws/secretsmanager")["KeyMetadata"]["Arn"] == metadata["Arn"]
    via = f"secretsmanager.{strongroom.region}.amazonaws.com"
    first = json.loads(kms.get_key_policy(KeyId=metadata["Arn"])["Policy"])["Statement"][0]
    assert first["Condition"]["StringEquals"] == {"kms:CallerAccount": strongroom.account, "kms:ViaService": via}
    uses: tuple[Callable[[], Any], ...] = (
        lambda: kms.encrypt(KeyId="alias/aws/secretsmanager", Plaintext=b"x"),
        lambda: kms.generate_data_key(KeyId=metadata["Arn"], KeySpec="AES_256"),
        lambda: kms.disable_key(KeyId=metadata["Arn"]),
        lambda: kms.schedule_key_deletion(KeyId=metadata["Arn"]),
        lambda: kms.put_key_policy(KeyId=metadata["Arn"], Policy=policy(allow(strongroom.account, "kms:*"))),
        lambda: kms.create_alias(AliasName="alias/stolen", TargetKeyId=metadata["Arn"]),
    )
    for use in uses:
        with pytest.raises(ClientError) as refused:
            use()
        assert told(refused)[0] == "AccessDeniedException"
    with pytest.raises(ClientError) as refused:
        kms.delete_alias(AliasName="alias/aws/secretsmanager")
    assert told(refused)[0] == "NotAuthorizedException"
