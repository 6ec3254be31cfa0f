"""``strongroom serve``: start the product."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from strongroom.cli.options import DataDir
from strongroom.server.folder import DataFolder
from strongroom.server.log import configure_log
from strongroom.server.sealed import Interrupted, SealedDoor
from strongroom.server.settings import Settings, load_settings
from strongroom.server.setup import Opened, open_installation
from strongroom.server.supervisor import Supervisor
from strongroom.world import World

__all__ = ["serve"]

_FINAL: Final = {
    "file": "Who loses root.key loses every secret for good: keep a copy of it, apart from copies of the store.",
    "passphrase": "Who forgets the passphrase loses every secret for good: nobody can recover it.",
}
"""What a first start says of losing the only seal of the root key."""


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.", show_default="4566")] = None,
    data_dir: DataDir = None,
    region: Annotated[str | None, typer.Option(help="Region, fixed at first start.", show_default="us-east-1")] = None,
    account: Annotated[str | None, typer.Option(help="Account id, fixed at first start.")] = None,
    workers: Annotated[int | None, typer.Option(help="Request worker processes.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="PEM certificate chain to serve TLS with.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM private key of that certificate.")] = None,
    insecure_listen: Annotated[
        bool | None, typer.Option("--insecure-listen", help="Allow a non-loopback address without TLS.")
    ] = None,
    log_format: Annotated[str | None, typer.Option(help="text or json.", show_default="text")] = None,
    store: Annotated[str | None, typer.Option(help="postgresql:// address of a shared store.")] = None,
    seal: Annotated[str | None, typer.Option(help="file or passphrase, chosen at first start.")] = None,
    passphrase_source: Annotated[str | None, typer.Option(help="prompt, fd:N, file:PATH or credential:NAME.")] = None,
    minute_schedules: Annotated[
        bool | None, typer.Option("--minute-schedules", help="Admit rate(N minutes) as a rotation schedule.")
    ] = None,
    quotas: Annotated[
        str | None, typer.Option(help="none: do without AWS's quotas. Single ones are changed in the TOML file.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file of settings.")] = None,
) -> None:
    """Start Strongroom and serve until SIGTERM or Ctrl-C.

    Every option can be given as STRONGROOM_<OPTION> in the environment or in the TOML file too.
    """
    settings = load_settings(
        {
            "host": host,
            "port": port,
            "data_dir": data_dir,
            "region": region,
            "account": account,
            "workers": workers,
            "tls_cert": tls_cert,
            "tls_key": tls_key,
            "insecure_listen": insecure_listen,
            "log_format": log_format,
            "store": store,
            "seal": seal,
            "passphrase_source": passphrase_source,
            "minute_schedules": minute_schedules,
            "quotas": quotas,
        },
        config=config,
    )
    configure_log(settings.log_format, "supervisor")
    os.umask(0o077)  # whatever is created from here on is the owner's alone
    world = World.real()
    door = SealedDoor(settings, DataFolder(settings.data_dir), world, _announce_sealed)
    try:
        opened = open_installation(settings, world, door.wait)
    except Interrupted:
        raise typer.Exit(0) from None
    if opened.installation.region != settings.region or opened.installation.account != settings.account:
        settings = settings.model_copy(
            update={"region": opened.installation.region, "account": opened.installation.account}
        )
    supervisor = Supervisor(settings, opened, lambda endpoint: _announce(opened, settings, endpoint), door.listener)
    raise typer.Exit(supervisor.run())


def _announce_sealed(endpoint: str, problems: list[str]) -> None:
    """Tell a person what has to be done before anything is served."""
    typer.echo("\n".join([f"Strongroom is sealed at {endpoint}", *(f"  {problem}" for problem in problems)]))


def _announce(opened: Opened, settings: Settings, endpoint: str) -> None:
    """Tell a person where it is and how to use it."""
    lines = [
        f"Strongroom is ready at {endpoint}",
        f"  account {opened.installation.account}, region {opened.installation.region}, data in {opened.folder.path}",
    ]
    if opened.first_start:
        lines += [
            "  This was the first start: the administrator's access key and the root key were made.",
            f"  {_FINAL[settings.seal]}",
            "  So that one loss is not the end, make recovery shares: strongroom seal add shares",
        ]
    if opened.folder.admin_credentials.is_file():  # a further node of a shared store may do without
        lines += [
            "  To use it as the administrator:",
            f"    export AWS_ENDPOINT_URL={endpoint}",
            f"    export AWS_SHARED_CREDENTIALS_FILE={opened.folder.admin_credentials}",
            "    export AWS_PROFILE=strongroom",
            "    aws secretsmanager list-secrets",
        ]
    typer.echo("\n".join(lines))
