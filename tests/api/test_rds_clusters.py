"""DB clusters: the credential is the cluster's, its instances have none of their own."""

from __future__ import annotations

import json
import uuid

import pytest
from demo.postgresql import PostgreSQL
from tests.support.policies import refusal, refusal_code
from tests.support.rds import Master, make_master
from tests.support.rotation import wait_until
from tests.support.server import RunningServer


@pytest.fixture
def master(strongroom: RunningServer, postgresql: PostgreSQL) -> Master:
    return make_master(strongroom, postgresql)


def _create(master: Master, name: str, **more: object) -> dict[str, object]:
    made: dict[str, object] = master.client().create_db_cluster(
        DBClusterIdentifier=name,
        Engine="aurora-postgresql",
        MasterUsername=master.username,
        MasterUserPassword=master.password,
        Tags=master.tags(),
        **more,
    )["DBCluster"]
    return made


def test_a_cluster_and_its_members(master: Master) -> None:
    client, name = master.client(), f"cluster-{uuid.uuid4().hex[:8]}"
    made = _create(master, name, DatabaseName="postgres", BackupRetentionPeriod=5)
    assert (made["Endpoint"], made["Port"]) == (master.database.host, master.database.port)
    assert (made["Status"], made["DatabaseName"], made["BackupRetentionPeriod"]) == ("available", "postgres", 5)
    assert str(made["DBClusterArn"]).endswith(f":cluster:{name}")
    assert refusal_code(
        client, "create_db_cluster", DBClusterIdentifier=name, Engine="aurora-postgresql",
        MasterUsername=master.username, MasterUserPassword=master.password, Tags=master.tags(),
    ) == "DBClusterAlreadyExistsFault"  # fmt: skip
    member = {"DBInstanceIdentifier": f"{name}-1", "DBInstanceClass": "db.r6g.large", "DBClusterIdentifier": name}
    created = client.create_db_instance(**member, Engine="aurora-postgresql")["DBInstance"]
    assert (created["DBClusterIdentifier"], created["MasterUsername"]) == (name, master.username)
    assert created["Endpoint"]["Port"] == master.database.port
    other = {**member, "DBInstanceIdentifier": f"{name}-2"}
    assert refusal_code(client, "create_db_instance", **other, Engine="mysql") == "InvalidParameterCombination"
    lost = {**other, "DBClusterIdentifier": "no-such"}
    assert refusal(client, "create_db_instance", **lost, Engine="mysql") == (
        "DBClusterNotFoundFault",
        "DBCluster no-such not found.",
    )
    shown = client.describe_db_clusters(DBClusterIdentifier=made["DBClusterArn"])["DBClusters"][0]
    assert [one["DBInstanceIdentifier"] for one in shown["DBClusterMembers"]] == [f"{name}-1"]
    found = client.describe_db_instances(Filters=[{"Name": "db-cluster-id", "Values": [name]}])["DBInstances"]
    assert [one["DBInstanceIdentifier"] for one in found] == [f"{name}-1"]
    assert refusal_code(
        client, "modify_db_instance", DBInstanceIdentifier=f"{name}-1", MasterUserPassword="long-enough"
    ) == "InvalidParameterCombination"  # fmt: skip
    doomed = {"DBClusterIdentifier": name, "SkipFinalSnapshot": True}
    assert refusal_code(client, "delete_db_cluster", **doomed) == "InvalidDBClusterStateFault"
    client.delete_db_instance(DBInstanceIdentifier=f"{name}-1", SkipFinalSnapshot=True)
    assert client.delete_db_cluster(**doomed)["DBCluster"]["Status"] == "deleting"
    assert refusal_code(client, "describe_db_clusters", DBClusterIdentifier=name) == "DBClusterNotFoundFault"


def test_the_secret_of_a_cluster(master: Master) -> None:
    client, secrets_manager = master.client(), master.client("secretsmanager")
    name = f"cluster-{uuid.uuid4().hex[:8]}"
    arn = _create(master, name)["DBClusterArn"]
    client.modify_db_cluster(DBClusterIdentifier=name, ManageMasterUserPassword=True, ApplyImmediately=True)

    def secret() -> dict[str, str]:
        found: dict[str, str] = client.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0][
            "MasterUserSecret"
        ]
        return found

    wait_until(lambda: secret()["SecretStatus"] == "active", "the first rotation is through")
    described = secrets_manager.describe_secret(SecretId=secret()["SecretArn"])
    assert described["Name"].startswith("rds!cluster-")
    assert {"Key": "aws:rds:primaryDBClusterArn", "Value": arn} in described["Tags"]
    value = json.loads(secrets_manager.get_secret_value(SecretId=described["ARN"])["SecretString"])
    assert master.takes(value["password"])
    tags = {tag["Key"]: tag["Value"] for tag in client.list_tags_for_resource(ResourceName=arn)["TagList"]}
    assert tags["strongroom:tls"] == "off"
    client.delete_db_cluster(DBClusterIdentifier=name, SkipFinalSnapshot=True)
    code = refusal_code(secrets_manager, "describe_secret", SecretId=described["ARN"])
    assert code == "ResourceNotFoundException"
