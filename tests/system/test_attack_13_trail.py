"""Attack 13: the audit trail as a weapon. Full disk, deleted file, pipe nobody reads, dead collector, newlines."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.support.collectors import HttpsCollector, PipeReader, SyslogDaemon, TcpSyslogDaemon, sequences
from tests.support.commands import run_strongroom, wait_for
from tests.support.server import RunningServer, running_server

pytestmark = pytest.mark.system

TOKEN = "a-token-that-nobody-may-see"


@dataclass(frozen=True)
class Health:
    """What ``/health/ready`` says."""

    status: int
    problems: str
    warnings: str


def health(server: RunningServer) -> Health:
    try:
        with urllib.request.urlopen(f"{server.endpoint}/health/ready") as answer:
            status, page = answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        status, page = error.code, json.load(error)
    return Health(status, "\n".join(page.get("problems", [])), "\n".join(page.get("warnings", [])))


def is_ready(server: RunningServer) -> bool:
    return health(server).status == 200


def create(server: RunningServer) -> str:
    name = f"secret-{uuid.uuid4().hex}"
    server.client("secretsmanager").create_secret(Name=name, SecretString="a value")
    return name


def refused(server: RunningServer, operation: str, **parameters: object) -> None:
    """The operation is answered as an internal error that says nothing of the trail."""
    with pytest.raises(ClientError) as caught:
        getattr(server.client("secretsmanager"), operation)(**parameters)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert caught.value.response["Error"]["Code"] == "InternalServiceError"
    assert "sink" not in caught.value.response["Error"]["Message"]


def stops_and_resumes(
    server: RunningServer, breaking: Callable[[], object], mending: Callable[[], object], *told: str
) -> None:
    """Nothing is answered or changed while the trail cannot record; the cause is named; then it goes on by itself."""
    kept = create(server)
    breaking()
    unborn = f"secret-{uuid.uuid4().hex}"
    refused(server, "create_secret", Name=unborn, SecretString="another value")
    refused(server, "put_secret_value", SecretId=kept, SecretString="never")
    refused(server, "get_secret_value", SecretId=kept)
    found = health(server)
    status = run_strongroom("status", "--data-dir", server.data_dir)
    for part in told:
        assert part in found.problems
        assert part in status.stdout
    assert (found.status, status.returncode) == (503, 1)
    assert TOKEN not in found.problems
    mending()
    wait_for(lambda: is_ready(server))
    client = server.client("secretsmanager")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_secret(SecretId=unborn)
    assert client.get_secret_value(SecretId=kept)["SecretString"] == "a value"


def recorded(server: RunningServer) -> list[int]:
    """The records of the trail, by sequence."""
    return sequences((server.data_dir / "audit" / "trail.jsonl").read_bytes())


@dataclass
class Guarded:
    """A server whose answers wait for four sinks."""

    server: RunningServer
    file: Path
    pipe: PipeReader
    daemon: SyslogDaemon
    collector: HttpsCollector


def write_settings(folder: Path, text: str) -> dict[str, str]:
    path = folder / "strongroom.toml"
    path.write_text(text)
    return {"STRONGROOM_CONFIG": str(path)}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "sub").mkdir()
    (folder / "token").write_text(TOKEN + "\n")
    pipe, daemon = PipeReader(folder / "pipe"), SyslogDaemon(folder / "log")
    collector = HttpsCollector(folder, TOKEN)
    pipe.start()
    daemon.start()
    environment = write_settings(
        folder,
        f"""
        [[audit_sinks]]
        kind = "file"
        path = "{folder}/sub/copy.jsonl"
        required = true
        timeout_seconds = 1
        [[audit_sinks]]
        kind = "file"
        name = "pipe"
        path = "{folder}/pipe"
        required = true
        timeout_seconds = 1
        [[audit_sinks]]
        kind = "syslog"
        address = "unix:{folder}/log"
        required = true
        timeout_seconds = 1
        [[audit_sinks]]
        kind = "https"
        url = "{collector.url}"
        token_file = "{folder}/token"
        ca_file = "{collector.certificate}"
        required = true
        timeout_seconds = 1
        """,
    )
    try:
        with running_server(folder / "data", environment=environment, workers=2) as server:
            yield Guarded(server, folder / "sub" / "copy.jsonl", pipe, daemon, collector)
    finally:
        pipe.stop()
        daemon.stop()
        collector.stop()


def all_have_everything(guarded: Guarded) -> bool:
    wanted = recorded(guarded.server)
    return all(
        sequences(content) == wanted
        for content in (
            guarded.file.read_bytes(),
            guarded.pipe.content,
            guarded.daemon.received(),
            guarded.collector.content,
        )
    )


def test_required_sinks_have_a_record_before_its_answer(guarded: Guarded) -> None:
    for _ in range(3):
        name = create(guarded.server)
        for content in (guarded.file.read_bytes(), guarded.daemon.received(), guarded.collector.content):
            assert name.encode() in content
    wait_for(lambda: all_have_everything(guarded))
    assert TOKEN not in guarded.server.log.read_text()
    copy = guarded.file.read_bytes()
    trail = (guarded.server.data_dir / "audit" / "trail.jsonl").read_bytes()
    assert trail.startswith(copy)
    assert guarded.file.stat().st_mode & 0o777 == 0o600


def test_a_sink_whose_folder_is_gone(guarded: Guarded) -> None:
    folder = guarded.file.parent
    aside = folder.with_name("aside")
    stops_and_resumes(
        guarded.server, lambda: folder.rename(aside), lambda: aside.rename(folder), "sink file", "No such file"
    )
    wait_for(lambda: all_have_everything(guarded))


def test_a_pipe_nobody_reads(guarded: Guarded) -> None:
    asleep = contextlib.ExitStack()
    stops_and_resumes(
        guarded.server,
        lambda: asleep.enter_context(guarded.pipe.asleep()),
        asleep.close,
        "sink pipe",
        "whoever reads it has stopped",
    )
    wait_for(lambda: all_have_everything(guarded))


def test_a_syslog_that_is_gone(guarded: Guarded) -> None:
    stops_and_resumes(guarded.server, guarded.daemon.stop, guarded.daemon.start, "sink syslog", "cannot be reached")
    wait_for(lambda: all_have_everything(guarded))


@pytest.mark.parametrize(
    ("mode", "cause"), [("503", "answered with status 503"), ("hang", "did not answer for 1 seconds")]
)
def test_a_collector_that_fails(guarded: Guarded, mode: str, cause: str) -> None:
    def set_mode(mode: str) -> None:
        guarded.collector.mode = mode

    stops_and_resumes(guarded.server, lambda: set_mode(mode), lambda: set_mode("ok"), "sink https", cause)
    wait_for(lambda: all_have_everything(guarded))


def test_newlines_make_no_records(guarded: Guarded) -> None:
    """A caller's newline is data in every sink: one record stays one line and one message."""
    client = guarded.server.client("secretsmanager")
    evil = 'x\n{"sequence":1,"previous":"' + "0" * 64 + '","event":{}}\n<110>1 - - - - - - forged\r\n'
    client.create_secret(Name=f"evil-{uuid.uuid4().hex}", Description=evil, SecretString="a value")
    with pytest.raises(ClientError):
        client.describe_secret(SecretId=evil)
    wait_for(lambda: all_have_everything(guarded))
    for content in (guarded.file.read_bytes(), guarded.pipe.content, guarded.collector.content):
        for line in content.splitlines():
            if not line.startswith(b"x"):  # what the test filled the pipe with
                assert set(json.loads(line)) == {"sequence", "previous", "event"}
    for message in guarded.daemon.messages:
        header, _, record = message.partition(b" strongroom - audit - ")
        assert header.startswith(b"<110>1 20")
        assert json.loads(record)["event"]
        assert b"\n" not in message
    verified = run_strongroom("audit", "verify", "--data-dir", guarded.server.data_dir)
    assert verified.returncode == 0, verified.stdout


def test_no_operation_names_a_place_for_the_trail(guarded: Guarded) -> None:
    """The paths are the host's: no model that answers here has a parameter for them."""
    operator = guarded.server.client("secretsmanager").meta.service_model
    assert "Audit" not in " ".join(operator.operation_names)
    with pytest.raises(ClientError):
        guarded.server.client("cloudtrail").create_trail(Name="elsewhere", S3BucketName="bucket")


@pytest.fixture(scope="module")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, Path, HttpsCollector]]:
    """A server with sinks that nobody waits for: standard output, syslog over TCP, and a collector."""
    folder = tmp_path_factory.mktemp("lenient")
    (folder / "token").write_text(TOKEN)
    collector = HttpsCollector(folder, TOKEN)
    daemon = TcpSyslogDaemon()
    daemon.stop()
    environment = write_settings(
        folder,
        f"""
        [[audit_sinks]]
        kind = "stdout"
        [[audit_sinks]]
        kind = "syslog"
        address = "tcp://127.0.0.1:{daemon.port}"
        timeout_seconds = 1
        [[audit_sinks]]
        kind = "https"
        name = "collector"
        url = "{collector.url}"
        token_file = "{folder}/token"
        ca_file = "{collector.certificate}"
        timeout_seconds = 1
        """,
    )
    (folder / "port").write_text(str(daemon.port))
    try:
        with running_server(folder / "data", environment=environment) as server:
            yield server, folder, collector
    finally:
        collector.stop()


def test_sinks_that_are_not_required_warn_and_get_everything_later(
    lenient: tuple[RunningServer, Path, HttpsCollector],
) -> None:
    server, folder, collector = lenient
    collector.mode = "hang"
    for _ in range(3):
        create(server)
    wait_for(lambda: "sink syslog" in health(server).warnings and "sink collector" in health(server).warnings)
    found = health(server)
    assert (found.status, found.problems) == (200, "")
    assert "Connection refused" in found.warnings
    status = run_strongroom("status", "--data-dir", server.data_dir)
    assert status.returncode == 0
    assert "The audit sink syslog has not recorded since" in status.stdout

    # The one that works is not held up by those that do not.
    wait_for(lambda: sequences(server.log.read_bytes()) == recorded(server))

    collector.mode = "ok"
    daemon = TcpSyslogDaemon(int((folder / "port").read_text()))
    try:
        wait_for(lambda: sequences(daemon.content) == sequences(collector.content) == recorded(server))
        wait_for(lambda: not health(server).warnings)
        length, _, rest = daemon.content.partition(b" ")
        assert rest[int(length) :][:8].partition(b" ")[0].isdigit()  # counted in octets
    finally:
        daemon.stop()


def test_a_sink_that_works_gets_each_record_once(lenient: tuple[RunningServer, Path, HttpsCollector]) -> None:
    server, _, collector = lenient
    names = [create(server) for _ in range(5)]
    wait_for(lambda: sequences(collector.content) == recorded(server))
    assert [collector.content.count(f'"name":"{name}"'.encode()) for name in names] == [1] * 5


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file system of 2 MB."""
    disk = tmp_path_factory.mktemp("disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting needs root")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture(scope="module")
def cramped(tmp_path_factory: pytest.TempPathFactory, small_disk: Path) -> Iterator[RunningServer]:
    """A server whose audit folder lies on the small disk."""
    data = tmp_path_factory.mktemp("cramped") / "data"
    with running_server(data):
        pass
    shutil.move(data / "audit", small_disk / "audit")
    (data / "audit").symlink_to(small_disk / "audit")
    with running_server(data) as server:
        yield server


class Ballast:
    """Fills a disk and takes whatever becomes free, as a log that runs wild does.

    Args:
        path: Its file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._fill, daemon=True)

    def load(self, server: RunningServer) -> None:
        """Fill the disk, and what is left of the trail's last page too."""
        self._thread.start()
        with contextlib.suppress(ClientError):
            while True:
                create(server)

    def unload(self) -> None:
        """Give the room back."""
        self._ending.set()
        self._thread.join()
        self._path.unlink()

    def _fill(self) -> None:
        with self._path.open("wb") as file:
            while not self._ending.wait(0.001):
                with contextlib.suppress(OSError):
                    while True:
                        os.write(file.fileno(), bytes(4096))


def test_a_full_disk(cramped: RunningServer, small_disk: Path) -> None:
    ballast = Ballast(small_disk / "ballast")
    stops_and_resumes(cramped, lambda: ballast.load(cramped), ballast.unload, "No space left on device")
    verified = run_strongroom("audit", "verify", "--data-dir", cramped.data_dir)
    assert verified.returncode == 0, verified.stdout


def test_a_deleted_file(cramped: RunningServer, small_disk: Path) -> None:
    trail, kept = small_disk / "audit" / "trail.jsonl", small_disk / "kept"
    os.link(trail, kept)
    stops_and_resumes(cramped, trail.unlink, lambda: kept.rename(trail), "trail.jsonl", "was deleted or moved away")


def test_a_feeder_that_dies_is_replaced(guarded: Guarded) -> None:
    """The sinks are fed by the background worker; a new one goes on where it was."""
    supervisor = guarded.server.process.pid
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    (background,) = [pid for pid in children if "bg" in Path(f"/proc/{pid}/comm").read_text()]
    os.kill(int(background), 9)
    wait_for(lambda: is_ready(guarded.server))
    create(guarded.server)
    wait_for(lambda: all_have_everything(guarded))
