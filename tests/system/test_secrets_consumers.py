"""``strongroom secrets consumers``: who reads a secret, and who still holds what it was before."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.accounts import assume_role
from tests.support.commands import run_strongroom
from tests.support.operator import operator_client
from tests.support.plain_rotation import PlainSecret, plain_function
from tests.support.policies import allow, document, refusal
from tests.support.server import Credentials, RunningServer

pytestmark = pytest.mark.system

READER = document(allow("secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue"))


def make_secret(server: RunningServer) -> tuple[str, str]:
    """A secret's name and ARN."""
    name = f"consumed/{uuid.uuid4().hex}"
    return name, server.client("secretsmanager").create_secret(Name=name, SecretString="one")["ARN"]


def read(server: RunningServer, who: Credentials, secret: str, **which: str) -> str:
    """Read a secret as an application does; answers the version that it got."""
    return str(server.client("secretsmanager", who).get_secret_value(SecretId=secret, **which)["VersionId"])


def change(server: RunningServer, secret: str) -> str:
    """Give a secret another value; answers the new version."""
    return str(
        server.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=uuid.uuid4().hex)["VersionId"]
    )


def consumers(server: RunningServer, secret: str, *, older: bool = False) -> dict[str, dict[str, Any]]:
    """The consumers of a secret by the ARN of the principal."""
    pages = operator_client(server).get_paginator("list_secret_consumers")
    answers = pages.paginate(SecretId=secret, HoldingOlder=older, PaginationConfig={"PageSize": 2})
    return {consumer["PrincipalArn"]: consumer for page in answers for consumer in page["Consumers"]}


def test_who_has_not_read_since_a_rotation_is_named_until_it_reads_again(strongroom: RunningServer) -> None:
    secret = PlainSecret(strongroom, plain_function(strongroom))
    quick, slow = strongroom.make_user(READER), strongroom.make_user(READER)
    before = read(strongroom, quick, secret.name)
    assert read(strongroom, slow, secret.arn) == before
    assert consumers(strongroom, secret.arn, older=True) == {}

    token = secret.rotate()
    secret.wait_until_complete(token)
    read(strongroom, quick, secret.name)
    older = consumers(strongroom, secret.arn, older=True)
    assert list(older) == [slow.arn]
    assert older[slow.arn]["HeldVersionId"] == before
    everyone = consumers(strongroom, secret.name)
    assert not everyone[quick.arn]["HoldsOlderVersion"]
    assert everyone[quick.arn]["HeldVersionId"] == token

    read(strongroom, slow, secret.name)
    assert consumers(strongroom, secret.arn, older=True) == {}


def test_a_consumer_is_told_with_all_that_it_read(strongroom: RunningServer) -> None:
    name, arn = make_secret(strongroom)
    user = strongroom.make_user(READER)
    began = datetime.now(UTC) - timedelta(seconds=1)
    first = read(strongroom, user, name)
    read(strongroom, user, arn)
    second = change(strongroom, name)
    read(strongroom, user, name)
    (consumer,) = consumers(strongroom, name).values()
    assert consumer["AccessKeyId"] == user.access_key_id
    assert consumer["SourceIpAddress"] == "127.0.0.1"
    assert consumer["UserAgent"].startswith("Boto3/")
    assert consumer["HoldsOlderVersion"] is False
    new, old = consumer["Versions"]
    assert (new["VersionId"], new["VersionStages"], new["Reads"]) == (second, ["AWSCURRENT"], 1)
    assert (old["VersionId"], old["VersionStages"], old["Reads"]) == (first, ["AWSPREVIOUS"], 2)
    assert began <= old["FirstReadDate"] <= old["LastReadDate"] <= new["LastReadDate"] == consumer["LastReadDate"]


def test_reads_in_a_batch_count(strongroom: RunningServer) -> None:
    name, arn = make_secret(strongroom)
    user = strongroom.make_user(READER)
    strongroom.client("secretsmanager", user).batch_get_secret_value(SecretIdList=[name, "no/such"])
    assert list(consumers(strongroom, arn)) == [user.arn]


def test_reads_that_were_refused_do_not_count(strongroom: RunningServer) -> None:
    name, arn = make_secret(strongroom)
    refusal(strongroom.client("secretsmanager", strongroom.make_user()), "get_secret_value", SecretId=name)
    assert consumers(strongroom, arn) == {}


def test_who_reads_older_versions_beside_the_current_one_holds_the_current_one(strongroom: RunningServer) -> None:
    name, arn = make_secret(strongroom)
    change(strongroom, name)
    user = strongroom.make_user(READER)
    read(strongroom, user, name)
    read(strongroom, user, name, VersionStage="AWSPREVIOUS")
    assert consumers(strongroom, arn, older=True) == {}


def test_who_asks_for_an_older_version_only_holds_it(strongroom: RunningServer) -> None:
    name, arn = make_secret(strongroom)
    user = strongroom.make_user(READER)
    old = read(strongroom, user, name)
    change(strongroom, name)
    read(strongroom, user, name, VersionId=old)
    assert consumers(strongroom, arn, older=True)[user.arn]["HeldVersionId"] == old


def test_a_value_that_became_current_again_must_be_read_again(strongroom: RunningServer) -> None:
    name, arn = make_secret(strongroom)
    user = strongroom.make_user(READER)
    old = read(strongroom, user, name)
    new = change(strongroom, name)
    read(strongroom, user, name)
    strongroom.client("secretsmanager").update_secret_version_stage(
        SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=old, RemoveFromVersionId=new
    )
    assert consumers(strongroom, arn, older=True)[user.arn]["HeldVersionId"] == new
    read(strongroom, user, name)
    assert consumers(strongroom, arn, older=True) == {}


def test_sessions_of_an_application_are_one_consumer_and_keys_of_a_user_are_two(strongroom: RunningServer) -> None:
    name, arn = make_secret(strongroom)
    iam = strongroom.client("iam")
    trust = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": strongroom.account}})
    role_name = f"role-{uuid.uuid4().hex[:12]}"
    role = iam.create_role(RoleName=role_name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=role_name, PolicyName="read", PolicyDocument=json.dumps(READER))
    old = read(strongroom, assume_role(strongroom, role), name)
    change(strongroom, name)
    session = assume_role(strongroom, role)
    (consumer,) = consumers(strongroom, arn).values()
    assert consumer["HeldVersionId"] == old
    read(strongroom, session, name)
    (consumer,) = consumers(strongroom, arn).values()
    assert (consumer["HoldsOlderVersion"], consumer["AccessKeyId"]) == (False, session.access_key_id)

    user = strongroom.make_user(READER)
    key = iam.create_access_key(UserName=user.user_name)["AccessKey"]
    other = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    read(strongroom, user, name)
    read(strongroom, other, name)
    answer = operator_client(strongroom).list_secret_consumers(SecretId=arn)
    keys = {each["AccessKeyId"] for each in answer["Consumers"] if each["PrincipalArn"] == user.arn}
    assert keys == {user.access_key_id, other.access_key_id}


def test_the_command_tells_it_in_words_and_as_json(strongroom: RunningServer) -> None:
    name, arn = make_secret(strongroom)
    told = run_strongroom("secrets", "consumers", name, "--data-dir", strongroom.data_dir)
    assert (told.returncode, told.stdout) == (0, f"Nobody has read {name}.\n")
    quick, slow = strongroom.make_user(READER), strongroom.make_user(READER)
    old = read(strongroom, slow, name)
    new = change(strongroom, name)
    read(strongroom, quick, name)
    told = run_strongroom("secrets", "consumers", name, "--data-dir", strongroom.data_dir)
    assert (told.returncode, told.stderr) == (0, "")
    lines = told.stdout.splitlines()
    assert lines[0] == f"! {slow.arn} from 127.0.0.1 holds an older version"
    assert lines[1].startswith(f"    {slow.access_key_id}, Boto3/")
    assert lines[2].startswith(f"    {old} (AWSPREVIOUS): read once, last ")
    assert lines[3] == f"  {quick.arn} from 127.0.0.1 holds the current version"
    assert lines[5].startswith(f"    {new} (AWSCURRENT): read once, last ")
    told = run_strongroom("secrets", "consumers", arn, "--older", "--json", "--data-dir", strongroom.data_dir)
    assert [consumer["PrincipalArn"] for consumer in json.loads(told.stdout)] == [slow.arn]
    told = run_strongroom("secrets", "consumers", "no/such", "--data-dir", strongroom.data_dir)
    assert told.returncode == 1
    assert "ResourceNotFoundException" in told.stderr


def test_who_may_not_is_not_told(strongroom: RunningServer) -> None:
    name, arn = make_secret(strongroom)
    stranger = strongroom.make_user(READER)
    code, message = refusal(operator_client(strongroom, stranger), "list_secret_consumers", SecretId=name)
    assert code == "AccessDeniedException"
    assert "strongroom:ListSecretConsumers" in message
    auditor = strongroom.make_user(document(allow("strongroom:ListSecretConsumers", resource=arn)))
    assert operator_client(strongroom, auditor).list_secret_consumers(SecretId=name)["Consumers"] == []
    (event,) = strongroom.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": auditor.user_name}]
    )["Events"]
    assert (event["EventName"], event["Resources"][0]["ResourceName"]) == ("ListSecretConsumers", arn)
