"""Text that PostgreSQL cannot hold, where a request names something: it is not there, or not a name, and no more."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.operator import operator_client
from tests.support.policies import refusal_code
from tests.support.server import RunningServer

NUL = "a\0b"
POLICY = f"arn:aws:iam::000000000000:policy/{NUL}"

NAMING: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("iam", "get_policy", {"PolicyArn": POLICY}, "NoSuchEntity"),
    ("iam", "list_policy_versions", {"PolicyArn": POLICY}, "NoSuchEntity"),
    ("iam", "delete_policy", {"PolicyArn": POLICY}, "NoSuchEntity"),
    ("rds", "describe_db_instances", {"DBInstanceIdentifier": NUL}, "DBInstanceNotFound"),
    ("rds", "delete_db_cluster", {"DBClusterIdentifier": NUL, "SkipFinalSnapshot": True}, "DBClusterNotFoundFault"),
    ("strongroom", "check_databases", {"Identifiers": [NUL]}, "ResourceNotFoundException"),
    ("strongroom", "repair_database", {"Identifier": NUL, "Password": "x"}, "ResourceNotFoundException"),
    ("strongroom", "describe_rotations", {"SecretId": NUL}, "ValidationException"),
)


@pytest.mark.parametrize(("service", "operation", "parameters", "code"), NAMING, ids=[case[1] for case in NAMING])
def test_what_is_named_with_a_nul_is_not_there(
    strongroom: RunningServer, service: str, operation: str, parameters: dict[str, Any], code: str
) -> None:
    client = operator_client(strongroom) if service == "strongroom" else strongroom.client(service)
    assert refusal_code(client, operation, **parameters) == code


def test_a_login_is_tried_for_no_secret_with_a_nul(strongroom: RunningServer) -> None:
    (login,) = operator_client(strongroom).try_logins(SecretIds=[NUL])["Logins"]
    assert (login["Outcome"], login["SecretId"]) == ("unknown", NUL)
