"""``strongroom secrets``: what AWS's API cannot say of a secret.

The commands ask the running server through its operator API (`strongroom.services.operator`), as its administrator, so
each is decided and recorded like any call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from strongroom.cli.door import open_door, refusals_in_words
from strongroom.cli.options import AsJson, CaBundle, DataDir, Endpoint, Region

__all__ = ["app"]

app = typer.Typer(help="What AWS's API cannot say of a secret.", no_args_is_help=True)

Consumer = Mapping[str, Any]


@app.command("consumers")
def consumers(
    secret: Annotated[str, typer.Argument(help="Name or ARN of the secret.")],
    older: Annotated[
        bool, typer.Option("--older", help="Only those that hold an older version than the current one.")
    ] = False,
    region: Region = None,
    data_dir: DataDir = None,
    endpoint: Endpoint = None,
    ca_bundle: CaBundle = None,
    as_json: AsJson = False,
) -> None:
    """Show who reads a secret, from where, and who has not read it since its value changed."""
    client = open_door(data_dir, endpoint, ca_bundle).client("strongroom", region=region)
    with refusals_in_words(f"The consumers of {secret} could not be listed."):
        pages = client.get_paginator("list_secret_consumers").paginate(SecretId=secret, HoldingOlder=older)
        found = [consumer for page in pages for consumer in page["Consumers"]]
    if as_json:
        typer.echo(json.dumps(found, default=lambda moment: moment.isoformat()))
        return
    for line in _lines(secret, found, older=older):
        typer.echo(_printable(line))


def _lines(secret: str, found: list[Consumer], *, older: bool) -> Iterator[str]:
    """The consumers in words: those that hold an older version first, then the last reader first."""
    if not found:
        yield f"Nobody holds an older version of {secret}." if older else f"Nobody has read {secret}."
    for consumer in sorted(found, key=_order):
        mark = "!" if consumer["HoldsOlderVersion"] else " "
        holds = "an older version" if consumer["HoldsOlderVersion"] else "the current version"
        yield f"{mark} {consumer['PrincipalArn']} from {consumer['SourceIpAddress']} holds {holds}"
        yield f"    {consumer.get('AccessKeyId', 'no access key')}, {consumer['UserAgent']}"
        for version in consumer["Versions"]:
            yield f"    {_version(version)}"


def _order(consumer: Consumer) -> tuple[bool, float]:
    return not consumer["HoldsOlderVersion"], -consumer["LastReadDate"].timestamp()


def _version(version: Mapping[str, Any]) -> str:
    labels = f" ({', '.join(version['VersionStages'])})" if "VersionStages" in version else ""
    times = "once" if version["Reads"] == 1 else f"{version['Reads']} times"
    return f"{version['VersionId']}{labels}: read {times}, last {_moment(version['LastReadDate'])}"


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _printable(line: str) -> str:
    """Text that cannot steer a terminal: user agents are what strangers sent."""
    return "".join(character if character.isprintable() else "\ufffd" for character in line)
