"""Options that many commands take, so that they are called and explained alike."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["AsJson", "CaBundle", "DataDir", "Endpoint", "Region", "StoreAddress"]

DataDir = Annotated[Path | None, typer.Option(help="Folder of the installation.")]
StoreAddress = Annotated[
    str | None, typer.Option("--store", help="postgresql:// address of the store, as the server has it.")
]
Endpoint = Annotated[str | None, typer.Option(help="URL of the server, instead of the one the folder has.")]
CaBundle = Annotated[
    Path | None, typer.Option(help="PEM file of certificate authorities to trust when reaching Strongroom.")
]
Region = Annotated[str | None, typer.Option(help="Region to work in; the installation's by default.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
