"""Multi-Region keys through boto3, on a server with three regions."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.kms_keys import key_policy, new_key, wrap
from tests.support.policies import allow, document, refusal, refusal_code
from tests.support.server import RunningServer, start_server

HERE, THERE, ELSEWHERE = "us-east-1", "eu-west-3", "eu-north-1"
FOR_EVER = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    regions = {"STRONGROOM_MORE_REGIONS": json.dumps([THERE, ELSEWHERE])}
    running = start_server(tmp_path_factory.mktemp("regions") / "data", environment=regions)
    yield running
    running.stop()


@pytest.fixture
def here(server: RunningServer) -> Any:
    return server.client("kms")


@pytest.fixture
def there(server: RunningServer) -> Any:
    return server.client("kms", region=THERE)


@pytest.fixture
def key(here: Any) -> str:
    return new_key(here, MultiRegion=True)


def in_region(arn: str, region: str) -> str:
    return arn.replace(HERE, region)


def test_a_multi_region_key_is_described_with_all_its_keys(here: Any, there: Any, key: str) -> None:
    metadata = here.describe_key(KeyId=key)["KeyMetadata"]
    assert metadata["KeyId"].startswith("mrk-")
    assert len(metadata["KeyId"]) == 36
    primary, replica = {"Arn": key, "Region": HERE}, {"Arn": in_region(key, THERE), "Region": THERE}
    assert metadata["MultiRegion"] is True
    assert metadata["MultiRegionConfiguration"] == {
        "MultiRegionKeyType": "PRIMARY",
        "PrimaryKey": primary,
        "ReplicaKeys": [],
    }
    tags = [{"TagKey": "a", "TagValue": "b"}]
    made = here.replicate_key(KeyId=key, ReplicaRegion=THERE, Description="over there", Tags=tags)
    assert made["ReplicaTags"] == tags
    assert json.loads(made["ReplicaPolicy"])["Id"] == "key-default-1"
    found = made["ReplicaKeyMetadata"]
    assert found == there.describe_key(KeyId=metadata["KeyId"])["KeyMetadata"]
    assert (found["Arn"], found["KeyState"], found["Description"]) == (replica["Arn"], "Enabled", "over there")
    assert found["CurrentKeyMaterialId"] == metadata["CurrentKeyMaterialId"]
    configuration = {"MultiRegionKeyType": "REPLICA", "PrimaryKey": primary, "ReplicaKeys": [replica]}
    assert found["MultiRegionConfiguration"] == configuration
    assert here.describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"] == {
        **configuration,
        "MultiRegionKeyType": "PRIMARY",
    }


def test_each_key_opens_what_the_other_sealed(here: Any, there: Any, key: str) -> None:
    here.replicate_key(KeyId=key, ReplicaRegion=THERE)
    replica, context = in_region(key, THERE), {"a": "b"}
    for one, name, other, other_name in ((here, key, there, replica), (there, replica, here, key)):
        for _ in range(2):
            sealed = one.encrypt(KeyId=name, Plaintext=b"x", EncryptionContext=context)["CiphertextBlob"]
            for given in ({}, {"KeyId": other_name}):
                opened = other.decrypt(CiphertextBlob=sealed, EncryptionContext=context, **given)
                assert (opened["Plaintext"], opened["KeyId"]) == (b"x", other_name)
            here.rotate_key_on_demand(KeyId=key)
    single = here.encrypt(KeyId=new_key(here), Plaintext=b"x")["CiphertextBlob"]
    assert refusal_code(there, "decrypt", CiphertextBlob=single) == "InvalidCiphertextException"


def test_policies_states_aliases_and_grants_are_each_keys_own(
    server: RunningServer, here: Any, there: Any, key: str
) -> None:
    user = server.make_user()
    policy = key_policy(
        server.account,
        {"Effect": "Allow", "Principal": {"AWS": user.arn}, "Action": "kms:Encrypt", "Resource": "*"},
    )
    here.replicate_key(KeyId=key, ReplicaRegion=THERE, Policy=policy)
    replica = in_region(key, THERE)
    assert there.get_key_policy(KeyId=replica)["Policy"] == policy
    server.client("kms", user, region=THERE).encrypt(KeyId=replica, Plaintext=b"x")
    request = {"KeyId": key, "Plaintext": b"x"}
    assert refusal_code(server.client("kms", user), "encrypt", **request) == "AccessDeniedException"
    there.disable_key(KeyId=replica)
    assert refusal_code(there, "encrypt", KeyId=replica, Plaintext=b"x") == "DisabledException"
    here.encrypt(KeyId=key, Plaintext=b"x")


def test_rotation_follows_the_primary_key(here: Any, there: Any, key: str) -> None:
    here.replicate_key(KeyId=key, ReplicaRegion=THERE)
    replica = in_region(key, THERE)
    here.enable_key_rotation(KeyId=key, RotationPeriodInDays=100)
    assert there.get_key_rotation_status(KeyId=replica)["RotationPeriodInDays"] == 100
    wanted = "multi-Region key type is REPLICA which is not valid for this operation."
    for operation in ("enable_key_rotation", "disable_key_rotation", "rotate_key_on_demand"):
        assert refusal(there, operation, KeyId=replica) == ("UnsupportedOperationException", f"{replica} {wanted}")
    here.rotate_key_on_demand(KeyId=key)
    metadata = [client.describe_key(KeyId=name)["KeyMetadata"] for client, name in ((here, key), (there, replica))]
    assert metadata[0]["CurrentKeyMaterialId"] == metadata[1]["CurrentKeyMaterialId"]
    assert len(there.list_key_rotations(KeyId=replica)["Rotations"]) == 1
    here.update_primary_region(KeyId=key, PrimaryRegion=THERE)
    assert there.get_key_rotation_status(KeyId=replica)["RotationPeriodInDays"] == 100
    there.rotate_key_on_demand(KeyId=replica)
    assert refusal_code(here, "rotate_key_on_demand", KeyId=key) == "UnsupportedOperationException"


def test_the_primary_key_moves(server: RunningServer, here: Any, there: Any, key: str) -> None:
    assert refusal_code(here, "update_primary_region", KeyId=key, PrimaryRegion=THERE) == "NotFoundException"
    here.replicate_key(KeyId=key, ReplicaRegion=THERE)
    here.update_primary_region(KeyId=key, PrimaryRegion=THERE)
    configuration = here.describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"]
    assert configuration["MultiRegionKeyType"] == "REPLICA"
    assert configuration["PrimaryKey"]["Region"] == THERE
    assert [found["Region"] for found in configuration["ReplicaKeys"]] == [HERE]
    assert refusal_code(here, "replicate_key", KeyId=key, ReplicaRegion=ELSEWHERE) == "UnsupportedOperationException"
    there.replicate_key(KeyId=in_region(key, THERE), ReplicaRegion=ELSEWHERE)
    assert refusal_code(here, "update_primary_region", KeyId=key, PrimaryRegion=HERE) == "UnsupportedOperationException"


def test_replicas_that_are_refused(here: Any, key: str) -> None:
    single = new_key(here)
    assert refusal(here, "replicate_key", KeyId=single, ReplicaRegion=THERE) == (
        "UnsupportedOperationException",
        f"{single} multi-Region is false which is not valid for this operation.",
    )
    assert refusal_code(here, "replicate_key", KeyId=key, ReplicaRegion="ap-south-1") == "ValidationException"
    assert refusal_code(here, "replicate_key", KeyId=key, ReplicaRegion=HERE) == "AlreadyExistsException"
    here.replicate_key(KeyId=key, ReplicaRegion=THERE)
    assert refusal_code(here, "replicate_key", KeyId=key, ReplicaRegion=THERE) == "AlreadyExistsException"
    here.disable_key(KeyId=key)
    assert refusal_code(here, "replicate_key", KeyId=key, ReplicaRegion=ELSEWHERE) == "DisabledException"


def test_a_primary_key_waits_for_its_replicas_to_go(here: Any, there: Any, key: str) -> None:
    here.replicate_key(KeyId=key, ReplicaRegion=THERE)
    scheduled = here.schedule_key_deletion(KeyId=key, PendingWindowInDays=8)
    assert (scheduled["KeyState"], scheduled["PendingWindowInDays"]) == ("PendingReplicaDeletion", 8)
    assert "DeletionDate" not in scheduled
    metadata = here.describe_key(KeyId=key)["KeyMetadata"]
    assert (metadata["KeyState"], metadata["PendingDeletionWindowInDays"]) == ("PendingReplicaDeletion", 8)
    assert refusal(here, "encrypt", KeyId=key, Plaintext=b"x") == (
        "KMSInvalidStateException",
        f"{key} is pending replica deletion.",
    )
    there.encrypt(KeyId=in_region(key, THERE), Plaintext=b"x")
    here.cancel_key_deletion(KeyId=key)
    assert here.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"
    assert there.schedule_key_deletion(KeyId=in_region(key, THERE))["KeyState"] == "PendingDeletion"


def test_permission_in_both_regions(server: RunningServer, here: Any, there: Any, key: str) -> None:
    replicate = allow("kms:ReplicateKey", Condition={"StringEquals": {"kms:ReplicaRegion": THERE}})
    create = allow("kms:CreateKey", Condition={"StringEquals": {"aws:RequestedRegion": THERE}})
    for statements, region, refused in (
        ((replicate,), THERE, True),
        ((create,), THERE, True),
        ((replicate, create), ELSEWHERE, True),
        ((replicate, create), THERE, False),
    ):
        user = server.client("kms", server.make_user(document(*statements)))
        if refused:
            request = {"KeyId": key, "ReplicaRegion": region}
            assert refusal_code(user, "replicate_key", **request) == "AccessDeniedException"
        else:
            user.replicate_key(KeyId=key, ReplicaRegion=region)
    move = allow("kms:UpdatePrimaryRegion", resource=key)
    user = server.client("kms", server.make_user(document(move)))
    request = {"KeyId": key, "PrimaryRegion": THERE}
    assert refusal_code(user, "update_primary_region", **request) == "AccessDeniedException"
    both = allow(
        "kms:UpdatePrimaryRegion",
        resource=[key, in_region(key, THERE)],
        Condition={"StringEquals": {"kms:PrimaryRegion": THERE}, "Bool": {"kms:MultiRegion": "true"}},
    )
    server.client("kms", server.make_user(document(both))).update_primary_region(**request)


def test_imported_material_is_imported_in_every_region(here: Any, there: Any) -> None:
    key = new_key(here, MultiRegion=True, Origin="EXTERNAL")
    replica = in_region(key, THERE)
    first, second = os.urandom(32), os.urandom(32)

    def bring(kms: Any, name: str, material: bytes, **others: Any) -> str:
        algorithm = "RSAES_OAEP_SHA_256"
        given = kms.get_parameters_for_import(KeyId=name, WrappingAlgorithm=algorithm, WrappingKeySpec="RSA_2048")
        answer = kms.import_key_material(
            KeyId=name,
            ImportToken=given["ImportToken"],
            EncryptedKeyMaterial=wrap(given["PublicKey"], algorithm, material),
            **FOR_EVER,
            **others,
        )
        return str(answer["KeyMaterialId"])

    def state(kms: Any, name: str) -> str:
        found = kms.list_key_rotations(KeyId=name, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
        return str(found[-1]["KeyMaterialState"])

    bring(here, key, first)
    made = here.replicate_key(KeyId=key, ReplicaRegion=THERE)["ReplicaKeyMetadata"]
    assert made["KeyState"] == "PendingImport"
    bring(there, replica, first)
    sealed = here.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert there.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"
    newer = bring(here, key, second, ImportType="NEW_KEY_MATERIAL")
    assert state(here, key) == "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"
    assert refusal_code(here, "rotate_key_on_demand", KeyId=key) == "KMSInvalidStateException"
    assert bring(there, replica, second, ImportType="EXISTING_KEY_MATERIAL") == newer
    assert state(here, key) == "PENDING_ROTATION"
    here.rotate_key_on_demand(KeyId=key)
    assert there.describe_key(KeyId=replica)["KeyMetadata"]["CurrentKeyMaterialId"] == newer
    sealed = there.encrypt(KeyId=replica, Plaintext=b"y")["CiphertextBlob"]
    assert here.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"y"
