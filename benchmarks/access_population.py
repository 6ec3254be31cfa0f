"""Made-up users, roles and policies for `benchmarks.access`, and one realistic set of policies to decide on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from strongroom.identity.directory import Role, User
from strongroom.policy import AuthorizationRequest, Policy, PolicyKind, PolicySet, PrincipalFacts, compile_policy
from strongroom.server.composition import House
from strongroom.services.call import Call
from strongroom.services.iam.owner_policies import put_inline
from strongroom.services.iam.owners import add_role, add_user
from strongroom.store import Transaction

__all__ = ["ACTION", "REGION", "Population", "decision_policies", "make_population"]

REGION = "us-east-1"
ACTION = "secretsmanager:GetSecretValue"
_ROWS_AT_ONCE = 1000
_TEAMS = 200
_SECRET = "team-001/service-201"
_START_MS = 1_700_000_000_000


@dataclass(frozen=True)
class Population:
    """What was made.

    Attributes:
        account: Whose it is.
        secret: The ARN of the secret that some of them can read.
        owners: All users and roles.
    """

    account: str
    secret: str
    owners: list[User | Role]


def _statement(account: str, number: int, index: int) -> dict[str, Any]:
    """One statement of a principal: mostly about its own team's things, a few of them about reading secrets."""
    team = f"team-{number % _TEAMS:03}"
    arn = f"arn:aws:secretsmanager:{REGION}:{account}:secret:{team}/service-{number}-{index}"
    if index == 0:
        return {"Effect": "Allow", "Action": [ACTION, "secretsmanager:DescribeSecret"], "Resource": f"{arn[:-2]}*"}
    if index == 1 and number % 20 == 1:
        return {"Effect": "Allow", "Action": "secretsmanager:Get*", "Resource": "*"}
    if index == 1 and number % 3 == 0:
        condition = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
        everything = f"{arn.partition(team)[0]}{team}/*"
        return {"Effect": "Allow", "Action": ACTION, "Resource": everything, "Condition": condition}
    if index == 2 and number % 4 == 0:
        role = f"arn:aws:iam::{account}:role/role-{number * 7 % 5000}"
        return {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role}
    if index == 3 and number % 10 == 0:
        address = {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
        return {"Effect": "Deny", "Action": "secretsmanager:*", "Resource": "*", "Condition": address}
    if index % 5 == 4:
        return {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}
    return {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"arn:aws:logs:{REGION}:{account}:log-group:/{team}/{number}/{index}:*",
    }


def _document(account: str, number: int, statements: int) -> str:
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [_statement(account, number, index) for index in range(statements)]}
    )


def _trust(account: str, number: int) -> str:
    """Half of the roles are assumed by a service, most others by whoever their account allows, some by one user."""
    principal: dict[str, str] = {"Service": "lambda.amazonaws.com"}
    if number % 2:
        principal = {"AWS": account} if number % 5 else {"AWS": f"AIDAUSER{number:012}"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def _owner(account: str, number: int) -> User | Role:
    if number % 2 == 0:
        return User(account, f"user-{number // 2}", "/", f"AIDAUSER{number:012}", _START_MS, None)
    return Role(
        account,
        f"role-{number // 2}",
        "/",
        f"AROAROLE{number:012}",
        _START_MS,
        None,
        None,
        _trust(account, number),
        3600,
    )


async def make_population(house: House, call: Call, principals: int, statements: int) -> Population:
    """Write users, roles and a secret into the store of a house.

    Args:
        house: Whose store.
        call: A call of CreateSecret by an administrator.
        principals: How many, half of them users and half of them roles.
        statements: How many statements all of their policies have together.
    """
    account = call.account
    create = house.methods["secretsmanager", "CreateSecret"]
    made = await create(call, Name=_SECRET, SecretString="x", ClientRequestToken=house.world.entropy.uuid())
    owners = [_owner(account, number) for number in range(principals)]
    each = max(1, statements // principals)

    def write(transaction: Transaction, first: int) -> None:
        for number in range(first, min(first + _ROWS_AT_ONCE, principals)):
            owner = owners[number]
            if isinstance(owner, User):
                add_user(transaction, owner)
            else:
                add_role(transaction, owner)
            put_inline(transaction, owner.unique_id, "own", _document(account, number, each))
        transaction.raise_epoch()

    for first in range(0, principals, _ROWS_AT_ONCE):
        house.store.write_now(partial(write, first=first))
    return Population(account, str(made["ARN"]), owners)


def decision_policies() -> tuple[AuthorizationRequest, Callable[[], tuple[PolicySet, Policy | None]]]:
    """A request, and what compiles the policies that decide it: two of identity, a boundary, a resource's."""
    account = "111122223333"
    secret = f"arn:aws:secretsmanager:{REGION}:{account}:secret:team-001/service-1-AbCdEf"
    role = f"arn:aws:iam::{account}:role/app"
    facts = PrincipalFacts(role, f"arn:aws:sts::{account}:assumed-role/app/one", account, "role-session")
    context = {
        "aws:principaltag/team": "team-001",
        "aws:resourcetag/team": "team-001",
        "aws:sourceip": "10.1.2.3",
        "aws:principalarn": role,
    }
    request = AuthorizationRequest(facts, ACTION, secret, account, context)
    away = {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    boundary = {"Effect": "Allow", "Action": ["secretsmanager:*", "kms:*", "logs:*"], "Resource": "*"}
    guard = {"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:*", "Resource": "*", "Condition": away}

    def text(*statements: dict[str, Any]) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

    def compile_all() -> tuple[PolicySet, Policy | None]:
        identity = (
            compile_policy(_document(account, 10, 10), PolicyKind.IDENTITY, name="own"),
            compile_policy(_document(account, 201, 10), PolicyKind.IDENTITY, name="team"),
        )
        return (
            PolicySet(identity, compile_policy(text(boundary), PolicyKind.BOUNDARY, name="boundary")),
            compile_policy(text(guard), PolicyKind.RESOURCE),
        )

    return request, compile_all
