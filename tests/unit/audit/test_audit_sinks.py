"""Each kind of sink: what it sends, and how it fails."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.certificates import write_certificate
from tests.support.collectors import HttpsCollector, TcpSyslogDaemon

from strongroom.audit.record import Link, chain
from strongroom.audit.sinks.descriptors import StreamSink
from strongroom.audit.sinks.file import FileSink
from strongroom.audit.sinks.https import HttpsSink
from strongroom.audit.sinks.sink import SinkFailed
from strongroom.audit.sinks.syslog import SyslogSink, message

LINE = chain(Link(), [b'{"eventName":"GetSecretValue","eventTime":"2026-01-31T12:00:00Z"}'])[0].rstrip(b"\n")
LARGE_EVENT = b'{"eventTime":"2026-01-31T12:00:00Z","x":"%b"}' % (b"x" * 250_000)
LARGE = chain(Link(), [LARGE_EVENT])[0].rstrip(b"\n")


def test_a_syslog_message_is_rfc_5424() -> None:
    assert message(LINE, "vault-1") == b"<110>1 2026-01-31T12:00:00Z vault-1 strongroom - audit - " + LINE
    assert message(b"{}", "a b\xe4\n" + "c" * 300) == b"<110>1 - ab" + b"c" * 253 + b" strongroom - audit - {}"
    assert message(b"{}", "").startswith(b"<110>1 - - strongroom")


@pytest.fixture
def udp() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(5)
        yield listening


def test_syslog_over_udp_tells_of_what_fits_no_datagram(udp: socket.socket) -> None:
    sink = SyslogSink(f"udp://127.0.0.1:{udp.getsockname()[1]}", None, 1.0)
    sink.send([LINE, LARGE])
    assert udp.recv(65_536).endswith(LINE)
    told = udp.recv(65_536)
    assert told.endswith(b'{"sequence":1,"previous":"%b","omitted":%d}' % (b"0" * 64, len(LARGE_EVENT)))
    sink.close()


def test_syslog_over_udp_learns_that_nobody_listens(udp: socket.socket) -> None:
    address = udp.getsockname()
    sink = SyslogSink(f"udp://127.0.0.1:{address[1]}", None, 1.0)
    sink.send([b"1"])
    udp.close()
    with pytest.raises(SinkFailed, match="Connection refused"):
        sink.send([b"2"])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(address)
        again.settimeout(5)
        sink.send([b"2"])
        assert [again.recv(100)[-1:] for _ in range(2)] == [b"1", b"2"]
    sink.close()


def test_syslog_over_tcp_sends_the_last_batch_again_after_a_closed_connection() -> None:
    daemon = TcpSyslogDaemon()
    sink = SyslogSink(f"tcp://127.0.0.1:{daemon.port}", None, 1.0)
    sink.send([LINE])
    daemon.stop()
    with pytest.raises(SinkFailed, match="cannot be reached: Connection refused"):
        sink.send([LINE])
    again = TcpSyslogDaemon(daemon.port)
    sink.send([LINE])
    sink.close()
    framed = b"%d %b" % (len(message(LINE, socket.gethostname())), message(LINE, socket.gethostname()))
    again.wait_for(2 * len(framed))
    again.stop()
    assert again.content == 2 * framed


def test_syslog_over_tls_trusts_the_authority_it_was_given(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for _ in range(2):
                connection, _ = listener.accept()
                try:
                    with context.wrap_socket(connection, server_side=True) as secured:
                        got.append(secured.recv(65_536))
                except OSError:  # whoever does not trust this certificate hangs up
                    connection.close()

        serving = threading.Thread(target=serve)
        serving.start()
        address = f"tls://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(SinkFailed, match="certificate"):
            SyslogSink(address, None, 2.0).send([LINE])
        sink = SyslogSink(address, certificate, 2.0)
        sink.send([LINE])
        serving.join()
        sink.close()
    assert got[-1].endswith(LINE)


def test_a_full_datagram_socket_is_waited_for_only_so_long(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(path))
        sink = SyslogSink(f"unix:{path}", None, 0.1)
        with pytest.raises(SinkFailed, match=r"took nothing for 0\.1 seconds"):
            sink.send([LINE] * 1000)
    sink.close()


def test_a_file_that_was_moved_away_is_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "copy.jsonl"
    sink = FileSink(path, 1.0)
    sink.send([b"1", b"2"])
    path.rename(tmp_path / "copy.1")
    sink.send([b"3"])
    sink.close()
    sink.send([b"4"])
    sink.close()
    assert (tmp_path / "copy.1").read_bytes() == b"1\n2\n"
    assert path.read_bytes() == b"3\n4\n"


def test_a_file_on_a_full_disk_holds_no_part_of_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "copy.jsonl"
    sink = FileSink(path, 1.0)
    sink.send([b"1"])
    really = os.write
    steps = iter([True, False])

    def full(descriptor: int, content: memoryview) -> int:
        if next(steps):
            return really(descriptor, content[:3])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(SinkFailed, match="No space left on device"):
            sink.send([b"22222", b"33333"])
    assert path.read_bytes() == b"1\n"
    sink.close()


def test_a_link_is_not_followed_and_a_pipe_needs_a_reader(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SinkFailed, match="symbolic links"):
        FileSink(tmp_path / "link", 1.0).send([b"1"])
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SinkFailed, match="nobody reads that pipe"):
        FileSink(tmp_path / "pipe", 1.0).send([b"1"])


def test_a_line_that_was_cut_is_finished_before_it_comes_again() -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    lines = [b"%d:" % number + b"x" * 9_000 for number in range(10)]
    sink = StreamSink(writing, "the pipe", 0.05)
    with pytest.raises(SinkFailed, match="whoever reads it has stopped"):
        sink.send(lines)
    got = os.read(reading, 1 << 20)
    assert not got.endswith(b"\n")
    with pytest.raises(SinkFailed):
        sink.send(lines)
    got += os.read(reading, 1 << 20)
    for each in lines:
        sink.send([each])
        got += os.read(reading, 1 << 20)
    whole = got.split(b"\n")
    assert whole.pop() == b""
    assert set(whole) == set(lines)
    assert whole[-10:] == lines
    os.close(writing)
    os.close(reading)


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[HttpsCollector]:
    (tmp_path / "token").write_text(" a-token\n")
    collector = HttpsCollector(tmp_path, "a-token")
    yield collector
    collector.stop()


def https_sink(collector: HttpsCollector, token: Path, ca_file: Path | None = None) -> HttpsSink:
    return HttpsSink(collector.url, token, ca_file or collector.certificate, 2.0)


def test_a_collector_gets_lines_and_a_token(collector: HttpsCollector, tmp_path: Path) -> None:
    sink = https_sink(collector, tmp_path / "token")
    sink.send([LINE, LINE])
    assert collector.content == LINE + b"\n" + LINE + b"\n"
    (tmp_path / "token").write_text("another-token")
    sink.send([LINE])  # the connection is still the one that was allowed
    sink.close()
    with pytest.raises(SinkFailed, match="answered with status 401") as refused:
        sink.send([LINE])
    assert "another" not in refused.value.why
    (tmp_path / "token").write_text("a-token")
    sink.send([LINE])
    sink.close()


def test_a_batch_that_is_too_large_is_halved(collector: HttpsCollector, tmp_path: Path) -> None:
    collector.largest = 2 * len(LINE) + 2
    sink = https_sink(collector, tmp_path / "token")
    sink.send([LINE] * 5)
    assert collector.content == (LINE + b"\n") * 5
    with pytest.raises(SinkFailed, match="answered with status 413"):
        sink.send([LINE * 4])
    sink.close()


@pytest.mark.parametrize("content", ["", "a token\nwith\nlines", "\xe4"])
def test_what_is_no_token_is_not_sent(collector: HttpsCollector, tmp_path: Path, content: str) -> None:
    (tmp_path / "token").write_text(content, "utf-8")
    with pytest.raises(SinkFailed, match="token") as refused:
        https_sink(collector, tmp_path / "token").send([LINE])
    assert "lines" not in refused.value.why


def test_a_stranger_behind_the_address_gets_nothing(collector: HttpsCollector, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other, _ = write_certificate(tmp_path / "other")
    with pytest.raises(SinkFailed, match="cannot be reached"):
        https_sink(collector, tmp_path / "token", other).send([LINE])
    assert collector.content == b""
