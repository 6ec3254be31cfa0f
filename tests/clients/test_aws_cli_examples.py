"""The examples of the AWS CLI's command reference and of the user guide for Secrets Manager: each command is run as it
is documented there, with names of our own, and what it prints is compared with what it is documented to print.
"""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.clients.aws_cli import aws, fails
from tests.support.lambda_service import OWN_RUNTIME, archive, make_role
from tests.support.replication import HERE, THERE, Regions, regions_of
from tests.support.rotation import wait_until
from tests.support.server import RunningServer

# Each call starts a process of its own, and the store makes no difference to what the CLI sees.
pytestmark = pytest.mark.system

Cli = Callable[..., Any]

DATABASE = {
    "engine": "mysql",
    "username": "saanvi",
    "password": "EXAMPLE-PASSWORD",
    "host": "db.internal",
    "port": "3306",
}


@pytest.fixture
def cli(strongroom: RunningServer) -> Cli:
    """``aws secretsmanager`` as the administrator."""
    return partial(aws, strongroom, "secretsmanager")


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"cli-example-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def client(strongroom: RunningServer) -> Any:
    """boto3, which is quicker than the CLI, for looking at what the CLI did."""
    return strongroom.client("secretsmanager")


@pytest.fixture
def secret(client: Any, name: str) -> dict[str, Any]:
    """A secret with two versions: what CreateSecret answered for it, and the second version as ``Second``."""
    made = client.create_secret(Name=name, SecretString="first", Description="My test secret")
    second = client.put_secret_value(SecretId=name, SecretString="second")["VersionId"]
    return {"ARN": made["ARN"], "Name": name, "First": made["VersionId"], "Second": second}


@pytest.fixture
def identity(secret: dict[str, Any]) -> dict[str, str]:
    """What most operations answer."""
    return {"ARN": secret["ARN"], "Name": secret["Name"]}


def _write(folder: Path, content: object) -> str:
    """Write JSON to a file; answer it as the CLI takes it."""
    (folder / "content.json").write_text(json.dumps(content, indent=2))
    return f"file://{folder}/content.json"


def test_create_from_a_file_and_put_from_a_file(cli: Cli, name: str, tmp_path: Path) -> None:
    made = cli("create-secret", "--name", name, "--secret-string", _write(tmp_path, DATABASE))
    assert set(made) == {"ARN", "Name", "VersionId"}
    assert made["Name"] == name
    read = cli("get-secret-value", "--secret-id", name)
    assert set(read) == {"ARN", "Name", "VersionId", "SecretString", "VersionStages", "CreatedDate"}
    assert (json.loads(read["SecretString"]), read["VersionStages"]) == (DATABASE, ["AWSCURRENT"])
    put = cli("put-secret-value", "--secret-id", name, "--secret-string", _write(tmp_path, DATABASE | {"port": "1"}))
    assert set(put) == {"ARN", "Name", "VersionId", "VersionStages"}
    assert (put["ARN"], put["VersionStages"]) == (made["ARN"], ["AWSCURRENT"])
    previous = cli("get-secret-value", "--secret-id", name, "--version-stage", "AWSPREVIOUS")
    assert (previous["VersionId"], json.loads(previous["SecretString"])) == (made["VersionId"], DATABASE)


def test_create_from_a_file_of_parameters(cli: Cli, name: str, tmp_path: Path) -> None:
    token = str(uuid.uuid4())
    parameters = {
        "Name": name,
        "ClientRequestToken": token,
        "Description": "My test secret created with the CLI.",
        "SecretString": json.dumps(DATABASE),
        "Tags": [{"Key": "team", "Value": "blue"}],
    }
    made = cli("create-secret", "--cli-input-json", _write(tmp_path, parameters))
    assert made["VersionId"] == token
    described = cli("describe-secret", "--secret-id", name)
    assert set(described) == {
        *("ARN", "Name", "Description", "LastChangedDate", "Tags", "VersionIdsToStages", "CreatedDate"),
    }
    assert (described["Description"], described["Tags"]) == (parameters["Description"], parameters["Tags"])
    assert described["VersionIdsToStages"] == {token: ["AWSCURRENT"]}


def test_a_value_as_text_for_a_script(strongroom: RunningServer, secret: dict[str, Any]) -> None:
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("aws"), "secretsmanager", "get-secret-value"),
            *("--secret-id", secret["ARN"], "--query", "SecretString", "--output", "text"),
        ],
        env=strongroom.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "second\n"


def test_versions(cli: Cli, secret: dict[str, Any], identity: dict[str, str]) -> None:
    listed = cli("list-secret-version-ids", "--secret-id", secret["Name"])
    versions = listed.pop("Versions")
    assert listed == identity
    assert {version["VersionId"]: version["VersionStages"] for version in versions} == {
        secret["First"]: ["AWSPREVIOUS"],
        secret["Second"]: ["AWSCURRENT"],
    }


def test_labels(cli: Cli, client: Any, secret: dict[str, Any], identity: dict[str, str]) -> None:
    change = partial(cli, "update-secret-version-stage", "--secret-id", secret["Name"])

    def stages() -> Any:
        return client.describe_secret(SecretId=secret["Name"])["VersionIdsToStages"]

    back = ("--move-to-version-id", secret["First"], "--remove-from-version-id", secret["Second"])
    assert change("--version-stage", "AWSCURRENT", *back) == identity
    assert stages() == {secret["First"]: ["AWSCURRENT"], secret["Second"]: ["AWSPREVIOUS"]}
    assert change("--version-stage", "STAGINGLABEL1", "--move-to-version-id", secret["Second"]) == identity
    assert sorted(stages()[secret["Second"]]) == ["AWSPREVIOUS", "STAGINGLABEL1"]
    assert change("--version-stage", "STAGINGLABEL1", "--remove-from-version-id", secret["Second"]) == identity
    assert stages()[secret["Second"]] == ["AWSPREVIOUS"]


def test_update(strongroom: RunningServer, cli: Cli, secret: dict[str, Any], identity: dict[str, str]) -> None:
    description = "This is a new description for the secret."
    assert cli("update-secret", "--secret-id", secret["Name"], "--description", description) == identity
    key = strongroom.client("kms").create_key()["KeyMetadata"]["Arn"]
    assert cli("update-secret", "--secret-id", secret["Name"], "--kms-key-id", key) == identity
    described = strongroom.client("secretsmanager").describe_secret(SecretId=secret["Name"])
    assert (described["Description"], described["KmsKeyId"]) == (description, key)


def test_tags(cli: Cli, client: Any, secret: dict[str, Any]) -> None:
    def tags() -> dict[str, str]:
        found = client.describe_secret(SecretId=secret["Name"]).get("Tags", [])
        return {tag["Key"]: tag["Value"] for tag in found}

    assert cli("tag-resource", "--secret-id", secret["Name"], "--tags", "Key=FirstTag,Value=FirstValue") is None
    assert tags() == {"FirstTag": "FirstValue"}
    both = [{"Key": "FirstTag", "Value": "Other"}, {"Key": "SecondTag", "Value": "SecondValue"}]
    assert cli("tag-resource", "--secret-id", secret["Name"], "--tags", json.dumps(both)) is None
    assert tags() == {"FirstTag": "Other", "SecondTag": "SecondValue"}
    keys = '[ "FirstTag", "SecondTag"]'
    assert cli("untag-resource", "--secret-id", secret["Name"], "--tag-keys", keys) is None
    assert tags() == {}


def test_a_batch_by_names_and_by_a_filter(cli: Cli, client: Any, name: str) -> None:
    names = [f"{name}{number}" for number in (1, 2, 3)]
    for each in names:
        client.create_secret(Name=each, SecretString=f"value of {each}")
    by_names = cli("batch-get-secret-value", "--secret-id-list", *names)
    assert by_names["Errors"] == []
    assert {it["Name"]: it["SecretString"] for it in by_names["SecretValues"]} == {
        each: f"value of {each}" for each in names
    }
    assert set(by_names["SecretValues"][0]) == {
        *("ARN", "Name", "VersionId", "SecretString", "VersionStages", "CreatedDate"),
    }
    by_filter = cli("batch-get-secret-value", "--filters", f"Key=name,Values={name}")
    assert [it["Name"] for it in by_filter["SecretValues"]] == names
    assert by_filter["Errors"] == []


def test_list(cli: Cli, secret: dict[str, Any]) -> None:
    # The reference writes --filter, which the CLI takes for --filters.
    found = cli("list-secrets", "--filter", f"Key=name,Values={secret['Name']}")["SecretList"]
    assert [(it["ARN"], it["Name"]) for it in found] == [(secret["ARN"], secret["Name"])]
    assert found[0]["SecretVersionsToStages"] == {secret["First"]: ["AWSPREVIOUS"], secret["Second"]: ["AWSCURRENT"]}
    assert cli("list-secrets", "--filter", "Key=owning-service,Values=nobody") == {"SecretList": []}


def test_a_random_password(cli: Cli) -> None:
    found = cli("get-random-password", "--require-each-included-type", "--password-length", "20")
    assert set(found) == {"RandomPassword"}
    password = found["RandomPassword"]
    assert len(password) == 20
    assert all(any(test(letter) for letter in password) for test in (str.isupper, str.islower, str.isdigit))
    assert not password.isalnum()


def test_a_resource_policy(
    strongroom: RunningServer, cli: Cli, secret: dict[str, Any], identity: dict[str, str], tmp_path: Path
) -> None:
    statement = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    role = {"Principal": {"AWS": make_role(strongroom)}}
    document = _write(tmp_path, {"Version": "2012-10-17", "Statement": [statement | role]})
    valid = cli("validate-resource-policy", "--resource-policy", document)
    assert valid == {"PolicyValidationPassed": True, "ValidationErrors": []}
    put = ("put-resource-policy", "--secret-id", secret["Name"], "--block-public-policy", "--resource-policy")
    assert cli(*put, document) == identity
    found = cli("get-resource-policy", "--secret-id", secret["Name"])
    assert json.loads(found.pop("ResourcePolicy"))["Statement"] == [statement | role]
    assert found == identity
    everybody = _write(tmp_path, {"Version": "2012-10-17", "Statement": [statement | {"Principal": "*"}]})
    assert "(PublicPolicyException)" in fails(strongroom, "secretsmanager", *put, everybody)
    broad = cli("validate-resource-policy", "--resource-policy", everybody)
    assert (broad["PolicyValidationPassed"], len(broad["ValidationErrors"])) == (False, 1)
    assert cli("delete-resource-policy", "--secret-id", secret["Name"]) == identity
    assert cli("get-resource-policy", "--secret-id", secret["Name"]) == identity


def test_delete_and_restore(cli: Cli, client: Any, secret: dict[str, Any], identity: dict[str, str]) -> None:
    deleted = cli("delete-secret", "--secret-id", secret["Name"], "--recovery-window-in-days", "7")
    assert set(deleted) == {"ARN", "Name", "DeletionDate"}
    assert cli("restore-secret", "--secret-id", secret["Name"]) == identity
    gone = cli("delete-secret", "--secret-id", secret["Name"], "--force-delete-without-recovery")
    assert set(gone) == {"ARN", "Name", "DeletionDate"}
    filters = [{"Key": "name", "Values": [secret["Name"]]}]
    assert client.list_secrets(Filters=filters, IncludePlannedDeletion=True)["SecretList"] == []


def _rotation_function(server: RunningServer, secret_arn: str) -> str:
    """A function that may rotate one secret, and that Secrets Manager may call; answers its ARN."""
    actions = ["DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"]
    rotate = {"Action": [f"secretsmanager:{action}" for action in actions], "Resource": secret_arn}
    password = {"Action": "secretsmanager:GetRandomPassword", "Resource": "*"}
    allowed = [{"Effect": "Allow"} | statement for statement in (rotate, password)]
    source = Path(__file__).parents[1] / "terraform/rotate.py"
    functions, function = server.client("lambda"), f"cli-example-{uuid.uuid4().hex[:12]}"
    made = functions.create_function(
        FunctionName=function,
        Role=make_role(server, policy={"Version": "2012-10-17", "Statement": allowed}),
        Runtime=OWN_RUNTIME,
        Handler="rotate.handler",
        Timeout=30,
        Code={"ZipFile": archive(source.read_text(), "rotate.py")},
    )
    functions.add_permission(
        FunctionName=function,
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
        SourceAccount=server.account,
    )
    return str(made["FunctionArn"])


def test_rotation(strongroom: RunningServer, cli: Cli, secret: dict[str, Any], identity: dict[str, str]) -> None:
    client, rotate = strongroom.client("secretsmanager"), partial(cli, "rotate-secret", "--secret-id", secret["Name"])

    def assert_it_rotates(answer: dict[str, str]) -> None:
        version = answer.pop("VersionId")
        assert answer == identity

        def finished() -> bool:
            stages = client.describe_secret(SecretId=secret["Name"])["VersionIdsToStages"]
            return bool(stages.get(version) == ["AWSCURRENT"])

        wait_until(finished, "the function rotates the secret, and AWSPENDING is taken off")

    function = ("--rotation-lambda-arn", _rotation_function(strongroom, secret["ARN"]))
    schedule = {"ScheduleExpression": "cron(0 8/8 * * ? *)", "Duration": "2h"}
    assert_it_rotates(rotate(*function, "--rotation-rules", json.dumps(schedule)))
    described = client.describe_secret(SecretId=secret["Name"])
    assert described["RotationEnabled"] is True
    assert schedule.items() <= described["RotationRules"].items()
    assert {"LastRotatedDate", "NextRotationDate", "RotationLambdaARN"} <= set(described)
    assert_it_rotates(rotate(*function, "--rotation-rules", '{"ScheduleExpression": "rate(10 days)"}'))
    assert cli("cancel-rotate-secret", "--secret-id", secret["Name"]) == identity
    assert client.describe_secret(SecretId=secret["Name"])["RotationEnabled"] is False
    assert_it_rotates(rotate())
    assert client.describe_secret(SecretId=secret["Name"])["RotationEnabled"] is True


@pytest.fixture
def regions(tmp_path: Path) -> Iterator[Regions]:
    """A server with several regions."""
    with regions_of("sqlite", tmp_path) as made:
        yield made


@pytest.mark.usefixtures("strongroom")  # which the whole file is parametrised by
def test_replication(regions: Regions, name: str) -> None:
    here = partial(aws, regions.server, "secretsmanager", "--region", HERE)
    there = partial(aws, regions.server, "secretsmanager", "--region", THERE)
    arn = here("create-secret", "--name", name, "--secret-string", "value")["ARN"]
    replicate = partial(here, "replicate-secret-to-regions", "--secret-id", name)
    replica = {"Region": THERE, "KmsKeyId": "alias/aws/secretsmanager"}
    answer = replicate("--add-replica-regions", f"Region={THERE}")
    assert answer == {"ARN": arn, "ReplicationStatus": [replica | {"Status": "InProgress"}]}
    regions.wait(name)
    described = here("describe-secret", "--secret-id", name)
    assert described["PrimaryRegion"] == HERE
    in_sync = described["ReplicationStatus"][0]
    assert in_sync.pop("StatusMessage") == "Replication succeeded"
    assert in_sync == replica | {"Status": "InSync"}
    assert there("get-secret-value", "--secret-id", name)["SecretString"] == "value"

    removed = here("remove-regions-from-replication", "--secret-id", name, "--remove-replica-regions", THERE)
    assert removed == {"ARN": arn, "ReplicationStatus": []}
    assert "(ResourceNotFoundException)" in fails(
        *(regions.server, "secretsmanager", "--region", THERE, "describe-secret", "--secret-id", name)
    )
    replicate("--add-replica-regions", f"Region={THERE}")
    regions.wait(name)
    promoted = there("stop-replication-to-replica", "--secret-id", name)
    assert promoted == {"ARN": arn.replace(HERE, THERE)}
    assert there("put-secret-value", "--secret-id", name, "--secret-string", "own")["VersionStages"] == ["AWSCURRENT"]
