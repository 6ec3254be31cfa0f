"""``strongroom serve``: start the product."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from strongroom.server.log import configure_log
from strongroom.server.settings import load_settings
from strongroom.server.setup import Opened, open_installation
from strongroom.server.supervisor import Supervisor
from strongroom.world import World

__all__ = ["serve"]


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.", show_default="4566")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the installation.")] = None,
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
    passphrase_source: Annotated[str | None, typer.Option(help="prompt, fd:N or file:PATH.")] = None,
    minute_schedules: Annotated[
        bool | None, typer.Option("--minute-schedules", help="Admit rate(N minutes) as a rotation schedule.")
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
        },
        config=config,
    )
    configure_log(settings.log_format, "supervisor")
    os.umask(0o077)  # whatever is created from here on is the owner's alone
    opened = open_installation(settings, World.real())
    if opened.installation.region != settings.region or opened.installation.account != settings.account:
        settings = settings.model_copy(
            update={"region": opened.installation.region, "account": opened.installation.account}
        )
    supervisor = Supervisor(settings, opened, lambda endpoint: _announce(opened, endpoint))
    raise typer.Exit(supervisor.run())


def _announce(opened: Opened, endpoint: str) -> None:
    """Tell a person where it is and how to use it."""
    lines = [
        f"Strongroom is ready at {endpoint}",
        f"  account {opened.installation.account}, region {opened.installation.region}, data in {opened.folder.path}",
    ]
    if opened.first_start:
        lines.append("  This was the first start: the administrator's access key was made.")
    lines += [
        "  To use it as the administrator:",
        f"    export AWS_ENDPOINT_URL={endpoint}",
        f"    export AWS_SHARED_CREDENTIALS_FILE={opened.folder.admin_credentials}",
        "    export AWS_PROFILE=strongroom",
        "    aws secretsmanager list-secrets",
    ]
    typer.echo("\n".join(lines))
