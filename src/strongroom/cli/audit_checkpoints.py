"""``strongroom audit checkpoint`` and ``export``: signed checkpoints of the trail, made now and taken off the host."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from strongroom.audit.checkpoints import CHECKPOINTS_NAME, PUBLIC_KEY_NAME
from strongroom.cli.door import open_door, refusals_in_words
from strongroom.cli.options import AsJson, CaBundle, DataDir, Endpoint
from strongroom.errors import OperatorError
from strongroom.keyring import public_key_from_pem
from strongroom.server.folder import DataFolder
from strongroom.server.settings import load_settings

__all__ = ["export", "make", "read_public_key"]


def make(
    data_dir: DataDir = None,
    endpoint: Endpoint = None,
    ca_bundle: CaBundle = None,
    as_json: AsJson = False,
) -> None:
    """Have the running server sign how far the trail reaches now, and print the checkpoint."""
    client = open_door(data_dir, endpoint, ca_bundle).client("strongroom")
    with refusals_in_words("No checkpoint was made."):
        made = client.create_audit_checkpoint()
    if as_json:
        typer.echo(made["Checkpoint"])
        return
    told = json.loads(made["Checkpoint"])
    typer.echo(f"record    {told['sequence']}\nhash      {told['hash']}\ntime      {told['time']}")
    typer.echo("Take it off this host with `strongroom audit export`.")


def export(
    to: Annotated[
        str, typer.Argument(metavar="DIR|-", help="Folder for the checkpoints and the public key; - prints the former.")
    ],
    data_dir: DataDir = None,
) -> None:
    """Copy the checkpoints and their public key, to be kept on another host."""
    folder = DataFolder(load_settings({"data_dir": data_dir}).data_dir).audit
    try:
        checkpoints = (folder / CHECKPOINTS_NAME).read_bytes()
        public_key = (folder / PUBLIC_KEY_NAME).read_bytes()
    except OSError as error:
        raise OperatorError(
            "The checkpoints could not be read.",
            why=f"{error.filename}: {error.strerror}",
            fix="make the first one with `strongroom audit checkpoint`",
        ) from error
    if to == "-":
        sys.stdout.buffer.write(checkpoints)
        sys.stdout.buffer.flush()
        return
    try:
        Path(to).mkdir(parents=True, exist_ok=True)
        (Path(to) / CHECKPOINTS_NAME).write_bytes(checkpoints)
        (Path(to) / PUBLIC_KEY_NAME).write_bytes(public_key)
    except OSError as error:
        raise OperatorError(
            "The checkpoints could not be written.",
            why=f"{error.filename}: {error.strerror}",
            fix="name another folder",
        ) from error
    typer.echo(f"{Path(to) / CHECKPOINTS_NAME}: {checkpoints.count(b'{')} checkpoints")
    typer.echo(f"{Path(to) / PUBLIC_KEY_NAME}: the key that signed them")


def read_public_key(path: Path) -> bytes:
    """An Ed25519 public key from a PEM file, 32 bytes.

    Raises:
        OperatorError: The file cannot be read, or holds none.
    """
    try:
        key = public_key_from_pem(path.read_bytes())
    except OSError as error:
        raise OperatorError(
            f"{path} cannot be read.", why=error.strerror or type(error).__name__, fix="correct --public-key"
        ) from error
    if key is None:
        raise OperatorError(f"{path} holds no Ed25519 public key.", fix=f"give the {PUBLIC_KEY_NAME} that was exported")
    return key
