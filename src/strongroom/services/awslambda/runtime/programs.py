"""What a runtime runs: which program, with which bootstrap and which libraries around it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from strongroom.errors import AwsError
from strongroom.services.awslambda.runtime.failures import StartError
from strongroom.services.awslambda.runtime.interpreters import Interpreter, InterpreterShelf
from strongroom.services.awslambda.runtime.model import FunctionSpec
from strongroom.services.awslambda.runtime.nodes import find_node, is_node_present
from strongroom.services.awslambda.runtime.sandbox import Layout
from strongroom.services.awslambda.runtime.supplies import BOOTSTRAP, NODE_BOOTSTRAP

__all__ = ["Program", "choose_program", "is_supported_runtime"]

_PYTHON = re.compile(r"python(3\.\d{1,2})\Z")
_NODE = re.compile(r"nodejs(\d{2})\.x\Z")
_PROVIDED = re.compile(r"provided(\.[a-z0-9]+)?\Z")
_OLD_SPACE = 0.9  # of the function's memory, for V8's heap


def is_supported_runtime(runtime: str) -> bool:
    """Whether functions of this runtime can be run.

    ``python3.N``, ``provided`` and ``provided.*``; and ``nodejsN.x`` where this machine has a Node.js.
    """
    if _NODE.match(runtime):
        return is_node_present()
    return bool(_PYTHON.match(runtime) or _PROVIDED.match(runtime))


@dataclass(frozen=True, slots=True)
class Program:
    """What is started for a function.

    Attributes:
        interpreter: The interpreter; None for a function that brings its own ``bootstrap``.
        bootstrap: The file of ours that runs handlers.
        libraries: Importable names, and where each lies.
        notices: What the function's log says first.
    """

    interpreter: Interpreter | None
    bootstrap: Path
    libraries: Mapping[str, Path]
    notices: tuple[str, ...] = ()

    def command(self, spec: FunctionSpec, layout: Layout, code: Path, layers: Path | None) -> list[str]:
        """The command line, as the process sees it.

        Args:
            spec: The function.
            layout: Where the process finds things.
            code: The function's unpacked code on this host.
            layers: Its layers on this host.

        Raises:
            StartError: The function brings no ``bootstrap``.
        """
        interpreter = self.interpreter
        if interpreter is None:
            for folder, place in ((code, layout.task_root), (layers, layout.layers)):
                if folder is not None and _is_program(folder / "bootstrap"):
                    return [f"{place}/bootstrap"]
            text = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
            raise StartError("Runtime.InvalidEntrypoint", text)
        if self.bootstrap == NODE_BOOTSTRAP:
            heap = int(spec.memory_megabytes * _OLD_SPACE)
            return [str(interpreter.executable), f"--max-old-space-size={heap}", layout.bootstrap]
        site = f"{layout.layers}/python/lib/python{interpreter.version}/site-packages"
        # Isolated and without site: nothing but the standard library and the folders named here can be imported.
        return [
            *(str(interpreter.executable), "-I", "-S", "-X", "utf8", layout.bootstrap),
            *(layout.task_root, f"{layout.layers}/python", site, layout.runtime_dir),
        ]


def choose_program(runtime: str, shelf: InterpreterShelf, libraries: Mapping[str, Path]) -> Program:
    """What this machine runs functions of a runtime with. Blocks while it looks for the first time.

    Args:
        runtime: Such as ``python3.12``.
        shelf: The machine's Pythons.
        libraries: What Python functions can import besides their own.

    Raises:
        AwsError: InvalidParameterValueException: it has nothing for this runtime.
    """
    if python := _PYTHON.match(runtime):
        found = shelf.find(python[1])
        if found is not None:
            return Program(found, BOOTSTRAP, libraries)
        own = shelf.own()
        return Program(own, BOOTSTRAP, libraries, (_instead("Python", python[1], own.version),))
    if node := _NODE.match(runtime):
        present = find_node(node[1])
        if present is not None:
            notices = () if present.version == node[1] else (_instead("Node.js", node[1], present.version),)
            return Program(present, NODE_BOOTSTRAP, {}, notices)
    elif _PROVIDED.match(runtime):
        return Program(None, BOOTSTRAP, {})
    raise AwsError("InvalidParameterValueException", f"This machine has nothing to run {runtime} functions with.")


def _instead(name: str, wanted: str, present: str) -> str:
    return f"NOTICE {name} {wanted} is not on this machine; running {name} {present}."


def _is_program(path: Path) -> bool:
    return path.is_file() and bool(path.stat().st_mode & 0o111)
