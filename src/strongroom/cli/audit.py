"""``strongroom audit``: check the audit trail and look things up in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from strongroom.audit import EventFilter, Record, last_records, verify
from strongroom.cli.options import AsJson, DataDir
from strongroom.server.folder import DataFolder
from strongroom.server.settings import load_settings

__all__ = ["app"]

app = typer.Typer(help="Check the audit trail and look things up in it.", no_args_is_help=True)

_UNBOUNDED = 1000


@app.command("verify")
def verify_trail(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Check every record and every link of the chain. Exits with 1 when the trail is not whole."""
    folder = _folder(data_dir)
    try:
        report = verify(folder)
    except OSError as error:
        raise _unreadable(folder, error) from error
    typer.echo(orjson.dumps(report.as_dict(), option=orjson.OPT_INDENT_2) if as_json else report.text())
    if not report.ok:
        raise typer.Exit(1)


@app.command("show")
def show_events(
    *,
    data_dir: DataDir = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most this many, the newest last.")] = 50,
    event_name: Annotated[str | None, typer.Option("--event-name", help="Such as GetSecretValue.")] = None,
    principal: Annotated[
        str | None, typer.Option("--principal", help="ARN, user name, role name or access key id of the caller.")
    ] = None,
    resource: Annotated[
        str | None, typer.Option("--resource", help="ARN, id or name of a secret, key or role.")
    ] = None,
    since: Annotated[str | None, typer.Option("--since", help="Earliest time, such as 2026-01-31T12:00:00Z.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Show only events before this time.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show recorded events, the newest last. With --json, one CloudTrail record on each line."""
    wanted = EventFilter(event_name, principal, resource, since, until)
    folder = _folder(data_dir)
    try:
        records = last_records(folder, wanted, limit)
    except OSError as error:
        raise _unreadable(folder, error) from error
    if as_json:
        for record in records:
            typer.echo(orjson.dumps(record.event))
        return
    console = Console()
    # What is not a terminal has no width to keep to: a file or a pipe gets every column whole.
    (console if console.is_terminal else Console(width=_UNBOUNDED)).print(_table(records))


def _folder(data_dir: Path | None) -> Path:
    return DataFolder(load_settings({"data_dir": data_dir}).data_dir).audit


def _unreadable(folder: Path, error: OSError) -> typer.Exit:
    typer.echo(f"The audit trail in {folder} cannot be read: {error.strerror}", err=True)
    return typer.Exit(1)


def _table(records: list[Record]) -> Table:
    table = Table("#", "time", "event", "who", "from", "on what", "outcome", box=None, pad_edge=False)
    for record in records:
        event = record.event
        cells = (
            str(record.sequence),
            event.get("eventTime"),
            event.get("eventName"),
            _who(event.get("userIdentity")),
            event.get("sourceIPAddress"),
            _on_what(event),
            event.get("errorCode") or "ok",
        )
        table.add_row(*(_plain(cell) for cell in cells))
    return table


def _who(identity: object) -> object:
    if not isinstance(identity, Mapping):
        return None
    fields = ("arn", "invokedBy", "accessKeyId", "accountId", "type")
    return next((identity[field] for field in fields if identity.get(field)), None)


def _on_what(event: Mapping[str, object]) -> object:
    resources = event.get("resources")
    if isinstance(resources, list) and resources and isinstance(resources[0], Mapping):
        return resources[0].get("ARN")
    for part in ("requestParameters", "additionalEventData"):
        given = event.get(part)
        if isinstance(given, Mapping):
            for field, value in given.items():
                if field.lower().endswith(("id", "arn", "name")):
                    return value
    return None


def _plain(value: object) -> Text:
    """Text that cannot steer a terminal: a trail holds what strangers sent."""
    shown = "" if value is None else str(value)
    return Text("".join(character if character.isprintable() else "\ufffd" for character in shown))
