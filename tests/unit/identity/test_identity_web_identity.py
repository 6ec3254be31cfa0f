"""Keys of issuers, and what a proven token says: the parts that need no server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.support.issuer import Issuer, running_issuer

from strongroom.identity.web_identity import check_signature, read_token
from strongroom.identity.web_identity_claims import web_identity
from strongroom.identity.web_identity_keys import candidates, read_key_set, signed_by
from strongroom.identity.web_identity_providers import IdentityProvider, issuer_problem, provider_arn

ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with running_issuer() as found:
        yield found["good"]


def keys_of(*documents: dict[str, Any]) -> Any:
    return read_key_set(json.dumps({"keys": list(documents)}).encode())


def test_only_public_signing_keys_of_known_kinds_count(issuer: Issuer) -> None:
    rsa_key = next(key for key in issuer.key_set()["keys"] if key["kty"] == "RSA")
    ignored: tuple[dict[str, Any], ...] = (
        {"kty": "oct", "k": "AAAA", "kid": "one"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"},
        {**rsa_key, "use": "enc"},
        {**rsa_key, "d": "AAAA"},
        {**rsa_key, "kid": 1},
        {**rsa_key, "alg": ["RS256"]},
        {},
    )
    assert keys_of(*ignored) == ()
    assert len(keys_of(*ignored, rsa_key)) == 1


def test_which_key_a_token_means(issuer: Issuer) -> None:
    documents = {key["kid"]: key for key in issuer.key_set()["keys"]}
    one = documents["one"]
    unnamed = {name: value for name, value in one.items() if name != "kid"}
    keys = keys_of(*documents.values())
    assert [key.key_id for key in candidates(keys, "one", "RS512")] == ["one"]
    assert candidates(keys, "one", "ES256") == []
    assert candidates(keys, "ES384", "ES256") == []
    assert [key.key_id for key in candidates(keys, None, "ES384")] == ["ES384"]
    assert candidates(keys, "unknown", "RS256") == []
    assert len(candidates(keys_of(unnamed), "unknown", "RS256")) == 1
    assert candidates(keys_of({**one, "alg": "RS256"}), "one", "RS512") == []
    assert candidates(keys_of(one, {**one, "kid": "two"}), None, "RS256") == []


def test_short_and_broken_keys_prove_nothing(issuer: Issuer) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    algorithm: Any = jwt.get_algorithm_by_name("RS256")
    document = {**algorithm.to_jwk(weak.public_key(), as_dict=True), "kid": "one"}
    signed = b"header.claims"
    (key,) = keys_of(document)
    assert not signed_by(key, "RS256", signed, algorithm.sign(signed, weak))
    (key,) = keys_of(next(key for key in issuer.key_set()["keys"] if key["kty"] == "RSA"))
    assert signed_by(key, "RS256", signed, algorithm.sign(signed, issuer.keys["one"]))
    for broken in ({**document, "n": 1}, {**document, "n": "%"}, {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}):
        (key,) = keys_of(broken)
        assert not signed_by(key, "RS256" if key.kind == "RSA" else "ES256", signed, b"x" * 256)


def test_whom_a_token_is_about(issuer: Issuer) -> None:
    provider = IdentityProvider(provider_arn(ACCOUNT, issuer.url), ACCOUNT, issuer.url, ("app", "two"), (), 0)
    claims = {"email": "a@example.com", "groups": ["x", "y"], "level": 3, "nested": {"a": "b"}, "Team": "Blue"}
    token = read_token(issuer.token(sub="ann", aud=["two", "app", "other"], amr=["pwd"], more=claims))
    check_signature(token, keys_of(*issuer.key_set()["keys"]))
    found = web_identity(token, provider)
    prefix = issuer.prefix
    assert found.keys == {
        f"{prefix}:amr": ("pwd",),
        f"{prefix}:aud": ("two", "app"),
        f"{prefix}:email": "a@example.com",
        f"{prefix}:groups": ("x", "y"),
        f"{prefix}:iss": issuer.url,
        f"{prefix}:sub": "ann",
        f"{prefix}:team": "Blue",
    }
    assert found.audience == "two"
    assert set(found.federation().keys) == {f"{prefix}:amr", f"{prefix}:aud", f"{prefix}:sub"}


@pytest.mark.parametrize(
    "url",
    [
        "https://token.actions.githubusercontent.com",
        "https://oidc.eks.eu-central-1.amazonaws.com/id/ABCDEF",
        "https://login.example.com:8443/realms/a%20b/",
        "http://127.0.0.1:8080/x",
        "http://localhost",
    ],
)
def test_what_can_be_an_issuer(url: str) -> None:
    assert issuer_problem(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://127.evil.example.com",
        "https://",
        "https:///x",
        "https://a b",
        "https://example.com#x",
        "https://example.com/${aws:username}",
        "https://example.com/a\n",
        "HTTPS://example.com",
    ],
)
def test_what_cannot(url: str) -> None:
    assert issuer_problem(url)
