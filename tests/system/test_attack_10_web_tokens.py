"""Attack 10: tokens that no honest issuer would make. Each is refused, and says so in a plain error."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from tests.support.federation import Federation, trusted
from tests.support.issuer import Issuer, encoded, unsigned_token
from tests.support.server import RunningServer

pytestmark = pytest.mark.system

INVALID = "InvalidIdentityToken"
NOT_A_JWT = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"


@pytest.fixture(scope="module")
def federation(strongroom: RunningServer, issuers: dict[str, Issuer]) -> Iterator[Federation]:
    with trusted(strongroom, issuers["good"], "app") as found:
        yield found


@pytest.fixture(scope="module")
def role(federation: Federation) -> str:
    return federation.role()


def mac_token(issuer: Issuer, secret: bytes, algorithm: str = "HS256", **changes: Any) -> str:
    """A token whose signature is a MAC."""
    token = unsigned_token({"alg": algorithm, "kid": "one"}, issuer.claims(**changes))
    signed = token.removesuffix(".").encode()
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    return token + urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, ["RS256"], "HS256", "PS256", "EdDSA"])
def test_attack_10_an_algorithm_that_is_not_accepted(federation: Federation, role: str, algorithm: object) -> None:
    for signature in ("", "AAAA"):
        token = unsigned_token({"alg": algorithm, "kid": "one"}, federation.issuer.claims(), signature)
        code, text = federation.refused(role, token)
        assert code == INVALID
        assert text.startswith("The token is signed with an algorithm that is not accepted.")


def test_attack_10_the_public_key_as_a_shared_secret(federation: Federation, role: str) -> None:
    issuer = federation.issuer
    document = json.dumps(issuer.key_set()["keys"][0]).encode()
    for secret in (issuer.public_pem(), issuer.public_pem().strip(), document, b""):
        for algorithm in ("HS256", "RS256"):
            assert federation.refused(role, mac_token(issuer, secret, algorithm))[0] == INVALID


def test_attack_10_a_signature_under_another_algorithm_or_over_other_claims(federation: Federation, role: str) -> None:
    issuer = federation.issuer
    header, claims, signature = issuer.token(sub="ann").split(".")
    other = encoded(issuer.claims(sub="root"))
    swapped = encoded({"alg": "RS512", "kid": "one", "typ": "JWT"})
    for token in (
        f"{header}.{other}.{signature}",
        f"{swapped}.{claims}.{signature}",
        f"{header}.{claims}.{signature[:-6]}AAAAAA",
        f"{header}.{claims}.",
        issuer.token("ES256", key_id="ES256").rpartition(".")[0] + ".AAAA",
        issuer.token("ES256", key_id="ES256").rpartition(".")[0] + "." + "A" * 86,
    ):
        assert federation.refused(role, token) == (INVALID, "The signature of the token is not valid.")


@pytest.mark.parametrize("claim", ["iss", "sub", "aud", "exp", "iat"])
def test_attack_10_a_claim_that_is_missing(federation: Federation, role: str, claim: str) -> None:
    without: dict[str, Any] = {claim: None}
    token = federation.issuer.token(**without)
    assert federation.refused(role, token) == (INVALID, f"Missing a required claim: {claim}")


@pytest.mark.parametrize(
    "changes",
    [
        {"nbf": 2**40},
        {"iat": 2**40},
        {"exp": "tomorrow"},
        {"exp": True},
        {"nbf": {}},
        {"sub": ""},
        {"sub": "x" * 256},
        {"sub": "two\nlines"},
        {"sub": ["ann"]},
        {"aud": []},
        {"aud": {"app": True}},
        {"aud": ["app", 1]},
        {"azp": ["x"]},
    ],
)
def test_attack_10_a_claim_that_makes_no_sense(federation: Federation, role: str, changes: dict[str, object]) -> None:
    token = hand_signed(federation.issuer, {**federation.issuer.claims(), **changes})
    assert federation.refused(role, token)[0] == INVALID


def hand_signed(issuer: Issuer, claims: dict[str, Any], **header: Any) -> str:
    """A token with any claims and headers, signed with the issuer's RSA key."""
    key = issuer.keys["one"]
    assert isinstance(key, rsa.RSAPrivateKey)
    token = unsigned_token({"alg": "RS256", "kid": "one", **header}, claims)
    signature = key.sign(token.removesuffix(".").encode(), padding.PKCS1v15(), hashes.SHA256())
    return token + urlsafe_b64encode(signature).rstrip(b"=").decode()


def test_attack_10_a_critical_extension_that_nobody_knows(federation: Federation, role: str) -> None:
    token = hand_signed(federation.issuer, federation.issuer.claims(), crit=["b64"], b64=False)
    assert federation.refused(role, token) == (INVALID, NOT_A_JWT)
    federation.assume(role, hand_signed(federation.issuer, federation.issuer.claims(), more=1))


@pytest.mark.parametrize(
    "key_id",
    ["../../../../etc/passwd", "/dev/null", "one\x00", "' OR 1=1 --", "http://127.0.0.1:1/keys", "ONE", "", "x" * 5000],
)
def test_attack_10_a_key_id_is_a_name_and_nothing_else(federation: Federation, role: str, key_id: str) -> None:
    code, text = federation.refused(role, hand_signed(federation.issuer, federation.issuer.claims(), kid=key_id))
    assert code == INVALID
    assert text.startswith("Couldn't retrieve verification key from your identity provider")


@pytest.mark.parametrize("key_id", [1, ["one"], {"kid": "one"}, True])
def test_attack_10_a_key_id_that_is_no_text(federation: Federation, role: str, key_id: object) -> None:
    token = hand_signed(federation.issuer, federation.issuer.claims(), kid=key_id)
    assert federation.refused(role, token) == (INVALID, NOT_A_JWT)


def test_attack_10_key_ids_that_nobody_has_do_not_keep_the_issuer_busy(federation: Federation, role: str) -> None:
    federation.assume(role, federation.issuer.token())
    asked = len(federation.issuer.requests)
    for number in range(20):
        federation.refused(role, hand_signed(federation.issuer, federation.issuer.claims(), kid=f"made-up-{number}"))
    workers, documents = 2, 2
    assert len(federation.issuer.requests) - asked <= workers * documents


@pytest.mark.parametrize(
    "token",
    [
        "x" * 20,
        "aa.bb",
        "a.b.c.d",
        "....",
        encoded([1]) + "." + encoded({}) + ".",
        encoded({"alg": "RS256"}) + "." + encoded("text") + ".",
        encoded({"alg": "RS256"}) + ".%%%%.AAAA",
        encoded({"alg": "RS256"}) + ".A.AAAA",
        urlsafe_b64encode(b"[" * 7000).rstrip(b"=").decode() + ".e30.AAAA",
        encoded({"alg": "RS256"}) + "." + urlsafe_b64encode(b'{"a":' * 2500).rstrip(b"=").decode() + ".AAAA",
    ],
)
def test_attack_10_what_is_no_token(federation: Federation, role: str, token: str) -> None:
    assert federation.refused(role, token) == (INVALID, NOT_A_JWT)


def test_attack_10_a_token_that_is_too_large(federation: Federation, role: str) -> None:
    token = federation.issuer.token(padding="x" * 15_000)
    assert len(token) > 20_000
    assert federation.refused(role, token)[0] == "ValidationError"


def test_attack_10_a_claim_cannot_pass_for_another(federation: Federation) -> None:
    """Names in other cases of letters, and names that go on where a longer issuer's name would."""
    prefix = federation.issuer.prefix
    for condition, claims in (
        ({f"{prefix}:sub": "root"}, {"sub": "ann", "Sub": "root", "SUB": "root"}),
        ({f"{prefix}:amr": "mfa"}, {"AMR": "mfa"}),
        ({f"{prefix}:aud": "other"}, {"AUD": "other", "Aud": "other"}),
        ({f"{prefix}/deep:sub": "root"}, {"/deep:sub": "root"}),
        ({f"{prefix}:8443:sub": "root"}, {"8443:sub": "root"}),
        ({"aws:FederatedProvider": "x"}, {"aws:FederatedProvider": "x"}),
        ({"aws:PrincipalTag/team": "x"}, {"aws:PrincipalTag/team": "x"}),
    ):
        role = federation.role({"StringEquals": condition})
        assert federation.refused(role, federation.issuer.token(more=claims))[0] == "AccessDenied", condition


def test_attack_10_the_values_of_claims_are_no_patterns(federation: Federation) -> None:
    prefix = federation.issuer.prefix
    role = federation.role({"StringLike": {f"{prefix}:sub": "repo:me/*"}})
    federation.assume(role, federation.issuer.token(sub="repo:me/app"))
    for subject in ("*", "repo:*", "${aws:userid}", "repo:m?/app"):
        assert federation.refused(role, federation.issuer.token(sub=subject))[0] == "AccessDenied"


def test_attack_10_a_token_is_no_password_for_anything_else(federation: Federation, role: str) -> None:
    """It stands in no answer and in no log."""
    token = federation.issuer.token(sub="canary")
    federation.assume(role, token)
    federation.refused(role, token[:-4] + "AAAA")
    assert token.rpartition(".")[0] not in federation.server.log.read_text()
