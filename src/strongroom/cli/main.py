"""The ``strongroom`` command: puts the command groups together and turns an operator's error into words."""

from __future__ import annotations

import sys

import typer

from strongroom.cli import account, audit, backup, keys, rds, rotation, seal, serve, status, unseal, version
from strongroom.errors import OperatorError

__all__ = ["main"]

app = typer.Typer(
    name="strongroom",
    help="AWS Secrets Manager for your own machines.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback's local variables may hold secrets
)
app.command("serve")(serve.serve)
app.command("status")(status.status)
app.command("unseal")(unseal.unseal)
app.command("version")(version.version)
app.add_typer(account.app, name="account")
app.add_typer(audit.app, name="audit")
app.add_typer(backup.app, name="backup")
app.add_typer(keys.app, name="keys")
app.add_typer(rds.app, name="rds")
app.add_typer(rotation.app, name="rotation")
app.add_typer(seal.app, name="seal")


def main() -> None:
    """Run the command line; an `OperatorError` becomes its text on standard error and exit code 1."""
    try:
        app()
    except OperatorError as error:
        sys.stderr.write(f"strongroom: {error.diagnostics()}\n")
        sys.exit(1)
