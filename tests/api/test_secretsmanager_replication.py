"""Replicas in other regions: what follows, what is refused, and how the link begins, heals and ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.refusals import refusal
from tests.support.replication import (
    ELSEWHERE,
    ENGINES,
    HERE,
    THERE,
    Regions,
    eventually,
    regions_of,
    statement,
    unique,
)

pytestmark = pytest.mark.xdist_group("replication")

ON_A_REPLICA = (
    "InvalidParameterException",
    "Operation not permitted on a replica secret. Call must be made in primary secret's region.",
)
INVALID_REGION = ("InvalidParameterException", "Invalid replica region.")
NAME_IS_TAKEN = "Secret with this name already exists in this region"
NO_KMS = ("AccessDeniedException", "Access to KMS is not allowed")


@pytest.fixture(scope="module", params=ENGINES)
def regions(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regions]:
    with regions_of(request.param, tmp_path_factory.mktemp("replication")) as found:
        yield found


def policy_for(principal: str) -> str:
    return json.dumps({
        "Version": "2012-10-17",
        "Statement": [statement("secretsmanager:DescribeSecret", Principal={"AWS": principal})],
    })  # fmt: skip


def elsewhere(arn: str, region: str = THERE) -> str:
    return arn.replace(f":{HERE}:", f":{region}:")


# --- what follows


def test_a_replica_is_the_secret_in_another_region(regions: Regions) -> None:
    name = unique()
    made = regions.secrets().create_secret(
        Name=name,
        SecretString="v1",
        Description="of the database",
        Tags=[{"Key": "team", "Value": "a"}],
        AddReplicaRegions=[{"Region": THERE}, {"Region": ELSEWHERE}],
    )
    assert [(each["Region"], each["KmsKeyId"]) for each in made["ReplicationStatus"]] == [
        (THERE, "alias/aws/secretsmanager"),
        (ELSEWHERE, "alias/aws/secretsmanager"),
    ]
    regions.wait(name)
    for region in (THERE, ELSEWHERE):
        found = regions.secrets(region).get_secret_value(SecretId=name)
        assert (found["SecretString"], found["VersionId"], found["VersionStages"], found["ARN"]) == (
            "v1",
            made["VersionId"],
            ["AWSCURRENT"],
            elsewhere(made["ARN"], region),
        )
    here, there = (regions.secrets(region).describe_secret(SecretId=name) for region in (HERE, THERE))
    for member in ("Description", "Tags", "VersionIdsToStages", "LastChangedDate", "PrimaryRegion"):
        assert there[member] == here[member]
    assert there["PrimaryRegion"] == HERE
    assert "ReplicationStatus" not in there
    assert "KmsKeyId" not in there
    eventually(lambda: "LastAccessedDate" in regions.status(name), "the replica's last read is shown")


def test_whatever_changes_on_the_primary_follows(regions: Regions) -> None:
    name = regions.replicated()
    here, there = regions.secrets(), regions.secrets(THERE)
    first = here.get_secret_value(SecretId=name)["VersionId"]
    second = here.put_secret_value(SecretId=name, SecretBinary=b"\x00\xff", VersionStages=["AWSCURRENT", "mine"])
    here.put_secret_value(SecretId=name, SecretString="next", VersionStages=["AWSPENDING"])
    here.update_secret(SecretId=name, Description="new")
    here.tag_resource(SecretId=name, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    here.untag_resource(SecretId=name, TagKeys=["a"])
    here.put_resource_policy(SecretId=name, ResourcePolicy=policy_for(f"arn:aws:iam::{regions.server.account}:root"))
    regions.wait(name)
    found = there.get_secret_value(SecretId=name, VersionStage="mine")
    assert (found["SecretBinary"], found["VersionId"]) == (b"\x00\xff", second["VersionId"])
    assert regions.value(name, VersionStage="AWSPENDING") == "next"
    assert regions.value(name, VersionStage="AWSPREVIOUS") == "v1"
    described = there.describe_secret(SecretId=name)
    assert described["VersionIdsToStages"] == here.describe_secret(SecretId=name)["VersionIdsToStages"]
    assert (described["Description"], described["Tags"]) == ("new", [{"Key": "b", "Value": "2"}])
    assert (
        there.get_resource_policy(SecretId=name)["ResourcePolicy"]
        == here.get_resource_policy(SecretId=name)["ResourcePolicy"]
    )
    here.update_secret_version_stage(
        SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=first, RemoveFromVersionId=second["VersionId"]
    )
    here.update_secret_version_stage(SecretId=name, VersionStage="mine", RemoveFromVersionId=second["VersionId"])
    here.delete_resource_policy(SecretId=name)
    regions.wait(name)
    assert regions.value(name) == "v1"
    described = there.describe_secret(SecretId=name)
    assert described["VersionIdsToStages"] == here.describe_secret(SecretId=name)["VersionIdsToStages"]
    assert "ResourcePolicy" not in there.get_resource_policy(SecretId=name)


def test_the_resource_policy_decides_on_the_replica(regions: Regions) -> None:
    name = regions.replicated()
    somebody = regions.user()
    there = regions.secrets(THERE, somebody)
    assert refusal(there.describe_secret, SecretId=name)[0] == "AccessDeniedException"
    regions.secrets().put_resource_policy(SecretId=name, ResourcePolicy=policy_for(somebody.arn))
    regions.wait(name)
    assert there.describe_secret(SecretId=name)["PrimaryRegion"] == HERE


def test_a_secret_without_a_value_gets_one_everywhere(regions: Regions) -> None:
    name = unique()
    regions.secrets().create_secret(Name=name, AddReplicaRegions=[{"Region": THERE}])
    regions.wait(name)
    assert "VersionIdsToStages" not in regions.secrets(THERE).describe_secret(SecretId=name)
    regions.secrets().put_secret_value(SecretId=name, SecretString="v1")
    regions.wait(name)
    assert regions.value(name) == "v1"


def test_a_list_tells_where_a_secret_comes_from(regions: Regions) -> None:
    name = regions.replicated()
    for region in (HERE, THERE):
        found = regions.secrets(region).list_secrets(
            Filters=[{"Key": "primary-region", "Values": [HERE]}, {"Key": "name", "Values": [name]}]
        )
        assert [each["PrimaryRegion"] for each in found["SecretList"]] == [HERE]


# --- what is refused


def test_nothing_is_written_to_a_replica(regions: Regions) -> None:
    name = regions.replicated()
    there = regions.secrets(THERE)
    version = there.get_secret_value(SecretId=name)["VersionId"]
    before = there.describe_secret(SecretId=name)
    refused: list[tuple[Any, dict[str, Any]]] = [
        (there.put_secret_value, {"SecretString": "x"}),
        (there.update_secret, {"SecretString": "x"}),
        (there.update_secret, {"Description": "x"}),
        (there.update_secret, {"Description": "x", "KmsKeyId": "alias/aws/secretsmanager"}),
        (there.update_secret_version_stage, {"VersionStage": "mine", "MoveToVersionId": version}),
        (there.tag_resource, {"Tags": [{"Key": "a", "Value": "1"}]}),
        (there.untag_resource, {"TagKeys": ["a"]}),
        (there.put_resource_policy, {"ResourcePolicy": policy_for(f"arn:aws:iam::{regions.server.account}:root")}),
        (there.delete_resource_policy, {}),
        (there.rotate_secret, {}),
        (there.cancel_rotate_secret, {}),
        (there.restore_secret, {}),
        (there.delete_secret, {}),
        (there.delete_secret, {"ForceDeleteWithoutRecovery": True}),
        (there.replicate_secret_to_regions, {"AddReplicaRegions": [{"Region": ELSEWHERE}]}),
        (there.remove_regions_from_replication, {"RemoveReplicaRegions": [THERE]}),
    ]
    for operation, parameters in refused:
        assert refusal(operation, SecretId=name, **parameters) == ON_A_REPLICA, operation
    after = there.describe_secret(SecretId=name)
    assert {**after, "ResponseMetadata": 0} == {**before, "LastAccessedDate": after["LastAccessedDate"],
                                                "ResponseMetadata": 0}  # fmt: skip
    assert regions.value(name) == "v1"


@pytest.mark.parametrize(
    "wanted",
    [[{"Region": HERE}], [{"Region": "eu-north-1"}], [{"Region": THERE}, {"Region": THERE}], [{"KmsKeyId": "x"}]],
)
def test_a_region_that_is_none(regions: Regions, wanted: list[dict[str, str]]) -> None:
    name = unique()
    assert (
        refusal(regions.secrets().create_secret, Name=name, SecretString="v1", AddReplicaRegions=wanted)
        == INVALID_REGION
    )
    regions.secrets().create_secret(Name=name, SecretString="v1")
    assert (
        refusal(regions.secrets().replicate_secret_to_regions, SecretId=name, AddReplicaRegions=wanted)
        == INVALID_REGION
    )
    assert "PrimaryRegion" not in regions.secrets().describe_secret(SecretId=name)


# --- the end of a link


def test_a_primary_is_deleted_after_its_replicas(regions: Regions) -> None:
    name = regions.replicated(THERE, ELSEWHERE)
    here = regions.secrets()
    arn = here.describe_secret(SecretId=name)["ARN"]
    text = f"You can't delete secret {arn} that still has replica regions [{THERE}, {ELSEWHERE}]."
    assert refusal(here.delete_secret, SecretId=name) == ("InvalidParameterException", text)
    assert refusal(here.delete_secret, SecretId=name, ForceDeleteWithoutRecovery=True)[1] == text
    removed = here.remove_regions_from_replication(SecretId=name, RemoveReplicaRegions=[THERE])
    assert [each["Region"] for each in removed["ReplicationStatus"]] == [ELSEWHERE]
    assert refusal(regions.secrets(THERE).describe_secret, SecretId=name)[0] == "ResourceNotFoundException"
    assert regions.value(name, ELSEWHERE) == "v1"
    removed = here.remove_regions_from_replication(SecretId=name, RemoveReplicaRegions=[THERE, ELSEWHERE])
    assert removed["ReplicationStatus"] == []
    here.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    for region in (HERE, THERE, ELSEWHERE):
        assert refusal(regions.secrets(region).describe_secret, SecretId=name)[0] == "ResourceNotFoundException"


def test_a_promoted_replica_stands_alone(regions: Regions) -> None:
    name = regions.replicated()
    here, there = regions.secrets(), regions.secrets(THERE)
    arn = there.describe_secret(SecretId=name)["ARN"]
    assert there.stop_replication_to_replica(SecretId=name)["ARN"] == arn
    assert "ReplicationStatus" not in here.describe_secret(SecretId=name)
    there.put_secret_value(SecretId=name, SecretString="own")
    here.put_secret_value(SecretId=name, SecretString="v2")
    assert "PrimaryRegion" not in there.describe_secret(SecretId=name)
    code, message = refusal(there.stop_replication_to_replica, SecretId=name)
    assert code == "InvalidRequestException"
    assert "isn't a replica" in message
    here.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    assert regions.value(name) == "own"
    # It can have replicas itself, also where its primary was.
    there.replicate_secret_to_regions(SecretId=name, AddReplicaRegions=[{"Region": HERE}])
    eventually(
        lambda: there.describe_secret(SecretId=name)["ReplicationStatus"][0]["Status"] == "InSync", "it is replicated"
    )
    assert regions.value(name, HERE) == "own"


# --- clashes of names


def test_a_name_that_is_taken_heals_when_it_is_free(regions: Regions) -> None:
    name = unique()
    here, there = regions.secrets(), regions.secrets(THERE)
    there.create_secret(Name=name, SecretString="somebody else's")
    here.create_secret(Name=name, SecretString="v1", AddReplicaRegions=[{"Region": THERE}])
    regions.wait(name, "Failed")
    assert regions.status(name)["StatusMessage"] == NAME_IS_TAKEN
    assert regions.value(name) == "somebody else's"
    there.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    regions.wait(name)
    assert regions.status(name)["StatusMessage"] == "Replication succeeded"
    assert regions.value(name) == "v1"


def test_removing_a_failed_region_leaves_what_stands_there(regions: Regions) -> None:
    name = unique()
    regions.secrets(THERE).create_secret(Name=name, SecretString="somebody else's")
    regions.secrets().create_secret(Name=name, SecretString="v1", AddReplicaRegions=[{"Region": THERE}])
    regions.wait(name, "Failed")
    regions.secrets().remove_regions_from_replication(SecretId=name, RemoveReplicaRegions=[THERE])
    assert regions.value(name) == "somebody else's"


def test_a_replica_overwrites_when_it_is_told_to(regions: Regions) -> None:
    name = unique()
    here, there = regions.secrets(), regions.secrets(THERE)
    there.create_secret(Name=name, SecretString="somebody else's")
    here.create_secret(Name=name, SecretString="v1", AddReplicaRegions=[{"Region": THERE}])
    regions.wait(name, "Failed")
    here.replicate_secret_to_regions(
        SecretId=name, AddReplicaRegions=[{"Region": THERE}], ForceOverwriteReplicaSecret=True
    )
    regions.wait(name)
    assert regions.value(name) == "v1"


def test_another_secrets_replica_is_never_overwritten(regions: Regions) -> None:
    name = regions.replicated(value="the other")
    regions.secrets(ELSEWHERE).create_secret(
        Name=name, SecretString="v1", AddReplicaRegions=[{"Region": THERE}], ForceOverwriteReplicaSecret=True
    )

    def status() -> dict[str, Any]:
        described = regions.secrets(ELSEWHERE).describe_secret(SecretId=name)
        return dict(described["ReplicationStatus"][0])

    eventually(lambda: status()["Status"] == "Failed", "the replication fails")
    assert status()["StatusMessage"] == NAME_IS_TAKEN
    assert regions.value(name) == "the other"


# --- keys


def test_a_replica_is_under_a_key_of_its_region(regions: Regions) -> None:
    key = regions.key(THERE)
    name = unique()
    regions.secrets().create_secret(
        Name=name, SecretString="v1", AddReplicaRegions=[{"Region": THERE, "KmsKeyId": key.rpartition("/")[2]}]
    )
    regions.wait(name)
    assert regions.status(name)["KmsKeyId"] == key.rpartition("/")[2]

    def keys() -> list[str]:
        versions = regions.secrets(THERE).list_secret_version_ids(SecretId=name)["Versions"]
        return [version["KmsKeyIds"][0] for version in versions]

    assert keys() == [key]
    regions.secrets().put_secret_value(SecretId=name, SecretString="v2")
    regions.kms(THERE).disable_key(KeyId=key)
    regions.secrets().put_secret_value(SecretId=name, SecretString="v3")
    regions.wait(name, "Failed")
    message = regions.status(name)["StatusMessage"]
    assert key in message
    assert "disabled" in message
    assert refusal(regions.secrets(THERE).get_secret_value, SecretId=name)[0] == "DecryptionFailure"
    assert regions.value(name, HERE) == "v3"
    regions.kms(THERE).enable_key(KeyId=key)
    regions.wait(name)
    assert regions.value(name) == "v3"
    assert set(keys()) == {key}


def test_a_key_that_is_not_there_is_told_and_can_be_replaced(regions: Regions) -> None:
    name = unique()
    here = regions.secrets()
    here.create_secret(
        Name=name, SecretString="v1", AddReplicaRegions=[{"Region": THERE, "KmsKeyId": "alias/not-there"}]
    )
    regions.wait(name, "Failed")
    assert "alias/not-there" in regions.status(name)["StatusMessage"]
    assert refusal(regions.secrets(THERE).describe_secret, SecretId=name)[0] == "ResourceNotFoundException"
    key = regions.key(THERE)
    here.replicate_secret_to_regions(SecretId=name, AddReplicaRegions=[{"Region": THERE, "KmsKeyId": key}])
    regions.wait(name)
    assert regions.secrets(THERE).describe_secret(SecretId=name)["KmsKeyId"] == key


def test_the_key_of_a_replica_changes_in_its_region(regions: Regions) -> None:
    name = regions.replicated()
    there = regions.secrets(THERE)
    key = regions.key(THERE)
    there.update_secret(SecretId=name, KmsKeyId=key)
    assert regions.status(name)["KmsKeyId"] == key
    regions.secrets().put_secret_value(SecretId=name, SecretString="v2")
    regions.wait(name)
    assert {each["KmsKeyIds"][0] for each in there.list_secret_version_ids(SecretId=name)["Versions"]} == {key}
    assert there.describe_secret(SecretId=name)["KmsKeyId"] == key
    assert "KmsKeyId" not in regions.secrets().describe_secret(SecretId=name)
    # And by asking for the region again, which takes every labelled version along.
    regions.secrets().replicate_secret_to_regions(SecretId=name, AddReplicaRegions=[{"Region": THERE}])
    regions.wait(name)
    keys = {each["KmsKeyIds"][0] for each in there.list_secret_version_ids(SecretId=name)["Versions"]}
    assert keys == {"DefaultEncryptionKey"}
    assert (regions.value(name), regions.value(name, VersionStage="AWSPREVIOUS")) == ("v2", "v1")


def test_who_asks_for_a_replica_must_be_allowed_to_use_both_keys(regions: Regions) -> None:
    here_key, there_key = regions.key(HERE), regions.key(THERE)
    name = unique()
    regions.secrets().create_secret(Name=name, SecretString="v1", KmsKeyId=here_key)
    wanted = [{"Region": THERE, "KmsKeyId": there_key}]
    everything = statement("secretsmanager:*", "kms:DescribeKey")
    decrypts = statement("kms:Decrypt", resource=here_key)
    generates = statement("kms:GenerateDataKey", resource=there_key)
    for rights in ([everything, statement("kms:Encrypt", "kms:GenerateDataKey")], [everything, decrypts, generates]):
        client = regions.secrets(HERE, regions.user(*rights))
        assert refusal(client.replicate_secret_to_regions, SecretId=name, AddReplicaRegions=wanted) == NO_KMS
    assert "ReplicationStatus" not in regions.secrets().describe_secret(SecretId=name)
    allowed = regions.user(everything, decrypts, generates, statement("kms:Encrypt", resource=there_key))
    regions.secrets(HERE, allowed).replicate_secret_to_regions(SecretId=name, AddReplicaRegions=wanted)
    regions.wait(name)
    # From here on the service holds the right: who changes the secret needs none on the replica's key.
    writer = regions.user(everything, statement("kms:GenerateDataKey", "kms:Decrypt", resource=here_key))
    regions.secrets(HERE, writer).put_secret_value(SecretId=name, SecretString="v2")
    regions.wait(name)
    assert regions.value(name) == "v2"


def test_a_deny_in_a_key_policy_stops_it(regions: Regions) -> None:
    key = regions.key(THERE)
    name = unique()
    regions.secrets().create_secret(
        Name=name, SecretString="v1", AddReplicaRegions=[{"Region": THERE, "KmsKeyId": key}]
    )
    regions.wait(name)
    kms = regions.kms(THERE)
    before = kms.get_key_policy(KeyId=key)["Policy"]
    closed = json.loads(before)
    closed["Statement"].append(
        statement("kms:GenerateDataKey", effect="Deny", Principal={"Service": "secretsmanager.amazonaws.com"})
    )
    kms.put_key_policy(KeyId=key, Policy=json.dumps(closed))
    regions.secrets().put_secret_value(SecretId=name, SecretString="v2")
    regions.wait(name, "Failed")
    assert regions.status(name)["StatusMessage"] == f"Access to the KMS key {key} is denied."
    assert regions.value(name) == "v1"
    kms.put_key_policy(KeyId=key, Policy=before)
    regions.wait(name)
    assert regions.value(name) == "v2"


# --- conditions and the trail


def test_condition_keys(regions: Regions) -> None:
    only_there = statement(
        "secretsmanager:*", Condition={"ForAllValues:StringEquals": {"secretsmanager:AddReplicaRegions": [THERE]}}
    )
    never_force = statement(
        "secretsmanager:*", effect="Deny", Condition={"Bool": {"secretsmanager:ForceOverwriteReplicaSecret": "true"}}
    )
    client = regions.secrets(HERE, regions.user(only_there, never_force))
    there, both = [{"Region": THERE}], [{"Region": THERE}, {"Region": ELSEWHERE}]
    name = unique()
    for parameters in ({"AddReplicaRegions": both}, {"AddReplicaRegions": there, "ForceOverwriteReplicaSecret": True}):
        code, _ = refusal(client.create_secret, Name=name, SecretString="v1", **parameters)
        assert code == "AccessDeniedException"
    client.create_secret(Name=name, SecretString="v1", AddReplicaRegions=there)
    for parameters in ({"AddReplicaRegions": both}, {"AddReplicaRegions": there, "ForceOverwriteReplicaSecret": True}):
        code, _ = refusal(client.replicate_secret_to_regions, SecretId=name, **parameters)
        assert code == "AccessDeniedException"
    regions.wait(name)
    reader = regions.user(
        statement("secretsmanager:*", Condition={"StringEquals": {"secretsmanager:SecretPrimaryRegion": HERE}})
    )
    assert regions.secrets(THERE, reader).get_secret_value(SecretId=name)["SecretString"] == "v1"
    regions.secrets(THERE).stop_replication_to_replica(SecretId=name)
    assert refusal(regions.secrets(THERE, reader).get_secret_value, SecretId=name)[0] == "AccessDeniedException"


def test_creating_with_replicas_takes_both_permissions(regions: Regions) -> None:
    creates = statement("secretsmanager:CreateSecret")
    name = unique()
    client = regions.secrets(HERE, regions.user(creates))
    wanted = [{"Region": THERE}]
    code, message = refusal(client.create_secret, Name=name, SecretString="v1", AddReplicaRegions=wanted)
    assert code == "AccessDeniedException"
    assert "secretsmanager:ReplicateSecretToRegions" in message
    both = regions.user(creates, statement("secretsmanager:ReplicateSecretToRegions"))
    regions.secrets(HERE, both).create_secret(Name=name, SecretString="v1", AddReplicaRegions=wanted)
    regions.wait(name)


def test_the_trail_tells_of_replication(regions: Regions) -> None:
    name = unique()
    regions.secrets(THERE).create_secret(Name=name, SecretString="x")
    made = regions.secrets().create_secret(Name=name, SecretString="v1", AddReplicaRegions=[{"Region": THERE}])
    regions.wait(name, "Failed")
    regions.secrets(THERE).delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    regions.wait(name)
    events = [event for event in regions.events(made["ARN"]) if event["eventType"] == "AwsServiceEvent"]
    assert [event["eventName"] for event in events] == [
        "ReplicationStarted",
        "ReplicationFailed",
        "ReplicationSucceeded",
    ]
    assert events[1]["errorMessage"] == NAME_IS_TAKEN
    assert all(event["additionalEventData"]["ReplicaSecretId"] == elsewhere(made["ARN"]) for event in events)
