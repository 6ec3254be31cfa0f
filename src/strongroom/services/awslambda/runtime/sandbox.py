"""What a sandbox is, and which one this machine offers.

A sandbox decides where a function sees its things (`Layout`) and turns a program into the command line that runs it
confined (`Confined`). There are two: `bubblewrap` with namespaces and a system-call filter, and `plain`, which has
limits only and says so.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from strongroom.services.awslambda.runtime.confinement import Limits
from strongroom.services.awslambda.runtime.interpreters import Interpreter

__all__ = ["Confined", "Layout", "Room", "Sandbox", "in_memory_file"]


@dataclass(frozen=True, slots=True)
class Room:
    """What one function process is given, as paths on the host.

    Attributes:
        code: The unpacked code.
        layers: Its layers, laid over each other; None without any.
        libraries: Importable top-level names for Python functions, and where each lies.
        bootstrap: The file that runs handlers.
        interpreter: The interpreter, for functions that need one.
        certificates: PEM file with every CA that functions trust.
        scratch: A folder for this process alone, removed after it.
        slot: A number that no other living process has, from 0.
        limits: What it may use.
        hidden_paths: Host folders that must not show through.
        doors: For a process with a network of its own, the ports of its loopback and the Unix socket that each leads
            to; empty for one that has the host's network.
        relay: The Python that carries its connections through the doors.
    """

    code: Path
    layers: Path | None
    libraries: Mapping[str, Path]
    bootstrap: Path
    interpreter: Interpreter | None
    certificates: Path
    scratch: Path
    slot: int
    limits: Limits
    hidden_paths: tuple[Path, ...]
    doors: Mapping[int, Path] = field(default_factory=dict)
    relay: Interpreter | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a process finds things: paths as the function sees them."""

    task_root: str
    runtime_dir: str
    layers: str
    temporary: str
    certificates: str
    bootstrap: str


@dataclass(frozen=True, slots=True)
class Confined:
    """A command line ready to be spawned, with the descriptors it inherits. Whoever spawns it closes them after."""

    arguments: Sequence[str]
    descriptors: tuple[int, ...]
    directory: str


class Sandbox(Protocol):
    """One way to confine a process."""

    @property
    def isolated(self) -> bool:
        """Whether a function is kept from the host's files and processes."""
        ...

    @property
    def warning(self) -> str:
        """What the operator must know, empty when there is nothing."""
        ...

    def staging(self, work_dir: Path) -> Path:
        """The folder to keep code and scratch folders in: ``work_dir``, or one that functions can reach."""
        ...

    def layout(self, room: Room) -> Layout:
        """Where a process in ``room`` will find things. Prepares its scratch folder."""
        ...

    def confine(self, room: Room, program: Sequence[str]) -> Confined:
        """The command line that runs ``program`` confined; its environment script goes to standard input.

        Raises:
            OperatorError: The program cannot be run confined on this machine.
        """
        ...

    def end(self, pid: int | None, mark: str) -> None:
        """Kill all that a process is and started.

        Args:
            pid: The process, a group leader, or None when it has exited already.
            mark: A text that stands in the environment of this process only.
        """
        ...


def in_memory_file(content: bytes) -> int:
    """A descriptor that reads ``content`` from its start: never on disk, closed by whoever asked for it."""
    descriptor = os.memfd_create("strongroom", os.MFD_CLOEXEC)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
