"""DB instances: registered, shown, changed, tagged and forgotten."""

from __future__ import annotations

import secrets
import uuid

import pytest
from botocore.exceptions import ClientError
from demo.postgresql import PostgreSQL
from tests.support.policies import refusal, refusal_code
from tests.support.rds import Master, make_master, tag_list
from tests.support.server import RunningServer


@pytest.fixture
def master(strongroom: RunningServer, postgresql: PostgreSQL) -> Master:
    return make_master(strongroom, postgresql)


def test_a_registered_instance(master: Master, strongroom: RunningServer) -> None:
    made = master.register(
        AllocatedStorage=20, DBName="postgres", VpcSecurityGroupIds=["sg-1"], DBInstanceIdentifier=master.name.upper()
    )
    arn = f"arn:aws:rds:{strongroom.region}:{strongroom.account}:db:{master.name}"
    assert made["DBInstanceArn"] == arn
    assert made["Endpoint"] == {"Address": master.database.host, "Port": master.database.port}
    assert (made["MasterUsername"], made["Engine"], made["DBName"]) == (master.username, "postgres", "postgres")
    assert (made["AllocatedStorage"], made["DBInstanceClass"]) == (20, "db.t3.micro")
    assert made["VpcSecurityGroups"] == [{"VpcSecurityGroupId": "sg-1", "Status": "active"}]
    assert made["DbiResourceId"].startswith("db-")
    assert made["TagList"] == master.tags()
    assert made["DeletionProtection"] is False
    assert "MasterUserSecret" not in made
    master.client().get_waiter("db_instance_available").wait(
        DBInstanceIdentifier=master.name, WaiterConfig={"Delay": 1, "MaxAttempts": 1}
    )
    assert master.describe() == made
    by_arn = master.client().describe_db_instances(DBInstanceIdentifier=arn)["DBInstances"]
    assert by_arn == [made]
    assert refusal(master.client(), "create_db_instance", **master.parameters()) == (
        "DBInstanceAlreadyExists",
        "DB Instance already exists",
    )


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"MasterUserPassword": "wrong-password"}, "InvalidParameterValue", "does not let"),
        ({"Tags": None}, "InvalidParameterValue", "strongroom:endpoint"),
        ({"Tags": tag_list(strongroom__endpoint="127.0.0.1:1")}, "InvalidParameterValue", "cannot be reached"),
        ({"Tags": tag_list(strongroom__endpoint="/tmp:5432")}, "InvalidParameterValue", "host:port"),
        ({"Tags": tag_list(strongroom__endpoint="a,b:5432")}, "InvalidParameterValue", "host:port"),
        ({"Tags": tag_list(strongroom__owner="me")}, "InvalidParameterValue", "means nothing"),
        ({"Tags": tag_list(aws__x="me")}, "InvalidParameterValue", "reserved"),
        ({"Engine": "oracle-ee"}, "InvalidParameterValue", "Invalid DB engine"),
        ({"DBInstanceIdentifier": "a--b"}, "InvalidParameterValue", "not a valid identifier"),
        ({"DBInstanceIdentifier": "ends-"}, "InvalidParameterValue", "not a valid identifier"),
        ({"MasterUsername": None}, "InvalidParameterValue", "MasterUsername must be provided"),
        ({"MasterUsername": "x" * 64}, "InvalidParameterValue", "MasterUsername"),
        ({"MasterUserPassword": None}, "InvalidParameterValue", "MasterUserPassword must be provided"),
        ({"ManageMasterUserPassword": True}, "InvalidParameterValue", "can't specify MasterUserPassword"),
        ({"MasterUserSecretKmsKeyId": "alias/x"}, "InvalidParameterValue", "A ManageMasterUserPassword value"),
        ({"ManageMasterUserPassword": True, "MasterUserPassword": None}, "InvalidParameterCombination", "present"),
        ({"Domain": "d-1"}, "InvalidParameterCombination", "Domain"),
        ({"DBClusterIdentifier": "nowhere"}, "InvalidParameterCombination", "for the DB Cluster"),
    ],
)
def test_what_cannot_be_registered(master: Master, changes: dict[str, object], code: str, message: str) -> None:
    found, text = refusal(master.client(), "create_db_instance", **master.parameters(**changes))
    assert (found, message in text) == (code, True), text
    assert master.password not in text
    assert refusal_code(master.client(), "describe_db_instances", DBInstanceIdentifier=master.name) == (
        "DBInstanceNotFound"
    )


def test_without_tls_only_when_it_is_asked_for(master: Master) -> None:
    address = f"{master.database.host}:{master.database.port}"
    tags = tag_list(strongroom__endpoint=address)
    code, text = refusal(master.client(), "create_db_instance", **master.parameters(Tags=tags))
    assert (code, "cannot be reached" in text) == ("InvalidParameterValue", True)


def test_a_password_is_set_in_the_server_at_once(master: Master) -> None:
    master.register()
    new = secrets.token_hex(12)
    changed = master.modify(MasterUserPassword=new)
    assert (changed["DBInstanceStatus"], changed["PendingModifiedValues"]) == ("available", {})
    assert master.takes(new)
    assert not master.takes(master.password)
    master.modify(MasterUserPassword=master.password + "x")
    assert master.takes(master.password + "x")


def test_passwords_that_rds_does_not_take(master: Master) -> None:
    master.register()
    for password, word in (("brief", "shorter than 8"), ("x" * 129, "longer than 128"), ("has a blank!", "printable")):
        code, text = refusal(
            master.client(), "modify_db_instance", DBInstanceIdentifier=master.name, MasterUserPassword=password
        )
        assert (code, word in text, password in text) == ("InvalidParameterValue", True, False)
    assert master.takes(master.password)


def test_a_server_that_changed_refuses_and_is_told_of(master: Master) -> None:
    master.register()
    master.set_behind_its_back("another-password")
    code, text = refusal(
        master.client(), "modify_db_instance", DBInstanceIdentifier=master.name, MasterUserPassword="wanted-password"
    )
    assert code == "InvalidDBInstanceState"
    assert "wanted" not in text
    assert master.takes("another-password")
    assert master.describe()["PendingModifiedValues"] == {}
    # What the server has already is found out and kept.
    master.modify(MasterUserPassword="another-password")
    master.modify(MasterUserPassword="wanted-password")
    assert master.takes("wanted-password")


def test_modifying(master: Master) -> None:
    master.register(BackupRetentionPeriod=3)
    changed = master.modify(DeletionProtection=True, AllocatedStorage=50, ApplyImmediately=True)
    assert (changed["DeletionProtection"], changed["AllocatedStorage"]) == (True, 50)
    assert changed["BackupRetentionPeriod"] == 3
    client, named = master.client(), {"DBInstanceIdentifier": master.name}
    for parameters, code in (
        ({}, "InvalidParameterCombination"),
        ({"ApplyImmediately": True}, "InvalidParameterCombination"),
        ({"NewDBInstanceIdentifier": "other"}, "InvalidParameterCombination"),
        ({"DBPortNumber": 70000}, "InvalidParameterValue"),
        ({"RotateMasterUserPassword": True}, "InvalidParameterCombination"),
        ({"RotateMasterUserPassword": True, "ApplyImmediately": True}, "InvalidParameterCombination"),
    ):
        assert refusal_code(client, "modify_db_instance", **named, **parameters) == code, parameters
    missing = {"DBInstanceIdentifier": "no-such", "AllocatedStorage": 1}
    assert refusal(client, "modify_db_instance", **missing) == ("DBInstanceNotFound", "DBInstance no-such not found.")


def test_deletion(master: Master) -> None:
    master.register(DeletionProtection=True)
    client, named = master.client(), {"DBInstanceIdentifier": master.name}
    assert refusal(client, "delete_db_instance", **named, SkipFinalSnapshot=True) == (
        "InvalidParameterCombination",
        "Cannot delete protected DB Instance, please disable deletion protection and try again.",
    )
    master.modify(DeletionProtection=False)
    assert refusal(client, "delete_db_instance", **named) == (
        "InvalidParameterCombination",
        "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
    )
    assert refusal_code(client, "delete_db_instance", **named, FinalDBSnapshotIdentifier="last") == (
        "InvalidParameterCombination"
    )
    assert client.delete_db_instance(**named, SkipFinalSnapshot=True)["DBInstance"]["DBInstanceStatus"] == "deleting"
    assert refusal_code(client, "describe_db_instances", **named) == "DBInstanceNotFound"
    assert master.takes(master.password)


def test_filters_and_pages(strongroom: RunningServer, postgresql: PostgreSQL) -> None:
    master = make_master(strongroom, postgresql)
    stem = f"page-{uuid.uuid4().hex[:8]}"
    names = [f"{stem}-{number:02}" for number in range(21)]
    for name in names:
        master.register(DBInstanceIdentifier=name)
    client = master.client()
    by_names = [{"Name": "db-instance-id", "Values": names}]
    first = client.describe_db_instances(Filters=by_names, MaxRecords=20)
    assert [shown["DBInstanceIdentifier"] for shown in first["DBInstances"]] == names[:20]
    rest = client.describe_db_instances(Filters=by_names, MaxRecords=20, Marker=first["Marker"])
    assert [shown["DBInstanceIdentifier"] for shown in rest["DBInstances"]] == names[20:]
    assert "Marker" not in rest
    paginator = client.get_paginator("describe_db_instances")
    seen = [one for page in paginator.paginate(Filters=by_names) for one in page["DBInstances"]]
    assert len(seen) == 21
    resource_id = seen[3]["DbiResourceId"]
    found = client.describe_db_instances(Filters=[{"Name": "dbi-resource-id", "Values": [resource_id]}])
    assert [shown["DBInstanceIdentifier"] for shown in found["DBInstances"]] == [names[3]]
    both = [{"Name": "engine", "Values": ["mysql"]}, *by_names]
    assert client.describe_db_instances(Filters=both)["DBInstances"] == []
    for parameters in (
        {"Filters": [{"Name": "colour", "Values": ["red"]}]},
        {"MaxRecords": 19},
        {"MaxRecords": 101},
        {"Marker": "not ours"},
    ):
        assert refusal_code(client, "describe_db_instances", **parameters) == "InvalidParameterValue", parameters
    for name in names:
        client.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)


def test_tags(master: Master) -> None:
    arn = master.register()["DBInstanceArn"]
    client = master.client()
    client.add_tags_to_resource(ResourceName=arn, Tags=tag_list(team="data", stage="test"))
    client.add_tags_to_resource(ResourceName=arn, Tags=tag_list(stage="live"))
    expected = [*master.tags(), *tag_list(team="data", stage="live")]
    assert client.list_tags_for_resource(ResourceName=arn)["TagList"] == expected
    client.remove_tags_from_resource(ResourceName=arn, TagKeys=["team", "none"])
    assert master.describe()["TagList"] == [*master.tags(), *tag_list(stage="live")]
    assert refusal_code(client, "list_tags_for_resource", ResourceName=arn + "x") == "DBInstanceNotFound"
    other = arn.replace(":db:", ":snapshot:")
    assert refusal_code(client, "list_tags_for_resource", ResourceName=other) == "InvalidParameterValue"


def test_the_right_to_tag_is_not_the_right_to_send_the_password_elsewhere(master: Master) -> None:
    arn = master.register()["DBInstanceArn"]
    client = master.client()
    for key in ("strongroom:endpoint", "Strongroom:Endpoint", "strongroom:tls", "strongroom:ca"):
        tags = [{"Key": key, "Value": "evil.example.com:5432"}]
        assert refusal_code(client, "add_tags_to_resource", ResourceName=arn, Tags=tags) == "InvalidParameterValue"
        assert refusal_code(client, "remove_tags_from_resource", ResourceName=arn, TagKeys=[key]) == (
            "InvalidParameterValue"
        )
    assert master.describe()["Endpoint"]["Address"] == master.database.host


def test_names_that_would_inject(strongroom: RunningServer, postgresql: PostgreSQL) -> None:
    nasty = f"""o'b"r; DROP ROLE x -- \\ {uuid.uuid4().hex[:8]} ü"""
    master = make_master(strongroom, postgresql, nasty)
    master.register()
    new = "'; DROP ROLE x; --".replace(" ", "_") + "\\"
    master.modify(MasterUserPassword=new)
    assert master.takes(new)


def test_the_trail_has_the_call_and_no_password(master: Master) -> None:
    arn = master.register()["DBInstanceArn"]
    master.modify(MasterUserPassword="canary-password-1")
    (event,) = master.events("CreateDBInstance", arn)
    assert event["requestParameters"]["dBInstanceIdentifier"] == master.name
    assert event["responseElements"]["dBInstance"]["endpoint"]["address"] == master.database.host
    (changed,) = master.events("ModifyDBInstance", arn)
    for recorded in (event, changed):
        assert master.password not in str(recorded)
        assert "canary-password-1" not in str(recorded)


def test_operations_that_are_not_offered_say_so(master: Master) -> None:
    with pytest.raises(ClientError) as caught:
        master.client().describe_db_snapshots()
    assert "rds:DescribeDBSnapshots" in str(caught.value)
