"""Attack 3: ListSecrets and BatchGetSecretValue tell nothing of what a Deny hides."""

from __future__ import annotations

import base64
import itertools
import json
import uuid
from typing import Any

import pytest
from tests.support.policies import allow, deny, document, refusal_code
from tests.support.server import RunningServer

pytestmark = pytest.mark.system

HIDDEN = "arn:aws:secretsmanager:*:*:secret:*/hidden-*"
HIDDEN_TEXTS = ("hidden", "whisper", "secretive")


class Shelf:
    """Three secrets to be seen and two that are hidden among them, in the order of their creation."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.admin = server.client("secretsmanager")
        self.prefix = f"shelf/{uuid.uuid4().hex}"
        self.shown = [f"{self.prefix}/{number}" for number in (0, 2, 4)]
        self.hidden = [f"{self.prefix}/hidden-{number}" for number in (1, 3)]
        self.arns: dict[str, str] = {}
        for name in (self.shown[0], self.hidden[0], self.shown[1], self.hidden[1], self.shown[2]):
            texts = {"Description": "plain", "Tags": [{"Key": "team", "Value": "blue"}]}
            if name in self.hidden:
                texts = {"Description": "whisper", "Tags": [{"Key": "team", "Value": "secretive"}]}
            self.arns[name] = self.admin.create_secret(Name=name, SecretString=f"value of {name}", **texts)["ARN"]
        self.filters = [{"Key": "name", "Values": [self.prefix]}]

    def user(self, *statements: dict[str, Any]) -> Any:
        """A client of a user who may do everything but what the statements deny."""
        everything = allow("secretsmanager:*", "kms:*")
        return self.server.client("secretsmanager", self.server.make_user(document(everything, *statements)))


@pytest.fixture
def shelf(strongroom: RunningServer) -> Shelf:
    return Shelf(strongroom)


def tells_nothing(answer: Any, shelf: Shelf) -> bool:
    text = json.dumps(answer, default=str)
    return not any(word in text for word in (*HIDDEN_TEXTS, *(shelf.arns[name] for name in shelf.hidden)))


@pytest.mark.parametrize("kind", ["identity policy", "pattern", "tag", "resource policy"])
def test_attack_03_what_is_hidden_is_in_no_listing(shelf: Shelf, kind: str) -> None:
    if kind == "identity policy":
        client = shelf.user(deny("secretsmanager:*", resource=[shelf.arns[name] for name in shelf.hidden]))
    elif kind == "pattern":
        client = shelf.user(deny("secretsmanager:*", resource=HIDDEN))
    elif kind == "tag":
        secretive = {"StringEquals": {"aws:ResourceTag/team": "secretive"}}
        client = shelf.user(deny("secretsmanager:*", Condition=secretive))
    else:
        client = shelf.user()
        for name in shelf.hidden:
            policy = document({**deny("secretsmanager:*"), "Principal": "*", "Condition": not_the_administrator(shelf)})
            shelf.admin.put_resource_policy(SecretId=name, ResourcePolicy=json.dumps(policy))
    listed = client.list_secrets(Filters=shelf.filters)
    assert [secret["Name"] for secret in listed["SecretList"]] == shelf.shown
    assert tells_nothing(listed, shelf)
    batch = client.batch_get_secret_value(Filters=shelf.filters)
    assert {value["Name"] for value in batch["SecretValues"]} == set(shelf.shown)
    assert tells_nothing(batch, shelf)


def not_the_administrator(shelf: Shelf) -> dict[str, Any]:
    return {"ArnNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{shelf.server.account}:user/administrator"}}


@pytest.mark.parametrize(
    ("key", "value"),
    [("description", "whisper"), ("tag-value", "secretive"), ("all", "hidden"), ("name", "hidden")],
)
def test_attack_03_filters_are_no_oracle(shelf: Shelf, key: str, value: str) -> None:
    client = shelf.user(deny("secretsmanager:*", resource=HIDDEN))
    for page in ({}, {"MaxResults": 1}):
        answer = client.list_secrets(Filters=[*shelf.filters, {"Key": key, "Values": [value]}], **page)
        assert answer["SecretList"] == []
        assert tells_nothing(answer, shelf)
    negated = client.list_secrets(Filters=[*shelf.filters, {"Key": key, "Values": [f"!{value}"]}])
    assert [secret["Name"] for secret in negated["SecretList"]] == shelf.shown


def test_attack_03_pages_have_no_holes(shelf: Shelf) -> None:
    """Neither an empty page nor the token tells where something was left out."""
    client = shelf.user(deny("secretsmanager:*", resource=HIDDEN))
    names: list[list[str]] = []
    token: dict[str, str] = {}
    for turn in itertools.count():
        answer = client.list_secrets(Filters=shelf.filters, MaxResults=1, **token)
        names.append([secret["Name"] for secret in answer["SecretList"]])
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
        decoded = base64.urlsafe_b64decode(answer["NextToken"] + "==")
        assert not any(arn.encode() in decoded for arn in shelf.arns.values())
        assert turn < 10
    assert names == [[name] for name in shelf.shown]


def test_attack_03_a_token_is_for_its_caller_and_its_query(shelf: Shelf) -> None:
    client = shelf.user(deny("secretsmanager:*", resource=HIDDEN))
    of_admin = shelf.admin.list_secrets(Filters=shelf.filters, MaxResults=1)["NextToken"]
    own = client.list_secrets(Filters=shelf.filters, MaxResults=1)["NextToken"]
    altered = own[:-4] + ("AAAA" if own[-4:] != "AAAA" else "BBBB")
    for token in (of_admin, altered, own[:-1], "x", "\0"):
        code = refusal_code(client, "list_secrets", Filters=shelf.filters, MaxResults=1, NextToken=token)
        assert code == "InvalidNextTokenException"
    assert refusal_code(client, "list_secrets", MaxResults=1, NextToken=own) == "InvalidNextTokenException"


def test_attack_03_a_batch_tells_hidden_and_missing_alike(shelf: Shelf) -> None:
    """To one who may read a few secrets only, one that he may not read and none at all look the same."""
    may_read = [shelf.arns[name] for name in shelf.shown]
    reader = allow("secretsmanager:GetSecretValue", resource=may_read)
    user = shelf.server.make_user(document(allow("secretsmanager:BatchGetSecretValue"), reader))
    client = shelf.server.client("secretsmanager", user)
    missing = shelf.hidden[0].replace("hidden", "hiding")
    answer = client.batch_get_secret_value(SecretIdList=[shelf.shown[0], shelf.hidden[0], missing])
    assert [value["Name"] for value in answer["SecretValues"]] == [shelf.shown[0]]
    first, second = answer["Errors"]
    assert first["ErrorCode"] == second["ErrorCode"] == "AccessDeniedException"
    assert first["Message"].replace(shelf.hidden[0], "?") == second["Message"].replace(missing, "?")


def test_attack_03_a_batch_needs_the_key_of_each_secret(shelf: Shelf) -> None:
    key = shelf.server.client("kms").create_key()["KeyMetadata"]["Arn"]
    shelf.admin.create_secret(Name=f"{shelf.prefix}/locked", SecretString="locked away", KmsKeyId=key)
    client = shelf.user(deny("kms:Decrypt", resource=key))
    answer = client.batch_get_secret_value(SecretIdList=[shelf.shown[0], f"{shelf.prefix}/locked"])
    assert [value["Name"] for value in answer["SecretValues"]] == [shelf.shown[0]]
    assert [error["ErrorCode"] for error in answer["Errors"]] == ["AccessDeniedException"]
    assert "locked away" not in json.dumps(answer, default=str)


def test_attack_03_who_may_only_list_reads_no_value(shelf: Shelf) -> None:
    user = shelf.server.make_user(document(allow("secretsmanager:ListSecrets", "secretsmanager:BatchGetSecretValue")))
    client = shelf.server.client("secretsmanager", user)
    assert client.batch_get_secret_value(Filters=shelf.filters)["SecretValues"] == []
    assert "value of" not in json.dumps(client.list_secrets(Filters=shelf.filters), default=str)
    nobody = shelf.server.client("secretsmanager", shelf.server.make_user())
    assert refusal_code(nobody, "list_secrets") == "AccessDeniedException"
    assert refusal_code(nobody, "batch_get_secret_value", SecretIdList=[shelf.shown[0]]) == "AccessDeniedException"
