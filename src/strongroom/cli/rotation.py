"""``strongroom rotation``: what rotations do, did and will do, and taking one up again or ending it.

The commands ask the running server through its operator API (`strongroom.services.operator`), as its administrator, so
each is decided and recorded like any call.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from strongroom.cli import rotation_install
from strongroom.cli.door import Door, open_door, refusals_in_words
from strongroom.cli.options import AsJson, CaBundle, DataDir, Endpoint, Region
from strongroom.cli.rotation_log import with_log_lines
from strongroom.cli.rotation_words import describe, listed, upcoming_line

__all__ = ["app"]

app = typer.Typer(help="Rotations of this installation.", no_args_is_help=True)
app.command("install")(rotation_install.install)
app.command("enable")(rotation_install.enable)

_Secret = Annotated[str, typer.Argument(help="Name or ARN of the secret.")]


@app.command("list")
def list_rotations(
    failing: Annotated[bool, typer.Option("--failing", help="Only rotations that keep failing.")] = False,
    region: Region = None,
    data_dir: DataDir = None,
    endpoint: Endpoint = None,
    ca_bundle: CaBundle = None,
    as_json: AsJson = False,
) -> None:
    """List the last rotation of each secret."""
    client = open_door(data_dir, endpoint, ca_bundle).client("strongroom", region=region)
    with refusals_in_words("The rotations could not be listed."):
        found = _all(client, "list_rotations", Failing=failing)
    if as_json:
        _print_json(found)
        return
    if not found:
        typer.echo("No rotation keeps failing." if failing else "No secret has been rotated yet.")
    for rotation in found:
        typer.echo(listed(rotation))


@app.command("show")
def show(
    secret: _Secret,
    version: Annotated[str | None, typer.Option(help="The rotation to this version; the last one by default.")] = None,
    region: Region = None,
    data_dir: DataDir = None,
    endpoint: Endpoint = None,
    ca_bundle: CaBundle = None,
    as_json: AsJson = False,
) -> None:
    """Show one rotation: its steps, what the function printed in the last one, and what to do now."""
    door = open_door(data_dir, endpoint, ca_bundle)
    rotations = _describe(door, secret, region, version)
    if not rotations:
        typer.echo("[]" if as_json else f"{secret} has not been rotated yet.")
        return
    rotation = with_log_lines(rotations[0], door.client("logs", region=region))
    if as_json:
        _print_json(rotation)
        return
    for line in describe(rotation):
        typer.echo(line)


@app.command("history")
def history(
    secret: _Secret,
    region: Region = None,
    data_dir: DataDir = None,
    endpoint: Endpoint = None,
    ca_bundle: CaBundle = None,
    as_json: AsJson = False,
) -> None:
    """Show the rotations of a secret that are remembered, the newest first, with every run of every step."""
    rotations = _describe(open_door(data_dir, endpoint, ca_bundle), secret, region, None)
    if as_json:
        _print_json(rotations)
        return
    if not rotations:
        typer.echo(f"{secret} has not been rotated yet.")
    for rotation in rotations:
        for line in describe(rotation, advise=False):
            typer.echo(line)


@app.command("retry")
def retry(
    secret: _Secret,
    region: Region = None,
    data_dir: DataDir = None,
    endpoint: Endpoint = None,
    ca_bundle: CaBundle = None,
    as_json: AsJson = False,
) -> None:
    """Take up the rotation that is not through at once, with all of its attempts; one that was cancelled too."""
    client = open_door(data_dir, endpoint, ca_bundle).client("strongroom", region=region)
    with refusals_in_words("The rotation was not taken up."):
        answer = client.retry_rotation(SecretId=secret)
    _tell(answer, "goes on", as_json=as_json)


@app.command("abort")
def abort(
    secret: _Secret,
    force: Annotated[
        bool, typer.Option("--force", help="End it even though the password may have been changed already.")
    ] = False,
    region: Region = None,
    data_dir: DataDir = None,
    endpoint: Endpoint = None,
    ca_bundle: CaBundle = None,
    as_json: AsJson = False,
) -> None:
    """End the rotation that is not through. The secret's schedule stays."""
    client = open_door(data_dir, endpoint, ca_bundle).client("strongroom", region=region)
    with refusals_in_words("The rotation was not ended."):
        answer = client.abort_rotation(SecretId=secret, Force=force)
    _tell(answer, "is ended", as_json=as_json)


@app.command("upcoming")
def upcoming(
    days: Annotated[int, typer.Option(min=1, max=1000, help="How far to look ahead.")] = 7,
    region: Region = None,
    data_dir: DataDir = None,
    endpoint: Endpoint = None,
    ca_bundle: CaBundle = None,
    as_json: AsJson = False,
) -> None:
    """List the secrets whose next rotation window opens soon, the earliest first."""
    client = open_door(data_dir, endpoint, ca_bundle).client("strongroom", region=region)
    with refusals_in_words("The upcoming rotations could not be listed."):
        found = _all(client, "list_upcoming_rotations", Days=days)
    if as_json:
        _print_json(found)
        return
    if not found:
        typer.echo(f"No rotation is due in the next {days} days.")
    for rotation in found:
        typer.echo(upcoming_line(rotation))


def _all(client: Any, operation: str, **parameters: object) -> list[dict[str, Any]]:
    pages = client.get_paginator(operation).paginate(**parameters)
    return [rotation for page in pages for rotation in page["Rotations"]]


def _describe(door: Door, secret: str, region: str | None, version: str | None) -> list[dict[str, Any]]:
    which = {} if version is None else {"VersionId": version}
    with refusals_in_words(f"The rotations of {secret} could not be shown."):
        answer = door.client("strongroom", region=region).describe_rotations(SecretId=secret, **which)
    found: list[dict[str, Any]] = answer["Rotations"]
    return found


def _tell(answer: dict[str, Any], what: str, *, as_json: bool) -> None:
    if as_json:
        answer.pop("ResponseMetadata", None)
        _print_json(answer)
    else:
        typer.echo(f"The rotation of {answer['Name']} to version {answer['VersionId']} {what}; step {answer['Step']}.")


def _print_json(document: object) -> None:
    typer.echo(json.dumps(document, default=lambda moment: moment.isoformat()))
