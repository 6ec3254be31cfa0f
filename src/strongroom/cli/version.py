"""``strongroom version``."""

from __future__ import annotations

import json
import platform
import sqlite3
from typing import Annotated

import botocore
import typer

from strongroom import __version__

__all__ = ["version"]


def version(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print the version of Strongroom and of what it stands on."""
    found = {
        "strongroom": __version__,
        "service model (botocore)": botocore.__version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }
    if as_json:
        typer.echo(json.dumps(found))
    else:
        for name, text in found.items():
            typer.echo(f"{name} {text}")
