"""The room: what it ships, that it stands alone, and that its zip layout works."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from strongroom import rotators

ROOM = Path(rotators.__file__).parent
SITE_PACKAGES = Path(psycopg.__file__).parents[1]


def test_every_file_is_listed() -> None:
    assert rotators.names() == tuple(sorted(path.stem for path in ROOM.glob("*.py") if path.stem != "__init__"))


@pytest.mark.parametrize("name", rotators.names())
def test_a_rotator_imports_nothing_of_strongroom(name: str) -> None:
    tree = ast.parse((ROOM / f"{name}.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert all(not alias.name.startswith("strongroom") for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            assert not (node.module or "").startswith("strongroom")


@pytest.mark.parametrize("name", rotators.names())
def test_the_listed_packages_suffice_in_another_folder(name: str, tmp_path: Path) -> None:
    for entry in rotators.SITE_PACKAGES[name]:
        source = SITE_PACKAGES / entry
        if source.is_dir():
            shutil.copytree(source, tmp_path / entry, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, tmp_path / entry)
    # -I -S: neither the environment's own packages nor its variables. libpq is loaded from the copy.
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import psycopg; print(psycopg.pq.__impl__, psycopg.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["binary", str(tmp_path / "psycopg" / "__init__.py")]
