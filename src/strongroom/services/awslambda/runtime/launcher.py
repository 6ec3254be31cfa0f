"""Starting function processes: everything between a function's description and a running, confined program."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from strongroom.errors import AwsError
from strongroom.services.awslambda.runtime.api import RuntimeApi
from strongroom.services.awslambda.runtime.confinement import environment_script, limits_for
from strongroom.services.awslambda.runtime.environment import function_environment
from strongroom.services.awslambda.runtime.failures import StartError
from strongroom.services.awslambda.runtime.interpreters import Interpreter, InterpreterShelf
from strongroom.services.awslambda.runtime.model import FunctionSpec, Surroundings
from strongroom.services.awslambda.runtime.output import LogStream, OutputPipe
from strongroom.services.awslambda.runtime.process import FunctionProcess, Parts
from strongroom.services.awslambda.runtime.sandbox import Confined, Layout, Room, in_memory_file
from strongroom.services.awslambda.runtime.supplies import BOOTSTRAP, sdk_libraries, write_certificates
from strongroom.services.awslambda.runtime.unpack import CodeStore, remove_tree
from strongroom.world import from_milliseconds

__all__ = ["Launcher", "is_supported_runtime"]

_PYTHON = re.compile(r"python(3\.\d{1,2})\Z")
_PROVIDED = re.compile(r"provided(\.[a-z0-9]+)?\Z")


def is_supported_runtime(runtime: str) -> bool:
    """Whether functions of this runtime can be run: ``python3.N``, or ``provided`` and ``provided.*``."""
    return bool(_PYTHON.match(runtime) or _PROVIDED.match(runtime))


class Launcher:
    """Starts processes of functions.

    Args:
        surroundings: What the pool was given.
        api: Where processes will ask for invocations.
    """

    def __init__(self, surroundings: Surroundings, api: RuntimeApi) -> None:
        self._surroundings = surroundings
        self._api = api
        self._interpreters = InterpreterShelf()
        self._libraries = sdk_libraries()
        work_dir = surroundings.work_dir
        work_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        work_dir.chmod(0o700)
        self._staging = surroundings.sandbox.staging(work_dir)
        self.code = CodeStore(self._staging / "code")
        self._scratch = self._staging / "processes"
        remove_tree(self._scratch)
        self._scratch.mkdir(mode=0o700)
        self._scratch.chmod(0o711)
        self._certificates = self._staging / "ca-bundle.pem"
        self._certificates.unlink(missing_ok=True)
        write_certificates(self._certificates, surroundings.ca_bundle)

    def close(self) -> None:
        """Remove everything that was unpacked. Call when no process is left."""
        for folder in (self._staging / "code", self._scratch):
            remove_tree(folder)
        self._certificates.unlink(missing_ok=True)
        if self._staging != self._surroundings.work_dir:
            remove_tree(self._staging)

    async def launch(self, spec: FunctionSpec, slot: int) -> FunctionProcess:
        """Start a process; it is not ready yet.

        Args:
            spec: The function.
            slot: A number that no other living process has.

        Raises:
            AwsError: Its code cannot be had or unpacked, or its runtime is not supported.
            StartError: Its code has nothing to start.
            OperatorError: This machine cannot run it confined.
        """
        surroundings = self._surroundings
        interpreter, notices = await self._interpreter(spec)
        code = await self.code.folder(spec.code_sha256, lambda: surroundings.code_loader(spec))
        if interpreter is None:
            _check_entrypoint(code)
        credentials = await surroundings.credentials(spec)
        token, runtime_api, channel = self._api.open_channel()
        scratch = self._scratch / token[:16]
        log = self._log_stream(spec)
        pipe = OutputPipe(log.feed)
        launched = False
        try:
            scratch.mkdir(mode=0o700)
            room = Room(
                code=code,
                libraries=self._libraries,
                bootstrap=BOOTSTRAP,
                interpreter=interpreter,
                certificates=self._certificates,
                scratch=scratch,
                slot=slot,
                limits=limits_for(spec.memory_megabytes),
                hidden_paths=surroundings.hidden_paths,
            )
            layout = await asyncio.to_thread(surroundings.sandbox.layout, room)
            environment = function_environment(
                spec, surroundings, credentials, layout, runtime_api=runtime_api, log_stream=log.name
            )
            script = environment_script(environment)
            confined = surroundings.sandbox.confine(room, _program(interpreter, layout))
            process = await _spawn(confined, script, pipe)
            launched = True
        finally:
            pipe.release_writing()
            if not launched:
                pipe.close()
                self._api.close_channel(token)
                remove_tree(scratch)
        for notice in notices:
            log.line(notice)
        parts = Parts(process, channel, token, pipe, log, scratch, surroundings.sandbox, surroundings.world.clock)
        return FunctionProcess(spec, parts, credentials.expires_at_ms)

    async def _interpreter(self, spec: FunctionSpec) -> tuple[Interpreter | None, list[str]]:
        """The interpreter for a function, None for a bootstrap, with what its log stream should say first."""
        sandbox = self._surroundings.sandbox
        notices = [sandbox.warning] if sandbox.warning else []
        python = _PYTHON.match(spec.runtime)
        if python is None:
            if not _PROVIDED.match(spec.runtime):
                raise AwsError(
                    "InvalidParameterValueException",
                    f"The runtime {spec.runtime} is not supported: python3.N and provided.* are.",
                )
            return None, notices
        interpreter = await asyncio.to_thread(self._interpreters.find, python[1])
        if interpreter is None:
            interpreter = self._interpreters.own()
            notices.append(f"NOTICE Python {python[1]} is not on this machine; running Python {interpreter.version}.")
        return interpreter, notices

    def _log_stream(self, spec: FunctionSpec) -> LogStream:
        """A stream named as Lambda names them: ``2026/01/31/[$LATEST]<32 hex digits>``."""
        world = self._surroundings.world
        day = from_milliseconds(world.clock.milliseconds()).strftime("%Y/%m/%d")
        name = f"{day}/[{spec.version}]{world.entropy.bytes(16).hex()}"
        return LogStream(self._surroundings.log_sink, world.clock, spec.log_group, name)


def _check_entrypoint(code: Path) -> None:
    bootstrap = code / "bootstrap"
    if not (bootstrap.is_file() and bootstrap.stat().st_mode & 0o111):
        raise StartError("Runtime.InvalidEntrypoint", "Couldn't find valid bootstrap(s): [/var/task/bootstrap]")


def _program(interpreter: Interpreter | None, layout: Layout) -> list[str]:
    if interpreter is None:
        return [f"{layout.task_root}/bootstrap"]
    # Isolated and without site: nothing but the standard library and the folders named here can be imported.
    return [
        *(str(interpreter.executable), "-I", "-S", "-X", "utf8", layout.bootstrap),
        *(layout.task_root, f"{layout.layers}/python", layout.runtime_dir),
    ]


async def _spawn(confined: Confined, script: bytes, pipe: OutputPipe) -> asyncio.subprocess.Process:
    standard_input = in_memory_file(script)
    try:
        return await asyncio.create_subprocess_exec(
            *confined.arguments,
            stdin=standard_input,
            stdout=pipe.writing,
            stderr=pipe.writing,
            cwd=confined.directory,
            env={},
            pass_fds=confined.descriptors,
            start_new_session=True,
        )
    finally:
        for descriptor in (standard_input, *confined.descriptors):
            os.close(descriptor)
