"""Verification: what passes, and every way in which it must not (attacks 5, 7 and 11 of the threat list)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from unittest import mock

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.identity import sigv4_vectors as suite

from strongroom.errors import AwsError
from strongroom.identity.sigv4 import (
    SignedRequest,
    SigningKeyCache,
    check_scope,
    parse_authorization,
    verify_against_nobody,
    verify_signature,
)
from strongroom.identity.sigv4_canonical import derive_signing_key
from strongroom.wire.http import HttpRequest

Headers = tuple[tuple[bytes, bytes], ...]

SECRET = suite.SECRET_ACCESS_KEY
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
JSON_HEADERS = {
    "Content-Type": "application/x-amz-json-1.1",
    "X-Amz-Target": "secretsmanager.GetSecretValue",
    "User-Agent": "Boto3/1.44",
}


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs as boto3 does, at the moment of the vectors."""

    secret: str = SECRET
    token: str | None = None
    region: str = suite.REGION
    service: str = "secretsmanager"

    def sign(
        self,
        body: bytes = b'{"SecretId":"db"}',
        headers: dict[str, str] | None = None,
        url: str = "http://localhost:4566/",
        method: str = "POST",
    ) -> HttpRequest:
        request = AWSRequest(method=method, url=url, data=body, headers=JSON_HEADERS if headers is None else headers)
        moment = datetime.fromtimestamp(suite.NOW_MS / 1000, UTC)
        with mock.patch.object(botocore.auth, "get_current_datetime", return_value=moment):
            SigV4Auth(Credentials(suite.ACCESS_KEY_ID, self.secret, self.token), self.service, self.region).add_auth(
                request
            )
        path, _, query = url.removeprefix("http://localhost:4566").partition("?")
        sent = (("Host", "localhost:4566"), *request.headers.items())
        return HttpRequest(
            method=method,
            raw_path=path.encode(),
            query_string=query.encode(),
            headers=tuple((name.lower().encode(), _bytes(value)) for name, value in sent),
            body=body,
            client_address="127.0.0.1",
        )


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")


def verify(request: HttpRequest, *, secret: str = SECRET, now_ms: int = suite.NOW_MS) -> SignedRequest:
    signed = parse_authorization(request)
    verify_signature(request, signed, secret, SigningKeyCache(), now_ms)
    return signed


def refusal(request: HttpRequest, **options: int | str) -> AwsError:
    with pytest.raises(AwsError) as caught:
        verify(request, **options)  # type: ignore[arg-type]  # the options are the keywords of verify
    return caught.value


def with_header(request: HttpRequest, name: bytes, value: bytes) -> HttpRequest:
    kept = tuple((key, old) for key, old in request.headers if key != name)
    return replace(request, headers=(*kept, (name, value)))


def without_header(request: HttpRequest, name: bytes) -> HttpRequest:
    return replace(request, headers=tuple(pair for pair in request.headers if pair[0] != name))


def authorization(request: HttpRequest) -> bytes:
    return dict(request.headers)[b"authorization"]


def edited(request: HttpRequest, change: Callable[[bytes], bytes]) -> HttpRequest:
    return with_header(request, b"authorization", change(authorization(request)))


def test_a_request_of_boto3_passes() -> None:
    signed = verify(Signer().sign())
    assert signed.scope == (
        "AKIDEXAMPLE",
        "20150830",
        "us-east-1",
        "secretsmanager",
    )
    assert signed.timestamp == suite.TIMESTAMP
    assert signed.security_token is None
    assert signed.signed_headers == b"content-type;host;x-amz-date;x-amz-target"


def test_a_session_token_is_read_and_kept_out_of_repr() -> None:
    signed = verify(Signer(token="session/token+==").sign())
    assert signed.security_token == "session/token+=="
    assert "session/token" not in repr(signed)
    assert signed.signature not in repr(signed)


single = [vector for vector in suite.VECTORS if len(dict(vector.headers)) == len(vector.headers)]


@pytest.mark.parametrize("vector", single, ids=lambda vector: vector.name)
def test_published_vectors_pass_end_to_end(vector: suite.Vector) -> None:
    header = (
        b"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        b"SignedHeaders=%b, Signature=%b"
    ) % (vector.signed_headers, vector.signature.encode())
    headers = (*vector.headers, (b"authorization", header))
    request = HttpRequest(vector.method, vector.path, vector.query, headers, vector.body, "127.0.0.1")
    assert verify(request).service == "service"


words = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12)
escaped = st.lists(st.sampled_from(["a", "Z", "9", "-", "_", "%20", "%2F", "%E1%88%B4", "%3A", "~", "."]), max_size=6)


@given(
    body=st.binary(max_size=64),
    path=st.lists(escaped.map("".join), max_size=4),
    query=st.lists(st.tuples(escaped.map("".join), escaped.map("".join)), max_size=4),
    header=words,
    token=st.none() | st.just("token"),
    method=st.sampled_from(["GET", "POST", "DELETE", "PUT"]),
)
def test_agrees_with_the_signer_of_botocore(
    body: bytes, path: list[str], query: list[tuple[str, str]], header: str, token: str | None, method: str
) -> None:
    url = "http://localhost:4566/" + "/".join(path)
    if query:
        url += "?" + "&".join(f"{name}={value}" for name, value in query)
    headers = {"X-Amz-Meta": header, "Content-Type": "application/json"}
    verify(Signer(token=token).sign(body, headers, url, method))


def test_other_writings_of_the_header_pass() -> None:
    request = Signer().sign()
    credential, names, signature = authorization(request).removeprefix(b"AWS4-HMAC-SHA256 ").split(b", ")
    for parts in ([signature, credential, names], [names, signature, credential]):
        verify(with_header(request, b"authorization", b"AWS4-HMAC-SHA256 " + b",  ".join(parts)))


def test_a_date_header_stands_in_for_x_amz_date() -> None:
    request = Signer().sign(headers={"Date": "Sun, 30 Aug 2015 12:36:00 GMT"})
    signed = verify(request)
    assert b"x-amz-date" not in signed.signed_headers
    assert signed.timestamp == suite.TIMESTAMP


# Attack 5: signatures that must not pass


def test_attack_05_wrong_secret() -> None:
    error = refusal(Signer().sign(), secret="not" + SECRET)
    assert (error.code, error.message) == ("InvalidSignatureException", MISMATCH)


@pytest.mark.parametrize("position", [0, 31, 63])
def test_attack_05_wrong_signature(position: int) -> None:
    def flip(header: bytes) -> bytes:
        at = len(header) - 64 + position
        return header[:at] + (b"0" if header[at : at + 1] != b"0" else b"1") + header[at + 1 :]

    assert refusal(edited(Signer().sign(), flip)).message == MISMATCH


def test_attack_05_swapped_body() -> None:
    assert refusal(replace(Signer().sign(), body=b'{"SecretId":"other"}')).message == MISMATCH


@pytest.mark.parametrize(
    "change",
    [
        {"method": "GET"},
        {"raw_path": b"/other"},
        {"query_string": b"Action=GetUser"},
    ],
)
def test_attack_05_swapped_line(change: dict[str, str | bytes]) -> None:
    assert refusal(replace(Signer().sign(), **change)).message == MISMATCH  # type: ignore[arg-type]  # field names


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"host", b"evil.example"),
        (b"x-amz-target", b"secretsmanager.DeleteSecret"),
        (b"content-type", b"application/x-www-form-urlencoded"),
        (b"x-amz-security-token", b"another"),
    ],
)
def test_attack_05_swapped_signed_header(name: bytes, value: bytes) -> None:
    request = Signer(token="token").sign()
    assert refusal(with_header(request, name, value)).message == MISMATCH


@pytest.mark.parametrize("name", [b"x-amz-target", b"x-amz-security-token", b"x-amz-content-sha256", b"x-amz-anything"])
def test_attack_05_unbound_header_added(name: bytes) -> None:
    base = Signer().sign(headers={"Content-Type": "application/x-www-form-urlencoded"})
    error = refusal(with_header(base, name, hashlib.sha256(base.body).hexdigest().encode()))
    assert error.code == "InvalidSignatureException"
    assert error.message == f"'{name.decode()}' must be a 'SignedHeader' in the AWS Authorization."


@pytest.mark.parametrize("name", [b"host", b"x-amz-date", b"x-amz-target"])
def test_attack_05_needed_header_not_signed(name: bytes) -> None:
    request = edited(Signer().sign(), lambda header: header.replace(b";" + name, b""))
    assert refusal(request).message.endswith("must be a 'SignedHeader' in the AWS Authorization.")


def test_attack_05_date_header_signed_beside_an_unsigned_x_amz_date() -> None:
    base = Signer().sign(headers={"Date": "Sun, 30 Aug 2015 12:36:00 GMT"})
    assert refusal(with_header(base, b"x-amz-date", suite.TIMESTAMP.encode())).code == "InvalidSignatureException"


@pytest.mark.parametrize("name", [b"authorization", b"host", b"x-amz-date", b"x-amz-target", b"content-type"])
@pytest.mark.parametrize("first", [True, False])
def test_attack_05_duplicated_header(name: bytes, first: bool) -> None:
    request = Signer().sign()
    extra = ((name, dict(request.headers)[name]),)
    headers = extra + request.headers if first else request.headers + extra
    error = refusal(replace(request, headers=headers))
    assert (error.code, error.message) == (
        "IncompleteSignatureException",
        f"The header '{name.decode()}' appears more than once.",
    )


def test_a_duplicated_header_without_meaning_is_no_reason_to_refuse() -> None:
    request = Signer().sign()
    verify(replace(request, headers=(*request.headers, (b"accept", b"a"), (b"accept", b"b"))))


def test_attack_05_header_named_twice_or_absent() -> None:
    request = Signer().sign()
    twice = edited(request, lambda header: header.replace(b"SignedHeaders=", b"SignedHeaders=host;"))
    assert refusal(twice).message == "'SignedHeaders' names a header more than once."
    absent = edited(request, lambda header: header.replace(b"SignedHeaders=", b"SignedHeaders=accept;"))
    assert refusal(absent).message == "'SignedHeaders' names a header that the request does not have."


@pytest.mark.parametrize(
    ("minutes", "passes"), [(-5, True), (5, True), (-6, False), (6, False), (-60 * 24 * 365, False)]
)
def test_attack_05_replayed_or_skewed(minutes: int, passes: bool) -> None:
    request, now = Signer().sign(), suite.NOW_MS + minutes * 60_000
    if passes:
        verify(request, now_ms=now)
    else:
        assert refusal(request, now_ms=now).code == "InvalidSignatureException"


def test_skew_texts() -> None:
    request = Signer().sign()
    assert refusal(request, now_ms=suite.NOW_MS + 600_000).message == (
        "Signature expired: 20150830T123600Z is now earlier than 20150830T124100Z (20150830T124600Z - 5 min.)"
    )
    assert refusal(request, now_ms=suite.NOW_MS - 600_000).message == (
        "Signature not yet current: 20150830T123600Z is still later than 20150830T123100Z (20150830T122600Z + 5 min.)"
    )


@pytest.mark.parametrize(
    "declared",
    [
        b"UNSIGNED-PAYLOAD",
        b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        b"STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        hashlib.sha256(b"another body").hexdigest().encode(),
        b"",
    ],
)
def test_attack_05_declared_hash_that_is_not_the_bodys(declared: bytes) -> None:
    request = Signer().sign(headers={**JSON_HEADERS, "X-Amz-Content-SHA256": declared.decode()})
    error = refusal(request)
    assert error.message == "The value of 'x-amz-content-sha256' is not the SHA-256 of the body."


def test_attack_05_changed_declared_hash() -> None:
    good = hashlib.sha256(b'{"SecretId":"db"}').hexdigest()
    request = Signer().sign(headers={**JSON_HEADERS, "X-Amz-Content-SHA256": good})
    verify(request)
    swapped = replace(request, body=b"swapped")
    changed = with_header(swapped, b"x-amz-content-sha256", hashlib.sha256(b"swapped").hexdigest().encode())
    assert refusal(changed).message == MISMATCH


def test_attack_05_declared_hash_hidden_in_a_look_alike_header() -> None:
    good = hashlib.sha256(b'{"SecretId":"db"}').hexdigest()
    headers = {**JSON_HEADERS, "X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD", "A-X-Amz-Content-SHA256": good}
    assert refusal(Signer().sign(headers=headers)).code == "InvalidSignatureException"


def test_attack_05_scope_of_another_day() -> None:
    request = edited(Signer().sign(), lambda header: header.replace(b"/20150830/", b"/20150829/"))
    assert refusal(request).message == (
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
        "'20150829' != '20150830', from '20150830T123600Z'."
    )


@pytest.mark.parametrize(("old", "new"), [(b"/us-east-1/", b"/eu-west-1/"), (b"/secretsmanager/", b"/kms/")])
def test_attack_05_scope_of_another_place(old: bytes, new: bytes) -> None:
    assert refusal(edited(Signer().sign(), lambda header: header.replace(old, new))).message == MISMATCH


def test_scope_is_checked_against_what_is_served() -> None:
    signed = parse_authorization(Signer().sign())
    check_scope(signed, service="secretsmanager", regions={"us-east-1"})
    with pytest.raises(AwsError, match="scoped to correct service: 'kms'"):
        check_scope(signed, service="kms", regions={"us-east-1"})
    with pytest.raises(AwsError, match="scoped to a valid region, not 'us-east-1'"):
        check_scope(signed, service="secretsmanager", regions={"eu-west-1"})


# Attack 7: another door


@pytest.mark.parametrize(
    "query",
    [
        b"X-Amz-Signature=aa",
        b"a=b&X-Amz-Algorithm=AWS4-HMAC-SHA256",
        b"x-amz-%53ignature=aa",
        b"X-Amz-Credential=AKIDEXAMPLE",
        b"AWSAccessKeyId=AKIDEXAMPLE&Signature=aa&SignatureVersion=2",
    ],
)
@pytest.mark.parametrize("also_header", [True, False])
def test_attack_07_signature_in_the_query_string(query: bytes, also_header: bool) -> None:
    request = Signer().sign()
    if not also_header:
        request = without_header(request, b"authorization")
    error = refusal(replace(request, query_string=query))
    assert error.code == "IncompleteSignatureException"
    assert "query string" in error.message


def test_attack_07_no_signature() -> None:
    for request in (
        without_header(Signer().sign(), b"authorization"),
        with_header(Signer().sign(), b"authorization", b""),
    ):
        error = refusal(request)
        assert (error.code, error.message) == ("MissingAuthenticationTokenException", "Missing Authentication Token")


SCOPE = b"AKIDEXAMPLE/20150830/us-east-1/secretsmanager/aws4_request"


@pytest.mark.parametrize(
    ("header", "code", "text"),
    [
        (b"Bearer abc", "IncompleteSignatureException", "Authorization header must begin with AWS4-HMAC-SHA256"),
        (b"AWS4-HMAC-SHA1 a=b", "IncompleteSignatureException", "Unsupported AWS 'algorithm'"),
        (b"AWS4-ECDSA-P256-SHA256 a=b", "IncompleteSignatureException", "Unsupported AWS 'algorithm'"),
        (b"AWS4-HMAC-SHA256 nonsense", "IncompleteSignatureException", "Invalid key=value pair (missing equal-sign)"),
        (
            b"AWS4-HMAC-SHA256 Signature=aa, Signature=bb",
            "IncompleteSignatureException",
            "Invalid key=value pair (missing equal-sign)",
        ),
        (
            b"AWS4-HMAC-SHA256 Credential=" + SCOPE,
            "IncompleteSignatureException",
            "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders'",
        ),
        (
            b"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE, SignedHeaders=host, Signature=" + b"0" * 64,
            "IncompleteSignatureException",
            "Credential must have exactly 5 slash-delimited elements",
        ),
        (
            b"AWS4-HMAC-SHA256 Credential=" + SCOPE[:-4] + b", SignedHeaders=host, Signature=" + b"0" * 64,
            "InvalidSignatureException",
            "Credential should be scoped with a valid terminator: 'aws4_request'.",
        ),
        (
            b"AWS4-HMAC-SHA256 Credential=" + SCOPE + b", SignedHeaders=host, Signature=short",
            "InvalidSignatureException",
            MISMATCH,
        ),
    ],
)
def test_malformed_headers(header: bytes, code: str, text: str) -> None:
    error = refusal(with_header(Signer().sign(), b"authorization", header))
    assert error.code == code
    assert error.message.startswith(text)


@given(
    header=st.binary(max_size=80), prefix=st.sampled_from([b"", b"AWS4-HMAC-SHA256 ", b"AWS4-HMAC-SHA256 Credential="])
)
def test_no_header_leads_to_anything_but_an_aws_error(header: bytes, prefix: bytes) -> None:
    with pytest.raises(AwsError):
        verify(with_header(Signer().sign(), b"authorization", prefix + header))


@pytest.mark.parametrize("date", [b"20150830", b"20151330T123600Z", b"20150830T256000Z", b"yesterday", b""])
def test_malformed_dates(date: bytes) -> None:
    request = edited(
        with_header(Signer().sign(), b"x-amz-date", date),
        lambda header: header.replace(b"/20150830/", b"/20151330/") if b"1330" in date else header,
    )
    error = refusal(request)
    assert error.code == "IncompleteSignatureException"
    assert error.message == "Date must be in ISO-8601 'basic format', YYYYMMDD'T'HHMMSS'Z'."


def test_no_date_at_all() -> None:
    request = without_header(Signer().sign(), b"x-amz-date")
    assert "requires existence of either a 'X-Amz-Date' or a 'Date' header." in refusal(request).message


def test_errors_never_repeat_the_authorization_header() -> None:
    request = with_header(Signer().sign(), b"authorization", b"AWS4-HMAC-SHA256 Credential=CANARY, Signature=CANARY")
    assert "CANARY" not in refusal(request).message


# Attack 11: an unknown key and a wrong signature look the same


def test_attack_11_unknown_key_reads_like_a_wrong_signature() -> None:
    request = Signer().sign()
    signed = parse_authorization(request)
    with pytest.raises(AwsError) as caught:
        verify_against_nobody(request, signed, SigningKeyCache(), suite.NOW_MS)
    wrong = refusal(request, secret="wrong")
    assert (caught.value.code, caught.value.message, caught.value.status) == (wrong.code, wrong.message, wrong.status)


def test_attack_11_unknown_key_does_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def counting(secret: str, date: str, region: str, service: str) -> bytes:
        calls.append(service)
        return derive_signing_key(secret, date, region, service)

    monkeypatch.setattr("strongroom.identity.sigv4_keys.derive_signing_key", counting)
    request, cache = Signer().sign(), SigningKeyCache()
    signed = parse_authorization(request)
    for _ in range(2):
        with pytest.raises(AwsError):
            verify_against_nobody(request, signed, cache, suite.NOW_MS)
    assert len(calls) == 1
    for _ in range(2):
        with pytest.raises(AwsError):
            verify_signature(request, signed, "wrong", cache, suite.NOW_MS)
    assert len(calls) == 2


def test_attack_11_nobodys_secret_opens_nothing() -> None:
    request = Signer(secret="x" * 40).sign()
    with pytest.raises(AwsError, match="does not match"):
        verify_against_nobody(request, parse_authorization(request), SigningKeyCache(), suite.NOW_MS)


def test_attack_11_skew_reads_alike() -> None:
    request = Signer().sign()
    signed, late = parse_authorization(request), suite.NOW_MS + 600_000
    with pytest.raises(AwsError) as caught:
        verify_against_nobody(request, signed, SigningKeyCache(), late)
    assert caught.value.message == refusal(request, now_ms=late).message
