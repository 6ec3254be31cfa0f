"""The strong sandbox: bubblewrap, a system-call filter and an unprivileged user.

A function sees a file system made of nothing but the operating system's programs and libraries, its interpreter, the
AWS SDK, its own code and an empty ``/tmp`` of limited size; everything but ``/tmp`` is read-only. It has its own
process table, IPC objects, host name and control-group view, no capability, and cannot get any.

The network is the host's unless the operator says otherwise, because a rotation function exists to reach databases and
Strongroom itself: what listens on the host's loopback or on an abstract Unix socket without asking for a password is
open to functions. In a network of its own a function finds a loopback with two ports, which a relay leads to the
Runtime API and to Strongroom's endpoint (see `doors`), and nothing else.

Two ways, by who the server is:

* an ordinary user: bubblewrap makes a user namespace and the function is user 1000 in it;
* root: bubblewrap builds the file system with root's rights (so that an interpreter under a private home can be
  shown), then ``setpriv`` becomes a user that belongs to this process alone. There is no user namespace: the function
  would be root outside of it, and the kernel exempts root from the limit on processes.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from strongroom.services.awslambda.runtime.confinement import Tools, function_user
from strongroom.services.awslambda.runtime.memory import child_processes
from strongroom.services.awslambda.runtime.sandbox import Confined, Layout, Room, in_memory_file
from strongroom.services.awslambda.runtime.seccomp import filter_program
from strongroom.services.awslambda.runtime.supplies import RELAY

__all__ = ["BubblewrapSandbox"]

_USER_INSIDE = 1000
_LAYOUT = Layout(
    task_root="/var/task",
    runtime_dir="/var/runtime",
    layers="/opt",
    temporary="/tmp",  # noqa: S108 - the sandbox's own
    certificates="/etc/pki/tls/cert.pem",
    bootstrap="/var/runtime/bootstrap.py",
)

_RELAY = "/var/runtime/relay.py"

# Where Amazon Linux, Debian and OpenSSL itself look for certificates.
_CERTIFICATE_PLACES = (
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs/ca-certificates.crt",
)

# How names are resolved and libraries found; none of these tells one host's secrets.
_HOST_SETTINGS = (
    "/etc/alternatives",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/nsswitch.conf",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl/openssl.cnf",
)


class BubblewrapSandbox:
    """Confines processes with ``bwrap``."""

    isolated = True
    warning = ""

    def __init__(self, bwrap: str, tools: Tools) -> None:
        """Use the program ``bwrap`` (absolute path).

        Raises:
            KeyError: There is no system-call filter for this machine.
        """
        self._bwrap = bwrap
        self._tools = tools
        self._filter = filter_program(os.uname().machine)

    def staging(self, work_dir: Path) -> Path:
        """``work_dir`` itself: what functions may see of it is shown to them."""
        return work_dir

    def layout(self, room: Room) -> Layout:
        """AWS's own places."""
        users = room.scratch / "passwd"
        groups = room.scratch / "group"
        user = _inside_user(room.slot)
        users.write_text(f"root:x:0:0:root:/:/usr/sbin/nologin\nfunction:x:{user}:{user}::/tmp:/usr/sbin/nologin\n")
        groups.write_text(f"root:x:0:\nfunction:x:{user}:\n")
        users.chmod(0o444)
        groups.chmod(0o444)
        return replace(_LAYOUT, bootstrap=_bootstrap(room))

    def confine(self, room: Room, program: Sequence[str]) -> Confined:
        """Build the command line. See the module's text for its two forms."""
        user = function_user(room.slot)
        chain = self._tools.limited(room.limits, room.limits.tasks)
        if user is None:
            privileges = ["--unshare-user", "--uid", str(_USER_INSIDE), "--gid", str(_USER_INSIDE), "--cap-drop", "ALL"]
        else:
            # Exactly what setpriv needs in order to give everything up.
            privileges = ["--cap-drop", "ALL"]
            for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
                privileges += ["--cap-add", capability]
            chain += self._tools.as_user(user)
        seccomp = in_memory_file(self._filter)
        options = [
            *privileges,
            *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
            *("--hostname", "lambda", "--die-with-parent", "--new-session"),
            *(("--unshare-net",) if room.doors else ()),
            *_system_mounts(),
            *_function_mounts(room),
            *("--seccomp", str(seccomp), "--chdir", _LAYOUT.task_root),
        ]
        # By a descriptor, because the function can read the command line of its namespace's first process.
        wishes = in_memory_file(b"\0".join(os.fsencode(option) for option in options) + b"\0")
        command = self._tools.program([*_relay(room), *program])
        arguments = [self._bwrap, "--args", str(wishes), "--", *chain, *command]
        return Confined(arguments, (seccomp, wishes), "/")

    def end(self, pid: int | None, mark: str) -> None:
        """Kill the first process of the namespace: the kernel then ends all others, whatever session they moved to.

        Bubblewrap outside waits for that one and exits by itself. Killing bubblewrap instead would do the same, but
        leave a dead process to the host's init, and in a container there may be none that buries it.
        """
        del mark  # the namespace finds them all
        if pid is None:
            return
        inside = child_processes(pid)
        for child in inside:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        if not inside:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)


def _inside_user(slot: int) -> int:
    user = function_user(slot)
    return _USER_INSIDE if user is None else user


def _system_mounts() -> list[str]:
    """The operating system: programs, libraries, a private /proc, a small /dev and an empty /tmp come from here."""
    words = ["--ro-bind", "/usr", "/usr"]
    for folder in ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
        path = Path(folder)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), folder]
        elif path.is_dir():
            words += ["--ro-bind", folder, folder]
    words += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    for setting in _HOST_SETTINGS:
        words += [*_parents(setting), "--ro-bind-try", setting, setting]
    return words


def _function_mounts(room: Room) -> list[str]:
    """What belongs to this function."""
    words = ["--perms", "1777", "--size", str(room.limits.file_bytes), "--tmpfs", _LAYOUT.temporary]
    for prefix in dict.fromkeys(each.prefix for each in (room.interpreter, room.relay) if each is not None):
        if not prefix.is_relative_to("/usr"):
            words += [*_parents(str(prefix)), "--ro-bind", str(prefix), str(prefix)]
    for hidden in room.hidden_paths:
        if hidden.is_dir() and any(hidden.resolve().is_relative_to(shown) for shown in _shown_folders(room)):
            words += ["--perms", "0000", "--tmpfs", str(hidden.resolve()), "--remount-ro", str(hidden.resolve())]
    for place in _CERTIFICATE_PLACES:
        words += [*_parents(place), "--ro-bind", str(room.certificates), place]
    for name in ("passwd", "group"):
        words += ["--ro-bind", str(room.scratch / name), f"/etc/{name}"]
    words += _parents("/var/task")
    words += ["--perms", "0755", "--dir", "/opt"] if room.layers is None else ["--ro-bind", str(room.layers), "/opt"]
    words += ["--ro-bind", str(room.code), _LAYOUT.task_root, "--perms", "0755", "--dir", _LAYOUT.runtime_dir]
    words += ["--ro-bind", str(room.bootstrap), _bootstrap(room)]
    for name, path in room.libraries.items():
        words += ["--ro-bind", str(path), f"{_LAYOUT.runtime_dir}/{name}"]
    if room.doors:
        words += ["--ro-bind", str(RELAY), _RELAY]
    for port, socket in room.doors.items():
        words += ["--ro-bind", str(socket), _door(port)]
    return [*words, "--remount-ro", "/"]


def _door(port: int) -> str:
    return f"{_LAYOUT.runtime_dir}/door-{port}"


def _relay(room: Room) -> list[str]:
    """The words that run the rest of a command line behind the relay; none where the network is the host's."""
    if room.relay is None or not room.doors:
        return []
    doors = [f"{port}={_door(port)}" for port in room.doors]
    return [str(room.relay.executable), "-I", "-S", _RELAY, *doors, "--"]


def _bootstrap(room: Room) -> str:
    return f"{_LAYOUT.runtime_dir}/{room.bootstrap.name}"


def _shown_folders(room: Room) -> list[Path]:
    return [Path("/usr"), *(each.prefix for each in (room.interpreter, room.relay) if each is not None)]


def _parents(place: str) -> list[str]:
    """Make the folders above ``place`` with rights to pass: bubblewrap's own would be for their owner alone."""
    words: list[str] = []
    for folder in reversed(Path(place).parents[:-1]):
        words += ["--perms", "0755", "--dir", str(folder)]
    return words
