"""Master passwords that are managed: the secret, its rotation, its states and its end."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from demo.postgresql import PostgreSQL
from tests.support.databases_mariadb import MariaDBServer, start_mariadb
from tests.support.policies import refusal, refusal_code
from tests.support.rds import Master, make_master, tag_list
from tests.support.rotation import wait_until
from tests.support.server import RunningServer

from strongroom.audit import EventFilter, read_records
from strongroom.services.rds.endpoints import ca_tags


@pytest.fixture
def master(strongroom: RunningServer, postgresql: PostgreSQL) -> Master:
    return make_master(strongroom, postgresql)


def test_management_turned_on(master: Master) -> None:
    master.register()
    changed = master.modify(ManageMasterUserPassword=True)
    assert changed["MasterUserSecret"]["SecretStatus"] == "creating"
    master.wait_for_status("active")
    secret = master.secret()
    found = master.credential()
    assert sorted(found) == ["password", "username"]
    assert found["username"] == master.username
    assert len(found["password"]) == 28
    assert master.takes(found["password"])
    assert not master.takes(master.password)
    described = master.client("secretsmanager").describe_secret(SecretId=secret["SecretArn"])
    assert described["Name"].startswith("rds!db-")
    uuid.UUID(described["Name"].removeprefix("rds!db-"))
    assert described["OwningService"] == "rds"
    assert described["RotationRules"] == {"AutomaticallyAfterDays": 7}
    assert described["RotationEnabled"]
    tags = {tag["Key"]: tag["Value"] for tag in described["Tags"]}
    assert tags == {
        "aws:rds:primaryDBInstanceArn": changed["DBInstanceArn"],
        "aws:secretsmanager:owningService": "rds",
    }
    key = master.client("kms").describe_key(KeyId="alias/aws/secretsmanager")["KeyMetadata"]["Arn"]
    assert secret["KmsKeyId"] == key
    labels = described["VersionIdsToStages"].values()
    assert sorted(label for some in labels for label in some) == ["AWSCURRENT", "AWSPREVIOUS"]


def test_created_with_management_from_a_secret_that_has_the_password(master: Master) -> None:
    secrets_manager, kms = master.client("secretsmanager"), master.client("kms")
    name = f"first/{uuid.uuid4().hex}"
    secrets_manager.create_secret(Name=name, SecretString=json.dumps({"password": master.password}))
    key = kms.create_key()["KeyMetadata"]["Arn"]
    made = master.register(
        MasterUserPassword=None,
        ManageMasterUserPassword=True,
        MasterUserSecretKmsKeyId=key,
        Tags=master.tags(strongroom__master_secret=name),
    )
    assert made["MasterUserSecret"]["KmsKeyId"] == key
    assert made["MasterUserSecret"]["SecretStatus"] == "creating"
    master.wait_for_status("active")
    assert master.takes(master.credential()["password"])
    assert master.secret()["KmsKeyId"] == key
    other = kms.create_key()["KeyMetadata"]["Arn"]
    code = refusal_code(
        master.client(),
        "modify_db_instance",
        DBInstanceIdentifier=master.name,
        ManageMasterUserPassword=True,
        MasterUserSecretKmsKeyId=other,
    )
    assert code == "InvalidParameterCombination"


def test_a_key_that_is_not_there(master: Master) -> None:
    master.register()
    code, text = refusal(
        master.client(),
        "modify_db_instance",
        DBInstanceIdentifier=master.name,
        ManageMasterUserPassword=True,
        MasterUserSecretKmsKeyId="alias/no-such-key",
    )
    assert (code, "alias/no-such-key" in text) == ("KMSKeyNotAccessibleFault", True)
    assert "MasterUserSecret" not in master.describe()


def test_one_rotation_at_a_time(master: Master) -> None:
    master.register()
    master.set_behind_its_back("drifted-password")
    master.modify(ManageMasterUserPassword=True)
    for parameters in (
        {"RotateMasterUserPassword": True, "ApplyImmediately": True},
        {"ManageMasterUserPassword": False, "MasterUserPassword": "given-password"},
    ):
        assert refusal(master.client(), "modify_db_instance", DBInstanceIdentifier=master.name, **parameters) == (
            "InvalidDBInstanceState",
            f"DB Instance {master.name} is not in available state.",
        )
    master.set_behind_its_back(master.password)
    master.wait_for_status("active")


def test_rotation_by_modify_and_by_secrets_manager(master: Master) -> None:
    arn = master.managed()
    before = master.credential()
    changed = master.modify(RotateMasterUserPassword=True, ApplyImmediately=True)
    assert changed["MasterUserSecret"]["SecretStatus"] == "rotating"
    master.wait_for_status("active")
    after = master.credential()
    assert after["password"] != before["password"]
    assert master.credential("AWSPREVIOUS") == before
    assert master.takes(after["password"])
    master.client("secretsmanager").rotate_secret(SecretId=arn)
    wait_until(lambda: master.credential() != after, "RotateSecret has rotated")
    assert master.takes(master.credential()["password"])
    assert len(master.events("RotationSucceeded", arn)) >= 2
    code, text = refusal(
        master.client(), "modify_db_instance", DBInstanceIdentifier=master.name, RotateMasterUserPassword=True
    )
    assert (code, "immediately" in text) == ("InvalidParameterCombination", True)


def test_direct_edits_are_refused(master: Master) -> None:
    arn = master.managed()
    client = master.client("secretsmanager")
    for operation, parameters in (
        ("put_secret_value", {"SecretString": "mine"}),
        ("update_secret", {"Description": "mine"}),
        ("delete_secret", {"ForceDeleteWithoutRecovery": True}),
        ("cancel_rotate_secret", {}),
    ):
        assert refusal_code(client, operation, SecretId=arn, **parameters) == "InvalidRequestException", operation


def test_a_managed_password_cannot_be_given(master: Master) -> None:
    master.managed()
    for parameters in (
        {"MasterUserPassword": "given-password"},
        {"MasterUserPassword": "given-password", "ManageMasterUserPassword": True},
    ):
        assert refusal(master.client(), "modify_db_instance", DBInstanceIdentifier=master.name, **parameters) == (
            "InvalidParameterValue",
            "You can't specify MasterUserPassword for an instance with ManageMasterUserPassword enabled.",
        )


def test_management_turned_off(master: Master) -> None:
    arn = master.managed()
    named = {"DBInstanceIdentifier": master.name, "ManageMasterUserPassword": False}
    assert refusal(master.client(), "modify_db_instance", **named) == (
        "InvalidParameterCombination",
        "MasterUserPassword must be provided when ManageMasterUserPassword is set to false.",
    )
    changed = master.modify(ManageMasterUserPassword=False, MasterUserPassword="my-own-password")
    assert "MasterUserSecret" not in changed
    assert master.takes("my-own-password")
    client = master.client("secretsmanager")
    assert refusal_code(client, "describe_secret", SecretId=arn) == "ResourceNotFoundException"
    master.modify(ManageMasterUserPassword=True)
    assert master.secret()["SecretArn"] != arn


def test_deletion_takes_the_secret_along(master: Master) -> None:
    arn = master.managed()
    master.client().delete_db_instance(DBInstanceIdentifier=master.name, SkipFinalSnapshot=True)
    client = master.client("secretsmanager")
    assert refusal_code(client, "describe_secret", SecretId=arn) == "ResourceNotFoundException"
    assert master.events("EndSecretVersionDelete", arn)


def test_a_rotation_that_fails_goes_on_when_it_can(master: Master) -> None:
    """A password changed behind the service's back stops a rotation; nothing is lost, and it goes on by itself."""
    arn = master.managed()
    current = master.credential()
    master.set_behind_its_back("drifted-password")
    master.modify(RotateMasterUserPassword=True, ApplyImmediately=True)
    wait_until(lambda: bool(master.events("RotationFailed", arn)), "a step has failed")
    assert master.credential() == current
    assert master.takes("drifted-password")
    master.set_behind_its_back(current["password"])
    master.wait_for_status("active")
    assert master.takes(master.credential()["password"])
    assert "password" not in str([event["errorMessage"] for event in master.events("RotationFailed", arn)]).lower()


def test_a_rotation_that_set_the_password_already_is_completed(master: Master) -> None:
    """As after a crash between the change in the database and the move of the label."""
    master.managed()
    current = master.credential()
    master.set_behind_its_back("in-between-password")
    master.modify(RotateMasterUserPassword=True, ApplyImmediately=True)
    client = master.client("secretsmanager")

    def pending() -> str:
        try:
            return master.credential("AWSPENDING")["password"]
        except client.exceptions.ResourceNotFoundException:
            return ""

    wait_until(lambda: bool(pending()), "the new password is stored before the database has it")
    new = pending()
    master.set_behind_its_back(new)
    master.wait_for_status("active")
    assert master.credential()["password"] == new
    assert master.credential("AWSPREVIOUS") == current


# --- MariaDB


@pytest.fixture(scope="module")
def mariadb() -> Iterator[MariaDBServer]:
    with start_mariadb() as server:
        yield server


@dataclass
class MariaMaster:
    """A MariaDB user that is the master user of a registered database."""

    strongroom: RunningServer
    server: MariaDBServer
    name: str
    username: str

    def secret(self) -> dict[str, str]:
        """MasterUserSecret."""
        client = self.strongroom.client("rds")
        shown = client.describe_db_instances(DBInstanceIdentifier=self.name)["DBInstances"][0]
        found: dict[str, str] = shown["MasterUserSecret"]
        return found

    def manage(self) -> None:
        """Turn management on, and wait for the first rotation."""
        self.strongroom.client("rds").modify_db_instance(DBInstanceIdentifier=self.name, ManageMasterUserPassword=True)
        wait_until(lambda: self.secret()["SecretStatus"] == "active", "the first rotation is through")

    def current(self) -> str:
        """The current password of the managed secret."""
        client = self.strongroom.client("secretsmanager")
        value = json.loads(client.get_secret_value(SecretId=self.secret()["SecretArn"])["SecretString"])
        assert value["username"] == self.username
        return str(value["password"])


def _registered(strongroom: RunningServer, mariadb: MariaDBServer, tls: str, password: str) -> MariaMaster:
    unique = uuid.uuid4().hex[:8]
    user = f"o'b\\r {unique}"
    with mariadb.login("root", mariadb.password) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE USER %s@'127.0.0.1' IDENTIFIED BY %s", (user, password))
    tags = tag_list(strongroom__endpoint=f"127.0.0.1:{mariadb.port}", strongroom__tls=tls)
    if tls == "on":
        tags += [{"Key": key, "Value": value} for key, value in ca_tags(mariadb.certificate.read_text()).items()]
    strongroom.client("rds").create_db_instance(
        DBInstanceIdentifier=f"maria-{unique}",
        DBInstanceClass="db.t3.micro",
        Engine="mariadb",
        MasterUsername=user,
        MasterUserPassword=password,
        Tags=tags,
    )
    return MariaMaster(strongroom, mariadb, f"maria-{unique}", user)


@pytest.mark.parametrize("tls", ["off", "on"])
def test_mariadb(strongroom: RunningServer, mariadb: MariaDBServer, tls: str) -> None:
    master = _registered(strongroom, mariadb, tls, "fïrst%s'\\pass")
    given = "g!ven%s'\\pass"
    strongroom.client("rds").modify_db_instance(DBInstanceIdentifier=master.name, MasterUserPassword=given)
    assert mariadb.logs_in(master.username, given)
    master.manage()
    assert mariadb.logs_in(master.username, master.current())
    assert not mariadb.logs_in(master.username, given)


def test_a_rejected_password_is_replaced_and_never_tried_for_ever(
    strongroom: RunningServer, mariadb: MariaDBServer
) -> None:
    master = _registered(strongroom, mariadb, "off", "first-password")
    master.manage()
    arn, current = master.secret()["SecretArn"], master.current()
    client = strongroom.client("secretsmanager")

    def labels() -> set[str]:
        versions = client.describe_secret(SecretId=arn)["VersionIdsToStages"]
        return {label for some in versions.values() for label in some}

    mariadb.execute("INSTALL SONAME 'simple_password_check'", "SET GLOBAL simple_password_check_minimal_length = 29")
    try:
        client.rotate_secret(SecretId=arn)
        records = strongroom.data_dir / "audit"
        wait_until(
            lambda: (
                len([record for record in read_records(records, EventFilter(resource=arn))
                     if record.event["eventName"] == "RotationFailed"]) >= 5 and "AWSPENDING" not in labels()
            ),
            "every new password was rejected, and no more is tried",
        )  # fmt: skip
        assert master.current() == current
        assert mariadb.logs_in(master.username, current)
    finally:
        mariadb.execute("UNINSTALL SONAME 'simple_password_check'")
    client.rotate_secret(SecretId=arn)
    wait_until(lambda: master.current() != current, "the next rotation is through")
    assert mariadb.logs_in(master.username, master.current())


def test_mariadb_with_a_certificate_that_is_not_trusted(strongroom: RunningServer, mariadb: MariaDBServer) -> None:
    code, text = refusal(
        strongroom.client("rds"),
        "create_db_instance",
        DBInstanceIdentifier=f"maria-{uuid.uuid4().hex[:8]}",
        DBInstanceClass="db.t3.micro",
        Engine="mariadb",
        MasterUsername="root",
        MasterUserPassword=mariadb.password,
        Tags=tag_list(strongroom__endpoint=f"127.0.0.1:{mariadb.port}"),
    )
    assert (code, "cannot be reached" in text) == ("InvalidParameterValue", True)
