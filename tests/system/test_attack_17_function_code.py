"""Attack 17 through the Lambda API: function code against the data folder, the server, its neighbours and the host."""

from __future__ import annotations

import io
import json
import stat
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.functions import DETECTED
from tests.support.lambda_service import archive, make_function, make_role
from tests.support.policies import allow, document, refusal_code
from tests.support.processes import alive, family
from tests.support.rotation import wait_until
from tests.support.server import RunningServer, start_server

from strongroom.services.awslambda.runtime import BubblewrapSandbox

pytestmark = [
    pytest.mark.system,
    pytest.mark.xdist_group("attack-17"),
    pytest.mark.skipif(not isinstance(DETECTED, BubblewrapSandbox), reason=DETECTED.warning),
]
MARK = f"canary{uuid.uuid4().hex}"

READ = """
import glob, os
def attempt(path):
    try:
        with open(path, "rb") as file:
            return file.read(4096).decode("latin-1")
    except OSError as error:
        return ""
def handler(event, context):
    found = {}
    for pattern in event:
        for path in glob.glob(pattern) or [pattern]:
            for way in (path, "/proc/1/root" + path, "/proc/self/root" + path, "../../.." + path):
                found[way] = attempt(way)
    return {path: text for path, text in found.items() if text}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with a mark in its environment, that no function may see."""
    started = start_server(tmp_path_factory.mktemp("attack-17") / "data", environment={"MARK": MARK})
    yield started
    started.stop()


@pytest.fixture(scope="module")
def role(server: RunningServer) -> str:
    return make_role(server)


def run(server: RunningServer, role: str, source: str, event: object = None, **changes: Any) -> Any:
    """Make a function, invoke it, and give what it answers."""
    made = make_function(server, role, source, **changes)
    answer = server.client("lambda").invoke(FunctionName=made["FunctionName"], Payload=json.dumps(event))
    found = json.loads(answer["Payload"].read())
    return {"error": found["errorType"]} if "FunctionError" in answer else found


def still_serves(server: RunningServer, role: str) -> None:
    """Secrets are served and functions run."""
    secrets, name = server.client("secretsmanager"), uuid.uuid4().hex
    secrets.create_secret(Name=name, SecretString="still here")
    assert secrets.get_secret_value(SecretId=name)["SecretString"] == "still here"
    assert run(server, role, "def handler(event, context):\n    return 'still here'\n") == "still here"


def test_attack_17_reads_no_file_of_the_data_folder(server: RunningServer, role: str) -> None:
    files = [str(file) for file in server.data_dir.rglob("*") if file.is_file()]
    assert str(server.data_dir / "root.key") in files
    assert run(server, role, READ, [*files, str(server.log), f"{server.data_dir}/*"]) == {}


def test_attack_17_reads_no_code_of_another_function(server: RunningServer, role: str) -> None:
    run(server, role, f"HELD = '{MARK}'\ndef handler(event, context):\n    return 1\n")
    places = [f"{folder}/strongroom-*/**" for folder in ("/tmp", "/var/tmp", "/run")]
    code = [str(file) for file in Path("/tmp").glob("strongroom-*/functions/code/*/mod.py")]
    assert any(MARK in Path(file).read_text() for file in code)
    assert MARK not in json.dumps(run(server, role, READ, [*places, *code, "/var/task/../*/mod.py"]))


def test_attack_17_sees_nothing_of_the_server_or_the_host(server: RunningServer, role: str) -> None:
    processes = [str(pid) for pid in family(server.process.pid)]
    patterns = [f"/proc/{pid}/{file}" for pid in (*processes, "[0-9]*") for file in ("environ", "cmdline", "maps")]
    found = json.dumps(run(server, role, READ, [*patterns, "/etc/shadow", "/root/.*", "/home/*/.*", "/root/.aws/*"]))
    assert MARK not in found
    assert str(server.data_dir) not in found
    assert server.administrator.access_key_id not in found
    assert "strongroom serve" not in found.replace("\\u0000", " ")


def test_attack_17_has_no_more_rights_than_its_role(server: RunningServer) -> None:
    secrets = server.client("secretsmanager")
    names = {kind: f"{kind}/{uuid.uuid4().hex}" for kind in ("open", "closed")}
    arns = {kind: secrets.create_secret(Name=name, SecretString=kind)["ARN"] for kind, name in names.items()}
    limited = make_role(server, policy=document(allow("secretsmanager:GetSecretValue", resource=arns["open"])))
    source = """
import boto3
def handler(event, context):
    found = {}
    for name in event:
        try:
            found[name] = boto3.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
        except Exception as error:
            found[name] = type(error).__name__ + str(getattr(error, "response", {}).get("Error", {}).get("Code"))
    for service, operation in (("iam", "list_users"), ("lambda", "list_functions"), ("kms", "list_keys")):
        try:
            getattr(boto3.client(service), operation)()
            found[operation] = "done"
        except Exception as error:
            found[operation] = "refused"
    return found
"""
    found = run(server, limited, source, list(names.values()))
    assert found[names["open"]] == "open"
    assert "AccessDeniedException" in found[names["closed"]]
    assert {found["list_users"], found["list_functions"], found["list_keys"]} == {"refused"}


def hostile_archives() -> Iterator[tuple[str, bytes]]:
    """Archives that would write outside of their folder, or more than fits."""

    def packed(*entries: tuple[str, int, bytes]) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr("mod.py", "def handler(event, context):\n    return 1\n")
            for name, mode, content in entries:
                entry = zipfile.ZipInfo(name)
                entry.external_attr = mode << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                made.writestr(entry, content)
        return buffer.getvalue()

    plain, link = stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777
    for name in ("../slipped", "/tmp/slipped", "a/../../slipped", "..\\slipped", "a/./../../slipped", "C:/../slipped"):
        yield name, packed((name, plain, b"x"))
    yield "a link", packed(("link", link, b"/etc/passwd"))
    yield "a link to a folder", packed(("link", link, b"/tmp"), ("link/slipped", plain, b"x"))
    yield "a device", packed(("device", stat.S_IFCHR | 0o666, b""))
    yield "a bomb", packed(("zeros", plain, bytes(260 * 1024 * 1024)))
    yield "not an archive", b"PK\x03\x04" + bytes(100)


def test_attack_17_archives_that_slip_are_refused(server: RunningServer, role: str) -> None:
    functions = server.client("lambda")
    kept = make_function(server, role)["FunctionName"]
    for what, content in hostile_archives():
        with pytest.raises(ClientError) as caught:
            make_function(server, role, Code={"ZipFile": content})
        assert caught.value.response["Error"]["Code"] == "InvalidParameterValueException", what
        code = refusal_code(functions, "update_function_code", FunctionName=kept, ZipFile=content)
        assert code == "InvalidParameterValueException", what
        layer = {"LayerName": "hostile", "Content": {"ZipFile": content}}
        assert refusal_code(functions, "publish_layer_version", **layer) == "InvalidParameterValueException", what
    assert not list(Path("/tmp").glob("slipped*"))
    answer = functions.invoke(FunctionName=kept, Payload=b'"as before"')
    assert json.loads(answer["Payload"].read()) == "as before"


FORK_BOMB = """
import os, time
def handler(event, context):
    children = 0
    try:
        while children < 2000:
            if os.fork() == 0:
                os.setsid()
                time.sleep(600)
                os._exit(0)
            children += 1
    except OSError:
        pass
    return children
"""


def test_attack_17_a_fork_bomb_hurts_nobody_else(server: RunningServer, role: str) -> None:
    made = make_function(server, role, FORK_BOMB, MemorySize=512)
    functions = server.client("lambda")
    before = family(server.process.pid)
    answer = functions.invoke(FunctionName=made["FunctionName"])
    assert 0 < json.loads(answer["Payload"].read()) < 256
    started = family(server.process.pid) - before
    still_serves(server, role)
    functions.delete_function(FunctionName=made["FunctionName"])
    wait_until(lambda: not alive(started), "the bomb's processes are gone")


MEMORY_BOMB = """
def handler(event, context):
    held = []
    while True:
        held.append(b"x" * (1 << 20))
"""


def test_attack_17_a_memory_bomb_hurts_nobody_else(server: RunningServer, role: str) -> None:
    found = run(server, role, MEMORY_BOMB, MemorySize=128)
    assert found["error"] in {"MemoryError", "Runtime.OutOfMemory"}
    still_serves(server, role)


def test_attack_17_a_flood_of_output_hurts_nobody_else(server: RunningServer, role: str) -> None:
    source = "def handler(event, context):\n    for _ in range(20000):\n        print('x' * 5000)\n    return 1\n"
    assert run(server, role, source) in (1, {"error": "Sandbox.Timedout"})
    still_serves(server, role)


def test_attack_17_a_function_that_kills_all_it_can(server: RunningServer, role: str) -> None:
    source = """
import os, signal
def handler(event, context):
    reached = []
    for pid in event:
        try:
            os.kill(pid, signal.SIGKILL)
            reached.append(pid)
        except OSError:
            pass
    return reached
"""
    processes = {pid for pid in family(server.process.pid) if pid > 100}
    assert run(server, role, source, sorted(processes)) == []
    run(server, role, "import os, signal\ndef handler(event, context):\n    os.kill(-1, signal.SIGKILL)\n")
    assert server.process.poll() is None
    still_serves(server, role)


def test_attack_17_another_functions_code_cannot_be_run_in_its_place(server: RunningServer, role: str) -> None:
    """Whoever may not invoke or change a function can do neither, nor give it another role."""
    victim = make_function(server, role)["FunctionName"]
    user = server.make_user(document(allow("lambda:GetFunction", "iam:PassRole")))
    functions = server.client("lambda", user)
    assert refusal_code(functions, "invoke", FunctionName=victim) == "AccessDeniedException"
    code = refusal_code(functions, "update_function_code", FunctionName=victim, ZipFile=archive("x = 1"))
    assert code == "AccessDeniedException"
    assert refusal_code(functions, "update_function_configuration", FunctionName=victim, Role=role) == (
        "AccessDeniedException"
    )
