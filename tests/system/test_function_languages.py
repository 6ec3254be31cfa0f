"""Functions in other languages than Python, and layers: in real processes, on this machine's sandbox."""

from __future__ import annotations

import asyncio
import errno
import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.functions import DETECTED, Bench, bench

from strongroom.services.awslambda.runtime.nodes import is_node_present

pytestmark = pytest.mark.system

needs_node = pytest.mark.skipif(not is_node_present(), reason="no Node.js here")
needs_bubblewrap = pytest.mark.skipif(not DETECTED.isolated, reason="bubblewrap does not work here")

NODE: dict[str, Any] = {"runtime": "nodejs20.x", "handler": "index.handler", "environment": {"OWN": "mine"}}


def run(tmp_path: Path, scenario: Any) -> None:
    async def scene() -> None:
        async with bench(tmp_path) as made:
            await scenario(made)

    asyncio.run(scene())


@needs_node
@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("index.js", "exports.handler = async (event, context) => answer(event, context);"),
        ("index.mjs", "export const handler = async (event, context) => answer(event, context);"),
        ("index.cjs", "module.exports = {handler: (event, context, done) => done(null, answer(event, context))};"),
        (
            "index.js",
            "exports.handler = (event, context, done) => setTimeout(() => done(null, answer(event, context)));",
        ),
    ],
)
def test_a_node_handler_finds_what_lambda_gives_it(tmp_path: Path, file: str, source: str) -> None:
    answer = """
    function answer(event, context) {
      console.log("seen", event);
      return {
        event, name: context.functionName, arn: context.invokedFunctionArn, id: context.awsRequestId,
        left: context.getRemainingTimeInMillis(), memory: context.memoryLimitInMB, own: process.env.OWN,
        client: context.clientContext.custom, cwd: process.cwd(), uid: process.getuid(),
      };
    }
    """

    async def scenario(made: Bench) -> None:
        spec = made.function(answer + source, file=file, **NODE)
        result = await made.raw(spec, {"a": 1}, log_tail=True, client_context='{"custom": {"k": "v"}}')
        assert result.function_error is None, result.payload
        seen = json.loads(result.payload)
        assert 0 < seen.pop("left") <= 20_000
        assert seen.pop("uid") != 0
        assert seen.pop("id") in result.log_tail.decode()
        assert seen.pop("cwd") in {"/var/task", str(tmp_path)} or not DETECTED.isolated
        assert seen == {
            "event": {"a": 1},
            "name": "f",
            "arn": spec.arn,
            "memory": "128",
            "own": "mine",
            "client": {"k": "v"},
        }
        assert "\tINFO\tseen { a: 1 }" in result.log_tail.decode()

    run(tmp_path, scenario)


@needs_node
def test_a_node_process_stays_warm(tmp_path: Path) -> None:
    async def scenario(made: Bench) -> None:
        spec = made.function("let n = 0; exports.handler = (e, c, done) => done(null, ++n);", file="index.js", **NODE)
        assert [await made.call(spec) for _ in range(3)] == [1, 2, 3]

    run(tmp_path, scenario)


@needs_node
@pytest.mark.parametrize(
    ("source", "kind", "says"),
    [
        ("exports.handler = async () => { throw new TypeError('no'); };", "TypeError", "no"),
        ("exports.handler = () => { throw new RangeError('now'); };", "RangeError", "now"),
        ("exports.handler = (e, c, done) => done(new Error('told'));", "Error", "told"),
        ("exports.handler = (e, c) => c.fail('plain');", "string", "plain"),
        ("exports.other = 1;", "Runtime.HandlerNotFound", "index.handler is undefined or not exported"),
        ("exports.handler = 1;", "Runtime.HandlerNotFound", "index.handler is not a function"),
        ("require('absent');", "Runtime.ImportModuleError", "Cannot find module 'absent'"),
        ("exports.handler = (;", "Runtime.UserCodeSyntaxError", "SyntaxError"),
        ("exports.handler = async () => 1n;", "Runtime.MarshalError", "Unable to stringify"),
        ("exports.handler = async () => 'x'.repeat(7 * 1024 * 1024);", "Function.ResponseSizeTooLarge", "6291556"),
        (
            "exports.handler = () => { Promise.reject(new Error('lost')); setTimeout(() => {}, 60000); };",
            "Runtime.UnhandledPromiseRejection",
            "Error: lost",
        ),
    ],
)
def test_a_node_handler_that_fails(tmp_path: Path, source: str, kind: str, says: str) -> None:
    async def scenario(made: Bench) -> None:
        document = await made.failure(made.function(source, file="index.js", **NODE))
        assert document["errorType"] == kind
        assert says in document["errorMessage"]

    run(tmp_path, scenario)


@needs_node
def test_a_node_callback_waits_for_what_the_handler_began(tmp_path: Path) -> None:
    source = """
    let done = [];
    exports.handler = (event, context, callback) => {
      context.callbackWaitsForEmptyEventLoop = event.waits;
      setTimeout(() => done.push(event.waits), 50);
      callback(null, done);
    };
    """

    async def scenario(made: Bench) -> None:
        spec = made.function(source, file="index.js", **NODE)
        assert await made.call(spec, {"waits": True}) == [True]
        assert await made.call(spec, {"waits": False}) == [True]

    run(tmp_path, scenario)


@needs_node
@needs_bubblewrap
def test_attack_17_a_node_function_sees_as_little_as_a_python_one(tmp_path: Path) -> None:
    secret = tmp_path / "root.key"
    secret.write_text("canary")
    source = """
    const fs = require("fs");
    exports.handler = async (event) => ({
      secret: fs.existsSync(event.secret),
      processes: fs.readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name)).length,
      writable: ["/", "/var/task", "/opt", "/usr", "/etc"].filter((place) => {
        try { fs.writeFileSync(place + "/x", ""); return true; } catch { return false; }
      }),
      environment: Object.keys(process.env).filter((name) => name.startsWith("STRONGROOM")),
    });
    """

    async def scenario(made: Bench) -> None:
        found = await made.call(made.function(source, file="index.js", **NODE), {"secret": str(secret)})
        assert found.pop("processes") <= 3
        assert found == {"secret": False, "writable": [], "environment": []}

    run(tmp_path, scenario)


def test_layers_lie_over_each_other(tmp_path: Path) -> None:
    source = "import one, two, sited\ndef handler(e, c):\n    return [one.VALUE, two.VALUE, sited.VALUE]\n"

    async def scenario(made: Bench) -> None:
        site = f"python/lib/{made.function('').runtime}/site-packages/sited.py"
        lower = made.layer("lower", {"python/one.py": "VALUE = 1", "python/two.py": "VALUE = 'hidden'"})
        upper = made.layer("upper", {"python/two.py": "VALUE = 2", site: "VALUE = 3"})
        spec = made.function(source, layers=(lower, upper), revision="layered")
        assert await made.call(spec) == [1, 2, 3]
        await made.pool.retire(spec.arn, "layered")
        assert list((tmp_path / "work").rglob("two.py")) == []

    run(tmp_path, scenario)


def test_a_layer_may_bring_the_bootstrap_and_programs(tmp_path: Path) -> None:
    bootstrap = """#!/bin/sh
set -e
while true; do
  head=$(mktemp)
  curl -sS -o /dev/null -D "$head" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next"
  id=$(grep -i lambda-runtime-aws-request-id "$head" | tr -d '\\r' | cut -d' ' -f2)
  curl -sS -d "$(tool)" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response" >/dev/null
done
"""
    tool = '#!/bin/sh\ncat "$LAMBDA_TASK_ROOT/data.json"\n'

    async def scenario(made: Bench) -> None:
        layer = made.layer("runtime", {"bootstrap": bootstrap, "bin/tool": tool})
        spec = made.function('{"from":"code"}', file="data.json", runtime="provided.al2023", layers=(layer,))
        assert await made.call(spec) == {"from": "code"}
        bare = made.function("{}", file="data.json", runtime="provided.al2023", revision="bare")
        assert (await made.failure(bare))["errorType"] == "Runtime.InvalidEntrypoint"

    run(tmp_path, scenario)


@needs_bubblewrap
def test_the_size_of_tmp_is_the_functions_own(tmp_path: Path) -> None:
    source = "import os\ndef handler(e, c):\n    s = os.statvfs('/tmp')\n    return s.f_blocks * s.f_frsize // 2**20\n"

    async def scenario(made: Bench) -> None:
        assert await made.call(made.function(source)) == 512
        assert await made.call(made.function(source, temporary_megabytes=600, revision="large")) == 600

    run(tmp_path, scenario)


@needs_bubblewrap
def test_attack_17_a_full_tmp_is_the_functions_own_problem(tmp_path: Path) -> None:
    source = """
def handler(event, context):
    written = 0
    try:
        for number in range(event):
            with open(f"/tmp/{number}", "wb") as file:
                written += file.write(b"x" * 2**20)
    except OSError as error:
        return [written, error.errno]
    return [written, 0]
"""

    async def scenario(made: Bench) -> None:
        spec = made.function(source, temporary_megabytes=8)
        written, error = await made.call(spec, 20)
        assert written <= 8 * 2**20
        assert error == errno.ENOSPC
        assert await made.call(made.function(source, temporary_megabytes=8, revision="other"), 4) == [4 * 2**20, 0]

    run(tmp_path, scenario)
