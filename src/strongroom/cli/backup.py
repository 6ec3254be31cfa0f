"""``strongroom backup``: keep what an installation knows elsewhere, and get it back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.status import Status

from strongroom.backup.creating import Installed, Progress, create_backup
from strongroom.backup.format import BackupHeader, read_header
from strongroom.backup.hold import release
from strongroom.backup.place_names import place_and_name, place_of
from strongroom.backup.reading import GivenRootKeyFile, open_root_key_of, verify_backup
from strongroom.cli import backup_report
from strongroom.cli.seal_desk import (
    AsJson,
    DataDir,
    Desk,
    PassphraseSource,
    PinSource,
    ShareSources,
    StoreAddress,
    share_asker,
)
from strongroom.errors import OperatorError
from strongroom.keyring import RootKey
from strongroom.keyring.seals import SEAL_FILE, Means, SealDocument, SealFiles
from strongroom.keyring.seals.file import root_key_file_of
from strongroom.server.folder import DataFolder
from strongroom.server.restoring import Target, restore_backup
from strongroom.server.settings import load_settings
from strongroom.server.setup import with_store
from strongroom.server.succession import record_change
from strongroom.server.unsealing import has_terminal, means
from strongroom.world import World, from_milliseconds

__all__ = ["app"]

app = typer.Typer(help="Keep what an installation knows elsewhere, and get it back.", no_args_is_help=True)
app.command("report")(backup_report.report)

Endpoint = Annotated[str | None, typer.Option(help="URL of the S3-compatible service; AWS's own by default.")]
RootKeyFile = Annotated[Path | None, typer.Option(help="Copy of root.key, for a file seal.")]
SealName = Annotated[str | None, typer.Option("--seal", help="Name of the seal to open; needed for kms and pkcs11.")]
DESTINATION = "A folder, or s3://bucket/prefix."
BACKUP = "A file, or s3://bucket/prefix/name."


@app.command("create")
def create(
    destination: Annotated[str, typer.Argument(help=DESTINATION)],
    data_dir: DataDir = None,
    store: StoreAddress = None,
    passphrase_source: PassphraseSource = None,
    pin_source: PinSource = None,
    share_source: ShareSources = None,
    endpoint_url: Endpoint = None,
    as_json: AsJson = False,
) -> None:
    """Make a backup. The server may run meanwhile; the backup is its state at one instant."""
    with Desk.open(data_dir, store, passphrase_source, pin_source, share_source) as desk:
        root_key = desk.root_key()
        found = desk.installation
        installed = Installed(
            found.id,
            found.account,
            found.region,
            desk.settings.store_address,
            desk.folder.path,
            desk.means.files.read(SEAL_FILE, 1 << 16).decode(),
        )
        with _progress("Backing up", quiet=as_json) as progress:
            made = create_backup(installed, root_key, place_of(destination, endpoint_url), desk.world, progress)
        desk.record("BackupCreated", backupId=made.header.id, name=made.name)
    if as_json:
        typer.echo(json.dumps({"name": made.name, "id": made.header.id, "rows": made.rows, "size": made.size}))
        return
    typer.echo(f"{made.name}: {made.rows} rows, {made.size} bytes")
    typer.echo("It opens with the root key of today: keep a way to open that, apart from the backup.")


@app.command("list")
def list_backups(
    destination: Annotated[str, typer.Argument(help=DESTINATION)],
    endpoint_url: Endpoint = None,
    as_json: AsJson = False,
) -> None:
    """List the backups in a place, oldest first, by what they say of themselves."""
    place = place_of(destination, endpoint_url)
    found = []
    for kept in place.kept():
        with place.reading(kept.name) as source:
            header, _ = read_header(source)
        found.append(
            {
                "name": kept.name,
                "size": kept.size,
                "created": _moment(header.created_ms),
                "installation": header.installation,
                "root_key_id": header.root_key_id,
                "schema": header.schema,
            }
        )
    if as_json:
        typer.echo(json.dumps(found))
        return
    for entry in found:
        typer.echo(f"{entry['name']}  {entry['created']}  {entry['size']} bytes  installation {entry['installation']}")


@app.command("verify")
def verify(
    file: Annotated[str, typer.Argument(help=BACKUP)],
    data_dir: DataDir = None,
    root_key_file: RootKeyFile = None,
    seal: SealName = None,
    passphrase_source: PassphraseSource = None,
    pin_source: PinSource = None,
    share_source: ShareSources = None,
    endpoint_url: Endpoint = None,
    as_json: AsJson = False,
) -> None:
    """Open a backup with its seal and check every byte of it. Nothing is changed."""
    at_hand = _means(data_dir, root_key_file, passphrase_source, pin_source, share_source)
    place, name = place_and_name(file, endpoint_url)
    with place.reading(name) as source:
        header, encoded = read_header(source)
        root_key = open_root_key_of(header, at_hand, seal)
        with _progress("Checking", quiet=as_json) as progress:
            rows = verify_backup(source, encoded, root_key, progress)
    if as_json:
        typer.echo(json.dumps({"name": name, "id": header.id, "rows": rows, "created": _moment(header.created_ms)}))
    else:
        typer.echo(f"The backup is whole: {rows} rows, made {_moment(header.created_ms)}.")


@app.command("restore")
def restore(
    file: Annotated[str, typer.Argument(help=BACKUP)],
    data_dir: Annotated[Path, typer.Option(help="Data folder to restore into: a new one, unless --force.")],
    store: Annotated[str | None, typer.Option(help="postgresql:// address of the database to fill.")] = None,
    root_key_file: RootKeyFile = None,
    seal: SealName = None,
    passphrase_source: PassphraseSource = None,
    pin_source: PinSource = None,
    share_source: ShareSources = None,
    endpoint_url: Endpoint = None,
    force: Annotated[bool, typer.Option("--force", help="Lose every change made since the backup.")] = False,
) -> None:
    """Restore a backup. No rotation runs afterwards until `strongroom backup release`.

    Stop every server of the installation first. With --force the data folder that is there is set aside, and all that
    was written since the backup is lost.
    """
    at_hand = _means(data_dir, root_key_file, passphrase_source, pin_source, share_source)
    place, name = place_and_name(file, endpoint_url)
    with place.reading(name) as source:
        header, encoded = read_header(source)
        root_key = open_root_key_of(header, at_hand, seal)
        with _progress("Restoring", quiet=False) as progress:
            done = restore_backup(
                source,
                header,
                encoded,
                root_key,
                _root_key_files(header, root_key, root_key_file),
                Target(data_dir.absolute(), store, force),
                World.real(),
                progress,
            )
    typer.echo(f"Restored {done.rows} rows of {_moment(header.created_ms)} into {data_dir.absolute()}.")
    if done.set_aside is not None:
        typer.echo(f"What was there is in {done.set_aside}; remove it when you no longer need it.")
    typer.echo("Rotations are held. See which secrets may be older than their databases: strongroom backup report")


@app.command("release")
def release_rotations(data_dir: DataDir = None, store: StoreAddress = None) -> None:
    """Let rotations run again after a restore."""
    settings = load_settings({"data_dir": data_dir, "store": store})
    folder, world = DataFolder(settings.data_dir), World.real()
    found = folder.installation()
    if found is None:
        raise OperatorError(f"There is no installation in {folder.path}.", fix="name its folder with --data-dir")

    with_store(
        settings,
        folder,
        world,
        lambda opened: opened.write_now(
            lambda transaction: (
                record_change(transaction, world, found, "RotationsReleased", {}) if release(transaction) else None
            )
        ),
    )
    typer.echo("Rotations run again.")


def _means(
    data_dir: Path | None,
    root_key_file: Path | None,
    passphrase_source: str | None,
    pin_source: str | None,
    share_sources: list[str] | None,
) -> Means:
    """What is at hand to open the seals of a backup with."""
    settings = load_settings({"data_dir": data_dir, "passphrase_source": passphrase_source, "pin_source": pin_source})
    folder = settings.data_dir.absolute()
    files = GivenRootKeyFile(folder, root_key_file) if root_key_file else SealFiles(folder)
    at_hand = means(settings, files, World.real(), at_terminal=has_terminal())
    return replace(at_hand, share=share_asker(share_sources or ()))


def _root_key_files(header: BackupHeader, root_key: RootKey, given: Path | None) -> dict[str, bytes]:
    """The root key files that the restored data folder gets: only if one was given, never for another seal."""
    if given is None:
        return {}
    document = SealDocument.from_json(header.seals.encode())
    content = root_key.expose().hex().encode() + b"\n"
    return {root_key_file_of(entry): content for entry in document.seals if entry.kind == "file"}


@contextmanager
def _progress(what: str, *, quiet: bool) -> Iterator[Progress]:
    """Show on standard error how far it is."""
    console = Console(stderr=True, quiet=quiet or not has_terminal())
    with Status(f"{what} ...", console=console) as status:
        yield lambda table, rows: status.update(f"{what}: {table}, {rows} rows")


def _moment(milliseconds: int) -> str:
    return f"{from_milliseconds(milliseconds):%Y-%m-%dT%H:%M:%SZ}"
