"""Whatever arrives, the wire answers with an AwsError or with parameters, and never with anything else."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strongroom.errors import AwsError
from strongroom.wire import HttpRequest, Router, error_response, protocol_of

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["SecretId", "Tags", "Key"]), inner),
    max_leaves=20,
)
MEMBERS = (
    "EncryptionContext",
    "Filters",
    "KeyId",
    "MaxResults",
    "Name",
    "Plaintext",
    "SecretBinary",
    "SecretId",
    "SecretString",
    "Tags",
)
TARGETS = (
    "secretsmanager.CreateSecret",
    "secretsmanager.ListSecrets",
    "TrentService.Encrypt",
    "AmazonSSM.PutParameter",
)
SETTINGS = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def drive(router: Router, request: HttpRequest, signing_service: str | None) -> None:
    """Route, parse and, if refused, answer."""
    refusal: AwsError | None = None
    try:
        route = router.route(request, signing_service)
        assert isinstance(route.spec.parse(request, route), dict)
    except AwsError as error:
        refusal = error
    if refusal is not None:
        assert 400 <= refusal.status < 500
        assert error_response(protocol_of(request), refusal, "id").body


def json_request(target: str, body: bytes) -> HttpRequest:
    headers = ((b"x-amz-target", target.encode()), (b"content-type", b"application/x-amz-json-1.1"))
    return HttpRequest("POST", b"/", b"", headers, body, "::1")


@given(target=st.sampled_from(TARGETS), body=st.binary() | JSON_VALUES.map(orjson.dumps))
@SETTINGS
def test_any_json_body(router: Router, target: str, body: bytes) -> None:
    drive(router, json_request(target, body), None)


@given(
    target=st.sampled_from(TARGETS),
    members=st.dictionaries(
        st.sampled_from(MEMBERS),
        JSON_VALUES,
    ),
)
@SETTINGS
def test_any_member_values(router: Router, target: str, members: dict[str, object]) -> None:
    drive(router, json_request(target, orjson.dumps(members)), None)


@given(
    body=st.binary(),
    prefix=st.sampled_from([b"", b"Action=TagUser&Version=2010-05-08&", b"Action=AssumeRole&Version=2011-06-15&"]),
    signing=st.sampled_from([None, "iam", "sts"]),
)
@SETTINGS
def test_any_form(router: Router, prefix: bytes, body: bytes, signing: str | None) -> None:
    headers = ((b"content-type", b"application/x-www-form-urlencoded"),)
    drive(router, HttpRequest("POST", b"/", b"", headers, prefix + body, "::1"), signing)


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "", "\x00"]),
    path=st.binary() | st.binary().map(lambda tail: b"/2015-03-31/functions/" + tail),
    query=st.binary(),
    body=st.binary(),
    headers=st.lists(st.tuples(st.binary(), st.binary())).map(tuple),
)
@SETTINGS
def test_any_request(
    router: Router, method: str, path: bytes, query: bytes, body: bytes, headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    drive(router, HttpRequest(method, path, query, headers, body, "::1"), "lambda")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"Tags":[' + b"{}," * 300_000 + b"{}]}",
        b'{"SecretId":"' + b'\\"' * 500_000 + b'"}',
        b'{"SecretId":"' + b"\\u0000" * 170_000 + b'"}',
        b"{" + b",".join(b'"a":%d' % number for number in range(80_000)) + b"}",
        b'{"MaxResults":' + b"9" * 1_000_000 + b"}",
    ],
    ids=["brackets", "objects", "tags", "quotes", "nul", "equal-keys", "digits"],
)
def test_bodies_made_to_hurt(router: Router, body: bytes) -> None:
    drive(router, json_request("secretsmanager.TagResource", body), None)


def test_forms_made_to_hurt(router: Router) -> None:
    headers = ((b"content-type", b"application/x-www-form-urlencoded"),)
    start = b"Action=TagUser&Version=2010-05-08&"
    for body in (
        b"&".join(b"Tags.member.%d.Key=" % number for number in range(9_000)),
        b".".join([b"Tags"] * 200_000) + b"=1",
        b"&" * 1_000_000,
        b"a" * 1_000_000 + b"=" + b"%41" * 10_000,
        b"Tags.member." + b"9" * 900_000 + b"=1",
    ):
        drive(router, HttpRequest("POST", b"/", b"", headers, start + body, "::1"), "iam")
