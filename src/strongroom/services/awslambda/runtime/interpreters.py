"""Finding a Python interpreter of the version that a function asks for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Interpreter", "InterpreterShelf"]

_PROBE = (
    "import sys; print('%d.%d' % sys.version_info[:2]); print(sys.executable); print(sys.base_prefix); "
    "print(sys.base_exec_prefix)"
)
_PROBE_SECONDS = 10
_OLDEST = (3, 8)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python on this machine.

    Attributes:
        version: ``major.minor``.
        executable: The program itself, with no link or shim before it.
        prefix: The folder that holds the program and its standard library.
    """

    version: str
    executable: Path
    prefix: Path


class InterpreterShelf:
    """Remembers the interpreters found, so that each version is looked for once."""

    def __init__(self) -> None:
        self._found: dict[str, Interpreter | None] = {}

    def find(self, version: str) -> Interpreter | None:
        """The interpreter of exactly this ``major.minor`` version, or None. Blocks while it looks for the first time.

        Looked at, in this order: the one that runs Strongroom, PATH, the system's folders, pyenv's and uv's.
        """
        if version not in self._found:
            self._found[version] = next(self._matching(version), None)
        return self._found[version]

    def own(self) -> Interpreter:
        """The interpreter that runs Strongroom, outside of any virtual environment."""
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        program = Path(sys.base_exec_prefix) / "bin" / f"python{version}"
        if not program.exists():
            program = Path(sys.executable)
        return Interpreter(version, program.resolve(), Path(sys.base_prefix).resolve())

    def _matching(self, version: str) -> Iterator[Interpreter]:
        own = self.own()
        if own.version == version:
            yield own
        major, _, minor = version.partition(".")
        if not (major.isdigit() and minor.isdigit()) or (int(major), int(minor)) < _OLDEST:
            return
        for candidate in _candidates(version):
            found = _probe(candidate)
            if found is not None and found.version == version:
                yield found


def _candidates(version: str) -> Iterator[Path]:
    program = f"python{version}"
    on_path = shutil.which(program)
    if on_path:
        yield Path(on_path)
    for folder in ("/usr/bin", "/usr/local/bin"):
        yield Path(folder) / program
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/{program}"))
    yield from sorted(Path.home().glob(f".local/share/uv/python/cpython-{version}.*/bin/{program}"))


def _probe(program: Path) -> Interpreter | None:
    """Ask a program what it is. A shim that leads nowhere, or anything that is no Python, is None."""
    if not program.exists():
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - interpreters found in the places above, asked for their version
            [program, "-I", "-S", "-c", _PROBE],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = answer.stdout.splitlines()
    if answer.returncode != 0 or len(lines) != 4:
        return None
    return Interpreter(lines[0], Path(lines[1]).resolve(), Path(lines[2]).resolve())
