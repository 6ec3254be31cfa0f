"""ListSecrets, ListSecretVersionIds and BatchGetSecretValue with boto3, as AWS answers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from tests.support.policies import allow, deny, document, refusal
from tests.support.server import RunningServer

from strongroom.audit import read_records

ORDERS = ("created-date", "last-changed-date", "last-accessed-date", "name")
INVALID_TOKEN = ("InvalidNextTokenException", "Invalid NextToken provided.")


def unique(prefix: str = "lists") -> str:
    return f"{prefix}/{uuid.uuid4().hex}"


@pytest.fixture
def client(strongroom: RunningServer) -> Any:
    return strongroom.client("secretsmanager")


def named(prefix: str, *more: dict[str, Any]) -> list[dict[str, Any]]:
    """Filters that keep a test among its own secrets."""
    return [{"Key": "name", "Values": [prefix]}, *more]


def walk(client: Any, size: int, **query: Any) -> list[str]:
    """The names on all pages of ListSecrets, without the prefix that the test made up."""
    pages = client.get_paginator("list_secrets").paginate(PaginationConfig={"PageSize": size}, **query)
    return [secret["Name"].rsplit("/", 1)[-1] for page in pages for secret in page["SecretList"]]


def wait_for_access(client: Any, *names: str) -> None:
    """The day of a read is written behind the answer's back."""
    until = time.monotonic() + 20
    while not all("LastAccessedDate" in client.describe_secret(SecretId=name) for name in names):
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture(scope="module")
def five(strongroom: RunningServer) -> str:
    """The prefix of five secrets: created c, e, a, d, b; changed last: a; read: a and d; marked for deletion: b."""
    client = strongroom.client("secretsmanager")
    prefix = unique()
    for letter in "ceadb":
        client.create_secret(Name=f"{prefix}/{letter}", SecretString=letter)
    client.update_secret(SecretId=f"{prefix}/a", Description="changed")
    for letter in "da":
        client.get_secret_value(SecretId=f"{prefix}/{letter}")
    client.delete_secret(SecretId=f"{prefix}/b")
    wait_for_access(client, f"{prefix}/d", f"{prefix}/a")
    return prefix


@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("created-date", "cead"),
        ("last-changed-date", "ceda"),
        ("last-accessed-date", "cead"),  # what was never read comes first, and on the same day the name decides
        ("name", "acde"),
    ],
)
def test_every_order_forwards_and_backwards_on_pages_of_any_size(
    client: Any, five: str, order: str, expected: str, size: int
) -> None:
    filters = named(f"{five}/")
    assert walk(client, size, Filters=filters, SortBy=order) == list(expected)
    assert walk(client, size, Filters=filters, SortBy=order, SortOrder="desc") == list(expected)[::-1]


def test_without_wishes_the_oldest_come_first_and_deleted_ones_not_at_all(client: Any, five: str) -> None:
    assert walk(client, 3, Filters=named(f"{five}/")) == list("cead")
    assert walk(client, 3, Filters=named(f"{five}/"), IncludePlannedDeletion=True) == list("ceadb")
    entries = client.list_secrets(Filters=named(f"{five}/b"), IncludePlannedDeletion=True)["SecretList"]
    assert entries[0]["DeletedDate"] < client.describe_secret(SecretId=f"{five}/b")["DeletedDate"]


def test_all_secrets_of_the_account_are_walked_once(client: Any, five: str) -> None:
    for order in ORDERS:
        names = [
            secret["Name"]
            for page in client.get_paginator("list_secrets").paginate(SortBy=order, SortOrder="desc")
            for secret in page["SecretList"]
        ]
        assert len(names) == len(set(names))
        assert {f"{five}/{letter}" for letter in "acde"} <= set(names)


def test_filters_of_every_key(client: Any, strongroom: RunningServer) -> None:
    prefix = unique()
    tag = uuid.uuid4().hex
    client.create_secret(Name=f"{prefix}/one", Description="The Login of billing", Tags=[{"Key": tag, "Value": "Red"}])
    client.create_secret(Name=f"{prefix}/two", Description="A key for mail", Tags=[{"Key": tag, "Value": "green"}])
    client.create_secret(Name=f"{prefix}/BillingThree")

    def found(*filters: tuple[str, list[str]]) -> list[str]:
        return walk(
            client, 10, Filters=named(f"{prefix}/", *({"Key": key, "Values": values} for key, values in filters))
        )

    everything = ["one", "two", "BillingThree"]
    assert found(("description", ["login BILL"])) == ["one"]
    assert found(("description", ["login mail"])) == []
    assert found(("tag-key", [tag[:20]])) == ["one", "two"]
    assert found(("tag-key", [tag.upper()[:20] + "Z"])) == []
    assert found(("tag-value", ["Re", "gr"])) == ["one", "two"]
    assert found(("tag-value", ["re"])) == []
    assert found(("tag-value", ["Re"]), ("description", ["mail"])) == []
    assert found(("all", ["billing"])) == ["one", "BillingThree"]
    assert found(("all", ["three"])) == ["BillingThree"]
    assert found(("name", [f"!{prefix}/t"])) == ["one", "BillingThree"]
    assert found(("description", ["!mail"])) == ["one", "BillingThree"]
    assert found(("tag-value", ["!Red"])) == ["two", "BillingThree"]
    assert found(("owning-service", ["rds"])) == []
    assert found(("owning-service", ["!rds"])) == everything
    assert found(("primary-region", [strongroom.region])) == []
    assert found(("all", ["x", "!x"])) == everything


def test_filters_that_are_no_filters(client: Any) -> None:
    def refused(*filters: dict[str, Any]) -> tuple[str, str]:
        return refusal(client, "list_secrets", Filters=list(filters))

    assert refused({"Values": ["x"]}) == ("InvalidParameterException", "Invalid filter key")
    assert refused({"Key": "name"}) == ("InvalidParameterException", "Invalid filter values for key: name")
    code, message = refused({"Key": "Name", "Values": ["x"]})
    assert code == "ValidationException"
    assert message.startswith("1 validation error detected: Value 'Name' at 'filters.1.member.key' failed to satisfy")
    assert refused({"Key": "name", "Values": ["a*"]})[0] == "ValidationException"
    assert refused(*[{"Key": "name", "Values": ["a"]}] * 11)[0] == "ValidationException"


def test_a_walk_is_steady_while_secrets_come_and_go(client: Any) -> None:
    prefix = unique()
    for letter in "bdfhj":
        client.create_secret(Name=f"{prefix}/{letter}")
    query = {"Filters": named(f"{prefix}/"), "SortBy": "name", "MaxResults": 2}
    first = client.list_secrets(**query)
    assert [secret["Name"][-1] for secret in first["SecretList"]] == ["b", "d"]
    client.delete_secret(SecretId=f"{prefix}/d", ForceDeleteWithoutRecovery=True)  # where the next page begins
    client.delete_secret(SecretId=f"{prefix}/f", ForceDeleteWithoutRecovery=True)
    for letter in "aeg":
        client.create_secret(Name=f"{prefix}/{letter}")
    second = client.list_secrets(**query, NextToken=first["NextToken"])
    assert [secret["Name"][-1] for secret in second["SecretList"]] == ["e", "g"]
    third = client.list_secrets(**{**query, "MaxResults": 50}, NextToken=second["NextToken"])
    assert [secret["Name"][-1] for secret in third["SecretList"]] == ["h", "j"]
    assert "NextToken" not in third


def test_a_token_is_worth_nothing_for_another_query_or_caller(
    client: Any, strongroom: RunningServer, five: str
) -> None:
    query = {"Filters": named(f"{five}/"), "MaxResults": 1}
    token = client.list_secrets(**query)["NextToken"]
    somebody = strongroom.client("secretsmanager", strongroom.make_user(document(allow("secretsmanager:*"))))
    assert refusal(somebody, "list_secrets", **query, NextToken=token) == INVALID_TOKEN
    for changed in (
        {"Filters": named(five)},
        {"SortBy": "name"},
        {"SortOrder": "desc"},
        {"IncludePlannedDeletion": True},
    ):
        assert refusal(client, "list_secrets", **{**query, **changed}, NextToken=token) == INVALID_TOKEN
    assert refusal(client, "batch_get_secret_value", **query, NextToken=token) == INVALID_TOKEN
    for forged in ("x", "eyJhIjogMX0=", token[:-8], token[4:], token[:-6] + "AAAAA="):
        assert refusal(client, "list_secrets", **query, NextToken=forged) == INVALID_TOKEN
        assert refusal(client, "list_secret_version_ids", SecretId=f"{five}/a", NextToken=forged) == INVALID_TOKEN


def test_versions_are_paged_the_oldest_first(client: Any) -> None:
    name = unique()
    versions = [client.create_secret(Name=name, SecretString="0")["VersionId"]]
    versions += [client.put_secret_value(SecretId=name, SecretString=f"{n}")["VersionId"] for n in range(1, 5)]

    def pages(size: int, **query: Any) -> list[list[str]]:
        found: list[list[str]] = []
        token: dict[str, str] = {}
        while True:
            page = client.list_secret_version_ids(SecretId=name, MaxResults=size, **query, **token)
            found.append([version["VersionId"] for version in page["Versions"]])
            if "NextToken" not in page:
                return found
            token = {"NextToken": page["NextToken"]}

    assert pages(2) == [versions[3:]]
    assert pages(1) == [[versions[3]], [versions[4]]]
    assert pages(2, IncludeDeprecated=True) == [versions[:2], versions[2:4], versions[4:]]
    token = client.list_secret_version_ids(SecretId=name, MaxResults=1)["NextToken"]
    other = {"SecretId": name, "IncludeDeprecated": True, "NextToken": token}
    assert refusal(client, "list_secret_version_ids", **other) == INVALID_TOKEN


def test_what_a_list_says_of_a_version(client: Any, strongroom: RunningServer) -> None:
    name = unique()
    key = strongroom.client("kms").create_key()["KeyMetadata"]["Arn"]
    client.create_secret(Name=name, SecretString="0")
    client.update_secret(SecretId=name, SecretString="1", KmsKeyId=key)
    client.get_secret_value(SecretId=name)
    wait_for_access(client, name)
    previous, current = client.list_secret_version_ids(SecretId=name)["Versions"]
    assert (previous["VersionStages"], current["VersionStages"]) == (["AWSPREVIOUS"], ["AWSCURRENT"])
    assert current["KmsKeyIds"] == [key]
    assert (current["LastAccessedDate"].hour, current["LastAccessedDate"].minute) == (0, 0)
    assert "LastAccessedDate" not in previous
    assert current["CreatedDate"] >= previous["CreatedDate"]
    client.delete_secret(SecretId=name)
    assert len(client.list_secret_version_ids(SecretId=name)["Versions"]) == 2


def test_a_batch_says_of_each_secret_why_it_is_not_there(client: Any, strongroom: RunningServer) -> None:
    prefix = unique()
    key = strongroom.client("kms").create_key()["KeyMetadata"]["Arn"]
    arns = [client.create_secret(Name=f"{prefix}/{n}", SecretString=f"{n}")["ARN"] for n in range(3)]
    arns.append(client.create_secret(Name=f"{prefix}/3", SecretString="3", KmsKeyId=key)["ARN"])
    empty = client.create_secret(Name=f"{prefix}/4")["ARN"]
    client.delete_secret(SecretId=arns[1])
    user = strongroom.make_user(
        document(
            allow("secretsmanager:BatchGetSecretValue"),
            allow("secretsmanager:GetSecretValue", resource=[arns[0], arns[1], arns[3], empty, f"{arns[0][:-7]}x"]),
        )
    )
    reader = strongroom.client("secretsmanager", user)
    missing = f"{arns[0][:-7]}x"
    answer = reader.batch_get_secret_value(SecretIdList=[arns[2], arns[0], missing, arns[1], arns[3], empty, "no name"])
    assert [value["SecretString"] for value in answer["SecretValues"]] == ["0"]
    assert [(error["SecretId"], error["ErrorCode"]) for error in answer["Errors"]] == [
        (arns[2], "AccessDeniedException"),
        (missing, "ResourceNotFoundException"),
        (arns[1], "InvalidRequestException"),
        (arns[3], "AccessDeniedException"),
        (empty, "ResourceNotFoundException"),
        ("no name", "ValidationException"),
    ]
    messages = [error["Message"] for error in answer["Errors"]]
    assert "is not authorized to perform: secretsmanager:GetSecretValue" in messages[0]
    assert messages[2:4] == [
        "You can't perform this operation on the secret because it was marked for deletion.",
        "Access to KMS is not allowed",
    ]
    filters = named(prefix)
    assert refusal(reader, "batch_get_secret_value", Filters=filters)[0] == "AccessDeniedException"


def test_a_batch_by_filters_is_paged_and_hides_what_a_deny_hides(client: Any, strongroom: RunningServer) -> None:
    prefix = unique()
    arns = [client.create_secret(Name=f"{prefix}/{n}", SecretString=f"{n}")["ARN"] for n in range(25)]
    user = strongroom.make_user(
        document(allow("secretsmanager:*", "kms:Decrypt"), deny("secretsmanager:ListSecrets", resource=arns[3]))
    )
    reader = strongroom.client("secretsmanager", user)
    values: list[str] = []
    token: dict[str, str] = {}
    sizes = []
    while True:
        page = reader.batch_get_secret_value(Filters=named(prefix), **token)
        values += [value["SecretString"] for value in page["SecretValues"]]
        sizes.append(len(page["SecretValues"]))
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert sizes == [20, 4]
    assert values == [f"{n}" for n in range(25) if n != 3]


def test_the_parameters_of_a_batch_exclude_each_other(client: Any) -> None:
    choice = ("InvalidParameterException", "Either 'SecretIdList' or 'Filters' must be provided, but not both.")
    assert refusal(client, "batch_get_secret_value") == choice
    assert refusal(client, "batch_get_secret_value", SecretIdList=["a"], Filters=named("a")) == choice
    assert refusal(client, "batch_get_secret_value", SecretIdList=["a"], MaxResults=1) == (
        "InvalidParameterException",
        "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.",
    )
    assert refusal(client, "batch_get_secret_value", SecretIdList=["a"] * 21)[0] == "ValidationException"


def test_the_trail_has_an_event_for_each_secret_of_a_batch(client: Any, strongroom: RunningServer) -> None:
    name, missing = unique(), unique()
    arn = client.create_secret(Name=name, SecretString="x")["ARN"]
    request_id = client.batch_get_secret_value(SecretIdList=[name, missing])["ResponseMetadata"]["RequestId"]
    events: list[Mapping[str, Any]] = [
        record.event
        for record in read_records(strongroom.data_dir / "audit")
        if record.event.get("requestID") == request_id
    ]
    assert sorted((event["eventName"], event.get("errorCode", "")) for event in events) == [
        ("BatchGetSecretValue", ""),
        ("GetSecretValue", ""),
        ("GetSecretValue", "ResourceNotFoundException"),
    ]
    [read] = [event for event in events if event["eventName"] == "GetSecretValue" and "errorCode" not in event]
    assert read["requestParameters"] == {"secretId": name}
    assert arn in [resource["ARN"] for resource in read["resources"]]
    [batch] = [event for event in events if event["eventName"] == "BatchGetSecretValue"]
    assert batch["requestParameters"] == {"secretIdList": [name, missing]}
