"""Replicas in other accounts: two owners, their permissions, and how the link begins, fails, heals and ends."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from tests.support.refusals import refusal
from tests.support.replication import eventually, statement, unique
from tests.support.server import Credentials, RunningServer

ON_A_REPLICA = (
    "InvalidParameterException",
    "Operation not permitted on a replica secret. Call must be made in primary secret's account.",
)
MANAGED = "cross-account-replication"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def root(account: str) -> dict[str, str]:
    return {"AWS": f"arn:aws:iam::{account}:root"}


@dataclass
class Pair:
    """Two accounts of one installation; clients are their administrators'."""

    server: RunningServer
    other_account: str
    other: Credentials

    @property
    def here(self) -> Any:
        return self.server.client("secretsmanager")

    @property
    def there(self) -> Any:
        return self.server.client("secretsmanager", self.other)

    def client(self, *statements: dict[str, Any]) -> Any:
        """Secrets Manager as a user of the primary's account with these rights."""
        return self.server.client("secretsmanager", self.user(*statements))

    def user(self, *statements: dict[str, Any]) -> Credentials:
        return self.server.make_user({"Version": "2012-10-17", "Statement": list(statements)})

    def primary(self, value: str = "v1") -> str:
        """The ARN of a new secret."""
        return str(self.here.create_secret(Name=unique("primary"), SecretString=value)["ARN"])

    def key(self) -> str:
        """A key of the other account that principals of this one may encrypt under, if their account lets them."""
        policy = document(
            statement("kms:*", Principal=root(self.other_account)),
            statement("kms:Encrypt", "kms:DescribeKey", Principal=root(self.server.account)),
        )
        made = self.server.client("kms", self.other).create_key(Policy=policy)
        return str(made["KeyMetadata"]["Arn"])

    def replica(self, primary: str, **parameters: Any) -> str:
        """The ARN of a new replica in the other account."""
        made = self.there.create_secret(
            **{"Name": unique("replica"), "KmsKeyId": self.key(), "CrossAccountPrimaryARN": primary, **parameters}
        )
        return str(made["ARN"])

    def associated(self, **parameters: Any) -> tuple[str, str]:
        """A primary and its replica, in step."""
        primary = self.primary()
        replica = self.replica(primary)
        self.here.associate_cross_account_replica(SecretId=primary, CrossAccountReplicaARN=replica, **parameters)
        self.wait(primary)
        return primary, replica

    def status(self, primary: str) -> dict[str, Any]:
        """What the primary's owner sees of the replica."""
        return dict(self.here.describe_secret(SecretId=primary).get("CrossAccountReplicas", [{}])[0])

    def replica_status(self, replica: str) -> dict[str, Any]:
        """What the replica's owner sees of the primary."""
        return dict(self.there.describe_secret(SecretId=replica).get("CrossAccountPrimary", {}))

    def wait(self, primary: str, status: str = "InSync") -> None:
        eventually(lambda: self.status(primary).get("ReplicationStatus") == status, f"the replica is {status}")

    def value(self, replica: str) -> str:
        return str(self.there.get_secret_value(SecretId=replica)["SecretString"])


@pytest.fixture(scope="module")
def pair(strongroom: RunningServer) -> Pair:
    organizations = strongroom.client("organizations")
    name = f"account-{uuid.uuid4().hex[:12]}"
    made = organizations.create_account(Email=f"{name}@example.com", AccountName=name)["CreateAccountStatus"]
    identifier = made["Id"]

    def state() -> dict[str, Any]:
        return dict(
            organizations.describe_create_account_status(CreateAccountRequestId=identifier)["CreateAccountStatus"]
        )

    eventually(lambda: state()["State"] == "SUCCEEDED", "the account is made")
    account = state()["AccountId"]
    session = strongroom.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole", RoleSessionName="owner"
    )["Credentials"]
    owner = Credentials(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    return Pair(strongroom, account, owner)


# --- from the first step to the last


def test_a_replica_waits_for_its_primary_and_then_follows_it(pair: Pair) -> None:
    primary = pair.primary()
    replica = pair.replica(primary, Tags=[{"Key": "owner", "Value": "other"}])
    assert pair.replica_status(replica) == {"PrimarySecretARN": primary, "ReplicationStatus": "Pending"}
    assert "CrossAccountReplicas" not in pair.here.describe_secret(SecretId=primary)
    assert refusal(pair.there.get_secret_value, SecretId=replica)[0] == "ResourceNotFoundException"
    answer = pair.here.associate_cross_account_replica(SecretId=primary, CrossAccountReplicaARN=replica)
    assert (answer["ARN"], answer["CrossAccountReplicaARN"], answer["ReplicationStatus"]) == (
        primary,
        replica,
        "InProgress",
    )
    pair.wait(primary)
    assert pair.status(primary) == {"ReplicaSecretARN": replica, "ReplicationStatus": "InSync"}
    assert pair.replica_status(replica) == {"PrimarySecretARN": primary, "ReplicationStatus": "InSync"}
    assert pair.value(replica) == "v1"
    second = pair.here.put_secret_value(SecretId=primary, SecretString="v2", VersionStages=["AWSCURRENT", "mine"])
    pair.here.tag_resource(SecretId=primary, Tags=[{"Key": "owner", "Value": "here"}])
    pair.here.update_secret(SecretId=primary, Description="here")
    pair.wait(primary)
    found = pair.there.get_secret_value(SecretId=replica, VersionStage="mine")
    assert (found["SecretString"], found["VersionId"]) == ("v2", second["VersionId"])
    assert pair.there.get_secret_value(SecretId=replica, VersionStage="AWSPREVIOUS")["SecretString"] == "v1"
    described = pair.there.describe_secret(SecretId=replica)
    assert described["Tags"] == [{"Key": "owner", "Value": "other"}]
    assert "Description" not in described


def test_a_replica_belongs_to_its_owner_but_for_the_value(pair: Pair) -> None:
    primary, replica = pair.associated()
    there = pair.there
    version = there.get_secret_value(SecretId=replica)["VersionId"]
    refused: list[tuple[Any, dict[str, Any]]] = [
        (there.put_secret_value, {"SecretString": "x"}),
        (there.update_secret, {"SecretString": "x"}),
        (there.update_secret_version_stage, {"VersionStage": "mine", "MoveToVersionId": version}),
        (there.rotate_secret, {}),
        (there.cancel_rotate_secret, {}),
        (there.replicate_secret_to_regions, {"AddReplicaRegions": [{"Region": "eu-west-1"}]}),
        (there.remove_regions_from_replication, {"RemoveReplicaRegions": ["eu-west-1"]}),
    ]
    expected = {ON_A_REPLICA, ("InvalidParameterException", "Invalid replica region.")}
    for operation, parameters in refused:
        assert refusal(operation, SecretId=replica, **parameters) in expected, operation
    there.update_secret(SecretId=replica, Description="mine")
    there.tag_resource(SecretId=replica, Tags=[{"Key": "a", "Value": "1"}])
    there.put_resource_policy(
        SecretId=replica,
        ResourcePolicy=document(statement("secretsmanager:DescribeSecret", Principal=root(pair.server.account))),
    )
    code, message = refusal(there.update_secret, SecretId=replica, KmsKeyId="alias/aws/secretsmanager")
    assert code == "InvalidParameterException"
    assert "customer managed" in message
    key = pair.key()
    there.update_secret(SecretId=replica, KmsKeyId=key)
    pair.here.put_secret_value(SecretId=primary, SecretString="v2")
    pair.wait(primary)
    assert pair.value(replica) == "v2"
    assert {each["KmsKeyIds"][0] for each in there.list_secret_version_ids(SecretId=replica)["Versions"]} == {key}
    described = there.describe_secret(SecretId=replica)
    assert (described["Description"], described["Tags"]) == ("mine", [{"Key": "a", "Value": "1"}])


def test_the_primarys_owner_ends_it(pair: Pair) -> None:
    primary, replica = pair.associated()
    code, message = refusal(pair.here.delete_secret, SecretId=primary, ForceDeleteWithoutRecovery=True)
    assert code == "InvalidParameterException"
    assert replica in message
    answer = pair.here.disassociate_cross_account_replica(SecretId=primary, CrossAccountReplicaARN=replica)
    assert (answer["ARN"], answer["CrossAccountReplicaARN"]) == (primary, replica)
    assert "CrossAccountReplicas" not in pair.here.describe_secret(SecretId=primary)
    assert pair.replica_status(replica)["ReplicationStatus"] == "Detached"
    pair.here.put_secret_value(SecretId=primary, SecretString="v2")
    code, _ = refusal(pair.here.disassociate_cross_account_replica, SecretId=primary, CrossAccountReplicaARN=replica)
    assert code == "InvalidParameterException"
    pair.here.delete_secret(SecretId=primary, ForceDeleteWithoutRecovery=True)
    assert pair.value(replica) == "v1"
    assert refusal(pair.there.put_secret_value, SecretId=replica, SecretString="x") == ON_A_REPLICA
    assert refusal(pair.there.delete_secret, SecretId=replica)[0] == "InvalidParameterException"
    assert pair.there.stop_replication_to_replica(SecretId=replica)["ARN"] == replica
    assert "CrossAccountPrimary" not in pair.there.describe_secret(SecretId=replica)
    pair.there.put_secret_value(SecretId=replica, SecretString="own")
    pair.there.delete_secret(SecretId=replica, ForceDeleteWithoutRecovery=True)


def test_the_replicas_owner_ends_it(pair: Pair) -> None:
    primary, replica = pair.associated()
    pair.there.stop_replication_to_replica(SecretId=replica)
    assert pair.status(primary)["ReplicationStatus"] == "Detached"
    pair.here.put_secret_value(SecretId=primary, SecretString="v2")
    pair.there.put_secret_value(SecretId=replica, SecretString="own")
    assert pair.status(primary)["ReplicationStatus"] == "Detached"
    assert pair.value(replica) == "own"
    again = refusal(pair.here.associate_cross_account_replica, SecretId=primary, CrossAccountReplicaARN=replica)
    assert again[0] == "AccessDeniedException"  # its owner has withdrawn the managed policy
    assert refusal(pair.here.delete_secret, SecretId=primary)[0] == "InvalidParameterException"
    pair.here.disassociate_cross_account_replica(SecretId=primary, CrossAccountReplicaARN=replica)
    pair.here.delete_secret(SecretId=primary, ForceDeleteWithoutRecovery=True)


def test_a_detached_replica_can_be_associated_again(pair: Pair) -> None:
    primary, replica = pair.associated()
    pair.here.disassociate_cross_account_replica(SecretId=primary, CrossAccountReplicaARN=replica)
    pair.here.put_secret_value(SecretId=primary, SecretString="v2")
    pair.here.associate_cross_account_replica(SecretId=primary, CrossAccountReplicaARN=replica)
    pair.wait(primary)
    assert pair.value(replica) == "v2"


# --- what a replica must be


def test_what_a_replica_is_made_of(pair: Pair) -> None:
    primary = pair.primary()
    key, name = pair.key(), unique("replica")
    for wrong in (
        {"SecretString": "x"},
        {"SecretBinary": b"x"},
        {"Description": "x"},
        {"AddReplicaRegions": [{"Region": pair.server.region}]},
        {"KmsKeyId": "alias/aws/secretsmanager"},
        {"CrossAccountPrimaryARN": primary[:-7]},
        {"CrossAccountPrimaryARN": primary.replace(pair.server.region, "eu-north-1")},
        {"CrossAccountPrimaryARN": primary.replace(pair.server.account, pair.other_account)},
        {"CrossAccountPrimaryARN": primary.replace(pair.server.account, "999999999999")},
        {"CrossAccountPrimaryARN": primary.replace("arn:aws:", "arn:aws-cn:")},
    ):
        parameters = {"Name": name, "KmsKeyId": key, "CrossAccountPrimaryARN": primary, **wrong}
        assert refusal(pair.there.create_secret, **parameters)[0] == "InvalidParameterException", wrong
    code, _ = refusal(pair.there.create_secret, Name=name, CrossAccountPrimaryARN=primary)
    assert code == "InvalidParameterException"
    assert refusal(pair.there.describe_secret, SecretId=name)[0] == "ResourceNotFoundException"


def test_the_managed_policy_is_shown_and_stays(pair: Pair) -> None:
    replica = pair.replica(pair.primary())
    named = pair.there.list_resource_policies(SecretId=replica)["ResourcePolicies"]
    assert named == [{"PolicyName": MANAGED}]
    found = pair.there.get_resource_policy(SecretId=replica, PolicyName=MANAGED)
    (allowed,) = json.loads(found["ResourcePolicy"])["Statement"]
    assert (allowed["Action"], allowed["Principal"]) == (
        "secretsmanager:AcceptCrossAccountReplication",
        root(pair.server.account),
    )
    assert refusal(pair.there.delete_resource_policy, SecretId=replica, PolicyName=MANAGED)[0] == (
        "InvalidParameterException"
    )
    pair.there.stop_replication_to_replica(SecretId=replica)
    assert pair.there.list_resource_policies(SecretId=replica)["ResourcePolicies"] == []


def test_only_what_belongs_together_is_associated(pair: Pair) -> None:
    primary, other_primary = pair.primary(), pair.primary()
    replica = pair.replica(primary)
    associate = pair.here.associate_cross_account_replica
    assert refusal(associate, SecretId=other_primary, CrossAccountReplicaARN=replica)[0] == "InvalidParameterException"
    plain = pair.there.create_secret(Name=unique(), SecretString="x")["ARN"]
    assert refusal(associate, SecretId=primary, CrossAccountReplicaARN=plain)[0] == "AccessDeniedException"
    absent = f"{plain[:-6]}AAAAAA"
    assert refusal(associate, SecretId=primary, CrossAccountReplicaARN=absent)[0] == "AccessDeniedException"
    own = pair.primary()
    assert refusal(associate, SecretId=primary, CrossAccountReplicaARN=own)[0] == "InvalidParameterException"
    for text in (replica[:-7], replica.replace(pair.server.region, "eu-north-1")):
        assert refusal(associate, SecretId=primary, CrossAccountReplicaARN=text)[0] == "InvalidParameterException"
    associate(SecretId=primary, CrossAccountReplicaARN=replica)
    second = pair.replica(primary)
    assert refusal(associate, SecretId=primary, CrossAccountReplicaARN=second)[0] == "LimitExceededException"
    associate(SecretId=primary, CrossAccountReplicaARN=replica, ReplicaRestriction="NoRestriction")
    pair.wait(primary)


# --- permissions


def test_associating_takes_every_permission(pair: Pair) -> None:
    primary = pair.primary()
    replica = pair.replica(primary)
    needed = {
        "secretsmanager:AssociateCrossAccountReplica": primary,
        "secretsmanager:GetSecretValue": primary,
        "secretsmanager:AcceptCrossAccountReplication": replica,
        "kms:Encrypt": "*",
    }
    for left_out in needed:
        rights = [statement(action, resource=on) for action, on in needed.items() if action != left_out]
        code, message = refusal(
            pair.client(*rights).associate_cross_account_replica, SecretId=primary, CrossAccountReplicaARN=replica
        )
        assert code == "AccessDeniedException", left_out
        assert left_out in message or message == "Access to KMS is not allowed"
    assert pair.replica_status(replica)["ReplicationStatus"] == "Pending"
    rights = [statement(action, resource=on) for action, on in needed.items()]
    pair.client(*rights).associate_cross_account_replica(SecretId=primary, CrossAccountReplicaARN=replica)
    pair.wait(primary)


def test_a_deny_of_the_replicas_owner_holds(pair: Pair) -> None:
    primary = pair.primary()
    replica = pair.replica(primary)
    pair.there.put_resource_policy(
        SecretId=replica,
        ResourcePolicy=document(
            statement(
                "secretsmanager:AcceptCrossAccountReplication", effect="Deny", Principal=root(pair.server.account)
            )
        ),
    )
    code, _ = refusal(pair.here.associate_cross_account_replica, SecretId=primary, CrossAccountReplicaARN=replica)
    assert code == "AccessDeniedException"


def test_without_a_role_the_rights_of_who_changes_the_value_count(pair: Pair) -> None:
    primary, replica = pair.associated()
    writes = statement("secretsmanager:PutSecretValue", resource=primary)
    pair.client(writes).put_secret_value(SecretId=primary, SecretString="v2")
    pair.wait(primary, "Failed")
    assert "isn't allowed to use the KMS keys" in pair.status(primary)["StatusMessage"]
    assert pair.replica_status(replica)["ReplicationStatus"] == "Failed"
    assert pair.value(replica) == "v1"
    pair.here.associate_cross_account_replica(SecretId=primary, CrossAccountReplicaARN=replica)
    pair.wait(primary)
    assert pair.value(replica) == "v2"
    copies = pair.client(writes, statement("kms:Encrypt"))
    copies.put_secret_value(SecretId=primary, SecretString="v3")
    pair.wait(primary)
    assert pair.value(replica) == "v3"


def test_a_role_replicates_whoever_changes_the_value(pair: Pair) -> None:
    iam = pair.server.client("iam")
    name = f"replicates-{uuid.uuid4().hex[:12]}"
    trust = document(
        {"Effect": "Allow", "Principal": {"Service": "secretsmanager.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    primary = pair.primary()
    replica = pair.replica(primary)
    associate = {"SecretId": primary, "CrossAccountReplicaARN": replica, "ReplicationRoleARN": role}
    rights = statement(
        "secretsmanager:AssociateCrossAccountReplica",
        "secretsmanager:GetSecretValue",
        "secretsmanager:AcceptCrossAccountReplication",
        "kms:Encrypt",
    )
    code, message = refusal(pair.client(rights).associate_cross_account_replica, **associate)
    assert code == "AccessDeniedException"
    assert "iam:PassRole" in message
    pair.client(rights, statement("iam:PassRole", resource=role)).associate_cross_account_replica(**associate)
    pair.wait(primary, "Failed")
    assert pair.status(primary)["ReplicationRoleARN"] == role
    assert "denied" in pair.status(primary)["StatusMessage"]
    iam.put_role_policy(
        RoleName=name, PolicyName="copy", PolicyDocument=document(statement("kms:Decrypt", "kms:Encrypt"))
    )
    pair.wait(primary)
    writer = pair.client(statement("secretsmanager:PutSecretValue", resource=primary))
    writer.put_secret_value(SecretId=primary, SecretString="v2")
    pair.wait(primary)
    assert pair.value(replica) == "v2"


def test_a_role_must_trust_secrets_manager(pair: Pair) -> None:
    name = f"trusts-nobody-{uuid.uuid4().hex[:12]}"
    trust = document({"Effect": "Allow", "Principal": root(pair.server.account), "Action": "sts:AssumeRole"})
    role = pair.server.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    primary = pair.primary()
    replica = pair.replica(primary)
    code, message = refusal(
        pair.here.associate_cross_account_replica,
        SecretId=primary,
        CrossAccountReplicaARN=replica,
        ReplicationRoleARN=role,
    )
    assert code == "InvalidParameterException"
    assert role in message


def test_making_and_promoting_a_replica_takes_the_policy_permissions(pair: Pair) -> None:
    iam = pair.server.client("iam", pair.other)
    user = f"user-{uuid.uuid4().hex[:12]}"
    iam.create_user(UserName=user)

    def allow(*actions: str) -> None:
        iam.put_user_policy(UserName=user, PolicyName="inline", PolicyDocument=document(statement(*actions)))

    key = iam.create_access_key(UserName=user)["AccessKey"]
    client = pair.server.client("secretsmanager", Credentials(key["AccessKeyId"], key["SecretAccessKey"]))
    wanted = {"Name": unique("replica"), "KmsKeyId": pair.key(), "CrossAccountPrimaryARN": pair.primary()}
    allow("secretsmanager:CreateSecret", "kms:*")
    assert "secretsmanager:PutResourcePolicy" in refusal(client.create_secret, **wanted)[1]
    allow("secretsmanager:CreateSecret", "secretsmanager:PutResourcePolicy", "kms:*")
    replica = client.create_secret(**wanted)["ARN"]
    allow("secretsmanager:StopReplicationToReplica")
    assert "secretsmanager:DeleteResourcePolicy" in refusal(client.stop_replication_to_replica, SecretId=replica)[1]
    allow("secretsmanager:StopReplicationToReplica", "secretsmanager:DeleteResourcePolicy")
    client.stop_replication_to_replica(SecretId=replica)
