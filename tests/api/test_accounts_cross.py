"""Several accounts in one installation: what they share, which is nothing, and how one reaches into another."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from tests.support.accounts import Account, assume_role, make_account
from tests.support.policies import allow, deny, document, refusal, refusal_code
from tests.support.server import RunningServer

READ = "secretsmanager:GetSecretValue"


@pytest.fixture(scope="module")
def pair(strongroom: RunningServer) -> tuple[Account, Account]:
    """Two member accounts."""
    return make_account(strongroom), make_account(strongroom)


def _key(account: Account, *more: Mapping[str, Any]) -> str:
    own = allow("kms:*", Principal={"AWS": f"arn:aws:iam::{account.id}:root"})
    return str(account.client("kms").create_key(Policy=json.dumps(document(own, *more)))["KeyMetadata"]["Arn"])


def _secret(account: Account, key: str | None, *statements: Mapping[str, Any], value: str = "shared") -> str:
    client = account.client("secretsmanager")
    given = {} if key is None else {"KmsKeyId": key}
    arn = client.create_secret(Name=f"cross/{uuid.uuid4().hex}", SecretString=value, **given)["ARN"]
    if statements:
        client.put_resource_policy(SecretId=arn, ResourcePolicy=json.dumps(document(*statements)))
    return str(arn)


def test_reading_across_accounts_needs_all_three(pair: tuple[Account, Account]) -> None:
    owner, other = pair
    reader = other.make_user(document(allow(READ, "kms:Decrypt")))
    without_identity = other.make_user()
    lends_secret = allow(READ, Principal={"AWS": other.id})
    lends_key = allow("kms:Decrypt", Principal={"AWS": f"arn:aws:iam::{other.id}:root"})
    key = _key(owner, lends_key)
    lent = _secret(owner, key, lends_secret)
    assert other.client("secretsmanager", reader).get_secret_value(SecretId=lent)["SecretString"] == "shared"
    code, text = refusal(other.client("secretsmanager", without_identity), "get_secret_value", SecretId=lent)
    assert (code, "no identity-based policy allows" in text) == ("AccessDeniedException", True)
    kept = _secret(owner, key)
    code, text = refusal(other.client("secretsmanager", reader), "get_secret_value", SecretId=kept)
    assert (code, "no resource-based policy allows" in text) == ("AccessDeniedException", True)
    locked = _secret(owner, _key(owner), lends_secret)
    assert refusal_code(other.client("secretsmanager", reader), "get_secret_value", SecretId=locked) == (
        "AccessDeniedException"
    )
    named = _secret(owner, key, allow(READ, Principal={"AWS": reader.arn}))
    assert other.client("secretsmanager", reader).get_secret_value(SecretId=named)["SecretString"] == "shared"
    owner.client("secretsmanager").delete_resource_policy(SecretId=lent)
    assert refusal_code(other.client("secretsmanager", reader), "get_secret_value", SecretId=lent) == (
        "AccessDeniedException"
    )


def test_the_default_key_serves_its_account_only(pair: tuple[Account, Account]) -> None:
    owner, other = pair
    arn = _secret(owner, None, allow(READ, Principal={"AWS": other.id}))
    assert refusal(other.client("secretsmanager"), "get_secret_value", SecretId=arn) == (
        "InvalidRequestException",
        "You can't access a secret from a different AWS account if you encrypt the secret with the default KMS service "
        "key.",
    )


def test_roles_are_assumed_across_accounts(pair: tuple[Account, Account], strongroom: RunningServer) -> None:
    owner, other = pair
    iam, name = owner.client("iam"), f"role-{uuid.uuid4().hex[:12]}"
    trust = document({"Effect": "Allow", "Principal": {"AWS": other.id}, "Action": "sts:AssumeRole"})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(document(allow(READ))))
    secret = _secret(owner, None)
    allowed = other.make_user(document(allow("sts:AssumeRole", resource=arn)))
    session = assume_role(strongroom, arn, allowed)
    assert strongroom.client("sts", session).get_caller_identity()["Account"] == owner.id
    value = strongroom.client("secretsmanager", session).get_secret_value(SecretId=secret)["SecretString"]
    assert value == "shared"
    parameters = {"RoleArn": arn, "RoleSessionName": "me"}
    assert refusal_code(other.client("sts", other.make_user()), "assume_role", **parameters) == "AccessDenied"
    assert refusal_code(strongroom.client("sts"), "assume_role", **parameters) == "AccessDenied"
    iam.update_assume_role_policy(
        RoleName=name,
        PolicyDocument=json.dumps(
            document({"Effect": "Allow", "Principal": {"AWS": strongroom.account}, "Action": "sts:AssumeRole"})
        ),
    )
    assert refusal_code(other.client("sts", allowed), "assume_role", **parameters) == "AccessDenied"


def test_lists_stay_in_their_account(pair: tuple[Account, Account]) -> None:
    arns = [_secret(account, None) for account in pair]
    keys = [_key(account) for account in pair]
    users = [account.make_user().user_name for account in pair]
    for place, account in enumerate(pair):
        secrets = account.client("secretsmanager")
        listed = {
            secret["ARN"] for page in secrets.get_paginator("list_secrets").paginate() for secret in page["SecretList"]
        }
        assert arns[place] in listed
        assert arns[1 - place] not in listed
        assert all(f":{account.id}:" in arn for arn in listed)
        found = {key["KeyArn"] for key in account.client("kms").list_keys(Limit=1000)["Keys"]}
        assert keys[place] in found
        assert all(f":{account.id}:" in arn for arn in found)
        names = {user["UserName"] for user in account.client("iam").list_users(MaxItems=1000)["Users"]}
        assert users[place] in names
        assert users[1 - place] not in names


def test_attack_02_two_tenants_do_not_share_a_cache(pair: tuple[Account, Account]) -> None:
    """The same names everywhere: user, secret, key alias and policy; each account sees and is held by its own."""
    name = f"same-{uuid.uuid4().hex[:12]}"
    readers, arns = [], []
    for place, account in enumerate(pair):
        readers.append(account.make_user(document(allow("*")), name=name))
        account.client("kms").create_alias(AliasName=f"alias/{name}", TargetKeyId=_key(account))
        made = account.client("secretsmanager").create_secret(
            Name=name, SecretString=str(place), KmsKeyId=f"alias/{name}"
        )
        arns.append(made["ARN"])
    clients = [account.client("secretsmanager", reader) for account, reader in zip(pair, readers, strict=True)]
    for _ in range(3):
        for place, client in enumerate(clients):
            for secret_id in (name, arns[place], arns[place][:-7]):
                assert client.get_secret_value(SecretId=secret_id)["SecretString"] == str(place)
            for secret_id in (arns[1 - place], arns[1 - place][:-7]):
                assert refusal_code(client, "get_secret_value", SecretId=secret_id) == "AccessDeniedException"
            refused = client.batch_get_secret_value(SecretIdList=[name, arns[1 - place]])
            assert [secret["SecretString"] for secret in refused["SecretValues"]] == [str(place)]
    pair[0].client("iam").put_user_policy(
        UserName=name, PolicyName="no", PolicyDocument=json.dumps(document(deny("secretsmanager:*")))
    )
    assert refusal_code(clients[0], "get_secret_value", SecretId=name) == "AccessDeniedException"
    assert clients[1].get_secret_value(SecretId=name)["SecretString"] == "1"
    pair[1].client("secretsmanager").delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    assert refusal_code(clients[1], "get_secret_value", SecretId=name) == "ResourceNotFoundException"
    assert pair[0].client("secretsmanager").get_secret_value(SecretId=name)["SecretString"] == "0"


def _conditions(server: RunningServer, owner: Account, other: Account) -> Iterator[tuple[str, str, str]]:
    """A condition key, a value that it has when ``other`` reads a secret of ``owner``, and one that it has not."""
    organizations = server.client("organizations")
    organization = organizations.describe_organization()["Organization"]["Id"]
    root = organizations.list_roots()["Roots"][0]["Id"]
    yield "aws:PrincipalOrgID", organization, "o-0000000000"
    yield "aws:PrincipalAccount", other.id, owner.id
    yield "aws:ResourceAccount", owner.id, other.id
    yield "aws:ResourceOrgID", organization, "o-0000000000"
    yield "aws:PrincipalOrgPaths", f"{organization}/{root}/", f"{organization}/{root}"
    yield "aws:ResourceOrgPaths", f"{organization}/{root}/", f"{organization}/r-0000/"


def test_conditions_about_accounts(pair: tuple[Account, Account], strongroom: RunningServer) -> None:
    owner, other = pair
    key = _key(owner, allow("kms:Decrypt", Principal={"AWS": other.id}))
    reader = other.client("secretsmanager", other.make_user(document(allow(READ, "kms:Decrypt"))))
    for name, value, wrong in _conditions(strongroom, owner, other):
        operator = "ForAnyValue:StringEquals" if name.endswith("Paths") else "StringEquals"
        right = _secret(owner, key, allow(READ, Principal="*", Condition={operator: {name: value}}))
        assert reader.get_secret_value(SecretId=right)["SecretString"] == "shared", name
        other_one = _secret(owner, key, allow(READ, Principal="*", Condition={operator: {name: wrong}}))
        assert refusal_code(reader, "get_secret_value", SecretId=other_one) == "AccessDeniedException", name


def test_the_path_of_a_principal_follows_its_account(strongroom: RunningServer, pair: tuple[Account, Account]) -> None:
    owner, organizations = pair[0], strongroom.client("organizations")
    moved, root = make_account(strongroom), organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name=uuid.uuid4().hex)["OrganizationalUnit"]
    condition = {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"{unit['Path']}*"}}
    key = _key(owner, allow("kms:Decrypt", Principal={"AWS": moved.id}))
    arn = _secret(owner, key, allow(READ, Principal="*", Condition=condition))
    reader = moved.client("secretsmanager")
    assert refusal_code(reader, "get_secret_value", SecretId=arn) == "AccessDeniedException"
    organizations.move_account(AccountId=moved.id, SourceParentId=root, DestinationParentId=unit["Id"])
    assert reader.get_secret_value(SecretId=arn)["SecretString"] == "shared"


def test_accounts_that_do_not_exist_cannot_be_named(strongroom: RunningServer) -> None:
    secrets, kms, iam = (strongroom.client(name) for name in ("secretsmanager", "kms", "iam"))
    arn = secrets.create_secret(Name=f"named/{uuid.uuid4().hex}", SecretString="x")["ARN"]
    own = allow("kms:*", Principal={"AWS": strongroom.account})
    for principal in (
        "999999999999",
        "arn:aws:iam::999999999999:root",
        "arn:aws:iam::999999999999:user/x",
        "arn:aws:sts::999999999999:assumed-role/x/y",
    ):
        named = {"AWS": principal}
        text = json.dumps(document(allow(READ, Principal=named)))
        code = refusal_code(secrets, "put_resource_policy", SecretId=arn, ResourcePolicy=text)
        assert code == "MalformedPolicyDocumentException"
        text = json.dumps(document(own, allow("kms:Decrypt", Principal=named)))
        assert refusal_code(kms, "create_key", Policy=text) == "MalformedPolicyDocumentException"
        trust = json.dumps(document({"Effect": "Allow", "Principal": named, "Action": "sts:AssumeRole"}))
        code = refusal_code(iam, "create_role", RoleName=uuid.uuid4().hex, AssumeRolePolicyDocument=trust)
        assert code == "MalformedPolicyDocument"


def test_nothing_of_a_member_is_the_management_accounts(
    pair: tuple[Account, Account], strongroom: RunningServer
) -> None:
    """The administrator of the installation may do everything, in its own account."""
    arn, key = _secret(pair[0], None), _key(pair[0])
    secrets = strongroom.client("secretsmanager")
    for operation in ("get_secret_value", "describe_secret", "delete_secret", "get_resource_policy"):
        assert refusal_code(secrets, operation, SecretId=arn) == "AccessDeniedException"
    kms = strongroom.client("kms")
    for operation in ("describe_key", "disable_key", "get_key_policy"):
        assert refusal_code(kms, operation, KeyId=key) == "AccessDeniedException"
