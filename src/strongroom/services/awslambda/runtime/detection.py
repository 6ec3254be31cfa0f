"""Finding out by trying which sandbox works on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from strongroom.services.awslambda.runtime.bubblewrap import BubblewrapSandbox
from strongroom.services.awslambda.runtime.confinement import Tools, environment_script, limits_for
from strongroom.services.awslambda.runtime.plain import PlainSandbox
from strongroom.services.awslambda.runtime.sandbox import Room, in_memory_file
from strongroom.services.awslambda.runtime.seccomp import SUPPORTED_MACHINES

__all__ = ["detect_sandbox"]

_TRIAL_SECONDS = 10


def detect_sandbox() -> BubblewrapSandbox | PlainSandbox:
    """The best sandbox that really works here: bubblewrap if a trial process runs in it, else the plain one.

    Containers commonly have the program but not the right to make namespaces; only trying tells. Blocks for some
    tens of milliseconds.

    Raises:
        OperatorError: Not even limits can be set (util-linux is missing).
    """
    tools = Tools.find()
    bwrap = shutil.which("bwrap", path="/usr/bin:/usr/local/bin:/bin")
    if bwrap is None:
        return PlainSandbox(tools, "bubblewrap (bwrap) is not installed.")
    if os.uname().machine not in SUPPORTED_MACHINES:
        return PlainSandbox(tools, f"there is no system-call filter for {os.uname().machine}.")
    sandbox = BubblewrapSandbox(bwrap, tools)
    failure = _trial(sandbox)
    return PlainSandbox(tools, f"bubblewrap does not work here ({failure}).") if failure else sandbox


def _trial(sandbox: BubblewrapSandbox) -> str:
    """Run a harmless program in the sandbox; empty when it ran, else what went wrong."""
    with tempfile.TemporaryDirectory(prefix="strongroom-trial-") as name:
        scratch = Path(name)
        code = scratch / "code"
        code.mkdir()
        empty = scratch / "empty"
        empty.touch()
        room = Room(
            code=code,
            layers=None,
            libraries={},
            bootstrap=empty,
            interpreter=None,
            certificates=empty,
            scratch=scratch,
            slot=0,
            limits=limits_for(128),
            hidden_paths=(),
        )
        sandbox.layout(room)
        confined = sandbox.confine(room, ["/usr/bin/id", "-u"])
        script = in_memory_file(environment_script({}))
        try:
            trial = subprocess.run(  # noqa: S603 - a fixed command line
                confined.arguments,
                stdin=script,
                capture_output=True,
                cwd=confined.directory,
                env={},
                pass_fds=confined.descriptors,
                start_new_session=True,
                timeout=_TRIAL_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        finally:
            for descriptor in (script, *confined.descriptors):
                os.close(descriptor)
    if trial.returncode == 0:
        return ""
    return trial.stderr.decode(errors="replace").strip() or f"exit status {trial.returncode}"
