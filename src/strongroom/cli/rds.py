"""``strongroom rds``: registered database servers and their master credentials.

Passwords come by prompt, from a file descriptor or from a file, never as an argument that other programs can see. The
commands ask the running server as its administrator, so each is decided and recorded like any call.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from strongroom.cli.door import open_door, refusals_in_words
from strongroom.cli.options import AsJson, CaBundle, DataDir, Endpoint, Region
from strongroom.cli.rds_secrets import secret_findings
from strongroom.errors import OperatorError
from strongroom.keyring import read_passphrase
from strongroom.server.settings import load_settings
from strongroom.services.rds.endpoints import ENDPOINT_TAG, TLS_TAG, ca_tags
from strongroom.services.rds.engines import DEFAULT_PORTS, ENGINES

__all__ = ["app"]

app = typer.Typer(help="Registered database servers and their master credentials.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(help="Identifier of the DB instance or cluster.")]
_Source = Annotated[
    str, typer.Option("--password-source", help="Where the password comes from: prompt, fd:N or file:PATH.")
]


@app.command("register")
def register(
    name: _Name,
    engine: Annotated[str, typer.Option(help=f"One of {', '.join(ENGINES)}.")],
    host: Annotated[str, typer.Option(help="Host name or IP address of the database server.")],
    master_username: Annotated[str, typer.Option(help="Its master user.")],
    port: Annotated[int | None, typer.Option(help="Its port; the engine's own by default.")] = None,
    ca: Annotated[
        Path | None, typer.Option(help="PEM file of the authority of its certificate; the installation's by default.")
    ] = None,
    tls: Annotated[bool, typer.Option(help="Connect with verified TLS.")] = True,
    database: Annotated[str | None, typer.Option(help="Database to connect to; the engine's own by default.")] = None,
    cluster: Annotated[bool, typer.Option("--cluster", help="Register a DB cluster, not a DB instance.")] = False,
    manage: Annotated[
        bool, typer.Option("--manage", help="Have the password managed and rotated in Secrets Manager.")
    ] = False,
    source: _Source = "prompt",
    region: Region = None,
    data_dir: DataDir = None,
    endpoint: Endpoint = None,
    ca_bundle: CaBundle = None,
    as_json: AsJson = False,
) -> None:
    """Register an existing database server, once the master user has logged in there.

    Deletion protection is on: the last copy of a managed password goes with the registration.
    """
    if engine not in ENGINES:
        raise typer.BadParameter(f"one of {', '.join(ENGINES)}", param_hint="--engine")
    client = open_door(data_dir, endpoint, ca_bundle).client("rds", region=region)
    address = f"{host}:{port or DEFAULT_PORTS[ENGINES[engine]]}"
    tags = {ENDPOINT_TAG: address, **({} if tls else {TLS_TAG: "off"}), **_certificates(ca)}
    kind = "Cluster" if cluster else "Instance"
    parameters: dict[str, Any] = {
        f"DB{kind}Identifier": name,
        "Engine": engine,
        "MasterUsername": master_username,
        "MasterUserPassword": _password(source, f"Password of {master_username}"),
        "DeletionProtection": True,
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    if database is not None:
        parameters["DatabaseName" if cluster else "DBName"] = database
    with refusals_in_words("The database was not registered."):
        if cluster:
            shown = client.create_db_cluster(**parameters)["DBCluster"]
        else:
            shown = client.create_db_instance(**parameters, DBInstanceClass="db.registered")["DBInstance"]
    if manage:
        with refusals_in_words("The database was registered, but its password is not managed."):
            modify = client.modify_db_cluster if cluster else client.modify_db_instance
            answer = modify(**{f"DB{kind}Identifier": name, "ManageMasterUserPassword": True})
            shown = answer[f"DB{kind}"]
    arn, secret = shown[f"DB{kind}Arn"], shown.get("MasterUserSecret", {}).get("SecretArn")
    if as_json:
        typer.echo(json.dumps({"arn": arn, "secret_arn": secret}))
        return
    typer.echo(f"{arn} is registered; its master user logs in at {address}.")
    if secret is not None:
        typer.echo(f"Its password is managed in {secret}, and rotated every seven days.")


@app.command("check")
def check(
    name: Annotated[str | None, typer.Argument(help="Identifier; all of the region by default.")] = None,
    region: Region = None,
    data_dir: DataDir = None,
    endpoint: Endpoint = None,
    ca_bundle: CaBundle = None,
    as_json: AsJson = False,
) -> None:
    """Log in with the current credentials: of master users, and of secrets for registered servers.

    Exits 1 when one does not log in. Also warns of two secrets for one database user, and of a secret of one's own that
    has a master user.
    """
    door = open_door(data_dir, endpoint, ca_bundle)
    trusted = load_settings({"data_dir": data_dir}).ca_bundle
    with refusals_in_words("The databases could not be checked."):
        asked = {} if name is None else {"Identifiers": [name]}
        databases = door.client("strongroom", region=region).check_databases(**asked)["Databases"]
        findings = secret_findings(door, region, databases, trusted)
    if as_json:
        typer.echo(json.dumps({"databases": databases, "secrets": findings}, default=str))
    else:
        for database in databases:
            state = database.get("Problem") or "logs in"
            typer.echo(f"{database['Identifier']}  {database['Username']}@{_address(database)}  {state}")
        for finding in findings:
            typer.echo(f"{finding['kind']}  {', '.join(finding['secrets'])}: {finding['text']}")
        if not databases:
            typer.echo("No database is registered.")
    problems = any("Problem" in database for database in databases)
    raise typer.Exit(1 if problems or any(finding["kind"] == "problem" for finding in findings) else 0)


@app.command("repair")
def repair(
    name: _Name,
    username: Annotated[
        str | None, typer.Option(help="A user that may change the password; the master user itself by default.")
    ] = None,
    source: _Source = "prompt",
    region: Region = None,
    data_dir: DataDir = None,
    endpoint: Endpoint = None,
    ca_bundle: CaBundle = None,
    as_json: AsJson = False,
) -> None:
    """Give the master user the password that it should have, logged in with a password that works at present."""
    client = open_door(data_dir, endpoint, ca_bundle).client("strongroom", region=region)
    given = {} if username is None else {"Username": username}
    password = _password(source, f"Present password of {username or 'the master user'}")
    with refusals_in_words("The credential was not repaired."):
        database = client.repair_database(Identifier=name, Password=password, **given)["Database"]
    if as_json:
        typer.echo(json.dumps(database, default=str))
    else:
        state = database.get("Problem") or "logs in again"
        typer.echo(f"{database['Identifier']}  {database['Username']}@{_address(database)}  {state}")
    raise typer.Exit(1 if "Problem" in database else 0)


def _address(database: dict[str, Any]) -> str:
    return f"{database['Host']}:{database['Port']}"


def _password(source: str, question: str) -> str:
    try:
        return read_passphrase(source, question=question).decode()
    except UnicodeDecodeError:
        raise OperatorError("The password is not UTF-8 text.", fix="give it as text in UTF-8") from None


def _certificates(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        return ca_tags(path.read_text("ascii"))
    except (OSError, ValueError) as error:
        raise OperatorError(
            f"The certificates could not be read from {path}.",
            why=error.strerror or "it cannot be read" if isinstance(error, OSError) else "it holds none in PEM",
            fix="name a file with the authority's certificate in PEM with --ca",
        ) from None
