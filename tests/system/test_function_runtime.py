"""The function pool on real, confined processes: what functions see, how they fail, how long they live."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import uvloop
from tests.support.functions import DETECTED, bench

from strongroom.errors import AwsError
from strongroom.services.awslambda.runtime import BubblewrapSandbox, FunctionSpec, PlainSandbox, Sandbox
from strongroom.services.awslambda.runtime.confinement import Tools

pytestmark = pytest.mark.system

needs_bubblewrap = pytest.mark.skipif(not isinstance(DETECTED, BubblewrapSandbox), reason=DETECTED.warning)
# Under root the plain sandbox needs an interpreter that other users can reach, which a private home is not.
plain_works = os.geteuid() != 0 or not Path(sys.base_prefix).resolve().is_relative_to(Path.home())


SURROUNDINGS = """
import logging, os, sys
import boto3
log = logging.getLogger()
log.setLevel("INFO")
def handler(event, context):
    log.info("seen %s", event)
    print("to stderr", file=sys.stderr)
    with open(os.environ["TMPDIR"] + "/f", "w") as file:
        file.write("x")
    assert boto3.client("sts").meta.endpoint_url == "http://127.0.0.1:4566"
    assert open(os.environ["AWS_CA_BUNDLE"]).read().count("BEGIN CERTIFICATE") > 50
    for module in ("strongroom", "cryptography", "orjson", "pytest"):
        try:
            __import__(module)
        except ImportError:
            continue
        raise AssertionError(module)
    return {
        "cwd": os.getcwd(), "root": os.environ["LAMBDA_TASK_ROOT"], "path": sys.path[:4],
        "arn": context.invoked_function_arn, "left": context.get_remaining_time_in_millis(),
        "memory": context.memory_limit_in_mb, "name": context.function_name, "version": context.function_version,
        "client": context.client_context and context.client_context.custom, "own": os.environ["OWN"],
        "stream": context.log_stream_name == os.environ["AWS_LAMBDA_LOG_STREAM_NAME"], "uid": os.getuid(),
    }
"""


def check_surroundings(seen: dict[str, Any], spec: FunctionSpec) -> None:
    assert seen["cwd"] == seen["root"] == seen["path"][0]
    assert seen["arn"] == spec.arn
    assert 0 < seen["left"] <= 20_000
    assert (seen["memory"], seen["name"], seen["version"], seen["own"]) == ("256", "f", "$LATEST", "its own")
    assert seen["stream"] is True
    assert seen["uid"] != 0


@needs_bubblewrap
def test_a_python_handler_finds_what_lambda_gives_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as made:
            spec = made.function(SURROUNDINGS, memory_megabytes=256, environment={"OWN": "its own"})
            result = await made.raw(spec, {"a": 1}, log_tail=True, client_context='{"custom":\n{"k": "v"}}')
            assert result.function_error is None, result.payload
            seen = json.loads(result.payload)
            check_surroundings(seen, spec)
            site = f"/opt/python/lib/{spec.runtime}/site-packages"
            assert seen["path"] == ["/var/task", "/opt/python", site, "/var/runtime"]
            assert seen["client"] == {"k": "v"}
            tail = result.log_tail.decode()
            assert "seen {'a': 1}" in tail
            assert "to stderr" in tail
            lines = tail.splitlines()
            assert lines[0].startswith("START RequestId: ")
            assert lines[-1].startswith("REPORT RequestId: ")
            assert "Init Duration" in lines[-1]

    asyncio.run(scenario())


@pytest.mark.skipif(not plain_works, reason="no interpreter that an unprivileged user can reach")
def test_the_plain_sandbox_gives_the_same(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, PlainSandbox(Tools.find(), "a test.")) as made:
            spec = made.function(SURROUNDINGS, memory_megabytes=256, environment={"OWN": "its own"})
            check_surroundings(await made.call(spec), spec)
            assert any("WITHOUT A SANDBOX" in line for line in made.logs)
            slow = made.function(
                "import subprocess\ndef handler(e, c): subprocess.run(['sleep', '60'])", timeout_seconds=1
            )
            assert (await made.failure(slow))["errorType"] == "Sandbox.Timedout"

    asyncio.run(scenario())


COUNTER = "calls = 0\ndef handler(e, c):\n    global calls\n    calls += 1\n    return calls\n"


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_warm_process_is_used_again_until_its_function_changes(
    tmp_path: Path, run: Callable[[Coroutine[Any, Any, None]], None]
) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as made:
            spec = made.function(COUNTER)
            assert [await made.call(spec) for _ in range(3)] == [1, 2, 3]
            assert await made.call(made.function(COUNTER, revision="2")) == 1
            await made.pool.retire(spec.arn, "2")
            assert await made.call(spec) == 4, "another revision is left alone, with the code that both have"
            await made.pool.retire(spec.arn, spec.revision)
            assert os.listdir(tmp_path / "work" / "code") == []
            assert await made.call(spec) == 1

    run(scenario())


def test_idle_processes_end_and_credentials_are_never_stale(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, idle_seconds=0.05) as made:
            spec = made.function(COUNTER)
            assert await made.call(spec) == 1
            for _ in range(500):
                if not os.listdir(tmp_path / "work" / "processes"):
                    break
                await asyncio.sleep(0.02)
            assert await made.call(spec) == 1
        async with bench(tmp_path) as made:
            made.lifetime_ms = 79_000  # less than the timeout of 20 seconds and the margin of 60
            spec = made.function(COUNTER)
            assert [await made.call(spec), await made.call(spec)] == [1, 1]

    asyncio.run(scenario())


def test_other_interpreters_and_their_absence(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as made:
            version = "import sys\ndef handler(e, c): return list(sys.version_info[:2])"
            oldest = await made.call(made.function(version, runtime="python3.8"))
            assert oldest == [3, 8] or any("Python 3.8 is not on this machine" in line for line in made.logs)
            await made.call(made.function(version, runtime="python3.99", revision="2"))
            assert any("Python 3.99 is not on this machine" in line for line in made.logs)
            with pytest.raises(AwsError, match=r"nothing to run ruby3\.3"):
                await made.raw(made.function(version, runtime="ruby3.3", revision="3"))

    asyncio.run(scenario())


BOOTSTRAP = r"""#!/bin/bash
IFS=/ read -r address token <<< "$AWS_LAMBDA_RUNTIME_API"
call() { exec 3<>"/dev/tcp/${address%:*}/${address#*:}"; printf '%s\r\nHost: x\r\nConnection: close\r\n' "$1" >&3; }
while true; do
  call "GET /$token/2018-06-01/runtime/invocation/next HTTP/1.1"; printf '\r\n' >&3
  while IFS=$'\r' read -r line <&3 && [ -n "$line" ]; do
    case $line in Lambda-Runtime-Aws-Request-Id:*) id=${line#*: };; esac
  done
  body="{\"handler\":\"$_HANDLER\",\"event\":$(cat <&3)}"
  call "POST /$token/2018-06-01/runtime/invocation/$id/response HTTP/1.1"
  printf 'Content-Length: %s\r\n\r\n%s' "${#body}" "$body" >&3
  cat <&3 >/dev/null
done
"""


SANDBOXES = [DETECTED, PlainSandbox(Tools.find(), "a test.")]


@pytest.mark.parametrize("sandbox", SANDBOXES, ids=["detected", "plain"])
def test_a_bootstrap_of_any_language_runs(tmp_path: Path, sandbox: Sandbox) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, sandbox) as made:
            spec = made.function(BOOTSTRAP, file="bootstrap", runtime="provided.al2023", handler="anything")
            for number in range(2):
                assert await made.call(spec, {"n": number}) == {"handler": "anything", "event": {"n": number}}
            none = made.function("", file="other", runtime="provided.al2023")
            assert (await made.failure(none))["errorType"] == "Runtime.InvalidEntrypoint"

    asyncio.run(scenario())


def sleepers() -> list[str]:
    """Processes that a test's function left sleeping."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if path.read_bytes() == b"sleep\x00987.654321\x00":
                found.append(str(path))
    return found


async def until_sleepers(count: int) -> None:
    for _ in range(500):
        if len(sleepers()) == count:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(sleepers())


@pytest.mark.parametrize("sandbox", SANDBOXES, ids=["detected", "plain"])
def test_what_left_its_session_is_ended_too(tmp_path: Path, sandbox: Sandbox) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, sandbox, init_seconds=2) as made:
            source = "#!/bin/sh\nsetsid sleep 987.654321 &\n(setsid sleep 987.654321 &)\necho ready\nwait\n"
            spec = made.function(source, file="bootstrap", runtime="provided", timeout_seconds=1)
            running = asyncio.create_task(made.failure(spec))
            await made.until_printed("ready")
            await until_sleepers(2)
            assert (await running)["errorType"] == "Sandbox.Timedout"
            await made.pool.retire(spec.arn, spec.revision)
            await until_sleepers(0)

    asyncio.run(scenario())


SERVER = """
import asyncio, pathlib, sys
sys.path.insert(0, sys.argv[2])
from tests.support.functions import bench
async def main():
    async with bench(pathlib.Path(sys.argv[1])) as made:
        source = "import subprocess\\ndef handler(e, c): print('ready'); subprocess.run(['sleep', '987.654321'])"
        running = asyncio.create_task(made.raw(made.function(source)))
        await made.until_printed("ready")
        print("ready", flush=True)
        await running
asyncio.run(main())
"""


@needs_bubblewrap
def test_functions_die_with_a_server_that_is_killed(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[2])
    with subprocess.Popen([sys.executable, "-c", SERVER, str(tmp_path), root], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        server.kill()
    asyncio.run(until_sleepers(0))


def test_what_a_handler_raises_is_its_answer(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as made:
            source = (
                "def inner(): raise ValueError('no luck')\ndef handler(e, c):\n    if e: inner()\n    return {1, 2}\n"
            )
            spec = made.function(source)
            failure = await made.failure(spec, 1)
            assert (failure["errorType"], failure["errorMessage"]) == ("ValueError", "no luck")
            assert [frame.split(", ")[2].split("\n")[0] for frame in failure["stackTrace"]] == [
                "in handler",
                "in inner",
            ]
            assert (await made.failure(spec, 0))["errorType"] == "Runtime.MarshalError"
            assert any("[ERROR] ValueError: no luck" in line for line in made.logs)
            huge = made.function("def handler(e, c): return 'x' * (7 * 1024 * 1024)")
            assert (await made.failure(huge))["errorType"] == "Function.ResponseSizeTooLarge"
            echo = made.function("def handler(e, c): return e")
            assert await made.call(echo, "x" * 5_000_000) == "x" * 5_000_000
            with pytest.raises(AwsError, match="must be smaller"):
                await made.raw(echo, "x" * 6_400_000)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("source", "handler", "kind", "text"),
    [
        ("import nowhere", "mod.handler", "Runtime.ImportModuleError", "No module named 'nowhere'"),
        ("", "other.handler", "Runtime.ImportModuleError", "No module named 'other'"),
        ("def f(:", "mod.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'mod'"),
        ("", "mod.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'mod'"),
        ("", "handler", "Runtime.MalformedHandlerName", "Bad handler 'handler'"),
        ("1 / 0", "mod.handler", "ZeroDivisionError", "division by zero"),
        ("import os; os._exit(3)", "mod.handler", "Runtime.ExitError", "exit status 3"),
    ],
)
def test_a_handler_that_cannot_be_loaded(tmp_path: Path, source: str, handler: str, kind: str, text: str) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as made:
            failure = await made.failure(made.function(source, handler=handler))
            assert failure["errorType"] == kind
            assert text in failure["errorMessage"]

    asyncio.run(scenario())


TROUBLE = """
import os, signal, subprocess, sys, time
def handler(event, context):
    if event == "exit": sys.exit(1)
    if event == "leave": os._exit(0)
    if event == "signal": os.kill(os.getpid(), signal.SIGSEGV)
    if event == "sleep":
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        time.sleep(600)
    return "fine"
"""


def test_a_process_that_ends_or_hangs_fails_its_own_invocation_only(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as made:
            spec = made.function(TROUBLE, timeout_seconds=2)
            jobs = [made.failure(spec, event) for event in ("exit", "leave", "signal", "sleep")]
            *failures, fine = await asyncio.gather(*jobs, made.call(spec, "go"))
            assert fine == "fine"
            texts = [failure["errorMessage"].partition(" Error: ")[2] for failure in failures]
            assert texts == [
                "Runtime exited with error: exit status 1",
                "Runtime exited without providing a reason",
                "Runtime exited with error: signal: segmentation fault",
                "Task timed out after 2.00 seconds",
            ]
            assert [failure["errorType"] for failure in failures[2:]] == ["Runtime.ExitError", "Sandbox.Timedout"]
            assert any("Task timed out after 2.00 seconds" in line for line in made.logs)
            assert await made.call(spec, "go") == "fine"

    asyncio.run(scenario())


def test_code_that_never_finishes_loading_times_out(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, init_seconds=0.1) as made:
            stuck = made.function("import time; time.sleep(600)", timeout_seconds=1)
            assert (await made.failure(stuck))["errorType"] == "Sandbox.Timedout"

    asyncio.run(scenario())


GATE = """
import os, time
def handler(event, context):
    print("inside")
    time.sleep(event)
    return os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
"""


def test_invocations_share_the_places_fairly(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, max_processes=2) as made:
            spec = made.function(GATE)
            streams = await asyncio.gather(*(made.call(spec, 0.2) for _ in range(6)))
            assert len(set(streams)) == 2
            other = made.function(GATE, name="g")  # a place has to be given up for it
            assert await made.call(other, 0) not in streams
        async with bench(tmp_path, max_processes=1, queue_seconds=0.2) as made:
            spec = made.function(GATE)
            running = asyncio.create_task(made.call(spec, 2))
            await made.until_printed("inside")
            with pytest.raises(AwsError, match="Rate Exceeded"):
                await made.call(spec, 0)
            await running

    asyncio.run(scenario())


def test_retiring_and_cancelling(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as made:
            spec = made.function(GATE)
            running = asyncio.create_task(made.call(spec, 0.5))
            await made.until_printed("inside")
            await made.pool.retire(spec.arn, spec.revision)
            assert running.done() or await running
            made.logs.clear()
            cancelled = asyncio.create_task(made.call(spec, 600))
            await made.until_printed("inside")
            cancelled.cancel()
            await asyncio.gather(cancelled, return_exceptions=True)
            await made.pool.retire(spec.arn, spec.revision)
            assert os.listdir(tmp_path / "work" / "processes") == []
            assert await made.call(spec, 0)

    asyncio.run(scenario())


def test_stopping_leaves_nothing_behind(tmp_path: Path) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    def children() -> list[str]:
        return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()

    others = children()  # servers that this test process started for other tests

    async def scenario() -> None:
        before = descriptors()
        async with bench(tmp_path) as made:
            spec = made.function(GATE)
            await asyncio.gather(*(made.call(spec, 0) for _ in range(3)))
            busy = asyncio.create_task(made.raw(spec, 600))
            await made.until_printed("inside", 4)
            await made.pool.stop(grace_seconds=0.1)
            assert (await busy).function_error == "Unhandled"
            with pytest.raises(AwsError, match="not running"):
                await made.call(spec, 0)
        assert children() == others
        assert os.listdir(tmp_path / "work") == []
        assert descriptors() == before

    asyncio.run(scenario())
