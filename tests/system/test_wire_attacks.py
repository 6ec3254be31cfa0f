"""Attacks on the door, over plain sockets: the forged, malformed and endless is refused, and the server lives on."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

import pytest
from tests.support.commands import workers_of
from tests.support.raw_http import (
    Answer,
    Header,
    connect,
    exchange,
    json_request,
    read_answer,
    request_bytes,
    signed,
)
from tests.support.server import Credentials, RunningServer, running_server

pytestmark = pytest.mark.system

CANARY = "canary-value-that-nobody-may-see"
READ = b'{"SecretId":"guarded"}'
MISMATCH = (
    "InvalidSignatureException",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details.",
)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with one worker, which must still be the same one at the end, and one secret."""
    with running_server(tmp_path_factory.mktemp("attacks") / "data") as server:
        server.client("secretsmanager").create_secret(Name="guarded", SecretString=CANARY)
        worker = workers_of(server.process.pid)
        yield server
        assert workers_of(server.process.pid) == worker
        assert "a request failed" not in server.log.read_text()


@pytest.fixture(autouse=True)
def _lives_on(door: RunningServer) -> Iterator[None]:
    """After each attack the server answers an honest caller."""
    yield
    assert _read(door, signed(door, json_request("GetSecretValue"), READ)).status == 200


def _read(
    door: RunningServer, headers: list[Header], body: bytes = READ, *, method: str = "POST", path: str = "/"
) -> Answer:
    return exchange(door, request_bytes(headers, body, method=method, path=path), method)


def _refused(answer: Answer, code: str, words: str = "", status: int = 400) -> None:
    assert CANARY.encode() not in answer.body
    assert (answer.status, answer.error[0]) == (status, code)
    assert words in answer.error[1]


def _without(headers: list[Header], name: str) -> list[Header]:
    return [header for header in headers if header[0] != name]


def _with(headers: list[Header], name: str, value: str) -> list[Header]:
    return [*_without(headers, name), (name, value)]


# Attack 5: a signature that is wrong, unbound, replayed, skewed or ambiguous


def test_attack_5_no_signature(door: RunningServer) -> None:
    headers = _without(signed(door, json_request("GetSecretValue"), READ), "authorization")
    _refused(_read(door, headers), "MissingAuthenticationTokenException")


def test_attack_5_a_wrong_signature(door: RunningServer) -> None:
    headers = signed(door, json_request("GetSecretValue"), READ)
    right = dict(headers)["authorization"]
    for wrong in ("0" * 64, "f" * 64):
        _refused(_read(door, _with(headers, "authorization", f"{right[:-64]}{wrong}")), *MISMATCH)
    forger = replace(door.administrator, secret_access_key="x" * 40)
    _refused(_read(door, signed(door, json_request("GetSecretValue"), READ, credentials=forger)), *MISMATCH)


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(-6, "Signature expired: "), (6, "Signature not yet current: "), (-1440, "Signature expired")],
)
def test_attack_5_a_replay_beyond_the_skew(door: RunningServer, minutes: int, words: str) -> None:
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    answer = _read(door, signed(door, json_request("GetSecretValue"), READ, at=at))
    _refused(answer, "InvalidSignatureException", words)


def test_attack_5_a_new_date_on_an_old_signature(door: RunningServer) -> None:
    old = signed(door, json_request("GetSecretValue"), READ, at=datetime.now(UTC) - timedelta(minutes=6))
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    answer = _read(door, _with(old, "x-amz-date", now))
    assert answer.error[0] == "InvalidSignatureException"


def test_attack_5_duplicated_headers(door: RunningServer) -> None:
    headers = signed(door, json_request("GetSecretValue"), READ)
    for name, value in headers:
        for twice in ([*headers, (name, value)], [(name, value), *headers], [*headers, (name, "other")]):
            answer = _read(door, twice)
            assert answer.status == 400, name
            assert CANARY.encode() not in answer.body


def test_attack_5_a_swapped_body(door: RunningServer) -> None:
    headers = signed(door, json_request("GetSecretValue"), b'{"SecretId":"mine"}')
    _refused(_read(door, headers, READ), *MISMATCH)


def test_attack_5_a_changed_content_hash(door: RunningServer) -> None:
    honest = json_request("GetSecretValue", ("x-amz-content-sha256", "0" * 64))
    answer = _read(door, signed(door, honest, READ))
    _refused(answer, "InvalidSignatureException", "is not the SHA-256 of the body")
    for claim in ("UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"):
        claiming = json_request("GetSecretValue", ("x-amz-content-sha256", claim))
        _refused(_read(door, signed(door, claiming, READ)), "InvalidSignatureException")


def test_attack_5_a_target_that_is_not_signed(door: RunningServer) -> None:
    headers = signed(door, [("content-type", "application/x-amz-json-1.1")], READ)
    answer = _read(door, [*headers, ("x-amz-target", "secretsmanager.GetSecretValue")])
    _refused(answer, "InvalidSignatureException", "'x-amz-target' must be a 'SignedHeader'")


def test_attack_5_another_target_than_was_signed(door: RunningServer) -> None:
    headers = signed(door, json_request("DescribeSecret"), READ)
    _refused(_read(door, _with(headers, "x-amz-target", "secretsmanager.GetSecretValue")), *MISMATCH)


def test_attack_5_another_method_or_path_than_was_signed(door: RunningServer) -> None:
    headers = signed(door, json_request("GetSecretValue"), READ)
    for method, path in (("PUT", "/"), ("POST", "//"), ("POST", "/%2e"), ("POST", "/?x"), ("POST", "/../")):
        answer = _read(door, headers, READ, method=method, path=path)
        assert 400 <= answer.status < 500
        assert CANARY.encode() not in answer.body


def test_attack_5_a_session_token_that_is_added_or_taken_away(door: RunningServer) -> None:
    headers = signed(door, json_request("GetSecretValue"), READ)
    answer = _read(door, [*headers, ("x-amz-security-token", "anything")])
    assert (answer.status, CANARY.encode() in answer.body) == (400, False)


# Attack 7: another door


def _presigned(door: RunningServer) -> str:
    moment = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    scope = f"{door.administrator.access_key_id}/{moment[:8]}/{door.region}/secretsmanager/aws4_request"
    return urlencode(
        {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": scope,
            "X-Amz-Date": moment,
            "X-Amz-Expires": "900",
            "X-Amz-SignedHeaders": "host",
            "X-Amz-Signature": "0" * 64,
        }
    )


@pytest.mark.parametrize("spelled", ["X-Amz-Signature", "x-amz-signature", "X%2DAmz%2DSignature", "%58-Amz-Signature"])
def test_attack_7_signatures_in_the_query_string(door: RunningServer, spelled: str) -> None:
    query = _presigned(door).replace("X-Amz-Signature", spelled)
    for method in ("GET", "POST"):
        for path in (f"/?{query}", f"/?Action=GetCallerIdentity&Version=2011-06-15&{query}"):
            answer = _read(door, [("host", "localhost")], b"", method=method, path=path)
            assert 400 <= answer.status < 500
            assert b"GetCallerIdentityResult" not in answer.body


def test_attack_7_a_query_string_beside_a_good_header(door: RunningServer) -> None:
    headers = signed(door, json_request("GetSecretValue"), READ)
    answer = _read(door, headers, READ, path=f"/?{_presigned(door)}")
    _refused(answer, "IncompleteSignatureException", "query string")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_attack_7_other_methods(door: RunningServer, method: str) -> None:
    headers = signed(door, json_request("GetSecretValue"), READ, method=method)
    answer = _read(door, headers, READ, method=method)
    assert 400 <= answer.status < 500
    assert CANARY.encode() not in answer.body


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", "application/json", ""])
def test_attack_7_other_content_types(door: RunningServer, content_type: str) -> None:
    headers = [("content-type", content_type), ("x-amz-target", "secretsmanager.GetSecretValue")]
    answer = _read(door, signed(door, headers, READ))
    assert 400 <= answer.status < 500
    assert CANARY.encode() not in answer.body


def test_attack_7_the_operation_by_another_protocol(door: RunningServer) -> None:
    body = b"Action=GetSecretValue&Version=2017-10-17&SecretId=guarded"
    answer = _read(door, signed(door, [("content-type", "application/x-www-form-urlencoded")], body), body)
    assert 400 <= answer.status < 500
    path = "/2017-10-17/secrets/guarded"
    answer = _read(door, signed(door, [], b"", method="GET", path=path), b"", method="GET", path=path)
    assert 400 <= answer.status < 500


@pytest.mark.parametrize("service", ["iam", "sts", "kms", "lambda", "s3", "SecretsManager"])
def test_attack_7_a_signature_made_for_another_service(door: RunningServer, service: str) -> None:
    answer = _read(door, signed(door, json_request("GetSecretValue"), READ, service=service))
    _refused(answer, "InvalidSignatureException", "Credential should be scoped to correct service: 'secretsmanager'")


def test_attack_7_an_iam_action_with_the_scope_of_sts(door: RunningServer) -> None:
    body = b"Action=ListUsers&Version=2010-05-08"
    form = [("content-type", "application/x-www-form-urlencoded")]
    answer = _read(door, signed(door, form, body, service="sts"), body)
    assert 400 <= answer.status < 500
    assert b"administrator" not in answer.body


def test_attack_7_a_signature_made_for_another_region(door: RunningServer) -> None:
    for region in ("eu-west-1", "us-east-1-", "US-EAST-1", ".."):
        answer = _read(door, signed(door, json_request("GetSecretValue"), READ, region=region))
        _refused(answer, "InvalidSignatureException")


def test_attack_7_health_pages_give_nothing_away(door: RunningServer) -> None:
    for path in ("/health/live", "/health/ready", "/health/", "/health/../admin.credentials", "/health/ready/x"):
        answer = _read(door, [("host", "localhost")], b"", method="GET", path=path)
        assert answer.status in {200, 404}
        said = answer.body.decode()
        for private in (str(door.data_dir), door.account, door.administrator.access_key_id, CANARY, "guarded"):
            assert private not in said
        assert not {"server", "x-powered-by"} & set(answer.headers)


@pytest.mark.parametrize(
    "path", ["/admin.credentials", "/../root.key", "/..%2froot.key", "/docs", "/openapi.json", "/_localstack/health"]
)
def test_attack_7_there_are_no_other_pages(door: RunningServer, path: str) -> None:
    answer = _read(door, [("host", "localhost")], b"", method="GET", path=path)
    assert answer.status in {400, 403, 404}


def test_attack_7_no_upgrade_to_another_protocol(door: RunningServer) -> None:
    upgrade = [("host", "localhost"), ("connection", "upgrade"), ("upgrade", "websocket")]
    answer = _read(door, [*upgrade, ("sec-websocket-key", "x" * 24)], b"", method="GET", path="/health/live")
    assert answer.status in {200, 400}
    with connect(door) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert read_answer(connection).status == 400


# Attack 11: telling an unknown key from a wrong signature


def test_attack_11_an_unknown_key_an_inactive_key_and_a_wrong_signature_are_answered_alike(door: RunningServer) -> None:
    user = door.make_user()
    switched_off = door.make_user()
    door.client("iam").update_access_key(
        UserName=switched_off.user_name, AccessKeyId=switched_off.access_key_id, Status="Inactive"
    )
    callers = [
        Credentials("AKIA" + uuid.uuid4().hex[:16].upper(), user.secret_access_key),
        Credentials("test", "test"),
        replace(user, secret_access_key="x" * 40),
        replace(door.administrator, secret_access_key=user.secret_access_key),
        switched_off,
    ]
    answers = [_read(door, signed(door, json_request("GetSecretValue"), READ, credentials=who)) for who in callers]
    for answer in answers:
        _refused(answer, *MISMATCH)
    unlike = {"x-amzn-requestid", "date"}
    assert len({answer.body for answer in answers}) == 1
    assert len({str(sorted((k, v) for k, v in a.headers.items() if k not in unlike)) for a in answers}) == 1


# Attack 14: input without end


def _put(door: RunningServer, body: bytes) -> Answer:
    return _read(door, signed(door, json_request("PutSecretValue"), body), body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"SecretId":' * 80_000,
        b'{"SecretId":"guarded","SecretString":"x","SecretString":"y"}',
        b'{"SecretId":"' + b"a" * 900_000 + b'"}',
        b"{" + b",".join(b'"k%d":1' % number for number in range(80_000)) + b"}",
        b'{"SecretId":"guarded","VersionStages":[' + b",".join([b'"A"'] * 200_000) + b"]}",
        b'{"SecretId":' + b"9" * 900_000 + b"}",
        b'{"SecretId":1e999999}',
        b'{"SecretId":"\\ud800"}',
        b'{"SecretId":"\xff\xfe"}',
        b"\x00" * 1000,
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"NaN",
        b"\xef\xbb\xbf{}",
    ],
    ids=lambda body: f"{body[:12]!r}-{len(body)}",
)
def test_attack_14_malformed_json(door: RunningServer, body: bytes) -> None:
    answer = _put(door, body)
    assert answer.status == 400
    assert re.fullmatch(r"[A-Za-z]+Exception", answer.error[0])
    assert len(answer.body) < 10_000


@pytest.mark.parametrize(
    "body",
    [
        b"Action=CreateUser&Version=2010-05-08&" + b"&".join(b"Tags.member.%d.Key=k" % n for n in range(30_000)),
        b"Action=CreateUser&Version=2010-05-08&Tags.member." + b"9" * 5000 + b".Key=k",
        b"Action=CreateUser&Version=2010-05-08&" + b"&" * 900_000,
        b"Action=CreateUser&Version=2010-05-08&UserName=" + b"%" * 500_000,
        b"Action=CreateUser&Version=2010-05-08" + b".member" * 100_000,
    ],
    ids=lambda body: f"{body[36:56]!r}-{len(body)}",
)
def test_attack_14_malformed_forms(door: RunningServer, body: bytes) -> None:
    form = [("content-type", "application/x-www-form-urlencoded")]
    answer = _read(door, signed(door, form, body, service="iam"), body)
    assert 400 <= answer.status < 500
    assert len(answer.body) < len(body) + 10_000


def _resident_kib(door: RunningServer) -> int:
    (worker,) = workers_of(door.process.pid)
    with open(f"/proc/{worker}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def _flood(door: RunningServer, head: bytes, piece: bytes, pieces: int) -> tuple[Answer | None, int]:
    """Send ``piece`` after ``head`` up to ``pieces`` times; answer what came back and how many the server took."""
    sent = 0
    with connect(door) as connection:
        try:
            connection.sendall(head)
            for sent in range(pieces):  # noqa: B007 - how far it came is the result
                connection.sendall(piece)
        except OSError:
            return None, sent
        try:
            return read_answer(connection), sent
        except OSError:
            return None, sent


def test_attack_14_a_body_of_100_megabytes(door: RunningServer) -> None:
    before = _resident_kib(door)
    size = 100 << 20
    head = request_bytes(signed(door, json_request("PutSecretValue"), b""), length=size)
    answer, sent = _flood(door, head, b"a" * (1 << 20), 100)
    assert answer is None or answer.status == 413
    assert sent < 99
    assert _resident_kib(door) - before < 40_000


def test_attack_14_a_body_that_is_a_little_too_large_is_told_so(door: RunningServer) -> None:
    body = b"a" * (3 << 20)
    answer = _read(door, signed(door, json_request("PutSecretValue"), body), body)
    _refused(answer, "RequestEntityTooLargeException", status=413)
    assert answer.headers["connection"] == "close"


def test_attack_14_a_chunked_body_without_end(door: RunningServer) -> None:
    before = _resident_kib(door)
    headers = [*signed(door, json_request("PutSecretValue"), b""), ("transfer-encoding", "chunked")]
    piece = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    answer, sent = _flood(door, request_bytes(headers, length=-1), piece, 1600)
    assert answer is None or answer.status == 413
    assert sent < 1599
    assert _resident_kib(door) - before < 40_000


def test_attack_14_headers_without_end(door: RunningServer) -> None:
    before = _resident_kib(door)
    piece = b"".join(b"x-header-%d: %s\r\n" % (number, b"v" * 100) for number in range(1000))
    answer, sent = _flood(door, b"POST / HTTP/1.1\r\nhost: localhost\r\n", piece, 1000)
    assert answer is None or 400 <= answer.status < 500
    assert sent < 999
    endless, sent = _flood(door, b"POST / HTTP/1.1\r\nx-one: ", b"v" * 100_000, 1000)
    assert endless is None or 400 <= endless.status < 500
    assert sent < 999
    assert _resident_kib(door) - before < 40_000


def test_attack_14_many_headers_in_one_piece(door: RunningServer) -> None:
    many = [(f"x-amz-meta-{number}", "v") for number in range(1500)]
    answer = _read(door, signed(door, json_request("GetSecretValue", *many), READ))
    assert answer.status in {200, 400}
    unsigned = [(f"x-{number}", "v") for number in range(4000)]
    answer = _read(door, [*signed(door, json_request("GetSecretValue"), READ), *unsigned])
    assert answer.status in {200, 400}


def test_attack_14_a_path_and_a_query_without_end(door: RunningServer) -> None:
    for path in ("/" + "a/" * 30_000, "/?" + "a=b&" * 15_000, "/" + "%2e" * 20_000):
        headers = signed(door, [], b"", method="GET", path="/", service="lambda")
        answer = _read(door, headers, b"", method="GET", path=path)
        assert 400 <= answer.status < 500


@pytest.mark.parametrize(
    "request_line",
    [
        "GET /\x00 HTTP/1.1",
        "GET /\xe9 HTTP/1.1",
        "GET http://other.example/ HTTP/1.1",
        "CONNECT db.internal:5432 HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "GET / HTTP/9.9",
        "GET / HTTP/1.0",
        "BREW / HTTP/1.1",
        "GET  /  HTTP/1.1",
        "GET",
        f"GET /{quote('é')}/%ff%00 HTTP/1.1",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_attack_14_malformed_request_lines(door: RunningServer, request_line: str) -> None:
    answer = exchange(door, f"{request_line}\r\nhost: localhost\r\n\r\n".encode("latin-1"), "GET")
    assert 400 <= answer.status < 500


@pytest.mark.parametrize(
    "headers",
    [
        "content-length: -1",
        "content-length: 1e3",
        "content-length: 5\r\ncontent-length: 6",
        "content-length: 5\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked, identity",
        "transfer-encoding: xchunked",
        "x-amz-date: \x00",
        "no-colon",
        " folded: value",
        "sp ace: value",
        "authorization: AWS4-HMAC-SHA256 Credential=,SignedHeaders=,Signature=",
        "authorization: AWS4-HMAC-SHA256 \xff\xfe",
        "authorization: " + "AWS4-HMAC-SHA256 " * 1000,
        "authorization: AWS4-HMAC-SHA256 " + "Credential=a/b/c/d/aws4_request, " * 500,
        "x-amz-target: secretsmanager.\xe9",
    ],
)
def test_attack_14_malformed_headers(door: RunningServer, headers: str) -> None:
    answer = exchange(door, f"POST / HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n\r\n0\r\n\r\n".encode("latin-1"))
    assert 400 <= answer.status < 500


def test_attack_14_a_client_that_leaves_in_the_middle(door: RunningServer) -> None:
    for kept in (1, 20, 200):
        request = request_bytes(signed(door, json_request("GetSecretValue"), READ), READ)
        with connect(door) as connection:
            connection.sendall(request[:-kept])
    assert json.loads(_read(door, signed(door, json_request("GetSecretValue"), READ)).body)["SecretString"] == CANARY
