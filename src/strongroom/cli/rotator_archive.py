"""Packing a shipped rotation function as one would for AWS: our folder of functions and its drivers, in a zip."""

from __future__ import annotations

import importlib.metadata
import io
import zipfile
from pathlib import Path

from strongroom import rotators
from strongroom.errors import OperatorError

__all__ = ["pack_rotator"]

_FOLDER = Path(str(rotators.__file__)).parent


def pack_rotator(name: str) -> bytes:
    """The zip of a rotator, for the Python version and the platform of this process.

    Args:
        name: A key of `strongroom.rotators.ROTATORS`.

    Raises:
        OperatorError: A driver that it needs is not installed beside Strongroom.
    """
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for source in sorted(_FOLDER.glob("*.py")):
            packed.write(source, f"rotators/{source.name}")
        for distribution in rotators.ROTATORS[name].distributions:
            for file in _files(name, distribution):
                if ".." not in file.parts and file.suffix != ".pyc":
                    packed.write(Path(str(file.locate())), str(file))
    return archive.getvalue()


def _files(name: str, distribution: str) -> list[importlib.metadata.PackagePath]:
    try:
        return importlib.metadata.files(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        raise OperatorError(
            f"The rotation function {name} could not be packed.",
            why=f"the Python package {distribution} is not installed here",
            fix=f"install it beside Strongroom, as with `pip install {distribution}`",
        ) from None
