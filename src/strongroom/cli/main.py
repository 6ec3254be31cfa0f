"""The ``strongroom`` command: puts the command groups together and turns an operator's error into words.

A command loads its own group only: loading all of them takes longer than what most commands do.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Final

import typer

from strongroom.errors import OperatorError

__all__ = ["application", "main"]

_COMMANDS: Final = ("serve", "status", "unseal", "version")
"""Modules of this room that hold one command, a function of the same name."""

_GROUPS: Final = ("access", "account", "audit", "backup", "keys", "rds", "rotation", "seal", "secrets")
"""Modules of this room that hold a group of commands, ``app``."""


def application(word: str | None = None) -> typer.Typer:
    """The command line.

    Args:
        word: The first word after ``strongroom``: when it names a command or group, no other is loaded.
    """
    app = typer.Typer(
        name="strongroom",
        help="AWS Secrets Manager for your own machines.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,  # a traceback's local variables may hold secrets
    )
    everything = word not in {*_COMMANDS, *_GROUPS}
    for name in _COMMANDS:
        if everything or name == word:
            app.command(name)(getattr(import_module(f"strongroom.cli.{name}"), name))
    for name in _GROUPS:
        if everything or name == word:
            app.add_typer(import_module(f"strongroom.cli.{name}").app, name=name)
    app.callback()(_strongroom)
    return app


def _strongroom() -> None:
    """AWS Secrets Manager for your own machines."""


def main() -> None:
    """Run the command line; an `OperatorError` becomes its text on standard error and exit code 1."""
    try:
        application(sys.argv[1] if len(sys.argv) > 1 else None)()
    except OperatorError as error:
        sys.stderr.write(f"strongroom: {error.diagnostics()}\n")
        sys.exit(1)
