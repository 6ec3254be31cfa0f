"""Attack 9: a caller who chooses the identity provider, the address of its keys, or the host that is asked.

Two locks: IAM says whom the account trusts, the host's settings say whom the host may talk to. And what an issuer says
about itself sends nobody anywhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.support.federation import NOT_AUTHORIZED, Federation, trusted
from tests.support.issuer import Issuer, running_issuer
from tests.support.policies import refusal_code
from tests.support.server import RunningServer

pytestmark = pytest.mark.system

UNREACHABLE = ("IDPCommunicationError", "The identity provider could not be reached to verify the token.")


@pytest.fixture(scope="module")
def stranger() -> Iterator[Issuer]:
    """An issuer that the server's settings do not name."""
    with running_issuer() as found:
        yield found["good"]


@pytest.fixture(scope="module")
def good(strongroom: RunningServer, issuers: dict[str, Issuer]) -> Iterator[Federation]:
    with trusted(strongroom, issuers["good"], "app") as found:
        yield found


def test_attack_09_an_issuer_that_only_the_account_trusts_is_not_asked(
    strongroom: RunningServer, stranger: Issuer
) -> None:
    with trusted(strongroom, stranger, "app") as federation:
        told = federation.refused(federation.role(), stranger.token())
    assert told == UNREACHABLE
    assert stranger.requests == []
    assert re.search(
        rf"does not admit.*\n.*{re.escape(stranger.url)}: add it to the setting", strongroom.log.read_text()
    )


def test_attack_09_an_issuer_that_only_the_host_admits_is_not_asked(
    good: Federation, issuers: dict[str, Issuer]
) -> None:
    asked = list(issuers["other"].requests)
    text = f"No OpenIDConnect provider found in your account for {issuers['other'].url}"
    told = good.refused(good.role(), issuers["other"].token())
    assert told == ("InvalidIdentityToken", text)
    assert issuers["other"].requests == asked


@pytest.mark.parametrize("name", ["redirecting", "elsewhere", "foreign", "broken"])
def test_attack_09_an_issuer_cannot_send_the_host_elsewhere(
    strongroom: RunningServer, issuers: dict[str, Issuer], name: str
) -> None:
    """A redirect, keys on another host, the document of another issuer; and an error where keys should be."""
    issuer = issuers[name]
    with trusted(strongroom, issuer, "app") as federation:
        assert federation.refused(federation.role(), issuer.token()) == UNREACHABLE
    asked_for = {"broken": {".well-known/openid-configuration", "keys"}}
    assert set(issuer.requests) == asked_for.get(name, {".well-known/openid-configuration"})
    assert f"{issuer.url}: " in strongroom.log.read_text()


@pytest.mark.parametrize("spelling", ["slash", "case", "path", "encoded", "port", "user"])
def test_attack_09_an_issuer_has_one_spelling(good: Federation, spelling: str) -> None:
    url = good.issuer.url
    spelled = {
        "slash": url + "/",
        "case": url.replace("/good", "/Good"),
        "path": url.replace("/good", "//good"),
        "encoded": url.replace("/good", "/%67ood"),
        "port": url.replace("127.0.0.1", "127.0.0.1."),
        "user": url.replace("http://", "http://127.0.0.1@"),
    }[spelling]
    told = good.refused(good.role(), good.issuer.token(iss=spelled))
    assert told == ("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {spelled}")


def test_attack_09_where_a_token_says_its_keys_are_is_not_looked_at(good: Federation, stranger: Issuer) -> None:
    """A key of the attacker's, with every header that could lead to it."""
    headers = {
        "jku": f"{stranger.url}/keys",
        "x5u": f"{stranger.url}/keys",
        "jwk": stranger.key_set()["keys"][0],
        "x5c": ["MIIB"],
    }
    asked = list(stranger.requests)
    forged = stranger.token(iss=good.issuer.url, headers=headers)
    assert good.refused(good.role(), forged) == ("InvalidIdentityToken", "The signature of the token is not valid.")
    good.assume(good.role(), good.issuer.token(headers=headers))
    assert stranger.requests == asked


def test_attack_09_the_key_of_another_issuer_counts_for_that_issuer_only(
    good: Federation, strongroom: RunningServer, issuers: dict[str, Issuer]
) -> None:
    with trusted(strongroom, issuers["other"], "app") as other:
        role = other.role()
        other.assume(role, issuers["other"].token())
        forged = issuers["other"].token(iss=good.issuer.url)
        assert good.refused(good.role(), forged)[1] == "The signature of the token is not valid."
        # A good token of one issuer does not open a role that trusts the other.
        assert good.refused(role, good.issuer.token()) == NOT_AUTHORIZED


def test_attack_09_nobody_without_the_right_makes_an_issuer_trusted(good: Federation) -> None:
    weak = good.server.client("iam", good.server.make_user())
    arn = good.provider
    assert refusal_code(weak, "create_open_id_connect_provider", Url="https://evil.example.com") == "AccessDenied"
    for operation, parameters in (
        ("add_client_id_to_open_id_connect_provider", {"ClientID": "evil"}),
        ("update_open_id_connect_provider_thumbprint", {"ThumbprintList": ["a" * 40]}),
    ):
        assert refusal_code(weak, operation, OpenIDConnectProviderArn=arn, **parameters) == "AccessDenied"


def test_attack_09_nothing_else_is_answered_without_a_signature(good: Federation) -> None:
    sts = good.sts
    missing = "MissingAuthenticationToken"
    assert refusal_code(sts, "get_caller_identity") == missing
    assert refusal_code(sts, "get_session_token") == missing
    assert refusal_code(sts, "assume_role", RoleArn=good.role(), RoleSessionName="one") == missing
