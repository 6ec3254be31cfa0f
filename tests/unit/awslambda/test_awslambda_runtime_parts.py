"""The small parts of the function runtime: environment, output, failures, limits, interpreters, supplies, memory."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from strongroom.errors import AwsError, OperatorError
from strongroom.services.awslambda.runtime import (
    Credentials,
    FunctionPool,
    FunctionSpec,
    LayerSpec,
    PlainSandbox,
    Surroundings,
    is_supported_runtime,
    programs,
)
from strongroom.services.awslambda.runtime import output as output_module
from strongroom.services.awslambda.runtime.confinement import Tools, environment_script, limits_for, tasks_of
from strongroom.services.awslambda.runtime.environment import function_environment
from strongroom.services.awslambda.runtime.failures import exit_text, failure_document, timeout_text
from strongroom.services.awslambda.runtime.interpreters import InterpreterShelf
from strongroom.services.awslambda.runtime.memory import tree_memory_bytes
from strongroom.services.awslambda.runtime.output import ENTRY_LIMIT_BYTES, TAIL_LIMIT, LogStream, OutputPipe
from strongroom.services.awslambda.runtime.sandbox import Layout, in_memory_file
from strongroom.services.awslambda.runtime.supplies import SDK_PACKAGES, sdk_libraries, write_certificates
from strongroom.world import World

SPEC = FunctionSpec(
    arn="arn:aws:lambda:eu-central-1:111122223333:function:f",
    name="f",
    version="$LATEST",
    account="111122223333",
    region="eu-central-1",
    runtime="python3.12",
    handler="mod.handler",
    code_sha256="0" * 64,
    memory_megabytes=128,
    timeout_seconds=3,
    log_group="/aws/lambda/f",
    revision="1",
)
OWN = {"OWN": "canary-value", "AWS_REGION": "mars-1", "SECRETS_MANAGER_ENDPOINT": "https://mine.example"}
CREDENTIALS = Credentials("access", "canary-secret", "canary-token", 5)


class FixedClock:
    def milliseconds(self) -> int:
        return 1000


class Sink:
    def __init__(self) -> None:
        self.entries: list[tuple[int, str]] = []

    def write(
        self, account: str, region: str, log_group: str, log_stream: str, entries: Sequence[tuple[int, str]]
    ) -> None:
        assert (account, region) == ("111122223333", "eu-central-1")
        assert (log_group, log_stream) == ("/aws/lambda/f", "stream")
        self.entries += entries


async def no_code(spec: FunctionSpec | LayerSpec) -> bytes:
    raise AssertionError(spec)


async def no_variables(spec: FunctionSpec) -> dict[str, str]:
    raise AssertionError(spec)


async def no_credentials(spec: FunctionSpec) -> Credentials:
    raise AssertionError(spec)


def surroundings(max_processes: int = 8) -> Surroundings:
    plain = PlainSandbox(Tools.find(), "a test.")
    return Surroundings(
        "http://127.0.0.1:4566",
        None,
        Path("/nowhere"),
        World.real(),
        plain,
        Sink(),
        no_code,
        no_code,
        no_variables,
        no_credentials,
        max_processes=max_processes,
    )


def test_secrets_are_not_shown() -> None:
    assert "canary" not in repr(SPEC)
    assert "canary" not in repr(CREDENTIALS)


def test_the_environment_is_built_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_SECRET", "canary")
    layout = Layout("/var/task", "/var/runtime", "/opt", "/tmp", "/etc/pki/tls/cert.pem", "/var/runtime/bootstrap.py")
    made = function_environment(
        SPEC, surroundings(), OWN, CREDENTIALS, layout, runtime_api="127.0.0.1:1/t", log_stream="s"
    )
    assert "SERVER_SECRET" not in made
    assert made["OWN"] == "canary-value"
    assert made["AWS_REGION"] == made["AWS_DEFAULT_REGION"] == "eu-central-1"
    assert made["SECRETS_MANAGER_ENDPOINT"] == "https://mine.example"
    assert made["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert made["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.12"
    assert made["AWS_SESSION_TOKEN"] == "canary-token"
    assert made["_HANDLER"] == "mod.handler"
    assert made["TZ"] == ":UTC"


def test_any_value_reaches_the_program_unchanged() -> None:
    values = {"A": "", "B": 'it\'s $HOME `id` \\ "q"\n\nend\n', "C": "ü€😀", "_D9": "$(touch /tmp/never)"}
    script = in_memory_file(environment_script(values))
    try:
        shown = subprocess.run(
            ["/bin/sh", "-s", "--", "/usr/bin/env", "-0"], stdin=script, capture_output=True, env={}, check=True
        )
    finally:
        os.close(script)
    pairs = dict(entry.split("=", 1) for entry in shown.stdout.decode().split("\0") if entry)
    assert {name: pairs[name] for name in values} == values


@pytest.mark.parametrize("name", ["", "1A", "A B", "A=B", "A;id", "Ä"])
def test_a_name_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(AwsError, match="invalid variable"):
        environment_script({name: "x"})
    with pytest.raises(AwsError, match="invalid variable"):
        environment_script({"A": "a\0b"})


def test_failures_are_worded_as_lambda_words_them() -> None:
    assert timeout_text(3) == "Task timed out after 3.00 seconds"
    assert exit_text(1) == "Runtime exited with error: exit status 1"
    assert exit_text(0) == "Runtime exited without providing a reason"
    assert exit_text(-9) == exit_text(137) == "Runtime exited with error: signal: killed"
    assert exit_text(200) == "Runtime exited with error: exit status 200"
    assert b'"errorMessage": "RequestId: r Error: t"' in failure_document("K", "r", "t")


def test_lines_become_entries() -> None:
    sink = Sink()
    log = LogStream(sink, FixedClock(), SPEC, "stream")
    log.feed(b"one\ntw")
    log.feed(b"o\n\xff\n")
    log.feed(b"rest")
    log.flush()
    log.flush()
    assert sink.entries == [(1000, "one"), (1000, "two"), (1000, "\ufffd"), (1000, "rest")]
    assert log.tail() == b"one\ntwo\n\xff\nrest\n"
    log.begin()
    assert log.tail() == b""


def test_long_lines_are_cut_and_the_tail_is_short() -> None:
    sink = Sink()
    log = LogStream(sink, FixedClock(), SPEC, "stream")
    log.feed(b"x" * (2 * ENTRY_LIMIT_BYTES + 5))
    log.flush()
    assert [len(text) for _, text in sink.entries] == [ENTRY_LIMIT_BYTES, ENTRY_LIMIT_BYTES, 5]
    log.feed(b"y" * 9000 + b"\n")
    assert len(log.tail()) == TAIL_LIMIT


def test_an_endless_printer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_module, "INVOCATION_LOG_LIMIT", 100)
    sink = Sink()
    log = LogStream(sink, FixedClock(), SPEC, "stream")
    for _ in range(50):
        log.feed(b"0123456789\n")
    assert sink.entries[-1][1] == "Output beyond 100 bytes is not kept."
    assert len(sink.entries) == 10
    log.begin()
    log.feed(b"again\n")
    assert sink.entries[-1][1] == "again"


def test_the_pipe_is_drained_and_closed() -> None:
    async def scenario() -> None:
        seen = bytearray()
        pipe = OutputPipe(seen.extend)
        os.write(pipe.writing, b"before the answer")
        pipe.drain()
        assert seen == b"before the answer"
        pipe.release_writing()
        await asyncio.wait_for(pipe.closed, 5)
        pipe.drain()
        pipe.close()

    asyncio.run(scenario())


def test_interpreters_are_found_by_exact_version() -> None:
    shelf = InterpreterShelf()
    own = shelf.own()
    assert shelf.find(own.version) == own
    assert own.version == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert own.executable.is_relative_to(own.prefix)
    assert shelf.find("3.99") is None
    assert shelf.find("2.7") is None
    assert shelf.find("../../x") is None


def test_a_shim_that_leads_nowhere_is_no_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("python3.98", "#!/bin/sh\nexit 127\n"), ("python3.97", "#!/bin/sh\necho hello\n")):
        shim = tmp_path / name
        shim.write_text(text)
        shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert InterpreterShelf().find("3.98") is None
    assert InterpreterShelf().find("3.97") is None


def test_the_sdk_and_nothing_else() -> None:
    assert {name.removesuffix(".py") for name in sdk_libraries()} == set(SDK_PACKAGES)


def test_certificates_hold_the_operators_too(tmp_path: Path) -> None:
    extra = tmp_path / "extra.pem"
    extra.write_text("OPERATOR")
    write_certificates(tmp_path / "bundle.pem", extra)
    text = (tmp_path / "bundle.pem").read_text()
    assert "BEGIN CERTIFICATE" in text
    assert text.endswith("OPERATOR")
    with pytest.raises(OperatorError) as caught:
        write_certificates(tmp_path / "other.pem", tmp_path / "missing.pem")
    assert "missing.pem" in caught.value.diagnostics()


def test_memory_of_a_tree_is_added_up() -> None:
    alone = tree_memory_bytes(os.getpid())
    assert alone > 1_000_000
    hog = "import time; held = bytearray(40_000_000); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", hog], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert tree_memory_bytes(os.getpid()) > 40_000_000
        child.kill()
    assert tree_memory_bytes(child.pid) == 0


def test_tasks_of_a_user_are_counted() -> None:
    assert tasks_of(os.getuid()) >= 1
    assert tasks_of(64999) == 0
    assert limits_for(128).tasks == 256


@pytest.mark.parametrize("present", [True, False])
def test_runtimes(monkeypatch: pytest.MonkeyPatch, *, present: bool) -> None:
    monkeypatch.setattr(programs, "is_node_present", lambda: present)
    assert is_supported_runtime("nodejs22.x") is present
    assert is_supported_runtime("python3.8")
    assert is_supported_runtime("provided.al2023")
    assert is_supported_runtime("provided")
    for name in ("nodejs22", "python2.7", "python3.12\n", "java21", ""):
        assert not is_supported_runtime(name)


def test_a_pool_has_a_sensible_size() -> None:
    for size in (0, 501):
        with pytest.raises(OperatorError, match=str(size)):
            FunctionPool(surroundings(max_processes=size))


def test_the_plain_sandbox_is_loud() -> None:
    plain = PlainSandbox(Tools.find(), "bubblewrap (bwrap) is not installed.")
    assert not plain.isolated
    assert "WITHOUT A SANDBOX" in plain.warning
    assert "not installed" in plain.warning
