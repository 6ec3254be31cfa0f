"""Attack 6: credentials that were good once. They stop at the very next request, on every worker."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.policies import allow, document, refusal_code
from tests.support.server import Credentials, RunningServer

pytestmark = pytest.mark.system

REQUESTS = 12
"""Enough for each of the server's workers to be asked."""


class Player:
    """Somebody who reads one secret."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.name = f"attack-06/{uuid.uuid4().hex}"
        server.client("secretsmanager").create_secret(Name=self.name, SecretString="x")

    def reads(self, who: Credentials) -> None:
        """Every request of these credentials is answered, so every worker knows them."""
        for _ in range(REQUESTS):
            self.server.client("secretsmanager", who).get_secret_value(SecretId=self.name)

    def is_refused(self, who: Credentials) -> set[str]:
        """Every request of these credentials is refused; answers the codes."""
        client = self.server.client("secretsmanager", who)
        return {refusal_code(client, "get_secret_value", SecretId=self.name) for _ in range(REQUESTS)}

    def user(self, name: str | None = None) -> Credentials:
        return self.server.make_user(document(allow("secretsmanager:GetSecretValue")), name=name)

    def role(self, name: str) -> str:
        iam = self.server.client("iam")
        trust = {**allow("sts:AssumeRole"), "Principal": {"AWS": self.server.account}}
        del trust["Resource"]
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document(trust)))["Role"]["Arn"]
        policy = json.dumps(document(allow("secretsmanager:GetSecretValue")))
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
        return str(arn)

    def session(self, role_arn: str) -> Credentials:
        sts = self.server.client("sts")
        made = sts.assume_role(RoleArn=role_arn, RoleSessionName="me", DurationSeconds=900)["Credentials"]
        return Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])


@pytest.fixture
def player(strongroom: RunningServer) -> Player:
    return Player(strongroom)


def test_attack_06_an_inactive_key(player: Player) -> None:
    iam, user = player.server.client("iam"), player.user()
    key = {"UserName": user.user_name, "AccessKeyId": user.access_key_id}
    for _ in range(2):
        player.reads(user)
        iam.update_access_key(**key, Status="Inactive")
        assert player.is_refused(user) == {"InvalidSignatureException"}
        iam.update_access_key(**key, Status="Active")
    player.reads(user)


def test_attack_06_a_deleted_key(player: Player) -> None:
    user = player.user()
    player.reads(user)
    player.server.client("iam").delete_access_key(UserName=user.user_name, AccessKeyId=user.access_key_id)
    assert player.is_refused(user) == {"InvalidSignatureException"}


def delete_user(server: RunningServer, user: Credentials) -> None:
    iam = server.client("iam")
    iam.delete_access_key(UserName=user.user_name, AccessKeyId=user.access_key_id)
    iam.delete_user_policy(UserName=user.user_name, PolicyName="inline")
    iam.delete_user(UserName=user.user_name)


def test_attack_06_a_deleted_user_and_one_of_the_same_name(player: Player) -> None:
    user = player.user()
    player.reads(user)
    delete_user(player.server, user)
    assert player.is_refused(user) == {"InvalidSignatureException"}
    again = player.user(user.user_name)
    assert player.is_refused(user) == {"InvalidSignatureException"}
    player.reads(again)


@pytest.mark.parametrize("policy_of", ["secret", "key"])
def test_attack_06_a_policy_that_names_a_user_means_no_later_one(player: Player, policy_of: str) -> None:
    """A policy names a user; one who comes later under that name is somebody else."""
    server = player.server
    iam, kms, secrets = server.client("iam"), server.client("kms"), server.client("secretsmanager")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    secrets.update_secret(SecretId=player.name, KmsKeyId=key)
    user = server.make_user()
    to_user = {"Principal": {"AWS": [user.arn]}}
    to_all = {"Principal": {"AWS": [server.account, "*"]}}
    read = {**allow("secretsmanager:GetSecretValue"), **(to_user if policy_of == "secret" else to_all)}
    use = {**allow("kms:*"), **(to_user if policy_of == "key" else to_all)}
    administer = {**allow("kms:*"), "Principal": {"AWS": server.account}}
    secrets.put_resource_policy(SecretId=player.name, ResourcePolicy=json.dumps(document(read)))
    kms.put_key_policy(KeyId=key, Policy=json.dumps(document(administer, use)))
    player.reads(user)
    shown = [
        secrets.get_resource_policy(SecretId=player.name)["ResourcePolicy"],
        kms.get_key_policy(KeyId=key)["Policy"],
    ]
    assert [json.loads(text) for text in shown] == [document(read), document(administer, use)]
    iam.delete_access_key(UserName=user.user_name, AccessKeyId=user.access_key_id)
    iam.delete_user(UserName=user.user_name)
    assert player.is_refused(server.make_user(name=user.user_name)) == {"AccessDeniedException"}
    shown = [
        secrets.get_resource_policy(SecretId=player.name)["ResourcePolicy"],
        kms.get_key_policy(KeyId=key)["Policy"],
    ]
    assert user.arn not in "".join(shown)
    assert "AIDA" in "".join(shown)


def test_attack_06_a_policy_cannot_wait_for_a_name(player: Player) -> None:
    """A principal that does not exist is refused, so a policy cannot grant to whoever takes its name one day."""
    secrets, kms = player.server.client("secretsmanager"), player.server.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    for kind in ("user", "role"):
        nobody = {"Principal": {"AWS": f"arn:aws:iam::{player.server.account}:{kind}/{uuid.uuid4().hex}"}}
        read = json.dumps(document({**allow("secretsmanager:*"), **nobody}))
        code = refusal_code(secrets, "put_resource_policy", SecretId=player.name, ResourcePolicy=read)
        assert code == "MalformedPolicyDocumentException"
        administer = {**allow("kms:*"), "Principal": {"AWS": player.server.account}}
        use = json.dumps(document(administer, {**allow("kms:*"), **nobody}))
        for operation, parameters in (("put_key_policy", {"KeyId": key}), ("create_key", {})):
            assert refusal_code(kms, operation, Policy=use, **parameters) == "MalformedPolicyDocumentException"


def test_attack_06_a_policy_that_is_taken_away(player: Player) -> None:
    iam, user = player.server.client("iam"), player.user()
    policy = json.dumps(document(allow("secretsmanager:GetSecretValue")))
    for _ in range(2):
        player.reads(user)
        iam.delete_user_policy(UserName=user.user_name, PolicyName="inline")
        assert player.is_refused(user) == {"AccessDeniedException"}
        iam.put_user_policy(UserName=user.user_name, PolicyName="inline", PolicyDocument=policy)
    player.reads(user)


def altered_tokens(mine: Credentials, other: Credentials) -> list[Credentials]:
    """A session's credentials with a wrong part each."""
    token = mine.session_token or ""
    key, secret = mine.access_key_id, mine.secret_access_key

    def flip(place: int) -> str:
        return token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]

    texts = [flip(place) for place in (0, 1, len(token) // 2, len(token) - 6)]
    texts += [token[:-8], token + "AAAA", token * 2, token.swapcase(), "x", other.session_token or ""]
    return [
        *(Credentials(key, secret, text) for text in texts),
        Credentials(key, secret),
        Credentials(key, other.secret_access_key, token),
        Credentials(other.access_key_id, secret, token),
        Credentials(other.access_key_id, other.secret_access_key, token),
    ]


def test_attack_06_a_token_that_is_missing_altered_or_of_another(player: Player) -> None:
    role = player.role(uuid.uuid4().hex)
    mine, other = player.session(role), player.session(role)
    user = player.user()
    player.reads(mine)
    player.reads(other)
    wrong = altered_tokens(mine, other)
    wrong += [Credentials(user.access_key_id, user.secret_access_key, token) for token in ("x", mine.session_token)]
    for credentials in wrong:
        codes = player.is_refused(credentials)
        assert codes <= {"UnrecognizedClientException", "InvalidSignatureException"}, credentials
    player.reads(mine)


def test_attack_06_a_session_of_a_role_that_is_deleted(player: Player) -> None:
    iam, name = player.server.client("iam"), uuid.uuid4().hex
    session = player.session(player.role(name))
    player.reads(session)
    iam.delete_role_policy(RoleName=name, PolicyName="p")
    assert player.is_refused(session) == {"AccessDeniedException"}
    iam.delete_role(RoleName=name)
    assert player.is_refused(session) == {"UnrecognizedClientException"}
    again = player.session(player.role(name))
    assert player.is_refused(session) == {"UnrecognizedClientException"}
    player.reads(again)


def test_attack_06_a_role_that_trusts_a_deleted_user_trusts_nobody_new(player: Player) -> None:
    server = player.server
    iam = server.client("iam")
    may_assume = document(allow("sts:AssumeRole"))
    user = server.make_user(may_assume)
    trust = {**allow("sts:AssumeRole"), "Principal": {"AWS": user.arn}}
    del trust["Resource"]
    role = iam.create_role(RoleName=uuid.uuid4().hex, AssumeRolePolicyDocument=json.dumps(document(trust)))["Role"]
    server.client("sts", user).assume_role(RoleArn=role["Arn"], RoleSessionName="me")
    delete_user(server, user)
    again = server.make_user(may_assume, name=user.user_name)
    refused = refusal_code(server.client("sts", again), "assume_role", RoleArn=role["Arn"], RoleSessionName="me")
    assert refused == "AccessDenied"


@pytest.mark.parametrize("change", ["deny", "boundary", "key"])
def test_attack_06_a_right_that_is_taken_away_in_another_way(player: Player, change: str) -> None:
    server = player.server
    iam, admin = server.client("iam"), server.client("secretsmanager")
    key = server.client("kms").create_key()["KeyMetadata"]["Arn"]
    admin.update_secret(SecretId=player.name, KmsKeyId=key)
    user = server.make_user(document(allow("secretsmanager:GetSecretValue"), allow("kms:Decrypt", resource=key)))
    player.reads(user)
    nothing = json.dumps(document(allow("s3:*")))
    changes: dict[str, Callable[[], Any]] = {
        "deny": lambda: admin.put_resource_policy(
            SecretId=player.name,
            ResourcePolicy=json.dumps(
                document({**allow("secretsmanager:GetSecretValue"), "Effect": "Deny", "Principal": {"AWS": user.arn}})
            ),
        ),
        "boundary": lambda: iam.put_user_permissions_boundary(
            UserName=user.user_name,
            PermissionsBoundary=iam.create_policy(PolicyName=uuid.uuid4().hex, PolicyDocument=nothing)["Policy"]["Arn"],
        ),
        "key": lambda: server.client("kms").disable_key(KeyId=key),
    }
    changes[change]()
    assert player.is_refused(user) == {"DecryptionFailure" if change == "key" else "AccessDeniedException"}


def test_attack_06_there_is_no_key_that_works_without_existing(player: Player) -> None:
    for key_id, secret in (
        ("test", "test"),
        ("mock", "mock"),
        ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("ASIAIOSFODNN7EXAMPLE", "test"),
        (player.server.account, "test"),
        (player.server.administrator.access_key_id, "test"),
        ("root", ""),
    ):
        with pytest.raises(ClientError) as caught:
            player.server.client("secretsmanager", Credentials(key_id, secret)).get_secret_value(SecretId=player.name)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] in {400, 403}
