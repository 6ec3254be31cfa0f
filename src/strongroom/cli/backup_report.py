"""``strongroom backup report``: after a restore, what may be older than the databases that it logs in to.

What the store knows by itself is read beside the server. Logins are tried by the running server, through its operator
API and as the administrator, so each value is opened under policy and never comes here.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

from strongroom.backup.hold import is_held, restored_from_ms
from strongroom.backup.report import Kept, doubtful_secrets, kept_secrets
from strongroom.cli.door import open_door, refusals_in_words
from strongroom.cli.options import AsJson, CaBundle, DataDir, Endpoint, StoreAddress
from strongroom.errors import OperatorError
from strongroom.server.folder import DataFolder
from strongroom.server.settings import load_settings
from strongroom.server.setup import with_store
from strongroom.server.unsealing import has_terminal
from strongroom.world import World, from_milliseconds

__all__ = ["report"]

_BATCH = 16  # secrets that TryLogins takes at once
_WORDS = {
    "logs-in": "logs in",
    "refused": "does not log in",
    "unreachable": "could not be tried",
    "unknown": "holds no login that could be tried",
}


def report(
    data_dir: DataDir = None,
    store: StoreAddress = None,
    try_logins: Annotated[
        bool,
        typer.Option("--try-logins", help="Have the running server log in to the databases that the secrets are for."),
    ] = False,
    endpoint: Endpoint = None,
    ca_bundle: CaBundle = None,
    as_json: AsJson = False,
) -> None:
    """After a restore: list the secrets whose value may be older than what their database takes.

    Exits 1 when logins are tried and one is refused.
    """
    settings = load_settings({"data_dir": data_dir, "store": store})
    folder, world = DataFolder(settings.data_dir), World.real()
    found = folder.installation()
    if found is None:
        raise OperatorError(f"There is no installation in {folder.path}.", fix="name its folder with --data-dir")
    restored_ms, held, doubts, kept = with_store(
        settings,
        folder,
        world,
        lambda opened: opened.read_now(
            lambda transaction: (
                restored_from_ms(transaction),
                is_held(transaction),
                doubtful_secrets(transaction, world.clock.milliseconds()),
                kept_secrets(transaction) if try_logins else [],
            )
        ),
    )
    own = [secret for secret in kept if secret.account == found.account]
    logins: list[dict[str, str]] = []
    if try_logins:
        door = open_door(data_dir, endpoint, ca_bundle)
        with refusals_in_words("The logins could not be tried."):
            for region, batch in _batches(own, quiet=as_json):
                logins += _tried(door.client("strongroom", region=region), batch)
    if as_json:
        answer = {"restored_from_ms": restored_ms, "held": held, "secrets": [asdict(each) for each in doubts]}
        typer.echo(json.dumps({**answer, "logins": logins} if try_logins else answer))
    else:
        _tell_restore(restored_ms, held=held)
        for each in doubts if restored_ms is not None else ():
            typer.echo(f"  {each.name}: {each.reason}")
        _tell_logins(logins, others=len(kept) - len(own))
        if held:
            typer.echo("Put right what no longer logs in, then let rotations run: strongroom backup release")
    raise typer.Exit(1 if any(login["outcome"] == "refused" for login in logins) else 0)


def _batches(secrets: Sequence[Kept], *, quiet: bool) -> Iterator[tuple[str, list[Kept]]]:
    """Secrets by region, as many as one request takes; how far it is is shown on standard error."""
    by_region: dict[str, list[Kept]] = defaultdict(list)
    for secret in secrets:
        by_region[secret.region].append(secret)
    batches = [
        (region, some[start : start + _BATCH])
        for region, some in by_region.items()
        for start in range(0, len(some), _BATCH)
    ]
    console = Console(stderr=True, quiet=quiet or not has_terminal())
    yield from track(batches, "Logging in", console=console)


def _tried(client: Any, secrets: Sequence[Kept]) -> list[dict[str, str]]:
    answer = client.try_logins(SecretIds=[secret.arn for secret in secrets])
    return [
        {
            "arn": secret.arn,
            "name": secret.name,
            "outcome": login["Outcome"],
            **{key.lower(): login[key] for key in ("Address", "Username", "Reason") if key in login},
        }
        for secret, login in zip(secrets, answer["Logins"], strict=True)
    ]


def _tell_restore(restored_ms: int | None, *, held: bool) -> None:
    if restored_ms is None:
        typer.echo("This installation was not restored from a backup.")
        return
    moment = from_milliseconds(restored_ms)
    typer.echo(f"Restored from a backup of {moment:%Y-%m-%dT%H:%M:%SZ}; rotations are {'held' if held else 'running'}.")


def _tell_logins(logins: Sequence[dict[str, str]], *, others: int) -> None:
    """One line for each secret that does not log in, and how many there are of each outcome."""
    counts: dict[str, int] = defaultdict(int)
    for login in logins:
        counts[login["outcome"]] += 1
        if login["outcome"] in {"refused", "unreachable"}:
            typer.echo(f"  {login['name']}: {_WORDS[login['outcome']]}: {login['reason']}")
    if logins:
        told = "; ".join(f"{words}: {counts[outcome]}" for outcome, words in _WORDS.items() if counts[outcome])
        typer.echo(f"Secrets by how the login ended: {told}.")
    if others:
        typer.echo(f"{others} secrets of other accounts were not tried.")
