"""OpenID Connect providers in IAM, from outside."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from tests.support.policies import allow, deny, document, refusal, refusal_code
from tests.support.server import RunningServer

THUMBPRINT = "a" * 40


def new_url(path: str = "") -> str:
    """An issuer that no other test uses."""
    return f"https://{uuid.uuid4().hex}.example.com{path}"


def create(strongroom: RunningServer, url: str, **settings: Any) -> str:
    answer = strongroom.client("iam").create_open_id_connect_provider(Url=url, **settings)
    return str(answer["OpenIDConnectProviderArn"])


def test_a_provider_from_its_beginning_to_its_end(strongroom: RunningServer) -> None:
    iam, url = strongroom.client("iam"), new_url("/id/ABC")
    answer = iam.create_open_id_connect_provider(
        Url=url,
        ClientIDList=["sts.amazonaws.com", "app", "app"],
        ThumbprintList=[THUMBPRINT],
        Tags=[{"Key": "Team", "Value": "blue"}],
    )
    arn = f"arn:aws:iam::{strongroom.account}:oidc-provider/{url.removeprefix('https://')}"
    assert answer["OpenIDConnectProviderArn"] == arn
    assert answer["Tags"] == [{"Key": "Team", "Value": "blue"}]
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert found["Url"] == url.removeprefix("https://")
    assert found["ClientIDList"] == ["sts.amazonaws.com", "app"]
    assert found["ThumbprintList"] == [THUMBPRINT]
    assert found["Tags"] == answer["Tags"]
    assert found["CreateDate"].year >= 2025
    assert {"Arn": arn} in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    for _ in range(2):
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    told = refusal(iam, "get_open_id_connect_provider", OpenIDConnectProviderArn=arn)
    assert told == ("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}")
    assert create(strongroom, url) == arn
    assert "Tags" not in iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)


def test_client_ids_and_thumbprints_change(strongroom: RunningServer) -> None:
    iam, arn = strongroom.client("iam"), create(strongroom, new_url())
    for _ in range(2):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="one")
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="two")
    for _ in range(2):
        iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="one")
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=[THUMBPRINT] * 2)
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (found["ClientIDList"], found["ThumbprintList"]) == (["two"], [THUMBPRINT])


def test_tags_of_a_provider(strongroom: RunningServer) -> None:
    iam, arn = strongroom.client("iam"), create(strongroom, new_url(), Tags=[{"Key": "a", "Value": "1"}])
    iam.tag_open_id_connect_provider(
        OpenIDConnectProviderArn=arn, Tags=[{"Key": "A", "Value": "2"}, {"Key": "b", "Value": "3"}]
    )
    first = iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn, MaxItems=1)
    assert (first["Tags"], first["IsTruncated"]) == ([{"Key": "A", "Value": "2"}], True)
    rest = iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn, Marker=first["Marker"])
    assert (rest["Tags"], rest["IsTruncated"]) == ([{"Key": "b", "Value": "3"}], False)
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["B", "nothing"])
    assert iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)["Tags"] == first["Tags"]


@pytest.mark.parametrize(
    ("url", "code", "text"),
    [
        ("example.com", "ValidationError", "Invalid Open ID Connect Provider URL"),
        ("https://", "ValidationError", "Invalid Open ID Connect Provider URL"),
        ("ftp://example.com", "ValidationError", "Invalid Open ID Connect Provider URL"),
        ("https://user@example.com", "ValidationError", "Invalid Open ID Connect Provider URL"),
        ("https://example.com?x=1", "ValidationError", "Invalid Open ID Connect Provider URL"),
        ("https://example.com/*", "ValidationError", "Invalid Open ID Connect Provider URL"),
        (
            "http://example.com",
            "InvalidInput",
            "Invalid Open ID Connect Provider URL. The URL must begin with https://.",
        ),
    ],
)
def test_what_is_no_issuer(strongroom: RunningServer, url: str, code: str, text: str) -> None:
    assert refusal(strongroom.client("iam"), "create_open_id_connect_provider", Url=url) == (code, text)


def test_limits(strongroom: RunningServer) -> None:
    iam, url = strongroom.client("iam"), new_url()
    many = [str(number) for number in range(100)]
    told = refusal(iam, "create_open_id_connect_provider", Url=url, ClientIDList=[*many, "one more"])
    assert told == ("LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100")
    prints = [str(number) * 40 for number in range(6)]
    told = refusal(iam, "create_open_id_connect_provider", Url=url, ThumbprintList=prints)
    assert told == ("InvalidInput", "Thumbprint list must contain fewer than 5 entries.")
    arn = create(strongroom, url, ClientIDList=many)
    told = refusal(iam, "add_client_id_to_open_id_connect_provider", OpenIDConnectProviderArn=arn, ClientID="one more")
    assert told[0] == "LimitExceeded"
    told = refusal(iam, "update_open_id_connect_provider_thumbprint", OpenIDConnectProviderArn=arn, ThumbprintList=[])
    assert told == ("InvalidInput", "Thumbprint list must contain at least one entry.")
    told = refusal(iam, "create_open_id_connect_provider", Url=url)
    assert told == ("EntityAlreadyExists", f"Provider with url {url} already exists.")
    twice = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
    assert refusal_code(iam, "create_open_id_connect_provider", Url=new_url(), Tags=twice) == "InvalidInput"


def test_each_operation_asks_for_permission_and_knows_its_own_account_only(strongroom: RunningServer) -> None:
    arn = create(strongroom, new_url(), Tags=[{"Key": "team", "Value": "red"}])
    red = {"StringEquals": {"aws:ResourceTag/team": "red"}}
    user = strongroom.make_user(document(allow("iam:*"), deny("iam:*", Condition=red)))
    stranger = strongroom.client("iam", strongroom.make_user())
    denied = strongroom.client("iam", user)
    foreign = arn.replace(strongroom.account, "999999999999")
    admin = strongroom.client("iam")
    for operation, parameters in (
        ("get_open_id_connect_provider", {}),
        ("delete_open_id_connect_provider", {}),
        ("update_open_id_connect_provider_thumbprint", {"ThumbprintList": [THUMBPRINT]}),
        ("add_client_id_to_open_id_connect_provider", {"ClientID": "x"}),
        ("remove_client_id_from_open_id_connect_provider", {"ClientID": "x"}),
        ("tag_open_id_connect_provider", {"Tags": [{"Key": "a", "Value": "b"}]}),
        ("untag_open_id_connect_provider", {"TagKeys": ["a"]}),
        ("list_open_id_connect_provider_tags", {}),
    ):
        for who in (stranger, denied):
            assert refusal_code(who, operation, OpenIDConnectProviderArn=arn, **parameters) == "AccessDenied"
        if operation != "delete_open_id_connect_provider":
            told = refusal_code(admin, operation, OpenIDConnectProviderArn=foreign, **parameters)
            assert told == "NoSuchEntity"
        user_arn = f"arn:aws:iam::{strongroom.account}:user/bob"
        assert refusal_code(admin, operation, OpenIDConnectProviderArn=user_arn, **parameters) == "InvalidInput"
    assert refusal_code(stranger, "list_open_id_connect_providers") == "AccessDenied"
    assert refusal_code(stranger, "create_open_id_connect_provider", Url=new_url()) == "AccessDenied"
    admin.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
