"""Limits and users: the part of confinement that every sandbox shares.

Limits are set by ``prlimit`` and privileges are dropped by ``setpriv`` (both util-linux), in the new process and
before any byte of the function's own is looked at. They start with an empty environment. Only the last link of the
chain, a shell that has nothing left to give away, reads the function's environment: so an ``LD_PRELOAD`` of the
function reaches the function and nothing else, and no variable ever stands on a command line.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from strongroom.errors import AwsError, OperatorError

__all__ = [
    "FIRST_USER",
    "USER_COUNT",
    "Limits",
    "Tools",
    "environment_script",
    "function_user",
    "limits_for",
    "tasks_of",
]

FIRST_USER = 65000
USER_COUNT = 500
"""A server that runs as root gives every process a user of its own, from a range that no distribution assigns to
anyone (Debian Policy 9.2: 65000-65533 are reserved)."""

_MEBIBYTE = 1024 * 1024
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one function process may use.

    Attributes:
        data_bytes: Private memory that it may map (RLIMIT_DATA). The address space stays free, because V8 and Go
            reserve far more of it than they touch.
        file_bytes: Size of one file, and of ``/tmp`` where the sandbox owns it.
        open_files: Open descriptors.
        tasks: Processes and threads.
    """

    data_bytes: int
    file_bytes: int
    open_files: int
    tasks: int


def limits_for(memory_megabytes: int, temporary_megabytes: int = 512) -> Limits:
    """The limits of a function with so much memory and ``/tmp`` (descriptors as in "Lambda quotas").

    What is mapped is allowed to be more than what is used: thread stacks and allocators map ahead. The use itself is
    watched from outside (see `memory`).
    """
    return Limits(
        data_bytes=(2 * memory_megabytes + 256) * _MEBIBYTE,
        file_bytes=temporary_megabytes * _MEBIBYTE,
        open_files=1024,
        tasks=256,
    )


@dataclass(frozen=True, slots=True)
class Tools:
    """Absolute paths of the programs that confine a process."""

    prlimit: str
    setpriv: str
    shell: str

    @classmethod
    def find(cls) -> Tools:
        """Find them in the system's own folders, never in the caller's PATH.

        Raises:
            OperatorError: One of them is missing.
        """
        found = {
            name: shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin") for name in ("prlimit", "setpriv", "sh")
        }
        missing = [name for name, path in found.items() if path is None]
        if missing:
            raise OperatorError(
                "Functions cannot be run on this machine.",
                why=f"Not found: {', '.join(missing)}.",
                fix="Install the package util-linux.",
            )
        return cls(found["prlimit"] or "", found["setpriv"] or "", found["sh"] or "")

    def limited(self, limits: Limits, tasks: int) -> list[str]:
        """The words that run the rest of a command line under ``limits`` with at most ``tasks`` tasks of its user."""
        return [
            self.prlimit,
            f"--data={limits.data_bytes}",
            f"--fsize={limits.file_bytes}",
            f"--nofile={limits.open_files}",
            f"--nproc={tasks}",
            "--core=0",
        ]

    def as_user(self, user: int) -> list[str]:
        """The words that run the rest of a command line as ``user``, with no capability left or to be regained."""
        return [
            self.setpriv,
            f"--reuid={user}",
            f"--regid={user}",
            "--clear-groups",
            "--bounding-set=-all",
            "--inh-caps=-all",
            "--no-new-privs",
        ]

    def program(self, command: Sequence[str]) -> list[str]:
        """The last link: a shell that reads the environment script from its input and becomes ``command``."""
        return [self.shell, "-s", "--", *command]


def function_user(slot: int) -> int | None:
    """The user that the process in ``slot`` runs as, or None where the server has no right to change users."""
    return FIRST_USER + slot if os.geteuid() == 0 else None


def environment_script(environment: Mapping[str, str]) -> bytes:
    """A shell script that exports exactly ``environment`` and becomes its own arguments.

    Args:
        environment: Names as POSIX has them, values of any text without NUL.

    Raises:
        AwsError: InvalidParameterValueException for a name or value that no process can have.
    """
    lines = []
    for name, value in environment.items():
        if not _NAME.match(name) or "\0" in value:
            raise AwsError(
                "InvalidParameterValueException",
                f"The function's environment holds an invalid variable: {name[:64]!r}.",
            )
        lines.append(f"export {name}={shlex.quote(value)}\n")
    # PWD and OLDPWD are the shell's own additions. Its input, this script, is closed to the function.
    lines.append('exec "$@" </dev/null\n')
    return "".join(lines).encode("utf-8", "surrogateescape")


def tasks_of(user: int) -> int:
    """How many tasks ``user`` has on this machine now: what a limit that counts per user has to start from."""
    count = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if entry.stat().st_uid == user:
                    count += sum(1 for _ in (entry / "task").iterdir())
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue  # it ended while we looked
    return count
