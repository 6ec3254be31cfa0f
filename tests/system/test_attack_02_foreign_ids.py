"""Attack 2: climbing and separators inside ids, ARNs of other accounts and regions, one name in two places."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.lambda_service import make_function, make_role
from tests.support.policies import allow, deny, document, refusal, refusal_code
from tests.support.server import RunningServer, start_server

pytestmark = pytest.mark.system

OTHER_ACCOUNT = "999999999999"
REFUSED = {"ResourceNotFoundException", "AccessDeniedException", "ValidationException", "InvalidParameterException"}


def foreign(arn: str) -> Iterator[str]:
    """ARNs that differ from a real one in what says whose it is, or that hide something in one of their parts."""
    _, partition, service, region, account, rest = arn.split(":", 5)
    for changed in (
        (partition, service, region, OTHER_ACCOUNT),
        (partition, service, "eu-west-3", account),
        (partition, service, "", account),
        (partition, service, region, ""),
        (partition, service, region, "*"),
        (partition, service, "*", account),
        (partition, service, region, f"{account}:x"),
        (partition, service, region, f"{OTHER_ACCOUNT}/../{account}"),
        (partition, service, f"../{region}", account),
        (partition, service, f"{region}:{account}", account),
        (partition, service, region, account[:-1]),
        (partition, service, region, account.replace("0", "\u0660")),
        (partition, service, region, f"{account}\0"),
        ("aws-cn", service, region, account),
        ("", service, region, account),
        (partition, "sts", region, account),
        (partition, "", region, account),
    ):
        yield ":".join(("arn", *changed, rest))
    yield from (f"{arn}:x", f"{arn}/../x", f"../{arn}", f"arn:{arn}", f"{arn}:{arn}", rest, f"{account}:{rest}")


def test_attack_02_secrets(strongroom: RunningServer) -> None:
    admin = strongroom.client("secretsmanager")
    arn = admin.create_secret(Name=f"mine/{uuid.uuid4().hex}", SecretString="mine")["ARN"]
    for operation in ("get_secret_value", "describe_secret", "delete_secret"):
        for spelling in foreign(arn):
            assert refusal_code(admin, operation, SecretId=spelling) in REFUSED, (operation, spelling)
    assert admin.batch_get_secret_value(SecretIdList=list(foreign(arn))[:20])["SecretValues"] == []
    for name in ("a:b", arn, "a b", "a\0b", "a\\b", "a*", "\u00e9", "a%2Fb"):
        assert refusal_code(admin, "create_secret", Name=name, SecretString="x") == "ValidationException", name


def test_attack_02_names_that_climb_are_plain_names(strongroom: RunningServer) -> None:
    """Dots and slashes are allowed in a name: they lead nowhere."""
    admin = strongroom.client("secretsmanager")
    base = uuid.uuid4().hex
    names = [base, f"../{base}", f"x/../{base}", f"./{base}", f"{base}/..", f"..//{base}"]
    for name in names:
        admin.create_secret(Name=name, SecretString=name)
    for name in names:
        assert admin.get_secret_value(SecretId=name)["SecretString"] == name


def test_attack_02_keys(strongroom: RunningServer) -> None:
    kms = strongroom.client("kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    ciphertext = kms.encrypt(KeyId=arn, Plaintext=b"mine")["CiphertextBlob"]
    for spelling in foreign(arn):
        if spelling.startswith("key/"):
            continue
        assert refusal_code(kms, "describe_key", KeyId=spelling) in {*REFUSED, "NotFoundException"}, spelling
        refusal(kms, "decrypt", KeyId=spelling, CiphertextBlob=ciphertext)
    for spelling in ("alias/../aws/secretsmanager", "alias/aws/../secretsmanager", "../x", f"key/{arn[-36:]}/.."):
        refusal(kms, "describe_key", KeyId=spelling)


def test_attack_02_functions(strongroom: RunningServer) -> None:
    functions = strongroom.client("lambda")
    arn = make_function(strongroom, make_role(strongroom))["FunctionArn"]
    name = arn.rpartition(":")[2]
    own = {f"{strongroom.account}:function:{name}", f"function:{name}"}
    for spelling in {
        *foreign(arn),
        f"../{name}",
        f"{name}/..",
        f"x/../{name}",
        f"{OTHER_ACCOUNT}:function:{name}",
    } - own:
        if "\0" not in spelling and spelling.count("/") == 0:
            refusal(functions, "invoke", FunctionName=spelling)
        refusal(functions, "get_function", FunctionName=spelling)
    for spelling in ("../x", "a:b", "a/b", "a b", "%2e%2e", "..%2fx"):
        with pytest.raises(ClientError):
            make_function(strongroom, make_role(strongroom), FunctionName=spelling)


def test_attack_02_users_and_roles(strongroom: RunningServer) -> None:
    iam, sts = strongroom.client("iam"), strongroom.client("sts")
    for name in ("../x", "a:b", "a/b", "a b", "a\u00e9", "*"):
        refusal(iam, "create_user", UserName=name)
        refusal(iam, "create_role", RoleName=name, AssumeRolePolicyDocument="{}")
        refusal(iam, "get_user", UserName=name)
    role = make_role(strongroom, service="ec2.amazonaws.com")
    for spelling in (role.replace(strongroom.account, OTHER_ACCOUNT), role.replace("::", ":us-east-1:"), f"{role}/.."):
        refusal(sts, "assume_role", RoleArn=spelling, RoleSessionName="me")
    refusal(sts, "assume_role", RoleArn=role, RoleSessionName="a:b/../c")
    for path in ("x", "/x", "x/", "/\u00e9/", "/a b/"):
        refusal(iam, "create_user", UserName=uuid.uuid4().hex, Path=path)


@pytest.fixture(scope="module")
def two_regions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    server = start_server(
        tmp_path_factory.mktemp("regions") / "data", environment={"STRONGROOM_MORE_REGIONS": json.dumps(["eu-west-1"])}
    )
    yield server
    server.stop()


def in_both(server: RunningServer, credentials: Any = None) -> list[Any]:
    return [server.client("secretsmanager", credentials, region=region) for region in (server.region, "eu-west-1")]


def test_attack_02_one_name_in_two_regions(two_regions: RunningServer) -> None:
    """Nothing that is kept for one region is used for the other."""
    clients, name = in_both(two_regions), f"both/{uuid.uuid4().hex}"
    arns = [client.create_secret(Name=name, SecretString=str(place))["ARN"] for place, client in enumerate(clients)]
    for _ in range(3):
        for place, client in enumerate(clients):
            assert client.get_secret_value(SecretId=name)["SecretString"] == str(place)
            assert client.get_secret_value(SecretId=arns[place])["SecretString"] == str(place)
            assert client.get_secret_value(SecretId=arns[place][:-7])["SecretString"] == str(place)
            assert refusal_code(client, "get_secret_value", SecretId=arns[1 - place]) == "ResourceNotFoundException"
    user = two_regions.make_user(
        document(allow("secretsmanager:GetSecretValue"), deny("secretsmanager:*", resource=arns[0]))
    )
    first, second = in_both(two_regions, user)
    for _ in range(3):
        assert refusal_code(first, "get_secret_value", SecretId=name) == "AccessDeniedException"
        assert second.get_secret_value(SecretId=name)["SecretString"] == "1"
    clients[0].delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    assert clients[1].get_secret_value(SecretId=name)["SecretString"] == "1"


def test_attack_02_a_region_that_is_not_there(two_regions: RunningServer) -> None:
    client = two_regions.client("secretsmanager", region="eu-west-2")
    assert refusal_code(client, "list_secrets") == "InvalidSignatureException"
