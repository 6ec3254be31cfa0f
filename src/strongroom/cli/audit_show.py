"""``strongroom audit show``: what happened, for a person or as JSON, once or as it goes on."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Final

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from strongroom.audit.index import FAILED, Attribute, FoundEvent, TrailWatch, Wanted, resources_of
from strongroom.cli.options import AsJson, DataDir
from strongroom.errors import OperatorError
from strongroom.server.folder import DataFolder
from strongroom.server.settings import load_settings

__all__ = ["show"]

_UNBOUNDED: Final = 1000
_LOOK_SECONDS: Final = 0.25
_KEY_PREFIXES: Final = ("AKIA", "ASIA")


def show(
    *,
    secret: Annotated[
        str | None, typer.Option("--secret", "--resource", help="ARN or name of a secret, or of a key, role, user ...")
    ] = None,
    principal: Annotated[
        str | None, typer.Option("--principal", help="ARN, user name, role name or access key id of the caller.")
    ] = None,
    event: Annotated[str | None, typer.Option("--event", "--event-name", help="Such as GetSecretValue.")] = None,
    access_key: Annotated[str | None, typer.Option("--access-key", help="Id of the key that signed.")] = None,
    errors: Annotated[bool, typer.Option("--errors", help="Only calls that were refused or failed.")] = False,
    since: Annotated[str | None, typer.Option("--since", help="Earliest time, such as 2026-01-31T12:00:00Z.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Show only events before this time.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most this many, the newest last.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what is recorded from now on.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show recorded events, the newest last. With --json, one CloudTrail record on each line."""
    folder = DataFolder(load_settings({"data_dir": data_dir}).data_dir).audit
    watch = TrailWatch(folder, _wanted(secret, principal, event, access_key, errors, since, until))
    try:
        found = watch.newest(limit)
        _print(found, as_json=as_json)
        while follow:
            time.sleep(_LOOK_SECONDS)
            _print_lines(watch.more(), as_json=as_json)
    except KeyboardInterrupt:
        if not follow:
            raise
    except OSError as error:
        typer.echo(f"The audit trail in {folder} cannot be read: {error.strerror}", err=True)
        raise typer.Exit(1) from error


def _wanted(
    secret: str | None,
    principal: str | None,
    event: str | None,
    access_key: str | None,
    errors: bool,
    since: str | None,
    until: str | None,
) -> Wanted:
    """What the options ask for. The first attribute is looked up, so the rarest comes first."""
    by_key = principal is not None and principal.startswith(_KEY_PREFIXES)
    given = (
        (Attribute.ACCESS_KEY_ID, access_key),
        (Attribute.RESOURCE_NAME, secret),
        (Attribute.ACCESS_KEY_ID if by_key else Attribute.PRINCIPAL, principal),
        (Attribute.OUTCOME, FAILED if errors else None),
        (Attribute.EVENT_NAME, event),
    )
    asked = [(attribute, value) for attribute, value in given if value is not None] or [(Attribute.EVERYTHING, "")]
    before = _second(until)
    return Wanted(
        attribute=asked[0][0],
        value=asked[0][1],
        since=_second(since),
        until=None if before is None else before - 1,
        also=tuple(asked[1:]),
    )


def _second(moment: str | None) -> int | None:
    """A moment in seconds since the epoch; UTC unless it says otherwise."""
    if moment is None:
        return None
    try:
        parsed = datetime.fromisoformat(moment)
    except ValueError:
        raise OperatorError(
            f"{moment!r} is no time.", fix="give one such as 2026-01-31 or 2026-01-31T12:00:00Z"
        ) from None
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())


def _print(found: list[FoundEvent], *, as_json: bool) -> None:
    if as_json:
        _print_lines(found, as_json=True)
        return
    table = Table("#", "time", "event", "who", "from", "on what", "outcome", box=None, pad_edge=False)
    for event in found:
        table.add_row(*map(Text, _cells(event)))
    console = Console()
    # What is not a terminal has no width to keep to: a file or a pipe gets every column whole.
    (console if console.is_terminal else Console(width=_UNBOUNDED)).print(table)


def _print_lines(found: Iterable[FoundEvent], *, as_json: bool) -> None:
    """One line for each event, at once."""
    for event in found:
        typer.echo(orjson.dumps(event.event) if as_json else "  ".join(_cells(event)))


def _cells(found: FoundEvent) -> Iterator[str]:
    """An event in a few words, which cannot steer a terminal: a trail holds what strangers sent."""
    event = found.event
    cells = (
        found.sequence,
        event.get("eventTime"),
        event.get("eventName"),
        _who(event.get("userIdentity")),
        event.get("sourceIPAddress"),
        next((resource.name for resource in resources_of(event)), None),
        event.get("errorCode") or "ok",
    )
    for cell in cells:
        shown = "" if cell is None else str(cell)
        yield "".join(character if character.isprintable() else "\ufffd" for character in shown)


def _who(identity: object) -> object:
    if not isinstance(identity, Mapping):
        return None
    fields = ("arn", "invokedBy", "accessKeyId", "accountId", "type")
    return next((identity[field] for field in fields if identity.get(field)), None)
