"""``strongroom access``: why a principal may or may not do something, and who can read a secret.

The commands ask the running server through its operator API (`strongroom.services.operator`), as its administrator.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from strongroom.cli.access_words import explained, listed_readers
from strongroom.cli.door import open_door, refusals_in_words
from strongroom.cli.options import AsJson, CaBundle, DataDir, Endpoint, Region

__all__ = ["app"]

app = typer.Typer(help="Who may do what, and why.", no_args_is_help=True)


@app.command("explain")
def explain(
    principal: Annotated[
        str,
        typer.Option(help="ARN of a user, role, role session or identity provider; or such as lambda.amazonaws.com."),
    ],
    action: Annotated[str, typer.Option(help="Such as secretsmanager:GetSecretValue.")],
    resource: Annotated[str, typer.Option(help="ARN, or name of a secret, key or function; * for none.")] = "*",
    context: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A condition key of the request; repeat a key for a list of values."),
    ] = None,
    region: Region = None,
    data_dir: DataDir = None,
    endpoint: Endpoint = None,
    ca_bundle: CaBundle = None,
    as_json: AsJson = False,
) -> None:
    """Decide as the server would, and show every statement that made the decision and what is missing.

    The exit code is 0 whether it is allowed or not.
    """
    entries = _context_entries(context or [])
    client = open_door(data_dir, endpoint, ca_bundle).client("strongroom", region=region)
    with refusals_in_words("The access could not be explained."):
        answer = client.explain_access(Principal=principal, Action=action, Resource=resource, Context=entries)
    if as_json:
        _print_json(answer)
        return
    for line in explained(answer):
        typer.echo(line)


@app.command("who-can")
def who_can(
    secret: Annotated[str, typer.Argument(help="Name or ARN of the secret.")],
    region: Region = None,
    data_dir: DataDir = None,
    endpoint: Endpoint = None,
    ca_bundle: CaBundle = None,
    as_json: AsJson = False,
) -> None:
    """List everybody who can read a secret's value, and the path that gives it."""
    client = open_door(data_dir, endpoint, ca_bundle).client("strongroom", region=region)
    with refusals_in_words(f"The readers of {secret} could not be listed."):
        answer = client.list_secret_readers(SecretId=secret)
    if as_json:
        _print_json(answer)
        return
    for line in listed_readers(answer):
        typer.echo(line)


def _context_entries(given: list[str]) -> list[dict[str, Any]]:
    """``--context`` as the API takes it; a key that comes again has several values."""
    entries: dict[str, list[str]] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or ":" not in key:
            raise typer.BadParameter(f"{text} is not KEY=VALUE, such as aws:SourceIp=10.0.0.1", param_hint="--context")
        entries.setdefault(key, []).append(value)
    return [{"Key": key, "Values": values} for key, values in entries.items()]


def _print_json(answer: dict[str, Any]) -> None:
    answer.pop("ResponseMetadata", None)
    typer.echo(json.dumps(answer))
