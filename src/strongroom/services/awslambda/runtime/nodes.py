"""Finding a Node.js of the version that a function asks for."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from strongroom.services.awslambda.runtime.interpreters import Interpreter

__all__ = ["find_node", "is_node_present"]

_PROBE_SECONDS = 10
_OLDEST = 18
"""The bootstrap is written for the oldest Node.js that Lambda still runs."""


@lru_cache(maxsize=1)
def _present() -> tuple[Interpreter, ...]:
    """Every Node.js of this machine, in the order in which they are preferred. Blocks the first time."""
    found: dict[Path, Interpreter] = {}
    for candidate in _candidates():
        if candidate.exists() and (program := candidate.resolve()) not in found:
            probed = _probe(program)
            if probed is not None:
                found[program] = probed
    return tuple(found.values())


def is_node_present() -> bool:
    """Whether this machine has a Node.js that functions can run on."""
    return bool(_present())


def find_node(major: str) -> Interpreter | None:
    """The Node.js of a major version, or else the first one there is; None where there is none.

    Args:
        major: Such as ``20``.
    """
    present = _present()
    return next((node for node in present if node.version == major), present[0] if present else None)


def _candidates() -> Iterator[Path]:
    on_path = shutil.which("node")
    if on_path:
        yield Path(on_path)
    for folder in ("/usr/bin", "/usr/local/bin"):
        yield Path(folder) / "node"
    yield from sorted(Path.home().glob(".nvm/versions/node/v*/bin/node"), reverse=True)


def _probe(program: Path) -> Interpreter | None:
    try:
        answer = subprocess.run(  # noqa: S603 - programs found in the places above, asked for their version
            [program, "--version"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    major = answer.stdout.strip().removeprefix("v").partition(".")[0]
    if answer.returncode != 0 or not major.isdigit() or int(major) < _OLDEST:
        return None
    return Interpreter(major, program, program.parent.parent)
