"""The room: what it ships, that it stands alone, and that its zip layout works."""

from __future__ import annotations

import ast
import importlib
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import files
from pathlib import Path

import pytest

from strongroom import rotators

ROOM = Path(rotators.__file__).parent
FUNCTIONS = sorted(rotators.ROTATORS)
_DATA = ("endpoints.json", "METADATA")
"""Files besides code that packages read when they are imported."""


def test_every_function_is_listed() -> None:
    found = [path.stem for path in ROOM.glob("*.py") if "\ndef lambda_handler(" in path.read_text(encoding="utf-8")]
    assert sorted(found) == FUNCTIONS
    assert all(callable(importlib.import_module(f"strongroom.rotators.{name}").lambda_handler) for name in found)


@pytest.mark.parametrize("path", sorted(ROOM.glob("*.py")), ids=lambda path: path.stem)
def test_a_rotator_imports_nothing_of_strongroom(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert all(not alias.name.startswith("strongroom") for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level <= 1
            assert not (node.module or "").startswith("strongroom")


@pytest.mark.parametrize(
    ("engine", "has_master", "name"),
    [
        ("postgres", False, "postgresql_single_user"),
        ("aurora-postgresql", True, "postgresql_alternating_users"),
        ("mongo", False, None),
    ],
)
def test_the_secret_says_which_function(engine: str, has_master: bool, name: str | None) -> None:
    assert rotators.rotator_for(engine, has_master=has_master) == name


def install(folder: Path, distributions: Iterable[str]) -> Path:
    """Link the files of installed packages into a folder that holds nothing else."""
    for distribution in distributions:
        for file in files(distribution) or []:
            if (".." not in file.parts and file.suffix == ".py") or ".so" in file.name or file.name in _DATA:
                target = folder / str(file)
                target.parent.mkdir(parents=True, exist_ok=True)
                if not target.exists():
                    target.symlink_to(Path(str(file.locate())))
    return folder


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """boto3 and what it needs, which every Python function finds."""
    packages = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3")
    return install(tmp_path_factory.mktemp("runtime"), packages)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_listed_packages_suffice_in_another_folder(name: str, tmp_path: Path, runtime: Path) -> None:
    """A zip with these packages runs where nothing else is but boto3."""
    install(tmp_path, rotators.ROTATORS[name].distributions)
    shutil.copytree(ROOM, tmp_path / "rotators", ignore=shutil.ignore_patterns("__pycache__"))
    # -I -S: neither the environment's own packages nor its variables.
    program = (
        "import importlib, sys; sys.path[:0] = sys.argv[1:3]; print(importlib.import_module(sys.argv[3]).__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(tmp_path), str(runtime), f"rotators.{name}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [str(tmp_path / "rotators" / f"{name}.py")], done.stderr
