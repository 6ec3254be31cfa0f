"""``strongroom status``: what the server of a data folder is doing."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from typing import Annotated

import typer

from strongroom.backup.hold import advice
from strongroom.cli.options import DataDir
from strongroom.errors import OperatorError
from strongroom.server.folder import DataFolder
from strongroom.server.settings import Settings, load_settings
from strongroom.server.setup import with_store
from strongroom.world import World

__all__ = ["status"]

_SECONDS = 5


def status(
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show whether the server runs, where, and what keeps it from serving. Exits 1 unless it is ready."""
    settings = load_settings({"data_dir": data_dir})
    folder = DataFolder(settings.data_dir)
    installation = folder.installation()
    if installation is None:
        raise OperatorError(
            f"There is no installation in {folder.path}.",
            fix="start one with `strongroom serve`, or name its folder with --data-dir",
        )
    found: dict[str, object] = {
        "data_dir": str(folder.path),
        "account": installation.account,
        "region": installation.region,
        "running": False,
        "endpoint": None,
        "problems": [],
        "warnings": [],
    }
    try:
        running = json.loads(folder.running.read_bytes())
        health = _health(str(running["endpoint"]))
        found |= {"running": True, "endpoint": running["endpoint"], "pid": running["pid"]}
        found["problems"] = health.get("problems", [])
        found["warnings"] = health.get("warnings", [])
    except (OSError, ValueError, KeyError, http.client.HTTPException):  # no server, or something else on its port
        found["problems"] = ["the server is not running: start it with `strongroom serve`"]
        found["warnings"] = _warnings(settings, folder)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        typer.echo(f"data folder  {found['data_dir']}")
        typer.echo(f"account      {found['account']}")
        typer.echo(f"region       {found['region']}")
        typer.echo(f"endpoint     {found['endpoint'] or '-'}")
        problems = found["problems"]
        typer.echo(f"state        {'ready' if not problems else 'not ready'}")
        for problem in problems if isinstance(problems, list) else []:
            typer.echo(f"  - {problem}")
        warnings = found["warnings"]
        for warning in warnings if isinstance(warnings, list) else []:
            typer.echo(f"warning      {warning}")
    raise typer.Exit(1 if found["problems"] else 0)


def _warnings(settings: Settings, folder: DataFolder) -> list[str]:
    """What the store of a server that does not run has to say, if it can be read."""
    try:
        held = with_store(settings, folder, World.real(), lambda store: store.read_now(advice))
    except OperatorError:  # the next start says what is wrong with it
        return []
    return [] if held is None else [held]


def _health(endpoint: str) -> dict[str, object]:
    """The readiness page. The certificate is not checked: nothing is sent, and the address is this host's own."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with urllib.request.urlopen(f"{endpoint}/health/ready", timeout=_SECONDS, context=context) as page:  # noqa: S310 - the address is the server's own
            answer = json.load(page)
    except urllib.error.HTTPError as error:
        answer = json.load(error)
    return answer if isinstance(answer, dict) else {}
