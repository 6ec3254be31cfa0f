"""Grants through boto3: making, listing, retiring and revoking them, and what they allow."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from tests.support.kms_keys import key_policy, new_key
from tests.support.policies import allow, deny, document, refusal, refusal_code
from tests.support.server import Credentials, RunningServer

NO_GRANT = "0" * 64
CONTEXT = {"Project": "a", "Number": "1"}


@pytest.fixture
def kms(strongroom: RunningServer) -> Any:
    return strongroom.client("kms")


@pytest.fixture
def key(kms: Any) -> str:
    return new_key(kms)


@pytest.fixture
def user(strongroom: RunningServer) -> Credentials:
    """A user who may do nothing by policy."""
    return strongroom.make_user()


def grant(kms: Any, key: str, grantee: str, *operations: str, **others: Any) -> str:
    made = kms.create_grant(KeyId=key, GranteePrincipal=grantee, Operations=list(operations), **others)
    return str(made["GrantId"])


def test_a_grant_works_until_it_is_revoked(kms: Any, strongroom: RunningServer, key: str, user: Credentials) -> None:
    client = strongroom.client("kms", user)
    assert refusal_code(client, "encrypt", KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    grant_id = grant(kms, key, user.arn, "Encrypt", "DescribeKey")
    sealed = client.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert client.describe_key(KeyId=key)["KeyMetadata"]["Arn"] == key
    assert refusal_code(client, "decrypt", CiphertextBlob=sealed) == "AccessDeniedException"
    kms.revoke_grant(KeyId=key, GrantId=grant_id)
    assert refusal_code(client, "encrypt", KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    assert refusal(kms, "revoke_grant", KeyId=key, GrantId=grant_id) == (
        "NotFoundException",
        f"Grant ID {grant_id} not found",
    )


@pytest.mark.parametrize(
    ("constraint", "admitted", "refused"),
    [
        ("EncryptionContextEquals", [CONTEXT], [{"Project": "a"}, {**CONTEXT, "more": "x"}, {}]),
        (
            "EncryptionContextSubset",
            [CONTEXT, {**CONTEXT, "more": "x"}],
            [{"Project": "a"}, {**CONTEXT, "Number": "2"}],
        ),
        ("EncryptionContextSubset", [CONTEXT], [{"project": "a", "number": "1"}, {"Project": "A", "Number": "1"}]),
    ],
)
def test_a_grant_asks_for_an_encryption_context(
    kms: Any,
    strongroom: RunningServer,
    key: str,
    user: Credentials,
    constraint: str,
    admitted: list[dict[str, str]],
    refused: list[dict[str, str]],
) -> None:
    grant(kms, key, user.arn, "Encrypt", "Decrypt", "DescribeKey", Constraints={constraint: CONTEXT})
    client = strongroom.client("kms", user)
    for context in admitted:
        sealed = client.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)["CiphertextBlob"]
        assert client.decrypt(CiphertextBlob=sealed, EncryptionContext=context)["Plaintext"] == b"x"
    for context in refused:
        request = {"KeyId": key, "Plaintext": b"x", "EncryptionContext": context}
        assert refusal_code(client, "encrypt", **request) == "AccessDeniedException"
    client.describe_key(KeyId=key)  # which has no encryption context


def test_each_operation_needs_its_own_grant(kms: Any, strongroom: RunningServer, key: str, user: Credentials) -> None:
    client = strongroom.client("kms", user)
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    uses: dict[str, tuple[str, dict[str, Any]]] = {
        "Encrypt": ("encrypt", {"KeyId": key, "Plaintext": b"x"}),
        "Decrypt": ("decrypt", {"CiphertextBlob": sealed}),
        "GenerateDataKey": ("generate_data_key", {"KeyId": key, "KeySpec": "AES_256"}),
        "GenerateDataKeyWithoutPlaintext": (
            "generate_data_key_without_plaintext",
            {"KeyId": key, "KeySpec": "AES_256"},
        ),
    }
    for granted in uses:
        grant_id = grant(kms, key, user.arn, granted)
        for operation, (method, request) in uses.items():
            if operation == granted:
                getattr(client, method)(**request)
            else:
                assert refusal_code(client, method, **request) == "AccessDeniedException"
        kms.revoke_grant(KeyId=key, GrantId=grant_id)
    move = {"CiphertextBlob": sealed, "DestinationKeyId": key}
    grant(kms, key, user.arn, "ReEncryptFrom")
    assert refusal_code(client, "re_encrypt", **move) == "AccessDeniedException"
    grant(kms, key, user.arn, "ReEncryptTo")
    client.re_encrypt(**move)


def test_a_deny_stands_against_a_grant(kms: Any, strongroom: RunningServer) -> None:
    by_identity = strongroom.make_user(document(deny("kms:Encrypt")))
    by_key = strongroom.make_user()
    statement = {"Effect": "Deny", "Principal": {"AWS": by_key.arn}, "Action": "kms:Encrypt", "Resource": "*"}
    key = new_key(kms, Policy=key_policy(strongroom.account, statement))
    for user in (by_identity, by_key):
        grant(kms, key, user.arn, "Encrypt", "GenerateDataKey")
        client = strongroom.client("kms", user)
        client.generate_data_key(KeyId=key, KeySpec="AES_256")
        assert refusal_code(client, "encrypt", KeyId=key, Plaintext=b"x") == "AccessDeniedException"


def test_a_permissions_boundary_does_not_limit_a_grant_to_the_user_itself_but_a_deny_does(
    kms: Any, strongroom: RunningServer, key: str, user: Credentials
) -> None:
    # As with a resource-based policy that names the user (IAM User Guide, "Permissions boundaries").
    iam = strongroom.client("iam")
    name = f"boundary-{uuid.uuid4().hex[:8]}"
    policy = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document(allow("s3:*"))))
    iam.put_user_permissions_boundary(UserName=user.user_name, PermissionsBoundary=policy["Policy"]["Arn"])
    grant(kms, key, user.arn, "Encrypt")
    strongroom.client("kms", user).encrypt(KeyId=key, Plaintext=b"x")


def test_a_grant_to_the_account_leaves_the_decision_to_its_policies(
    kms: Any, strongroom: RunningServer, user: Credentials
) -> None:
    administrator = strongroom.client("sts").get_caller_identity()["Arn"]
    own = {"Effect": "Allow", "Principal": {"AWS": administrator}, "Action": "kms:*", "Resource": "*"}
    key = new_key(kms, Policy=json.dumps({"Version": "2012-10-17", "Statement": [own]}))
    allowed = strongroom.client("kms", strongroom.make_user(document(allow("kms:Encrypt"))))
    weak = strongroom.client("kms", user)
    assert refusal_code(allowed, "encrypt", KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    grant(kms, key, f"arn:aws:iam::{strongroom.account}:root", "Encrypt")
    allowed.encrypt(KeyId=key, Plaintext=b"x")
    assert refusal_code(weak, "encrypt", KeyId=key, Plaintext=b"x") == "AccessDeniedException"


def test_a_grant_works_for_a_role_and_for_one_session(kms: Any, strongroom: RunningServer, key: str) -> None:
    iam, sts = strongroom.client("iam"), strongroom.client("sts")
    name = f"role-{uuid.uuid4().hex[:8]}"
    trust = document({"Effect": "Allow", "Principal": {"AWS": strongroom.account}, "Action": "sts:AssumeRole"})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]

    def session(session_name: str) -> Any:
        found = sts.assume_role(RoleArn=role, RoleSessionName=session_name)["Credentials"]
        return strongroom.client(
            "kms", Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
        )

    one, two = session("one"), session("two")
    grant(kms, key, f"arn:aws:sts::{strongroom.account}:assumed-role/{name}/one", "Encrypt")
    one.encrypt(KeyId=key, Plaintext=b"x")
    assert refusal_code(two, "encrypt", KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    grant(kms, key, role, "Encrypt")
    two.encrypt(KeyId=key, Plaintext=b"x")


def test_who_takes_the_name_of_a_deleted_user_inherits_no_grant(
    kms: Any, strongroom: RunningServer, key: str, user: Credentials
) -> None:
    iam = strongroom.client("iam")
    grant(kms, key, user.arn, "Encrypt")
    iam.delete_access_key(UserName=user.user_name, AccessKeyId=user.access_key_id)
    iam.delete_user(UserName=user.user_name)
    (listed,) = kms.list_grants(KeyId=key)["Grants"]
    assert listed["GranteePrincipal"].startswith("AIDA")
    successor = strongroom.client("kms", strongroom.make_user(name=user.user_name))
    assert refusal_code(successor, "encrypt", KeyId=key, Plaintext=b"x") == "AccessDeniedException"


def test_grants_are_listed(kms: Any, strongroom: RunningServer, key: str, user: Credentials) -> None:
    other = strongroom.make_user()
    constraints = {"EncryptionContextSubset": {"a": "b"}}
    first = grant(kms, key, user.arn, "Decrypt", "Encrypt", Name="first", Constraints=constraints)
    second = grant(kms, key, other.arn, "Decrypt", RetiringPrincipal=user.arn)
    third = grant(kms, key, other.arn, "Encrypt")
    listed = kms.list_grants(KeyId=key)["Grants"]
    assert {entry["GrantId"] for entry in listed} == {first, second, third}
    entry = next(entry for entry in listed if entry["GrantId"] == first)
    assert entry.pop("CreationDate")
    assert entry == {
        "KeyId": key,
        "GrantId": first,
        "Name": "first",
        "GranteePrincipal": user.arn,
        "IssuingAccount": f"arn:aws:iam::{strongroom.account}:root",
        "Operations": ["Decrypt", "Encrypt"],
        "Constraints": constraints,
    }
    for filters, expected in (
        ({"GranteePrincipal": other.arn}, {second, third}),
        ({"GrantId": second}, {second}),
        ({"GrantId": NO_GRANT}, set()),
    ):
        found = kms.list_grants(KeyId=key, **filters)["Grants"]
        assert {entry["GrantId"] for entry in found} == expected
    pages = kms.get_paginator("list_grants").paginate(KeyId=key, PaginationConfig={"PageSize": 2})
    assert [entry["GrantId"] for page in pages for entry in page["Grants"]] == [entry["GrantId"] for entry in listed]
    retirable = kms.list_retirable_grants(RetiringPrincipal=user.arn)["Grants"]
    assert [(entry["GrantId"], entry["RetiringPrincipal"]) for entry in retirable] == [(second, user.arn)]
    assert refusal_code(kms, "list_grants", KeyId=key, Marker="x") == "InvalidMarkerException"
    assert refusal_code(kms, "list_grants", KeyId=key, GrantId="x") == "InvalidGrantIdException"


def test_a_named_grant_is_made_once(kms: Any, key: str, user: Credentials) -> None:
    request = {"KeyId": key, "GranteePrincipal": user.arn, "Operations": ["Encrypt"]}
    one, two = (kms.create_grant(**request, Name="same") for _ in range(2))
    assert one["GrantId"] == two["GrantId"]
    assert one["GrantToken"] != two["GrantToken"]
    assert kms.create_grant(**request)["GrantId"] != kms.create_grant(**request)["GrantId"]
    assert kms.create_grant(**{**request, "Operations": ["Decrypt"]}, Name="same")["GrantId"] != one["GrantId"]


def test_who_may_retire_a_grant(kms: Any, strongroom: RunningServer, key: str, user: Credentials) -> None:
    retiring, stranger = strongroom.make_user(), strongroom.make_user()
    by_policy = strongroom.make_user(document(allow("kms:RetireGrant", resource=key)))
    denied = strongroom.make_user(document(deny("kms:RetireGrant")))

    def make(*operations: str, **others: Any) -> dict[str, str]:
        return {"KeyId": key, "GrantId": grant(kms, key, user.arn, "Encrypt", *operations, **others)}

    for who, made in (
        (retiring, make(RetiringPrincipal=retiring.arn)),
        (user, make("RetireGrant")),
        (by_policy, make()),
    ):
        assert refusal_code(strongroom.client("kms", stranger), "retire_grant", **made) == "AccessDeniedException"
        strongroom.client("kms", who).retire_grant(**made)
        assert refusal_code(kms, "retire_grant", **made) == "NotFoundException"
    assert refusal_code(strongroom.client("kms", user), "retire_grant", **make()) == "AccessDeniedException"
    made = make(RetiringPrincipal=denied.arn)
    assert refusal_code(strongroom.client("kms", denied), "retire_grant", **made) == "AccessDeniedException"


def test_grant_tokens(kms: Any, strongroom: RunningServer, key: str, user: Credentials) -> None:
    made = kms.create_grant(KeyId=key, GranteePrincipal=user.arn, Operations=["Encrypt"], RetiringPrincipal=user.arn)
    client, tokens = strongroom.client("kms", user), [made["GrantToken"]]
    client.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=tokens)
    stranger = strongroom.client("kms", strongroom.make_user())
    assert refusal_code(stranger, "encrypt", KeyId=key, Plaintext=b"x", GrantTokens=tokens) == "AccessDeniedException"
    for token in ("x", made["GrantToken"][:-4] + "AAAA", "\u00e4"):
        request = {"KeyId": key, "Plaintext": b"x", "GrantTokens": [token]}
        assert refusal_code(kms, "encrypt", **request) == "InvalidGrantTokenException"
        assert refusal_code(kms, "retire_grant", GrantToken=token) == "InvalidGrantTokenException"
    client.retire_grant(GrantToken=made["GrantToken"])
    assert kms.list_grants(KeyId=key)["Grants"] == []
    client_after = refusal_code(client, "encrypt", KeyId=key, Plaintext=b"x", GrantTokens=tokens)
    assert client_after == "AccessDeniedException"


def test_a_grantee_hands_on_no_more_than_it_has(
    kms: Any, strongroom: RunningServer, key: str, user: Credentials
) -> None:
    client, other = strongroom.client("kms", user), strongroom.make_user()
    grant(kms, key, user.arn, "Encrypt", "Decrypt", "CreateGrant", Constraints={"EncryptionContextSubset": {"a": "b"}})
    request = {"KeyId": key, "GranteePrincipal": other.arn}
    for operations, constraints in (
        (["Encrypt"], {}),
        (["Encrypt"], {"EncryptionContextSubset": {"a": "c"}}),
        (["GenerateDataKey"], {"EncryptionContextSubset": {"a": "b"}}),
    ):
        refused = refusal_code(client, "create_grant", **request, Operations=operations, Constraints=constraints)
        assert refused == "AccessDeniedException"
    for constraints in ({"EncryptionContextSubset": {"a": "b", "c": "d"}}, {"EncryptionContextEquals": {"a": "b"}}):
        client.create_grant(**request, Operations=["Encrypt"], Constraints=constraints)
    handed_on = strongroom.client("kms", other)
    handed_on.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"a": "b"})
    assert refusal_code(handed_on, "encrypt", KeyId=key, Plaintext=b"x") == "AccessDeniedException"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, "ValidationException"),
        ({"Operations": []}, "ValidationException"),
        ({"Operations": ["Sign"]}, "ValidationException"),
        ({"GranteeServicePrincipal": "rds.amazonaws.com"}, "ValidationException"),
        ({"GranteePrincipal": "arn:aws:iam::000000000000:user/nobody-of-that-name"}, "InvalidArnException"),
        ({"GranteePrincipal": "nobody"}, "InvalidArnException"),
        ({"RetiringPrincipal": "nobody"}, "InvalidArnException"),
    ],
)
def test_grants_that_are_refused(
    kms: Any, strongroom: RunningServer, key: str, parameters: dict[str, Any], code: str
) -> None:
    root = f"arn:aws:iam::{strongroom.account}:root"
    request = {"KeyId": key, "Operations": ["Encrypt"], **parameters}
    if parameters and "GranteeServicePrincipal" not in parameters:
        request.setdefault("GranteePrincipal", root)
    assert refusal_code(kms, "create_grant", **request) == code
    assert kms.list_grants(KeyId=key)["Grants"] == []


def test_a_grant_for_a_service_names_the_resource(kms: Any, strongroom: RunningServer, key: str) -> None:
    source = f"arn:aws:rds:{strongroom.region}:{strongroom.account}:db:one"
    request: dict[str, Any] = {
        "KeyId": key,
        "GranteeServicePrincipal": "rds.amazonaws.com",
        "Operations": ["Decrypt"],
    }
    assert refusal_code(kms, "create_grant", **request) == "ValidationException"
    request["Constraints"] = {"SourceArn": source}
    assert refusal_code(kms, "create_grant", **request) == "ValidationException"
    kms.create_grant(**request, RetiringServicePrincipal="rds.amazonaws.com")
    (listed,) = kms.list_grants(KeyId=key)["Grants"]
    assert (listed["GranteeServicePrincipal"], listed["Constraints"]) == ("rds.amazonaws.com", {"SourceArn": source})
    assert "GranteePrincipal" not in listed


def test_the_state_of_the_key_and_a_dry_run_decide(kms: Any, key: str, user: Credentials) -> None:
    request = {"KeyId": key, "GranteePrincipal": user.arn, "Operations": ["Encrypt"]}
    assert refusal_code(kms, "create_grant", **request, DryRun=True) == "DryRunOperationException"
    made = {"KeyId": key, "GrantId": kms.create_grant(**request)["GrantId"]}
    for operation in ("revoke_grant", "retire_grant"):
        assert refusal_code(kms, operation, **made, DryRun=True) == "DryRunOperationException"
    assert len(kms.list_grants(KeyId=key)["Grants"]) == 1
    kms.disable_key(KeyId=key)
    assert refusal_code(kms, "create_grant", **request) == "DisabledException"
    kms.schedule_key_deletion(KeyId=key)
    assert refusal_code(kms, "create_grant", **request) == "KMSInvalidStateException"
    kms.revoke_grant(**made)


@pytest.mark.parametrize(
    ("condition", "admitted", "refused"),
    [
        (
            {"ForAllValues:StringEquals": {"kms:GrantOperations": ["Encrypt", "Decrypt"]}},
            {},
            {"Operations": ["Encrypt", "DescribeKey"]},
        ),
        ({"StringLike": {"kms:GranteePrincipal": "*:root"}}, {}, {"GranteePrincipal": "USER"}),
        ({"StringLike": {"kms:RetiringPrincipal": "*:root"}}, {"RetiringPrincipal": "ROOT"}, {}),
        (
            {"StringEquals": {"kms:GrantConstraintType": "EncryptionContextEquals"}},
            {"Constraints": {"EncryptionContextEquals": CONTEXT}},
            {"Constraints": {"EncryptionContextSubset": CONTEXT}},
        ),
        (
            {"StringEquals": {"kms:EncryptionContext:Project": "a"}},
            {"Constraints": {"EncryptionContextSubset": CONTEXT}},
            {"Constraints": {"EncryptionContextSubset": {"Project": "b"}}},
        ),
        ({"Bool": {"kms:GrantIsForAWSResource": "false"}}, {}, None),
        ({"Bool": {"kms:GrantIsForAWSResource": "true"}}, None, {}),
    ],
)
def test_conditions_of_who_may_make_which_grant(
    kms: Any,
    strongroom: RunningServer,
    key: str,
    user: Credentials,
    condition: dict[str, Any],
    admitted: dict[str, Any] | None,
    refused: dict[str, Any] | None,
) -> None:
    root = f"arn:aws:iam::{strongroom.account}:root"
    maker = strongroom.client("kms", strongroom.make_user(document(allow("kms:CreateGrant", Condition=condition))))
    names = {"ROOT": root, "USER": user.arn}

    def request(given: dict[str, Any]) -> dict[str, Any]:
        chosen = {name: names.get(value, value) if isinstance(value, str) else value for name, value in given.items()}
        return {"KeyId": key, "GranteePrincipal": root, "Operations": ["Encrypt"], **chosen}

    if admitted is not None:
        maker.create_grant(**request(admitted))
    if refused is not None:
        assert refusal_code(maker, "create_grant", **request(refused)) == "AccessDeniedException"
