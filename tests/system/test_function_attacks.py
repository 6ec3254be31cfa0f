"""Attack 17 of the threat list: function code against the host, the server and other functions."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import pytest
from tests.support.functions import DETECTED, bench

from strongroom.services.awslambda.runtime import BubblewrapSandbox

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not isinstance(DETECTED, BubblewrapSandbox), reason=DETECTED.warning),
]
CANARY = "canary-7c1f0f52"

READER = """
import os
def attempt(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode("latin-1")
    except OSError as error:
        return type(error).__name__
def handler(event, context):
    tries = [event, "/proc/1/root" + event, "/proc/self/root" + event, "/proc/self/cwd/../.." + event, "../.." + event]
    return {path: attempt(path) for path in tries}
"""


def test_attack_17_reads_no_host_file(tmp_path: Path) -> None:
    secret = tmp_path / "host-file"
    secret.write_text(CANARY)
    secret.chmod(0o644)

    async def scenario() -> None:
        async with bench(tmp_path) as made:
            seen = await made.call(made.function(READER), str(secret))
            assert set(seen.values()) <= {"FileNotFoundError", "PermissionError"}
            lister = made.function("import os\ndef handler(e, c): return sorted(os.listdir(e))")
            top = {"bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "opt", "proc", "sbin", "tmp", "usr", "var"}
            assert set(await made.call(lister, "/")) - top <= {Path(made.interpreter_prefix()).parts[1]}
            assert await made.call(lister, "/tmp") == []
            assert await made.call(lister, "/var") == ["runtime", "task"]
            shadow = await made.call(made.function(READER), "/etc/shadow")
            assert set(shadow.values()) <= {"FileNotFoundError", "PermissionError"}

    asyncio.run(scenario())


def test_attack_17_reads_no_root_key_file(tmp_path: Path) -> None:
    key = tmp_path / "data" / "root.key"
    key.parent.mkdir(mode=0o700)
    key.write_text(CANARY)
    key.chmod(0o600)

    async def scenario() -> None:
        async with bench(key.parent) as made:
            seen = await made.call(made.function(READER), str(key))
            assert set(seen.values()) <= {"FileNotFoundError", "PermissionError"}
        # Even a data folder inside something that functions see does not show through.
        hidden = Path("/usr/share")
        async with bench(tmp_path, hidden_paths=(hidden,)) as made:
            lister = "import os\ndef handler(e, c):\n    try: return os.listdir(e)\n    except OSError: return []"
            assert await made.call(made.function(lister), str(hidden)) == []

    asyncio.run(scenario())


def test_attack_17_reads_no_other_functions_code(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as made:
            victim = made.function(f"def handler(e, c): return '{CANARY}'", name="victim")
            await made.call(victim)
            path = tmp_path / "work" / "code" / victim.code_sha256 / "mod.py"
            assert CANARY in path.read_text()
            seen = await made.call(made.function(READER), str(path))
            assert set(seen.values()) <= {"FileNotFoundError", "PermissionError"}

    asyncio.run(scenario())


PROCESSES = """
import os, signal
def handler(event, context):
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with open(f"/proc/{pid}/cmdline") as file:
            found[pid] = file.read().replace("\\0", " ")
    try:
        os.kill(event, 0)
        found["kill"] = "reached"
    except OSError as error:
        found["kill"] = type(error).__name__
    return found
"""


def test_attack_17_sees_no_host_processes(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as made:
            await made.call(made.function("def handler(e, c): return 1", name="neighbour"))
            seen = await made.call(made.function(PROCESSES), os.getpid())
            assert seen.pop("kill") == "ProcessLookupError"
            assert len(seen) == 2, seen  # the namespace's first process, and the handler itself
            assert not any("pytest" in line for line in seen.values())

    asyncio.run(scenario())


ENVIRONMENTS = """
import glob, os
def handler(event, context):
    found = repr(dict(os.environ))
    for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, errors="replace") as file:
                found += file.read()
        except OSError:
            pass
    return {"found": found, "descriptors": sorted(os.listdir("/proc/self/fd"), key=int)[:8]}
"""


def test_attack_17_sees_nothing_of_the_servers_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRONGROOM_TEST_SECRET", CANARY)

    async def scenario() -> None:
        async with bench(tmp_path) as made:
            seen = await made.call(made.function(ENVIRONMENTS, environment={"MINE": "mine"}))
            assert CANARY not in seen["found"]
            assert str(tmp_path) not in seen["found"].replace("/var/task", "")
            # Standard input, output and error, the connection to the runtime API, and the listing itself.
            assert len(seen["descriptors"]) <= 5

    asyncio.run(scenario())


WRITER = """
import os
def handler(event, context):
    written = []
    for folder in ("/", "/var/task", "/var/runtime", "/opt", "/etc", "/usr", "/dev", "/dev/shm", "/var", "/tmp"):
        try:
            with open(folder + "/written", "w") as file:
                file.write("x")
            written.append(folder)
        except OSError:
            pass
    filled = 0
    try:
        for number in range(8):
            with open(f"/tmp/big{number}", "wb") as file:
                while filled < 1 << 30:
                    filled += file.write(bytes(1 << 20))
    except OSError:
        pass
    for number in range(8):
        if os.path.exists(f"/tmp/big{number}"):
            os.unlink(f"/tmp/big{number}")
    return {"written": written, "filled": filled, "uid": os.getuid(),
            "status": open("/proc/self/status").read()}
"""


def owners_of_handlers() -> set[int]:
    """The users, as the host sees them, of the processes in which handlers run."""
    owners = set()
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            words = (path / "cmdline").read_bytes().split(b"\0")
            if b"/var/runtime/bootstrap.py" in words and not words[0].endswith(b"bwrap"):
                owners.add(path.stat().st_uid)
    return owners


def test_attack_17_writes_nowhere_but_tmp_and_is_nobody(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as made:
            seen = await made.call(made.function(WRITER))
            assert seen["written"] == ["/tmp"]
            assert seen["filled"] <= 513 * 1024 * 1024
            owners = owners_of_handlers()
            assert owners
            assert 0 not in owners
            assert seen["uid"] != 0
            fields = dict(line.split(":\t", 1) for line in seen["status"].splitlines() if ":\t" in line)
            assert {fields[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
            assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")

    asyncio.run(scenario())


SYSTEM_CALLS = """
import ctypes, errno, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def attempt(name, *arguments):
    return "done" if getattr(libc, name)(*arguments) >= 0 else errno.errorcode[ctypes.get_errno()]
def handler(event, context):
    family = "done"
    try:
        socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)
    except OSError as error:
        family = errno.errorcode[error.errno]
    return {
        "user namespace": attempt("unshare", 0x10000000), "mount": attempt("mount", b"none", b"/tmp", b"tmpfs", 0, 0),
        "ptrace": attempt("ptrace", 0, 0, 0, 0), "setns": attempt("setns", 0, 0), "chroot": attempt("chroot", b"/tmp"),
        "setuid": attempt("setuid", 0), "memory file": attempt("memfd_create", b"x", 0), "kernel crypto": family,
    }
"""


def test_attack_17_makes_no_privileged_system_call(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as made:
            seen = await made.call(made.function(SYSTEM_CALLS))
            assert seen.pop("kernel crypto") == "EAFNOSUPPORT"
            assert seen.pop("setuid") in {"EPERM", "EINVAL"}
            assert set(seen.values()) == {"EPERM"}, seen

    asyncio.run(scenario())


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


def test_attack_17_fork_bomb_is_bounded(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as made:
            # Much memory, so that it is the number of processes that stops it.
            children = await made.call(made.function(FORK_BOMB, memory_megabytes=1024))
            assert 0 < children < 256
            assert await made.call(made.function("def handler(e, c): return 'still here'", name="g")) == "still here"

    asyncio.run(scenario())


MEMORY_BOMB = """
import os
def hold(megabytes):
    held = []
    for _ in range(megabytes):
        held.append(b"x" * (1 << 20))
    return held
def handler(event, context):
    if event == "alone":
        hold(4096)
    for _ in range(40):
        if os.fork() == 0:
            held = hold(100)
            while True:
                held[0] = held[0]
    while True:
        pass
"""


@pytest.mark.parametrize("event", ["alone", "together"])
def test_attack_17_memory_bomb_is_bounded(tmp_path: Path, event: str) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as made:
            failure = await made.failure(made.function(MEMORY_BOMB), event)
            # Another pool on this host uses the same system users: then the limit on processes is reached first.
            assert failure["errorType"] in {"Runtime.OutOfMemory", "MemoryError", "BlockingIOError"}
            assert await made.call(made.function("def handler(e, c): return 'still here'", name="g")) == "still here"

    asyncio.run(scenario())


def test_attack_17_preloads_nothing_into_what_confines_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as made:
            source = "def handler(e, c): return open('/proc/self/status').read()"
            spec = made.function(source, environment={"LD_PRELOAD": "/var/task/mod.py", "BASH_ENV": "/var/task/mod.py"})
            assert "NoNewPrivs:\t1" in await made.call(spec)
            # The loader complains once, about the interpreter: bubblewrap, prlimit and setpriv never saw the variable.
            assert sum("cannot be preloaded" in line for line in made.logs) == 1, made.logs

    asyncio.run(scenario())


NEIGHBOUR = """
import http.client, os
def handler(event, context):
    address = os.environ["AWS_LAMBDA_RUNTIME_API"].partition("/")[0]
    connection = http.client.HTTPConnection(address)
    connection.request("GET", "/" + event + "/2018-06-01/runtime/invocation/next")
    return connection.getresponse().status
"""


def test_attack_17_fetches_no_other_functions_events(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as made:
            for guess in ("", "0" * 64):
                assert await made.call(made.function(NEIGHBOUR), guess) == 403

    asyncio.run(scenario())
