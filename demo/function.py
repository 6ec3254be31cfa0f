"""Pack a rotation function as one would for AWS: the handler's file and the packages it needs, in a zip."""

from __future__ import annotations

import importlib.metadata
import io
import zipfile
from pathlib import Path

HANDLER = "lambda_function.lambda_handler"
SOURCE = Path(__file__).parent.parent / "src" / "strongroom" / "rotators" / "postgresql_single_user.py"
PACKAGES = ("psycopg", "psycopg-binary", "typing-extensions")
"""What the function needs besides boto3, which every Python function finds in its runtime."""


def pack() -> bytes:
    """The zip with the PostgreSQL rotation function and its driver."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        packed.write(SOURCE, "lambda_function.py")
        for package in PACKAGES:
            for file in importlib.metadata.files(package) or []:
                if ".." not in file.parts and file.suffix != ".pyc":
                    packed.write(Path(str(file.locate())), str(file))
    return archive.getvalue()
