"""What two secrets of two accounts must be for one to follow the other, and the policy that lets them meet."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Final

from strongroom.arn import Arn
from strongroom.services.call import Call
from strongroom.services.secretsmanager.names import SecretReference, parse_secret_id
from strongroom.services.secretsmanager.refusals import invalid_parameter

__all__ = [
    "ACCEPT_ACTION",
    "CROSS_ACCOUNT_POLICY",
    "complete_reference",
    "cross_account_policy",
    "merged_policies",
    "require_cross_account_replica",
]

CROSS_ACCOUNT_POLICY: Final = "cross-account-replication"
"""The name of the policy that Secrets Manager itself keeps on a replica of a secret in another account."""

ACCEPT_ACTION: Final = "secretsmanager:AcceptCrossAccountReplication"


@lru_cache(maxsize=1024)
def cross_account_policy(primary_arn: str) -> str:
    """The managed policy of a replica: the account of the primary that it names may accept it.

    Args:
        primary_arn: That primary, a valid ARN.
    """
    primary = Arn.parse(primary_arn)
    statement = {
        "Sid": "AllowCrossAccountReplication",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{primary.account if primary else ''}:root"},
        "Action": ACCEPT_ACTION,
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@lru_cache(maxsize=1024)
def merged_policies(policies: tuple[str, ...]) -> str | None:
    """One policy that says what several say; None when there are none.

    Args:
        policies: Policy documents that compile.
    """
    statements: list[object] = []
    for text in policies:
        found = json.loads(text)["Statement"]
        statements.extend(found if isinstance(found, list) else [found])
    return json.dumps({"Version": "2012-10-17", "Statement": statements}) if statements else None


def complete_reference(arn: str, call: Call) -> SecretReference:
    """The secret that a request names by its complete ARN, in the call's region and partition.

    Raises:
        AwsError: ``InvalidParameterException``: it is something else.
    """
    reference = parse_secret_id(arn, call.account, call.region) if arn.startswith("arn:aws:") else None
    if reference is None or not reference.arn:
        raise invalid_parameter(
            "A cross-account primary and its replica must be named by complete ARNs, and must be in the same AWS "
            "Region and partition.",
        )
    return reference


def require_cross_account_replica(call: Call, primary_arn: str, *, empty: bool) -> None:
    """What CreateSecret takes together with CrossAccountPrimaryARN (CreateSecret, API Reference).

    Args:
        call: The call.
        primary_arn: The parameter.
        empty: Whether the request has no value, description, type or replica regions.

    Raises:
        AwsError: ``InvalidParameterException``.
    """
    if complete_reference(primary_arn, call).account == call.account:
        raise invalid_parameter("CrossAccountPrimaryARN must be the ARN of a secret in another AWS account.")
    if not empty:
        raise invalid_parameter(
            "You can't specify SecretString, SecretBinary, Description, AddReplicaRegions or Type together with "
            "CrossAccountPrimaryARN.",
        )
