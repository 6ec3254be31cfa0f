"""``strongroom audit``: check the audit trail, take its checkpoints off the host, and look things up in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from strongroom.audit import verify, verify_files
from strongroom.cli import audit_checkpoints, audit_show
from strongroom.cli.options import AsJson, DataDir
from strongroom.keyring import is_signed
from strongroom.server.folder import DataFolder
from strongroom.server.settings import load_settings

__all__ = ["app"]

app = typer.Typer(help="Check the audit trail and look things up in it.", no_args_is_help=True)
app.command("checkpoint")(audit_checkpoints.make)
app.command("export")(audit_checkpoints.export)
app.command("show")(audit_show.show)


@app.command("verify")
def verify_trail(
    *,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", help="A copy of the audit folder, or single files of a trail."),
    ] = None,
    checkpoints: Annotated[
        Path | None, typer.Option(help="Exported checkpoints to compare with, instead of those beside the trail.")
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option(help="PEM file of the key that checkpoints must be signed with.")
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Check every record, every link of the chain and every signed checkpoint. Exits with 1 unless all is whole."""
    folder = _folder(data_dir) if not paths else paths[0]
    key = None if public_key is None else audit_checkpoints.read_public_key(public_key)
    try:
        if paths and (len(paths) > 1 or not folder.is_dir()):
            report = verify_files(paths, is_signed=is_signed, checkpoints=checkpoints, public_key=key)
        else:
            report = verify(folder, is_signed=is_signed, checkpoints=checkpoints, public_key=key)
    except OSError as error:
        raise _unreadable(Path(error.filename or folder), error) from error
    typer.echo(orjson.dumps(report.as_dict(), option=orjson.OPT_INDENT_2) if as_json else report.text())
    if not report.ok:
        raise typer.Exit(1)


def _folder(data_dir: Path | None) -> Path:
    return DataFolder(load_settings({"data_dir": data_dir}).data_dir).audit


def _unreadable(folder: Path, error: OSError) -> typer.Exit:
    typer.echo(f"The audit trail in {folder} cannot be read: {error.strerror}", err=True)
    return typer.Exit(1)
