"""``strongroom account``: the accounts of an installation. Each is a member of its organization, as on AWS."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from strongroom.cli.door import Door, Key, open_door, refusals_in_words
from strongroom.cli.options import AsJson, CaBundle, DataDir, Endpoint
from strongroom.errors import OperatorError

__all__ = ["app"]

app = typer.Typer(help="The accounts of this installation.", no_args_is_help=True)

_ROLE = "OrganizationAccountAccessRole"
_ID_TAG = "strongroom:account-id"
_ADMINISTRATOR = "administrator"
_ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"
_MAIL_DOMAIN = "strongroom.internal"


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Name of the account.")],
    account_id: Annotated[str | None, typer.Option("--id", help="Its id, 12 digits; a random one by default.")] = None,
    email: Annotated[
        str | None, typer.Option(help="Its address, which no other account has. Nothing is sent to it.")
    ] = None,
    administrator: Annotated[
        Path | None,
        typer.Option(help="Also make a user with AdministratorAccess, and write its key into this new file."),
    ] = None,
    data_dir: DataDir = None,
    endpoint: Endpoint = None,
    ca_bundle: CaBundle = None,
    as_json: AsJson = False,
) -> None:
    """Create an account. The administrator of the installation reaches it by assuming a role in it."""
    if account_id is not None and not re.fullmatch(r"[0-9]{12}", account_id):
        raise typer.BadParameter("an account id has 12 digits", param_hint="--id")
    door = open_door(data_dir, endpoint, ca_bundle)
    descriptor = None if administrator is None else _reserve(administrator)
    done = False
    try:
        account = _create(door, name, account_id, email or _made_up_address(name))
        if descriptor is not None:
            key = _make_administrator(door, account)
            _write_key(descriptor, door, account, key)
        done = True
    finally:
        if descriptor is not None:
            os.close(descriptor)
            if not done and administrator is not None:
                administrator.unlink(missing_ok=True)
    _tell(door, account, name, administrator, as_json=as_json)


@app.command("list")
def list_accounts(
    data_dir: DataDir = None, endpoint: Endpoint = None, ca_bundle: CaBundle = None, as_json: AsJson = False
) -> None:
    """List the accounts, closed ones included, oldest first."""
    door = open_door(data_dir, endpoint, ca_bundle)
    with refusals_in_words("The accounts could not be listed."):
        pages = door.client("organizations").get_paginator("list_accounts").paginate()
        found = [account for page in pages for account in page["Accounts"]]
    management = door.installation.account
    if as_json:
        shown = [
            {
                "id": account["Id"],
                "name": account["Name"],
                "email": account["Email"],
                "status": account["Status"],
                "management": account["Id"] == management,
            }
            for account in found
        ]
        typer.echo(json.dumps(shown))
        return
    for account in found:
        typer.echo(f"{account['Id']}  {account['Status']:<9}  {account['Name']}  <{account['Email']}>")


def _made_up_address(name: str) -> str:
    """An address for an account that was given none; AWS requires one."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "account"
    return f"{slug}@{_MAIL_DOMAIN}"


def _reserve(path: Path) -> int:
    """Create the credentials file, empty and for its owner only, before anything else is made."""
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OperatorError(
            f"The credentials file {path} cannot be created.",
            why=error.strerror or type(error).__name__,
            fix="name a file that does not exist yet, in a folder that you may write to",
        ) from None


def _create(door: Door, name: str, account_id: str | None, email: str) -> str:
    """Create the account; answers its id."""
    tags = {} if account_id is None else {"Tags": [{"Key": _ID_TAG, "Value": account_id}]}
    with refusals_in_words("The account was not created."):
        answer = door.client("organizations").create_account(AccountName=name, Email=email, RoleName=_ROLE, **tags)
    status: dict[str, Any] = answer["CreateAccountStatus"]
    if status["State"] != "SUCCEEDED":
        raise OperatorError(
            "The account was not created.",
            why=f"{status['FailureReason']}: {email}",
            fix="name another address with --email",
        )
    return str(status["AccountId"])


def _make_administrator(door: Door, account: str) -> Key:
    """In a new account, make a user who may do everything; answers its key."""
    what = f"The account {account} was created, but its administrator was not."
    with refusals_in_words(what):
        session = door.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/{_ROLE}", RoleSessionName="strongroom-account-create"
        )["Credentials"]
        iam = door.client("iam", Key(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]))
        iam.create_user(UserName=_ADMINISTRATOR)
        iam.attach_user_policy(UserName=_ADMINISTRATOR, PolicyArn=_ADMINISTRATOR_ACCESS)
        made = iam.create_access_key(UserName=_ADMINISTRATOR)["AccessKey"]
    return Key(made["AccessKeyId"], made["SecretAccessKey"])


def _write_key(descriptor: int, door: Door, account: str, key: Key) -> None:
    """Write the form that AWS tools read (AWS CLI guide, "Configuration and credential files")."""
    text = (
        f"# The administrator of account {account}: set AWS_SHARED_CREDENTIALS_FILE and AWS_PROFILE=strongroom.\n"
        "[strongroom]\n"
        f"aws_access_key_id = {key.access_key_id}\n"
        f"aws_secret_access_key = {key.secret_access_key}\n"
        f"region = {door.installation.region}\n"
    )
    os.write(descriptor, text.encode())
    os.fsync(descriptor)


def _tell(door: Door, account: str, name: str, administrator: Path | None, *, as_json: bool) -> None:
    """Say what was made and how to use it."""
    role = f"arn:aws:iam::{account}:role/{_ROLE}"
    if as_json:
        credentials = None if administrator is None else str(administrator)
        typer.echo(json.dumps({"id": account, "name": name, "role_arn": role, "credentials_file": credentials}))
        return
    typer.echo(f"Account {account} ({name}) is ready. To work in it, as the installation's administrator:")
    typer.echo(
        f"  aws --endpoint-url {door.endpoint} sts assume-role --role-arn {role} --role-session-name {_ADMINISTRATOR}"
    )
    if administrator is not None:
        typer.echo(f"or, with the key of its own administrator in {administrator}:")
        typer.echo(
            f"  AWS_SHARED_CREDENTIALS_FILE={administrator} AWS_PROFILE=strongroom "
            f"aws --endpoint-url {door.endpoint} sts get-caller-identity"
        )
