"""Who may do what to registered databases, and what a database's rights do not reach."""

from __future__ import annotations

import json
import uuid

import pytest
from demo.postgresql import PostgreSQL
from tests.support.operator import operator_client
from tests.support.policies import allow, deny, document, refusal_code
from tests.support.rds import Master, make_master, tag_list
from tests.support.server import RunningServer


@pytest.fixture
def master(strongroom: RunningServer, postgresql: PostgreSQL) -> Master:
    return make_master(strongroom, postgresql)


def _arn(master: Master, name: str = "*") -> str:
    return f"arn:aws:rds:{master.strongroom.region}:{master.strongroom.account}:db:{name}"


def test_every_operation_asks(master: Master) -> None:
    arn = master.register()["DBInstanceArn"]
    client = master.client("rds", master.strongroom.make_user())
    named = {"DBInstanceIdentifier": master.name}
    cluster = {"DBClusterIdentifier": "some"}
    for operation, parameters in (
        ("create_db_instance", master.parameters(DBInstanceIdentifier="other")),
        ("modify_db_instance", {**named, "MasterUserPassword": "a-new-password"}),
        ("describe_db_instances", named),
        ("describe_db_instances", {}),
        ("delete_db_instance", {**named, "SkipFinalSnapshot": True}),
        ("create_db_cluster", {**cluster, "Engine": "postgres", "Tags": master.tags(), "MasterUsername": "x",
                               "MasterUserPassword": "y"}),
        ("modify_db_cluster", {**cluster, "DeletionProtection": True}),
        ("describe_db_clusters", {}),
        ("delete_db_cluster", {**cluster, "SkipFinalSnapshot": True}),
        ("add_tags_to_resource", {"ResourceName": arn, "Tags": tag_list(a="b")}),
        ("remove_tags_from_resource", {"ResourceName": arn, "TagKeys": ["a"]}),
        ("list_tags_for_resource", {"ResourceName": arn}),
    ):  # fmt: skip
        assert refusal_code(client, operation, **parameters) == "AccessDenied", operation
    assert master.takes(master.password)


def test_a_caller_who_may_not_register_makes_the_server_connect_nowhere(master: Master) -> None:
    """The refusal comes before the login, so that it tells nothing about hosts and passwords."""
    client = master.client("rds", master.strongroom.make_user())
    for tags in (master.tags(), tag_list(strongroom__endpoint="127.0.0.1:1")):
        assert refusal_code(client, "create_db_instance", **master.parameters(Tags=tags)) == "AccessDenied"


def test_condition_keys(master: Master) -> None:
    managed = deny("rds:CreateDBInstance", Condition={"Bool": {"rds:ManageMasterUserPassword": "false"}})
    user = master.strongroom.make_user(document(allow("rds:*"), managed))
    assert refusal_code(master.client("rds", user), "create_db_instance", **master.parameters()) == "AccessDenied"
    engine = allow("rds:*", Condition={"StringEquals": {"rds:DatabaseEngine": "mysql"}})
    user = master.strongroom.make_user(document(engine))
    assert refusal_code(master.client("rds", user), "create_db_instance", **master.parameters()) == "AccessDenied"
    required = allow("rds:*", Condition={"StringEquals": {"aws:RequestTag/team": "data"}})
    user = master.strongroom.make_user(document(required))
    client = master.client("rds", user)
    assert refusal_code(client, "create_db_instance", **master.parameters()) == "AccessDenied"
    client.create_db_instance(**master.parameters(Tags=master.tags(team="data")))
    by_tag = allow("rds:DescribeDBInstances", Condition={"StringEquals": {"rds:db-tag/team": "data"}})
    reader = master.client("rds", master.strongroom.make_user(document(by_tag)))
    assert reader.describe_db_instances(DBInstanceIdentifier=master.name)["DBInstances"]
    other = make_master(master.strongroom, master.database)
    other.register()
    assert refusal_code(reader, "describe_db_instances", DBInstanceIdentifier=other.name) == "AccessDenied"


def test_tags_at_creation_take_the_right_to_tag(master: Master) -> None:
    user = master.strongroom.make_user(document(allow("rds:CreateDBInstance")))
    assert refusal_code(master.client("rds", user), "create_db_instance", **master.parameters()) == "AccessDenied"


def test_a_list_leaves_out_what_is_denied(master: Master) -> None:
    arn = master.register()["DBInstanceArn"]
    other = make_master(master.strongroom, master.database)
    other.register()
    user = master.strongroom.make_user(document(allow("rds:Describe*"), deny("rds:Describe*", resource=arn)))
    pages = master.client("rds", user).get_paginator("describe_db_instances").paginate()
    seen = {one["DBInstanceIdentifier"] for page in pages for one in page["DBInstances"]}
    assert other.name in seen
    assert master.name not in seen
    # However the name is written.
    for name in (master.name, master.name.upper(), arn):
        assert refusal_code(
            master.client("rds", user), "describe_db_instances", DBInstanceIdentifier=name
        ) == "AccessDenied"  # fmt: skip


def test_management_takes_the_rights_of_secrets_manager(master: Master) -> None:
    """A managed secret is made on the caller's behalf (Amazon RDS User Guide, "Permissions required")."""
    master.register()
    named = {"DBInstanceIdentifier": master.name}
    user = master.strongroom.make_user(document(allow("rds:*")))
    client = master.client("rds", user)
    assert refusal_code(client, "modify_db_instance", **named, ManageMasterUserPassword=True) == "AccessDenied"
    assert "MasterUserSecret" not in master.describe()
    able = master.strongroom.make_user(
        document(allow("rds:*"), allow("secretsmanager:CreateSecret", "secretsmanager:TagResource"))
    )
    client = master.client("rds", able)
    client.modify_db_instance(**named, ManageMasterUserPassword=True)
    master.wait_for_status("active")
    rotate = {"RotateMasterUserPassword": True, "ApplyImmediately": True}
    assert refusal_code(client, "modify_db_instance", **named, **rotate) == "AccessDenied"
    arn = master.secret()["SecretArn"]
    assert (
        refusal_code(master.client("secretsmanager", able), "get_secret_value", SecretId=arn) == "AccessDeniedException"
    )


def test_a_secret_with_the_first_password_must_be_the_callers_to_read(master: Master) -> None:
    name = f"first/{uuid.uuid4().hex}"
    master.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps({"password": master.password}))
    user = master.strongroom.make_user(document(allow("rds:*")))
    parameters = master.parameters(MasterUserPassword=None, Tags=master.tags(strongroom__master_secret=name))
    assert refusal_code(master.client("rds", user), "create_db_instance", **parameters) == "AccessDenied"
    master.client().create_db_instance(**parameters)


def test_another_account_sees_nothing(master: Master, postgresql: PostgreSQL) -> None:
    arn = master.register()["DBInstanceArn"]
    foreign = arn.replace(master.strongroom.account, "999999999999")
    assert refusal_code(master.client(), "describe_db_instances", DBInstanceIdentifier=foreign) == "DBInstanceNotFound"
    assert refusal_code(master.client(), "list_tags_for_resource", ResourceName=foreign) == "InvalidParameterValue"


def test_the_operators_operations_ask_too(master: Master) -> None:

    master.register()
    client = operator_client(master.strongroom, master.strongroom.make_user(document(allow("rds:*"))))
    for operation, parameters in (
        ("check_databases", {}),
        ("check_databases", {"Identifiers": [master.name]}),
        ("repair_database", {"Identifier": master.name, "Password": "x"}),
    ):
        assert refusal_code(client, operation, **parameters) == "AccessDeniedException", operation
