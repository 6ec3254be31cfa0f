"""``strongroom rotation install`` and ``enable``: a shipped rotation function deployed and set to work in one command.

Both go through the network door, with the calls that one would make on AWS, so each is decided and recorded. What a
function may do is least: rotate secrets that name it as their rotation function (the condition that AWS's own function
templates use), and, for each secret that it is enabled for, what that one needs besides.
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Annotated, Any

import typer
from botocore.exceptions import ClientError

from strongroom.cli.door import Door, open_door, refusals_in_words
from strongroom.cli.options import AsJson, CaBundle, DataDir, Endpoint, Region
from strongroom.cli.rotator_archive import pack_rotator
from strongroom.errors import OperatorError
from strongroom.rotators import ROTATORS, handler, rotator_for

__all__ = ["enable", "install"]

_TIMEOUT_SECONDS = 120
_MEMORY_MEGABYTES = 256
_STEPS = (
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
    "secretsmanager:ListSecretVersionIds",
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecretVersionStage",
)
_KEY_ACTIONS = ("iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:ListAccessKeys", "iam:UpdateAccessKey")

_Variables = Annotated[
    list[str] | None, typer.Option("--environment", help="A variable of the function, NAME=VALUE; may be repeated.")
]


def install(
    name: Annotated[str, typer.Argument(help=f"The function: {', '.join(sorted(ROTATORS))}.")],
    environment: _Variables = None,
    region: Region = None,
    data_dir: DataDir = None,
    endpoint: Endpoint = None,
    ca_bundle: CaBundle = None,
    as_json: AsJson = False,
) -> None:
    """Deploy a shipped rotation function with its role and permission; an installed one gets today's code."""
    rotator = _known(name)
    variables = _variables(environment or [])
    installer = _Installer(open_door(data_dir, endpoint, ca_bundle), region)
    arn = installer.install(rotator, variables)
    if as_json:
        typer.echo(json.dumps({"name": rotator, "function_arn": arn, "role_arn": installer.role_arn(rotator)}))
        return
    typer.echo(f"The rotation function {rotator} is installed: {arn}")
    typer.echo("Set it to work with `strongroom rotation enable SECRET`.")


def enable(
    secret: Annotated[str, typer.Argument(help="Name or ARN of the secret.")],
    function: Annotated[
        str | None, typer.Option(help="The shipped function, instead of the one that the secret's `engine` means.")
    ] = None,
    schedule: Annotated[str, typer.Option(help="When: rate(...) or cron(...), as in RotateSecret.")] = "rate(30 days)",
    duration: Annotated[str | None, typer.Option(help="Length of the window, such as 3h.")] = None,
    later: Annotated[bool, typer.Option("--later", help="Rotate first in the next window, not now.")] = False,
    region: Region = None,
    data_dir: DataDir = None,
    endpoint: Endpoint = None,
    ca_bundle: CaBundle = None,
    as_json: AsJson = False,
) -> None:
    """Rotate a secret by the shipped function that its `engine` means; with `masterarn`, between two users in turn."""
    installer = _Installer(open_door(data_dir, endpoint, ca_bundle), region)
    arn, values = installer.read(secret)
    rotator = _known(function) if function else _chosen(secret, values)
    function_arn = installer.find(rotator) or installer.install(rotator, {})
    installer.allow(rotator, arn, values)
    rules = {"ScheduleExpression": schedule, **({"Duration": duration} if duration else {})}
    with refusals_in_words(f"The rotation of {secret} was not enabled."):
        answer = installer.secrets.rotate_secret(
            SecretId=arn, RotationLambdaARN=function_arn, RotationRules=rules, RotateImmediately=not later
        )
    if as_json:
        typer.echo(json.dumps({"secret_arn": arn, "function": rotator, "version": answer.get("VersionId")}))
        return
    when = "in the next window" if later else "now"
    typer.echo(f"{secret} is rotated by {rotator}, {schedule}, first {when}.")
    typer.echo(f"Watch it with `strongroom rotation show {secret}`.")


def _known(name: str) -> str:
    rotator = name.replace("-", "_")
    if rotator not in ROTATORS:
        raise OperatorError(
            f"There is no shipped rotation function {name}.", fix=f"name one of these: {', '.join(sorted(ROTATORS))}"
        )
    return rotator


def _chosen(secret: str, values: dict[str, Any]) -> str:
    """The function for a secret, from what it says."""
    engine = str(values.get("engine", ""))
    found = rotator_for(engine, has_master=bool(values.get("masterarn")))
    if found is None:
        known = sorted({engine for rotator in ROTATORS.values() for engine in rotator.engines})
        raise OperatorError(
            f"It cannot be told which function rotates {secret}.",
            why=f"its value has {engine!r} under 'engine'" if engine else "its value has no 'engine'",
            fix=f"put one of these there, or name a function with --function: {', '.join(known)}",
        )
    return found


def _variables(given: list[str]) -> dict[str, str]:
    pairs = [variable.partition("=") for variable in given]
    if not all(name and mark for name, mark, _ in pairs):
        raise typer.BadParameter("a variable is NAME=VALUE", param_hint="--environment")
    return {name: value for name, _, value in pairs}


class _Installer:
    """The calls, in one account and region."""

    def __init__(self, door: Door, region: str | None) -> None:
        self.secrets = door.client("secretsmanager", region=region)
        self._functions = door.client("lambda", region=region)
        self._iam = door.client("iam")
        self._account = door.installation.account
        self._region = region or door.installation.region

    def role_arn(self, rotator: str) -> str:
        """The execution role of a rotator."""
        return f"arn:aws:iam::{self._account}:role/{_name(rotator)}-{self._region}"

    def read(self, secret: str) -> tuple[str, dict[str, Any]]:
        """A secret's ARN and its current values."""
        with refusals_in_words(f"The secret {secret} could not be read."):
            answer = self.secrets.get_secret_value(SecretId=secret)
        values: object = None
        try:
            values = json.loads(answer.get("SecretString", ""))
        except ValueError:
            values = None
        if not isinstance(values, dict):
            raise OperatorError(
                f"The secret {secret} cannot be rotated by a shipped function.",
                why="its value is not a JSON object",
                fix="see `docs/rotation.md` for what each function expects",
            )
        return str(answer["ARN"]), values

    def find(self, rotator: str) -> str | None:
        """The ARN of an installed function, or None."""
        with refusals_in_words(f"The function {_name(rotator)} could not be looked up."):
            try:
                found = self._functions.get_function_configuration(FunctionName=_name(rotator))
            except ClientError as error:
                if _code(error) != "ResourceNotFoundException":
                    raise
                return None
        return str(found["FunctionArn"])

    def install(self, rotator: str, variables: dict[str, str]) -> str:
        """Deploy a function with its role and permission; answers its ARN."""
        archive = pack_rotator(rotator)
        with refusals_in_words(f"The rotation function {rotator} was not installed."):
            self._make_role(rotator)
            if self.find(rotator) is None:
                made = self._functions.create_function(
                    FunctionName=_name(rotator),
                    Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
                    Handler=handler(rotator),
                    Role=self.role_arn(rotator),
                    Timeout=_TIMEOUT_SECONDS,
                    MemorySize=_MEMORY_MEGABYTES,
                    Code={"ZipFile": archive},
                    Environment={"Variables": variables},
                )
            else:
                made = self._functions.update_function_code(FunctionName=_name(rotator), ZipFile=archive)
                if variables:
                    self._functions.update_function_configuration(
                        FunctionName=_name(rotator), Environment={"Variables": variables}
                    )
            self._permit(rotator)
        return str(made["FunctionArn"])

    def allow(self, rotator: str, secret_arn: str, values: dict[str, Any]) -> None:
        """Allow a function what one secret needs besides itself: its master secret, the keys of its user."""
        statements = []
        if values.get("masterarn"):
            master = str(values["masterarn"])
            statements.append(_allowed(("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"), master))
            statements.append(_allowed(("rds:DescribeDBInstances", "rds:DescribeDBClusters"), "*"))
        if rotator == "iam_access_key" and values.get("UserName"):
            user = f"arn:aws:iam::{self._account}:user/{values['UserName']}"
            statements.append(_allowed(_KEY_ACTIONS, user))
        if statements:
            name = "secret-" + hashlib.sha256(secret_arn.encode()).hexdigest()[:16]
            with refusals_in_words(f"The function {rotator} was not allowed what {secret_arn} needs."):
                self._put_policy(rotator, name, statements)

    def _make_role(self, rotator: str) -> None:
        trust = _allowed(("sts:AssumeRole",), None) | {"Principal": {"Service": "lambda.amazonaws.com"}}
        name = self.role_arn(rotator).rpartition("/")[2]
        try:
            self._iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document([trust]))
        except ClientError as error:
            if _code(error) != "EntityAlreadyExists":
                raise
        place = f"{self._region}:{self._account}"
        function = f"arn:aws:lambda:{place}:function:{_name(rotator)}"
        mine = {"StringEquals": {"secretsmanager:resource/AllowRotationLambdaArn": function}}
        through = {"StringEquals": {"kms:ViaService": f"secretsmanager.{self._region}.amazonaws.com"}}
        statements = [
            _allowed(_STEPS, f"arn:aws:secretsmanager:{place}:secret:*") | {"Condition": mine},
            _allowed(("secretsmanager:GetRandomPassword",), "*"),
            _allowed(("kms:Decrypt", "kms:GenerateDataKey"), f"arn:aws:kms:{place}:key/*") | {"Condition": through},
        ]
        self._put_policy(rotator, "rotation", statements)

    def _permit(self, rotator: str) -> None:
        """Let Secrets Manager call a function, for secrets of this account."""
        try:
            self._functions.add_permission(
                FunctionName=_name(rotator),
                StatementId="rotation",
                Action="lambda:InvokeFunction",
                Principal="secretsmanager.amazonaws.com",
                SourceAccount=self._account,
            )
        except ClientError as error:
            if _code(error) != "ResourceConflictException":
                raise

    def _put_policy(self, rotator: str, name: str, statements: list[dict[str, object]]) -> None:
        role = self.role_arn(rotator).rpartition("/")[2]
        self._iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=_document(statements))


def _name(rotator: str) -> str:
    """The name of a rotator's function."""
    return f"strongroom-rotate-{rotator.replace('_', '-')}"


def _allowed(actions: tuple[str, ...], resource: str | None) -> dict[str, object]:
    statement: dict[str, object] = {"Effect": "Allow", "Action": list(actions)}
    return statement if resource is None else statement | {"Resource": resource}


def _document(statements: list[dict[str, object]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
