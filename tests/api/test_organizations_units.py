"""Organizational units, tags and the tree, from outside."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from tests.support.accounts import make_account
from tests.support.policies import allow, document, refusal, refusal_code
from tests.support.server import RunningServer


def _name() -> str:
    return f"unit-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def client(strongroom: RunningServer) -> Any:
    return strongroom.client("organizations")


@pytest.fixture
def root(client: Any) -> str:
    return str(client.list_roots()["Roots"][0]["Id"])


def _unit(client: Any, parent: str, name: str | None = None) -> str:
    unit = client.create_organizational_unit(ParentId=parent, Name=name or _name())["OrganizationalUnit"]
    return str(unit["Id"])


def test_a_unit(client: Any, root: str, strongroom: RunningServer) -> None:
    name, organization = _name(), client.describe_organization()["Organization"]["Id"]
    unit = client.create_organizational_unit(ParentId=root, Name=name)["OrganizationalUnit"]
    assert unit["Name"] == name
    assert unit["Id"].startswith(f"ou-{root[2:]}-")
    assert unit["Arn"] == f"arn:aws:organizations::{strongroom.account}:ou/{organization}/{unit['Id']}"
    assert unit["Path"] == f"{organization}/{root}/{unit['Id']}/"
    assert client.describe_organizational_unit(OrganizationalUnitId=unit["Id"])["OrganizationalUnit"] == unit
    renamed = client.update_organizational_unit(OrganizationalUnitId=unit["Id"], Name=f"{name} \u00fc")
    assert renamed["OrganizationalUnit"] == {**unit, "Name": f"{name} \u00fc"}
    client.update_organizational_unit(OrganizationalUnitId=unit["Id"])
    client.delete_organizational_unit(OrganizationalUnitId=unit["Id"])
    for operation in ("describe", "update", "delete"):
        code = refusal_code(client, f"{operation}_organizational_unit", OrganizationalUnitId=unit["Id"])
        assert code == "OrganizationalUnitNotFoundException"


def test_a_name_is_taken_under_one_parent_only(client: Any, root: str) -> None:
    name = _name()
    unit = _unit(client, root, name)
    _unit(client, unit, name)
    expected = ("DuplicateOrganizationalUnitException", "An OU with the same name already exists.")
    assert refusal(client, "create_organizational_unit", ParentId=root, Name=name) == expected
    other = _unit(client, root)
    assert refusal(client, "update_organizational_unit", OrganizationalUnitId=other, Name=name) == expected


def test_a_name_holds_no_nul(client: Any, root: str) -> None:
    unit = _unit(client, root)
    assert refusal_code(client, "create_organizational_unit", ParentId=root, Name="a\0") == "InvalidInputException"
    parameters = {"OrganizationalUnitId": unit, "Name": "a\0"}
    assert refusal_code(client, "update_organizational_unit", **parameters) == "InvalidInputException"


def test_five_levels(client: Any, root: str) -> None:
    place = root
    for _ in range(5):
        place = _unit(client, place)
    assert refusal_code(client, "create_organizational_unit", ParentId=place, Name="x") == (
        "ConstraintViolationException"
    )


def test_accounts_move_through_the_tree(client: Any, root: str, strongroom: RunningServer) -> None:
    account, upper = make_account(strongroom).id, _unit(client, root)
    lower = _unit(client, upper)
    client.move_account(AccountId=account, SourceParentId=root, DestinationParentId=lower)
    assert client.list_parents(ChildId=account)["Parents"] == [{"Id": lower, "Type": "ORGANIZATIONAL_UNIT"}]
    assert client.list_parents(ChildId=upper)["Parents"] == [{"Id": root, "Type": "ROOT"}]
    assert client.list_children(ParentId=lower, ChildType="ACCOUNT")["Children"] == [{"Id": account, "Type": "ACCOUNT"}]
    assert client.list_children(ParentId=upper, ChildType="ACCOUNT")["Children"] == []
    units = client.list_children(ParentId=upper, ChildType="ORGANIZATIONAL_UNIT")["Children"]
    assert units == [{"Id": lower, "Type": "ORGANIZATIONAL_UNIT"}]
    assert [
        unit["Id"] for unit in client.list_organizational_units_for_parent(ParentId=upper)["OrganizationalUnits"]
    ] == [lower]
    assert [found["Id"] for found in client.list_accounts_for_parent(ParentId=lower)["Accounts"]] == [account]
    organization = client.describe_organization()["Organization"]["Id"]
    path = f"{organization}/{root}/{upper}/{lower}/{account}/"
    assert client.describe_account(AccountId=account)["Account"]["Paths"] == [path]
    for unit in (upper, lower):
        assert refusal_code(client, "delete_organizational_unit", OrganizationalUnitId=unit) == (
            "OrganizationalUnitNotEmptyException"
        )
    absent = f"ou-{root[2:]}-00000000"
    for source, destination, code in (
        (root, upper, "SourceParentNotFoundException"),
        (lower, absent, "DestinationParentNotFoundException"),
        (lower, lower, "DuplicateAccountException"),
    ):
        parameters = {"AccountId": account, "SourceParentId": source, "DestinationParentId": destination}
        assert refusal_code(client, "move_account", **parameters) == code
    parameters = {"AccountId": "999999999999", "SourceParentId": root, "DestinationParentId": upper}
    assert refusal_code(client, "move_account", **parameters) == "AccountNotFoundException"


def test_what_does_not_exist(client: Any, root: str) -> None:
    absent = f"ou-{root[2:]}-00000000"
    for operation, parameters in (
        ("create_organizational_unit", {"Name": "x"}),
        ("list_accounts_for_parent", {}),
        ("list_organizational_units_for_parent", {}),
        ("list_children", {"ChildType": "ACCOUNT"}),
    ):
        for parent in (absent, "r-0000000"):
            assert refusal_code(client, operation, ParentId=parent, **parameters) == "ParentNotFoundException"
    for child in (absent, "999999999999"):
        assert refusal_code(client, "list_parents", ChildId=child) == "ChildNotFoundException"


def test_tags(client: Any, root: str, strongroom: RunningServer) -> None:
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
    unit = client.create_organizational_unit(ParentId=root, Name=_name(), Tags=tags)["OrganizationalUnit"]["Id"]
    assert client.list_tags_for_resource(ResourceId=unit)["Tags"] == tags
    client.tag_resource(ResourceId=unit, Tags=[{"Key": "a", "Value": "2"}, {"Key": "A", "Value": "3"}])
    client.untag_resource(ResourceId=unit, TagKeys=["b", "c"])
    found = client.list_tags_for_resource(ResourceId=unit)["Tags"]
    assert found == [{"Key": "A", "Value": "3"}, {"Key": "a", "Value": "2"}]
    many = [{"Key": f"k{number}", "Value": ""} for number in range(49)]
    assert refusal_code(client, "tag_resource", ResourceId=unit, Tags=many) == "ConstraintViolationException"
    for wrong in ([{"Key": "x", "Value": ""}] * 2, [{"Key": "aws:x", "Value": ""}]):
        assert refusal_code(client, "tag_resource", ResourceId=unit, Tags=wrong) == "InvalidInputException"
    client.tag_resource(ResourceId=unit, Tags=many[:48])
    pages = client.get_paginator("list_tags_for_resource").paginate(ResourceId=unit)
    assert [len(page["Tags"]) for page in pages] == [20, 20, 10]
    for absent in ("999999999999", "p-00000000", "p-FullAWSAccess", f"ou-{root[2:]}-00000000"):
        assert refusal_code(client, "list_tags_for_resource", ResourceId=absent) == "TargetNotFoundException"
    condition = {"StringEquals": {"aws:ResourceTag/a": "2"}}
    user = strongroom.make_user(document(allow("organizations:*", Condition=condition)))
    limited = strongroom.client("organizations", user)
    limited.describe_organizational_unit(OrganizationalUnitId=unit)
    other = _unit(client, root)
    code = refusal_code(limited, "describe_organizational_unit", OrganizationalUnitId=other)
    assert code == "AccessDeniedException"
