"""``strongroom keys``: care for KMS keys and what is sealed under them.

The running server does the work, in its background worker. So the root key stays where it is, secrets are read and
written meanwhile, and this command needs nothing but the store: it writes down what is wanted and shows how far it is.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from strongroom.audit import Trail, service_event, user_identity
from strongroom.cli.options import AsJson, DataDir, StoreAddress
from strongroom.errors import OperatorError
from strongroom.server.folder import DataFolder, Installation
from strongroom.server.settings import load_settings
from strongroom.services.awslambda.ciphertexts import FunctionCiphertexts
from strongroom.services.kms.rewrap_records import FINISHED, RewrapRecord, all_rewraps
from strongroom.services.kms.rewrapping import request_rewrap
from strongroom.services.secretsmanager.ciphertexts import SecretCiphertexts
from strongroom.store import Store, Transaction, open_store
from strongroom.world import World

__all__ = ["app"]

app = typer.Typer(help="Care for KMS keys and what is sealed under them.", no_args_is_help=True)

_HOLDERS: Final = (SecretCiphertexts.name, FunctionCiphertexts.name)
_LOOK_SECONDS: Final = 0.2
_SERVICE: Final = "kms.amazonaws.com"

Wait = Annotated[bool, typer.Option(help="Wait for the end and show the progress.")]


@app.command("rewrap")
def rewrap(data_dir: DataDir = None, store: StoreAddress = None, as_json: AsJson = False, wait: Wait = True) -> None:
    """Bring what secrets and functions keep sealed to the newest material of its KMS keys.

    A rotated key opens everything that it ever sealed, so nothing depends on this. The work goes on where it was when
    it is cut short, and running this again while it is under way only shows the progress.
    """
    with _opened(data_dir, store) as (opened, folder, installation):
        opened.write_now(lambda transaction: _request(transaction, installation))
        is_running = _is_running(folder)
        if not is_running:
            typer.echo("The server is not running: the work begins when it is started.", err=True)
        if wait and is_running:
            _follow(opened, Console(stderr=True, quiet=as_json))
        _report(opened.read_now(all_rewraps), as_json=as_json)


@app.command("progress")
def progress(data_dir: DataDir = None, store: StoreAddress = None, as_json: AsJson = False) -> None:
    """Show how far the last ``rewrap`` has come."""
    with _opened(data_dir, store) as (opened, _, _):
        _report(opened.read_now(all_rewraps), as_json=as_json)


def _is_running(folder: DataFolder) -> bool:
    """Whether the server that wrote ``server.json`` is still there."""
    try:
        os.kill(int(json.loads(folder.running.read_bytes())["pid"]), 0)
    except PermissionError:  # it is there, and somebody else's
        return True
    except (OSError, ValueError, KeyError):
        return False
    return True


@contextmanager
def _opened(data_dir: Path | None, address: str | None) -> Iterator[tuple[Store, DataFolder, Installation]]:
    """The store of an installation, beside the server that may be running on it."""
    settings = load_settings({"data_dir": data_dir, "store": address})
    folder = DataFolder(settings.data_dir)
    installation = folder.installation()
    if installation is None or not installation.ready:
        raise OperatorError(
            f"There is no installation in {folder.path}.",
            fix="start one with `strongroom serve`, or name its folder with --data-dir",
        )
    trail = Trail(folder.audit, World.real())
    trail.open()
    try:
        store = open_store(settings.store_address, trail)
        try:
            yield store, folder, installation
        finally:
            store.close()
    finally:
        trail.close()


def _request(transaction: Transaction, installation: Installation) -> None:
    """Write down what is wanted, in the store and in the audit trail."""
    world = World.real()
    now_ms = world.clock.milliseconds()
    request_rewrap(transaction, _HOLDERS, now_ms)
    transaction.record(
        service_event(
            user_identity=user_identity.aws_service(_SERVICE, installation.account),
            time=now_ms,
            source=_SERVICE,
            name="RewrapRequested",
            region=installation.region,
            additional_data={"ciphertexts": list(_HOLDERS)},
            request_id=world.entropy.uuid(),
            event_id=world.entropy.uuid(),
            recipient_account=installation.account,
        )
    )


def _follow(store: Store, console: Console) -> None:
    """Show the progress until all is done. Ctrl-C ends the watching, not the work."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:
        tasks = {name: bars.add_task(name, total=None) for name in _HOLDERS}
        while True:
            records = store.read_now(all_rewraps)
            for record in records:
                if record.holder in tasks:
                    bars.update(tasks[record.holder], completed=record.done, total=record.total or None)
            if all(record.state == FINISHED for record in records):
                return
            time.sleep(_LOOK_SECONDS)


def _report(records: list[RewrapRecord], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([asdict(record) for record in records]))
        return
    for record in records:
        typer.echo(
            f"{record.holder}: {record.state}, {record.done} looked at, {record.changed} brought to newer material, "
            f"{record.skipped} skipped"
        )
        if record.skipped:
            typer.echo("  skipped: their KMS keys are disabled, waiting for material or gone")
