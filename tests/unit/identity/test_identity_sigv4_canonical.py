"""The arithmetic against the published vectors, and against the signer of the AWS SDK for Python."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pytest
from tests.unit.identity import sigv4_vectors as suite

from strongroom.identity.sigv4_canonical import (
    canonical_headers,
    canonical_query,
    canonical_request,
    canonical_uri,
    derive_signing_key,
    joined_headers,
    string_to_sign,
)
from strongroom.keyring.keyed_hmac import KeyedHmac


@dataclass(frozen=True, slots=True)
class Plain:
    method: str
    raw_path: bytes
    query_string: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@pytest.mark.parametrize("vector", suite.VECTORS, ids=lambda vector: vector.name)
def test_published_vector(vector: suite.Vector) -> None:
    request = Plain(vector.method, vector.path, vector.query, vector.headers, vector.body)
    lines = canonical_headers(vector.signed_headers.split(b";"), joined_headers(vector.headers))
    canonical = canonical_request(request, lines, vector.signed_headers, hashlib.sha256(vector.body).hexdigest())
    to_sign = string_to_sign(suite.TIMESTAMP, suite.DATE, suite.REGION, suite.SERVICE, canonical)
    key = derive_signing_key(suite.SECRET_ACCESS_KEY, suite.DATE, suite.REGION, suite.SERVICE)
    assert KeyedHmac(key).hexdigest(to_sign) == vector.signature


def test_the_canonical_request_of_the_first_vector_is_the_published_text() -> None:
    request = Plain("GET", b"/", b"Param2=value2&Param1=value1", (suite.HOST, suite.MOMENT), b"")
    lines = canonical_headers([b"host", b"x-amz-date"], dict(request.headers))
    assert canonical_request(request, lines, b"host;x-amz-date", hashlib.sha256(b"").hexdigest()).split(b"\n") == [
        b"GET",
        b"/",
        b"Param1=value1&Param2=value2",
        b"host:example.amazonaws.com",
        b"x-amz-date:20150830T123600Z",
        b"",
        b"host;x-amz-date",
        b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ]


def test_derived_key_of_the_published_example() -> None:
    key = derive_signing_key(suite.SECRET_ACCESS_KEY, "20150830", "us-east-1", "iam")
    assert key.hex() == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        (b"", "/"),
        (b"/2015-03-31/functions/a%3Ab", "/2015-03-31/functions/a%253Ab"),
        (b"/../../etc", "/etc"),
        (b"/a/%2e%2e/b", "/a/%252e%252e/b"),
    ],
)
def test_canonical_uri(path: bytes, canonical: str) -> None:
    assert canonical_uri(path) == canonical


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        (b"flag", "flag="),
        (b"a=b=c", "a=b%3Dc"),
        (b"a=%7e%2f", "a=~%2F"),
        (b"b=2&a=2&a=1", "a=1&a=2&b=2"),
    ],
)
def test_canonical_query(query: bytes, canonical: str) -> None:
    assert canonical_query(query) == canonical
