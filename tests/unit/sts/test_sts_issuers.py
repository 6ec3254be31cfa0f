"""When the keys of an issuer are read, how long they serve, and what reading them may take."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tests.support.certificates import write_certificate
from tests.support.issuer import Issuer, running_issuer

from strongroom.errors import AwsError
from strongroom.identity.web_identity_keys import SigningKey
from strongroom.services.sts import fetching
from strongroom.services.sts.fetching import Unreachable, fetch
from strongroom.services.sts.issuers import AdmittedIssuer, IssuerKeys

MINUTE = 60_000


class Reader:
    """Keys of admitted issuers, under a clock that a test moves."""

    def __init__(self, *admitted: AdmittedIssuer) -> None:
        self.now_ms = 1_800_000_000_000
        self.keys = IssuerKeys(admitted, lambda: self.now_ms)

    def read(self, issuer: Issuer, key_id: str = "one", algorithm: str = "RS256") -> Sequence[SigningKey]:
        return asyncio.run(self.keys.of(issuer.url, key_id, algorithm))

    def is_unreachable(self, issuer: Issuer) -> bool:
        with pytest.raises(AwsError) as caught:
            self.read(issuer)
        return caught.value.code == "IDPCommunicationError"


@pytest.fixture(scope="module")
def found() -> Iterator[dict[str, Issuer]]:
    with running_issuer() as issuers:
        yield issuers


def test_keys_are_read_once_and_again_when_they_grow_old(found: dict[str, Issuer]) -> None:
    issuer = found["good"]
    reader = Reader(AdmittedIssuer(issuer.url))
    before = len(issuer.requests)
    assert {key.key_id for key in reader.read(issuer)} == {"one", "ES256", "ES384", "ES512"}
    reader.now_ms += 9 * MINUTE
    reader.read(issuer)
    assert issuer.requests[before:] == [".well-known/openid-configuration", "keys"]
    reader.now_ms += 2 * MINUTE
    reader.read(issuer)
    assert len(issuer.requests) == before + 4


def test_a_key_that_is_new_is_found_after_a_pause(found: dict[str, Issuer]) -> None:
    issuer = found["other"]
    reader = Reader(AdmittedIssuer(issuer.url))
    reader.read(issuer)
    issuer.add_key("two")
    assert "two" not in {key.key_id for key in reader.read(issuer, "two", "ES256")}
    reader.now_ms += MINUTE
    assert "two" in {key.key_id for key in reader.read(issuer, "two", "ES256")}
    asked = len(issuer.requests)
    for _ in range(5):
        reader.read(issuer, "made up")
    assert len(issuer.requests) == asked


def test_many_that_ask_at_once_cause_one_reading(found: dict[str, Issuer]) -> None:
    issuer = found["good"]
    reader, before = Reader(AdmittedIssuer(issuer.url)), len(issuer.requests)

    async def all_at_once() -> None:
        await asyncio.gather(*(reader.keys.of(issuer.url, "one", "RS256") for _ in range(10)))

    asyncio.run(all_at_once())
    assert len(issuer.requests) == before + 2


def test_an_issuer_that_went_away_is_trusted_for_an_hour(found: dict[str, Issuer], tmp_path: Path) -> None:
    issuer, path = found["good"], tmp_path / "keys.json"
    path.write_text(json.dumps(issuer.key_set()))
    reader = Reader(AdmittedIssuer(issuer.url, jwks_file=path))
    reader.read(issuer)
    path.unlink()
    reader.now_ms += 59 * MINUTE
    reader.read(issuer)
    reader.now_ms += MINUTE
    assert reader.is_unreachable(issuer)
    path.write_text(json.dumps(issuer.key_set()))
    assert reader.is_unreachable(issuer)  # it was tried a moment ago
    reader.now_ms += MINUTE
    reader.read(issuer)


def test_a_file_of_keys_means_that_nothing_is_fetched(found: dict[str, Issuer], tmp_path: Path) -> None:
    issuer, path = found["broken"], tmp_path / "keys.json"
    path.write_text(json.dumps(issuer.key_set()))
    asked = len(issuer.requests)
    assert len(Reader(AdmittedIssuer(issuer.url, jwks_file=path)).read(issuer)) == 4
    assert len(issuer.requests) == asked


def test_an_operator_can_say_where_the_keys_are(found: dict[str, Issuer]) -> None:
    issuer, other = found["elsewhere"], found["other"]
    reader = Reader(AdmittedIssuer(issuer.url, jwks_uri=f"{other.url}/keys"))
    assert len(reader.read(issuer)) >= 4
    assert issuer.requests == []


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b'{"keys": 1}', b'{"keys": [' + b"{}," * 100 + b"{}]}", b"[" * 100_000],
)
def test_what_is_no_key_set(found: dict[str, Issuer], tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(text)
    assert Reader(AdmittedIssuer(found["good"].url, jwks_file=path)).is_unreachable(found["good"])


def test_an_issuer_that_nobody_admitted(found: dict[str, Issuer]) -> None:
    assert Reader().is_unreachable(found["good"])


# --- one document -------------------------------------------------------------------------------------------------


class Speaker:
    """A server that answers every request with the same bytes, at a pace of its own."""

    def __init__(self, answer: Sequence[bytes], pause: Callable[[], object]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._answer, self._pause = answer, pause
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/document"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.recv(65_536)
            try:
                for part in self._answer:
                    connection.sendall(part)
                    self._pause()
            except OSError:
                pass  # the other side hung up

    def close(self) -> None:
        self._listener.close()
        self._thread.join(10)
        assert not self._thread.is_alive()


def reason(url: str, authorities: Path | None = None) -> str:
    with pytest.raises(Unreachable) as caught:
        asyncio.run(fetch(url, authorities))
    return caught.value.reason


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param([b"HTTP/1.1 200 OK\r\n"] + [b"x: y\r\n"] * 1000, id="headers"),
        pytest.param([b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"] + [b"x"] * 1000, id="body"),
        pytest.param([b"", *([b""] * 1000)], id="silence"),
    ],
)
def test_a_slow_answer_is_not_waited_for(answer: Sequence[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "FETCH_SECONDS", 0.3)
    ended = threading.Event()
    speaker = Speaker(answer, lambda: ended.wait(0.05))
    assert reason(speaker.url).endswith("no answer in 0.3 s")
    ended.set()
    speaker.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "HTTP status 302"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "HTTP status 404"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 300_000, "larger than 262144 bytes"),
        (b"this is not HTTP\r\n\r\n", "this is not HTTP"),
        (b"", "closed connection"),
    ],
)
def test_an_answer_that_is_none(answer: bytes, words: str) -> None:
    speaker = Speaker([answer], lambda: None)
    assert words in reason(speaker.url)
    speaker.close()


def test_a_certificate_must_be_trusted(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    body = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            try:
                with context.wrap_socket(connection, server_side=True) as spoken:
                    spoken.recv(65_536)
                    spoken.sendall(body)
            except OSError:
                connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    url = f"https://127.0.0.1:{listener.getsockname()[1]}/document"
    assert "CERTIFICATE_VERIFY_FAILED" in reason(url)
    assert asyncio.run(fetch(url, certificate)) == b"{}"
    assert reason(url, tmp_path / "missing.pem")
    thread.join(10)
    listener.close()
