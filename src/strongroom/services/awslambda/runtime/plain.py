"""The weak sandbox: an ordinary process with limits, for machines without a working bubblewrap.

A function can read whatever its user can read on the host. Under a server that runs as an ordinary user that is
everything of the server's own, the root key file included; `PlainSandbox.warning` says so and is meant to be shown
loudly. Under root every process gets a user of its own, so that it can at least not read what only root may.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from strongroom.errors import OperatorError
from strongroom.services.awslambda.runtime.confinement import Tools, function_user, tasks_of
from strongroom.services.awslambda.runtime.sandbox import Confined, Layout, Room

__all__ = ["PlainSandbox"]

_SWEEPS = 20  # a fork bomb makes new processes while the old ones are being killed


class PlainSandbox:
    """Confines processes by limits alone.

    Args:
        tools: The programs that set limits.
        reason: Why there is nothing better here.
    """

    isolated = False

    def __init__(self, tools: Tools, reason: str) -> None:
        self._tools = tools
        self._reason = reason

    @property
    def warning(self) -> str:
        """The danger in plain words, the cause and the cure."""
        return (
            "FUNCTIONS RUN WITHOUT A SANDBOX: their code can read every file of the user it runs as and see the host's "
            f"processes. Cause: {self._reason} Install bubblewrap and let it create namespaces, or run only functions "
            "that you trust like the server itself."
        )

    def staging(self, work_dir: Path) -> Path:
        """``work_dir``, or under root a folder that the functions' users can pass through to their own code."""
        if os.geteuid() != 0:
            return work_dir
        folder = Path(tempfile.mkdtemp(prefix="strongroom-functions-"))
        folder.chmod(0o711)
        return folder

    def layout(self, room: Room) -> Layout:
        """Real paths on the host. ``/tmp`` is the host's, so TMPDIR names a folder of the process's own."""
        user = function_user(room.slot)
        runtime = room.scratch / "runtime"
        if user is not None:  # copies are costly, so processes of a kind share them; only root may write there
            runtime = room.scratch.parent / f"runtime{room.bootstrap.suffix}"
        temporary = room.scratch / "tmp"
        layers = room.layers or room.scratch / "opt"
        for folder in (temporary, *([] if room.layers else [layers])):
            folder.mkdir(mode=0o755)
        certificates = runtime / "ca-bundle.pem"
        if not runtime.exists():
            _fill(runtime, room, linked=user is None)
        temporary.chmod(0o700)
        if user is not None:
            room.scratch.chmod(0o711)
            os.chown(temporary, user, user)
        return Layout(
            task_root=str(room.code),
            runtime_dir=str(runtime),
            layers=str(layers),
            temporary=str(temporary),
            certificates=str(certificates),
            bootstrap=str(runtime / room.bootstrap.name),
        )

    def confine(self, room: Room, program: Sequence[str]) -> Confined:
        """Limits, a user of its own under root, and death together with the server."""
        user = function_user(room.slot)
        with_parent = [self._tools.setpriv, "--pdeathsig", "KILL", "--no-new-privs"]
        if user is None:
            # The kernel counts the tasks of a user wherever they run, so what it has already is added.
            tasks = tasks_of(os.getuid()) + room.limits.tasks
            chain = [*self._tools.limited(room.limits, tasks), *with_parent]
        else:
            for needed in (room.code, Path(program[0])):
                _check_reach(needed)
            # Changing the user clears the request to die with the parent, so that one comes last.
            chain = [*self._tools.limited(room.limits, room.limits.tasks), *self._tools.as_user(user), *with_parent]
        return Confined([*chain, *self._tools.program(program)], (), str(room.code))

    def end(self, pid: int | None, mark: str) -> None:
        """Kill the group, then whatever left it but still carries ``mark`` in its environment."""
        if pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        for _ in range(_SWEEPS):
            strays = _carriers(mark)
            for stray in strays:
                with suppress(ProcessLookupError):
                    os.kill(stray, signal.SIGKILL)
            if not strays:
                return


def _carriers(mark: str) -> list[int]:
    """Living processes with ``mark`` in their environment, as far as this user may look."""
    needle = mark.encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                if needle in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
    return found


def _fill(runtime: Path, room: Room, *, linked: bool) -> None:
    """Make the runtime folder: the SDK, the bootstrap and the certificates. It appears complete or not at all."""
    partial = room.scratch / "runtime.partial"
    partial.mkdir(mode=0o755)
    for name, path in room.libraries.items():
        _place(path, partial / name, linked=linked)
    _place(room.bootstrap, partial / room.bootstrap.name, linked=linked)
    _place(room.certificates, partial / "ca-bundle.pem", linked=linked)
    try:
        partial.rename(runtime)
    except OSError:
        if not runtime.exists():
            raise
        shutil.rmtree(partial)  # another process was quicker


def _place(source: Path, target: Path, *, linked: bool) -> None:
    """Put ``source`` at ``target``: a link, or a copy that any user may read."""
    if linked:
        target.symlink_to(source)
    elif source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), copy_function=_readable_copy)
    else:
        _readable_copy(str(source), str(target))


def _readable_copy(source: str, target: str) -> str:
    shutil.copyfile(source, target)
    Path(target).chmod(0o444)
    return target


def _check_reach(path: Path) -> None:
    """Refuse a path that an unprivileged user cannot reach, instead of running the function as root."""
    resolved = path.resolve()
    for folder in resolved.parents:
        if not stat.S_IMODE(folder.stat().st_mode) & stat.S_IXOTH:
            raise OperatorError(
                "The function cannot be run without bubblewrap by a server that runs as root.",
                why=f"Functions never run as root, and no other user can reach {resolved}.",
                fix="Install bubblewrap, run Strongroom as an ordinary user, or use an interpreter under /usr.",
            )
