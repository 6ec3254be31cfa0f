"""Starting function processes: everything between a function's description and a running, confined program."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from strongroom.services.awslambda.runtime.api import RuntimeApi
from strongroom.services.awslambda.runtime.code_store import CodeStore, combination_name
from strongroom.services.awslambda.runtime.confinement import environment_script, limits_for
from strongroom.services.awslambda.runtime.environment import function_environment
from strongroom.services.awslambda.runtime.interpreters import InterpreterShelf
from strongroom.services.awslambda.runtime.model import FunctionSpec, Surroundings
from strongroom.services.awslambda.runtime.output import LogStream, OutputPipe
from strongroom.services.awslambda.runtime.process import FunctionProcess, Parts
from strongroom.services.awslambda.runtime.programs import choose_program
from strongroom.services.awslambda.runtime.sandbox import Confined, Room, in_memory_file
from strongroom.services.awslambda.runtime.supplies import sdk_libraries, write_certificates
from strongroom.services.awslambda.runtime.unpack import remove_tree
from strongroom.world import from_milliseconds

__all__ = ["Launcher", "unpacked_for"]


def unpacked_for(spec: FunctionSpec) -> list[str]:
    """The names of the folders that a process of ``spec`` uses in the code store."""
    layers = [layer.code_sha256 for layer in spec.layers]
    return [spec.code_sha256, *layers, *([combination_name(layers)] if len(layers) > 1 else [])]


class Launcher:
    """Starts processes of functions.

    Args:
        surroundings: What the pool was given.
        api: Where processes will ask for invocations.
        doors: The ports of a function's own network, and where each leads; empty where it has the host's.
    """

    def __init__(self, surroundings: Surroundings, api: RuntimeApi, doors: Mapping[int, Path]) -> None:
        self._surroundings = surroundings
        self._doors = doors
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
            AwsError: Its code, variables or credentials cannot be had, or this machine has nothing to run it with.
            StartError: Its code has nothing to start.
            OperatorError: This machine cannot run it confined.
        """
        surroundings = self._surroundings
        program = await asyncio.to_thread(choose_program, spec.runtime, self._interpreters, self._libraries)
        code = await self.code.folder(spec.code_sha256, lambda: surroundings.code_loader(spec))
        layers = await self._layers(spec)
        own = await surroundings.variables(spec)
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
                layers=layers,
                libraries=program.libraries,
                bootstrap=program.bootstrap,
                interpreter=program.interpreter,
                certificates=self._certificates,
                scratch=scratch,
                slot=slot,
                limits=limits_for(spec.memory_megabytes, spec.temporary_megabytes),
                hidden_paths=surroundings.hidden_paths,
                doors=self._doors,
                relay=self._interpreters.own() if self._doors else None,
            )
            layout = await asyncio.to_thread(surroundings.sandbox.layout, room)
            environment = function_environment(
                spec, surroundings, own, credentials, layout, runtime_api=runtime_api, log_stream=log.name
            )
            script = environment_script(environment)
            confined = surroundings.sandbox.confine(room, program.command(spec, layout, code, layers))
            process = await _spawn(confined, script, pipe)
            launched = True
        finally:
            pipe.release_writing()
            if not launched:
                pipe.close()
                self._api.close_channel(token)
                remove_tree(scratch)
        for notice in (surroundings.sandbox.warning, *program.notices):
            if notice:
                log.line(notice)
        parts = Parts(process, channel, token, pipe, log, scratch, surroundings.sandbox, surroundings.world.clock)
        return FunctionProcess(spec, parts, credentials.expires_at_ms)

    async def _layers(self, spec: FunctionSpec) -> Path | None:
        """The folder of a function's layers, laid over each other; None when it has none."""
        if not spec.layers:
            return None
        for layer in spec.layers:
            await self.code.folder(layer.code_sha256, partial(self._surroundings.layer_loader, layer))
        archives = [layer.code_sha256 for layer in spec.layers]
        self.code.require_room([spec.code_sha256, *archives])
        return await self.code.combined(archives)

    def _log_stream(self, spec: FunctionSpec) -> LogStream:
        """A stream named as Lambda names them: ``2026/01/31/[$LATEST]<32 hex digits>``."""
        world = self._surroundings.world
        day = from_milliseconds(world.clock.milliseconds()).strftime("%Y/%m/%d")
        name = f"{day}/[{spec.version}]{world.entropy.bytes(16).hex()}"
        return LogStream(self._surroundings.log_sink, world.clock, spec, name)


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
