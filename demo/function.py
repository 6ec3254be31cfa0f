"""Pack a rotation function as one would for AWS: our folder of functions and the packages it needs, in a zip."""

from __future__ import annotations

import importlib.metadata
import io
import zipfile
from pathlib import Path

HANDLER = "rotators.postgresql_single_user.lambda_handler"
SOURCE = Path(__file__).parent.parent / "src" / "strongroom" / "rotators"
PACKAGES = ("psycopg", "psycopg-binary", "typing-extensions")
"""What the function needs besides boto3, which every Python function finds in its runtime."""


def pack() -> bytes:
    """The zip with the PostgreSQL rotation function and its driver."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for source in sorted(SOURCE.glob("*.py")):
            packed.write(source, f"rotators/{source.name}")
        for package in PACKAGES:
            for file in importlib.metadata.files(package) or []:
                if ".." not in file.parts and file.suffix != ".pyc":
                    packed.write(Path(str(file.locate())), str(file))
    return archive.getvalue()
