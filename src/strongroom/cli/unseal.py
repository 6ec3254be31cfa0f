"""``strongroom unseal``: bring a share of the root key to a sealed server."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Final

import typer

from strongroom.cli.door import running_endpoint
from strongroom.errors import OperatorError
from strongroom.keyring import keeps_private, read_passphrase
from strongroom.server.folder import DataFolder
from strongroom.server.sealed import SEALED
from strongroom.server.settings import load_settings

__all__ = ["unseal"]

_SECONDS: Final = 15


def unseal(
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the installation, on its own host.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="URL of the server, from another host.")] = None,
    ca_bundle: Annotated[Path | None, typer.Option(help="PEM file of certificate authorities to trust.")] = None,
    share_source: Annotated[
        str, typer.Option(help="Where the share comes from: prompt, fd:N, file:PATH or credential:NAME.")
    ] = "prompt",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Give one share of the root key to a sealed server. It answers how many more it needs, and nothing else."""
    address = endpoint or running_endpoint(DataFolder(load_settings({"data_dir": data_dir}).data_dir))
    _require_private(address)
    if _ask(address, "/health/ready", ca_bundle)[1].get("status") != SEALED:
        _report({"sealed": False, "needed": 0}, as_json=as_json)
        return
    share = read_passphrase(share_source, question="Words of the share").decode("utf-8", "replace")
    status, answer = _ask(address, "/unseal", ca_bundle, {"share": share})
    if status != http.client.OK:
        raise OperatorError(
            "The share was not taken.",
            why=str(answer.get("problem", f"the server answered {status}")),
            fix="Type the words of the share again, in their order.",
        )
    _report(answer, as_json=as_json)


def _report(answer: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"sealed": answer.get("sealed"), "needed": answer.get("needed")}))
    elif answer.get("sealed"):
        typer.echo(f"Shares still needed: {answer.get('needed')}")
    else:
        typer.echo("The root key is open.")


def _require_private(address: str) -> None:
    """A share crosses a network only encrypted.

    Raises:
        OperatorError: It would not be.
    """
    if not keeps_private(address):
        raise OperatorError(
            f"A share of the root key is not sent to {address}.",
            why="It would cross the network in the clear.",
            fix="Serve TLS and give its https:// address, or run this on the server's own host.",
        )


def _ask(
    address: str, path: str, ca_bundle: Path | None, document: dict[str, str] | None = None
) -> tuple[int, dict[str, object]]:
    """One request to the server; its status and what it answered."""
    try:
        context = ssl.create_default_context(cafile=str(ca_bundle) if ca_bundle else None)
        request = urllib.request.Request(  # noqa: S310 - `_require_private` admits http and https only
            address.rstrip("/") + path, data=None if document is None else json.dumps(document).encode()
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS, context=context) as page:  # noqa: S310 - as above
                status, text = page.status, page.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        answer = json.loads(text)
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise OperatorError(
            f"The server at {address} could not be asked.",
            why=str(reason) or type(error).__name__,
            fix="see `strongroom status`; for a private certificate authority give --ca-bundle",
        ) from None
    return status, answer if isinstance(answer, dict) else {}
