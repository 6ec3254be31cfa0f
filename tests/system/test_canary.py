"""Attack 12: secrets in logs, errors, the trail, files, arguments. Canaries go in everywhere and may come out nowhere.

Every secret that a caller can hand over goes through every operation that takes one, rightly and in every wrong way
that these tests know; then everything that the server writes is searched. That no error text holds a canary is checked
with each answer.
"""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.model import Shape
from tests.support.canary import Canaries
from tests.support.lambda_service import OWN_RUNTIME, make_role, new_name
from tests.support.raw import Answer, send, send_json, send_query
from tests.support.rotation import wait_until
from tests.support.server import Credentials, RunningServer, running_server

from strongroom.audit import EventFilter, read_records

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("canary")]

JSON_SERVICES = ("secretsmanager", "kms")
MODELS = botocore.session.get_session()
PRINTER = """
import os, sys
HELD = {code!r}
def handler(event, context):
    for text in (HELD, os.environ["HELD"], repr(event)):
        print(text)
        print(text.encode(), file=sys.stderr)
        print(text.encode("utf-16"))
    if "Step" in event or event.get("fail"):
        raise ValueError(HELD + os.environ["HELD"] + repr(event))
    return {{"code": HELD, "variable": os.environ["HELD"], "event": event}}
"""


@dataclasses.dataclass
class House:
    """A server and the canaries that were brought into it."""

    server: RunningServer
    canaries: Canaries
    allowed_in_environments: set[str]

    def client(self, service: str, credentials: Credentials | None = None) -> Any:
        return self.server.client(service, credentials)

    def refused(self, client: Any, operation: str, **parameters: Any) -> str:
        """Call, expect a refusal that tells no canary, and answer its code."""
        with pytest.raises(ClientError) as caught:
            getattr(client, operation)(**parameters)
        assert not self.canaries.found_in(str(caught.value.response).encode())
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] < 500
        return str(caught.value.response["Error"]["Code"])

    def check(self, answer: Answer, what: str) -> None:
        """An answer to a wrong request: whatever it says, it tells no canary."""
        assert not self.canaries.found_in(answer.body), (what, answer)
        assert answer.status < 500, (what, answer)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The server; after the last test, everything that it wrote is searched, while it runs and after its end."""
    folder = tmp_path_factory.mktemp("canary")
    canaries = Canaries()
    with running_server(folder / "data", "--log-format", "json", workers=2) as server:
        made = House(server, canaries, set())
        yield made
        search(made)
    search(made)


def search(house: House) -> None:
    server = house.server
    assert house.canaries.found_in_files(server.data_dir, server.log) == {}
    allowed = house.allowed_in_environments
    assert house.canaries.found_in_processes(server.process.pid, allowed=allowed) == {}


def new_secret_name() -> str:
    return f"canary/{uuid.uuid4().hex}"


def awkward(canary: str) -> str:
    """A canary among characters that JSON, XML, URLs and logs escape."""
    return f'é"\\/\n<{canary}>&%$\u2028 {canary}'


def test_the_search_finds_a_canary_in_every_spelling() -> None:
    canaries = Canaries()
    canary = canaries.new("it")
    text = awkward(canary)
    for content in (
        text.encode(),
        json.dumps(text).encode(),
        text.encode("utf-16"),
        text.encode().hex().encode(),
        *(base64.b64encode(b"x" * shift + text.encode()) for shift in range(3)),
        *(base64.urlsafe_b64encode(b"x" * shift + text.encode()) for shift in range(3)),
        repr(text).encode(),
        canary.encode(),
    ):
        assert canaries.found_in(content) == {"it"}, content
    assert not canaries.found_in(canary[:-1].encode())


# --- the right way


def test_attack_12_secret_values_in_every_operation(house: House) -> None:
    client = house.client("secretsmanager")
    key = house.client("kms").create_key()["KeyMetadata"]["KeyId"]
    text = [awkward(house.canaries.new(f"SecretString {number}")) for number in range(4)]
    binary = [house.canaries.new(f"SecretBinary {number}").encode() + b"\x00\xff" for number in range(2)]
    name, other = new_secret_name(), new_secret_name()
    first = client.create_secret(Name=name, SecretString=text[0], KmsKeyId=key)["VersionId"]
    client.create_secret(Name=other, SecretBinary=binary[0])
    second = client.put_secret_value(SecretId=name, SecretString=text[1], VersionStages=["AWSCURRENT", "mine"])
    client.put_secret_value(SecretId=other, SecretBinary=binary[1])
    client.update_secret(SecretId=name, SecretString=text[2], Description="changed")
    client.update_secret(SecretId=other, SecretString=text[3])
    assert client.get_secret_value(SecretId=name)["SecretString"] == text[2]
    assert client.get_secret_value(SecretId=name, VersionStage="mine")["SecretString"] == text[1]
    assert client.get_secret_value(SecretId=other, VersionStage="AWSPREVIOUS")["SecretBinary"] == binary[1]
    batch = client.batch_get_secret_value(SecretIdList=[name, other])
    assert {value["SecretString"] for value in batch["SecretValues"]} == {text[2], text[3]}
    client.describe_secret(SecretId=name)
    client.list_secrets(Filters=[{"Key": "name", "Values": ["canary/"]}])
    client.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)
    client.update_secret_version_stage(
        SecretId=name, VersionStage="mine", MoveToVersionId=first, RemoveFromVersionId=second["VersionId"]
    )
    client.tag_resource(SecretId=name, Tags=[{"Key": "a", "Value": "b"}])
    client.untag_resource(SecretId=name, TagKeys=["a"])
    client.update_secret(SecretId=name, KmsKeyId="alias/aws/secretsmanager")
    client.delete_secret(SecretId=name)
    client.restore_secret(SecretId=name)
    client.delete_secret(SecretId=other, ForceDeleteWithoutRecovery=True)


def test_attack_12_keys_passwords_and_plaintexts_that_are_made_here(house: House) -> None:
    iam, kms, canaries = house.client("iam"), house.client("kms"), house.canaries
    user = house.server.make_user()
    canaries.watch("SecretAccessKey", user.secret_access_key)
    canaries.watch(
        "second SecretAccessKey", iam.create_access_key(UserName=user.user_name)["AccessKey"]["SecretAccessKey"]
    )
    canaries.watch("password", house.client("secretsmanager").get_random_password()["RandomPassword"])
    trust = {"Effect": "Allow", "Principal": {"AWS": house.server.account}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=new_name(), AssumeRolePolicyDocument=document)["Role"]["Arn"]
    session = house.client("sts").assume_role(RoleArn=role, RoleSessionName="canary")["Credentials"]
    canaries.watch("session's SecretAccessKey", session["SecretAccessKey"])
    canaries.watch("SessionToken", session["SessionToken"])
    who = Credentials(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    house.client("sts", who).get_caller_identity()
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    canary = canaries.new("Plaintext")
    ciphertext = kms.encrypt(KeyId=key, Plaintext=awkward(canary), EncryptionContext={"a": "b"})["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=ciphertext, EncryptionContext={"a": "b"})["Plaintext"]
    assert opened == awkward(canary).encode()
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256")["Plaintext"]
    canaries.watch("data key", made.hex())
    canaries.watch("data key in base64", base64.b64encode(made).decode())
    assert house.refused(kms, "decrypt", CiphertextBlob=ciphertext) == "InvalidCiphertextException"
    kms.disable_key(KeyId=key)
    assert house.refused(kms, "encrypt", KeyId=key, Plaintext=canary) == "DisabledException"


def printer(house: House, role: str, name: str) -> tuple[str, dict[str, str]]:
    """A function that holds canaries in its code and its variables, and prints them."""
    held = {place: house.canaries.new(f"{name}: {place}") for place in ("code", "variable")}
    house.allowed_in_environments.add(f"{name}: variable")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("mod.py", PRINTER.format(code=held["code"]))
    made = house.client("lambda").create_function(
        FunctionName=new_name(),
        Role=role,
        Runtime=OWN_RUNTIME,
        Handler="mod.handler",
        Timeout=20,
        Code={"ZipFile": buffer.getvalue()},
        Environment={"Variables": {"HELD": held["variable"]}},
    )
    return str(made["FunctionArn"]), held


def test_attack_12_functions_that_print_what_they_hold(house: House) -> None:
    functions = house.client("lambda")
    function, held = printer(house, make_role(house.server), "invoked")
    event = house.canaries.new("event")
    for payload in ({"a": event}, {"a": event, "fail": True}):
        answer = functions.invoke(FunctionName=function, Payload=json.dumps(payload), LogType="Tail")
        # To whoever invokes a function it may tell everything.
        assert event in answer["Payload"].read().decode()
        assert held["code"] in base64.b64decode(answer["LogResult"]).decode()
    functions.invoke(FunctionName=function, Payload=json.dumps({"a": event}), InvocationType="Event")
    functions.get_function(FunctionName=function)
    functions.list_functions()
    changed = house.canaries.new("changed variable")
    house.allowed_in_environments.add("changed variable")
    functions.update_function_configuration(FunctionName=function, Environment={"Variables": {"HELD": changed}})
    functions.invoke(FunctionName=function, Payload=json.dumps({"a": event}))


def test_attack_12_a_rotation_function_that_prints_and_fails(house: House) -> None:
    client, functions = house.client("secretsmanager"), house.client("lambda")
    function, _ = printer(house, make_role(house.server), "rotation")
    functions.add_permission(
        FunctionName=function,
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )
    name = new_secret_name()
    arn = client.create_secret(Name=name, SecretString=house.canaries.new("rotated value"))["ARN"]
    client.rotate_secret(SecretId=name, RotationLambdaARN=function)
    wanted = EventFilter(event_name="RotationFailed", resource=arn)
    wait_until(lambda: any(read_records(house.server.data_dir / "audit", wanted)), "the rotation fails")
    client.cancel_rotate_secret(SecretId=name)


# --- every wrong way


def test_attack_12_refusals_of_secret_values(house: House) -> None:
    client, new = house.client("secretsmanager"), house.canaries.new
    key = house.client("kms").create_key()["KeyMetadata"]["KeyId"]
    name, token = new_secret_name(), str(uuid.uuid4())
    client.create_secret(Name=name, SecretString=new("value"), KmsKeyId=key, ClientRequestToken=token)
    other = new("other value")
    taken = house.refused(client, "put_secret_value", SecretId=name, SecretString=other, ClientRequestToken=token)
    assert taken == "ResourceExistsException"
    assert house.refused(client, "create_secret", Name=name, SecretString=other) == "ResourceExistsException"
    both = {"SecretString": other, "SecretBinary": other.encode()}
    for operation, identity in (
        ("create_secret", {"Name": new_secret_name()}),
        ("put_secret_value", {"SecretId": name}),
        ("update_secret", {"SecretId": name}),
    ):
        assert house.refused(client, operation, **identity, **both) == "InvalidParameterException"
        assert house.refused(client, operation, **identity, SecretString=other * 2000) == "ValidationException"
        assert house.refused(client, operation, **identity, SecretBinary=other.encode() * 2000) == "ValidationException"
    missing = {"SecretId": new_secret_name(), "SecretString": other}
    assert house.refused(client, "put_secret_value", **missing) == "ResourceNotFoundException"
    assert house.refused(client, "update_secret", **missing) == "ResourceNotFoundException"
    twenty = [f"label-{number}" for number in range(21)]
    house.refused(client, "put_secret_value", SecretId=name, SecretString=other, VersionStages=twenty)
    house.refused(client, "put_secret_value", SecretId=name, SecretString=other, RotationToken=new("RotationToken") * 4)
    nobody = house.server.make_user()
    for operation, parameters in (
        ("create_secret", {"Name": new_secret_name(), "SecretString": other}),
        ("put_secret_value", {"SecretId": name, "SecretString": other}),
        ("update_secret", {"SecretId": name, "SecretBinary": other.encode()}),
    ):
        assert house.refused(house.client("secretsmanager", nobody), operation, **parameters) == "AccessDeniedException"
    unknown = Credentials("AKIAIOSFODNN7EXAMPLE", new("wrong key"))
    refused = house.refused(house.client("secretsmanager", unknown), "create_secret", Name="x", SecretString=other)
    assert refused == "InvalidSignatureException"
    wrong = Credentials(house.server.administrator.access_key_id, new("wrong secret key"))
    refused = house.refused(house.client("secretsmanager", wrong), "create_secret", Name="x", SecretString=other)
    assert refused == "InvalidSignatureException"
    house.client("kms").disable_key(KeyId=key)
    assert house.refused(client, "put_secret_value", SecretId=name, SecretString=other) == "EncryptionFailure"
    assert house.refused(client, "get_secret_value", SecretId=name) == "DecryptionFailure"
    client.delete_secret(SecretId=name)
    deleted = house.refused(client, "put_secret_value", SecretId=name, SecretString=other)
    assert deleted == "InvalidRequestException"


def wrong_values(canary: str, kind: str) -> Iterator[object]:
    """Values that do not fit a sensitive member, each holding the canary."""
    yield [canary]
    yield {"value": canary}
    yield {canary: 1}
    yield [[canary]]
    yield canary * 3000  # for a blob, too long or not base64
    yield f"{canary}\ud800"
    yield f"{canary}\0"
    if kind == "blob":
        yield canary  # not padded
        yield f"!{canary}"
        yield base64.b64encode(canary.encode() * 3000).decode()


def sensitive_operations() -> list[tuple[str, str]]:
    """The operations of the JSON services that take something sensitive, as the service models say."""
    found = []
    for service in JSON_SERVICES:
        for operation in MODELS.get_service_model(service).operation_names:
            members = input_members(service, operation).values()
            if any(member.metadata.get("sensitive") for member in members):
                found.append((service, operation))
    return found


def input_members(service: str, operation: str) -> Mapping[str, Shape]:
    """The members of an operation's input, as the service model has them."""
    shape = MODELS.get_service_model(service).operation_model(operation).input_shape
    return {} if shape is None else shape.members


@pytest.mark.parametrize(("service", "operation"), sensitive_operations())
def test_attack_12_every_malformed_request(house: House, service: str, operation: str) -> None:
    """In turn, each sensitive member is wrong, and each other member is wrong beside a right sensitive one."""
    members = input_members(service, operation)
    sensitive = {name: member.type_name for name, member in members.items() if member.metadata.get("sensitive")}
    canary = house.canaries.new(f"malformed {operation}")

    def post(document: object, what: str) -> None:
        house.check(send_json(house.server, service, operation, json.dumps(document).encode()), what)

    right = {
        name: base64.b64encode(canary.encode()).decode() if kind == "blob" else canary
        for name, kind in sensitive.items()
    }
    for name, kind in sensitive.items():
        for value in wrong_values(canary, kind):
            post({"Name": "x", "SecretId": "x", "KeyId": "x", name: value}, f"{name} is {str(value)[:30]}")
    for name in members.keys() - sensitive.keys():
        for value in ("", 7, True, ["x"], {"x": "y"}, "x" * 10_000, "\0", None):
            post({**right, name: value}, f"{name} is {str(value)[:30]}")
    post(right, "nothing else is given")
    post({**right, "Unknown": canary, canary: canary}, "unknown members")
    post([right], "a list")
    whole = json.dumps({"Name": "x", "SecretId": "x", "KeyId": "x", **right})
    bodies = [whole[:-1], whole[:-4], whole + whole, whole.replace('"', "'"), canary, f'"{canary}"', f"\xff{whole}"]
    doubled = whole[:-1] + "," + json.dumps(right)[1:]
    for body in (*bodies, doubled):
        house.check(send_json(house.server, service, operation, body.encode("latin-1")), body[:40])


def test_attack_12_requests_that_no_operation_takes(house: House) -> None:
    canary = house.canaries.new("lost request")
    body = json.dumps({"SecretString": canary}).encode()
    json_type = {"Content-Type": "application/x-amz-json-1.1"}
    for headers in (
        {**json_type, "X-Amz-Target": "secretsmanager.NoSuchOperation"},
        {**json_type, "X-Amz-Target": "NoSuchService.CreateSecret"},
        {**json_type, "X-Amz-Target": "secretsmanager.ReplicateSecretToRegions"},
        json_type,
        {"Content-Type": "text/plain", "X-Amz-Target": "secretsmanager.CreateSecret"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ):
        house.check(send(house.server, "secretsmanager", body, headers), str(headers))
    house.check(send_query(house.server, "iam", "CreateLoginProfile", {"UserName": "x", "Password": canary}), "iam")
    house.check(send_query(house.server, "iam", "ChangePassword", {"OldPassword": canary}), "iam")
    house.check(
        send_query(
            house.server,
            "sts",
            "AssumeRoleWithWebIdentity",
            {"RoleArn": "arn:aws:iam::000000000000:role/x", "RoleSessionName": "x", "WebIdentityToken": canary},
        ),
        "sts",
    )


def test_attack_12_malformed_policies_are_not_repeated(house: House) -> None:
    """A policy is no secret, and the trail holds it as CloudTrail does, but people paste the wrong thing."""
    house = dataclasses.replace(house, canaries=Canaries())
    canary = house.canaries.new("pasted into a policy")
    statements = [
        {"Effect": canary},
        {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {canary: canary}},
    ]
    documents = [canary, f'{{"{canary}"', f'["{canary}"]', json.dumps({"Version": canary, "Statement": []})]
    documents += [json.dumps({"Version": "2012-10-17", "Statement": statement}) for statement in (*statements, canary)]
    name = new_secret_name()
    client, kms, iam = house.client("secretsmanager"), house.client("kms"), house.client("iam")
    client.create_secret(Name=name)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    user, role = house.server.make_user(), make_role(house.server).rpartition("/")[2]
    for document in documents:
        house.refused(client, "put_resource_policy", SecretId=name, ResourcePolicy=document)
        house.refused(kms, "put_key_policy", KeyId=key, PolicyName="default", Policy=document)
        house.refused(kms, "create_key", Policy=document)
        house.refused(iam, "create_policy", PolicyName="x", PolicyDocument=document)
        house.refused(iam, "put_user_policy", UserName=user.user_name, PolicyName="x", PolicyDocument=document)
        house.refused(iam, "put_role_policy", RoleName=role, PolicyName="x", PolicyDocument=document)
        house.refused(iam, "create_role", RoleName=new_name(), AssumeRolePolicyDocument=document)


def test_attack_12_functions_that_are_refused(house: House) -> None:
    """The variables and the code of a function, with each thing that can be wrong beside them."""
    functions = house.client("lambda")
    canary = house.canaries.new("refused function")
    role = make_role(house.server)
    right = {
        "FunctionName": new_name(),
        "Role": role,
        "Runtime": OWN_RUNTIME,
        "Handler": "mod.handler",
        "Code": {"ZipFile": base64.b64encode(canary.encode()).decode()},
        "Environment": {"Variables": {"HELD": canary}},
    }
    path, headers = "/2015-03-31/functions", {"Content-Type": "application/json"}

    def post(document: object, what: str, path: str = path, method: str = "POST") -> None:
        body = json.dumps(document).encode()
        house.check(send(house.server, "lambda", body, headers, path=path, method=method), what)

    post(right, "the code is no archive")
    for name in right:
        post({key: value for key, value in right.items() if key != name}, f"no {name}")
        for value in ("", 7, ["x"], {"x": "y"}):
            post({**right, name: value}, f"{name} is {value}")
    for variables in (
        {canary: canary, "1": canary},
        {f"-{canary}": "x"},
        {"AWS_REGION": canary},
        {"HELD": canary * 1000},
        {"HELD": [canary]},
        {"HELD": f"{canary}\0"},
        canary,
        [canary],
    ):
        post({**right, "Environment": {"Variables": variables}}, f"variables are {str(variables)[:30]}")
    name, _ = printer(house, role, "kept function")
    for document in ({"Environment": {"Variables": {"AWS_REGION": canary}}}, {"Environment": canary}):
        post(document, "configuration", f"{path}/{name}/configuration", "PUT")
    post({"ZipFile": canary}, "code", f"{path}/{name}/code", "PUT")
    for payload in (f'{{"{canary}', canary):
        house.refused(functions, "invoke", FunctionName=name, Payload=payload)
    house.refused(functions, "invoke", FunctionName=new_name(), Payload=json.dumps(canary))
    nobody = house.client("lambda", house.server.make_user())
    house.refused(nobody, "invoke", FunctionName=name, Payload=json.dumps(canary))
