"""Secrets whose rotation logs in with another secret, the master's: the two must not be for one database user.

The key ``masterarn`` of a secret's JSON names the secret whose user changes the password ("Database credential secret
JSON structure", AWS Secrets Manager User Guide). If that is the same user, the master's secret keeps a password that is
no longer in force, and no rotation after this one can log in.
"""

from __future__ import annotations

import orjson

from strongroom.errors import AwsError
from strongroom.services.call import Call
from strongroom.services.secretsmanager.access import compile_resource_policy, secret_context
from strongroom.services.secretsmanager.records import Secret, secret_by_arn
from strongroom.services.secretsmanager.refusals import invalid_request
from strongroom.services.secretsmanager.values import Values
from strongroom.services.secretsmanager.versions import CURRENT, version_with_label
from strongroom.store import Transaction

__all__ = ["refuse_own_master"]


def refuse_own_master(transaction: Transaction, call: Call, values: Values, secret: Secret) -> None:
    """Refuse to rotate a secret whose user is the user of its master secret.

    Looked at with the caller's own rights: who may not read the two values is told nothing about them.

    Args:
        transaction: Where to look.
        call: The call that wants to rotate it.
        values: Opens values.
        secret: The secret.

    Raises:
        AwsError: ``InvalidRequestException``.
    """
    own = _credential(transaction, call, values, secret)
    master_arn = own.get("masterarn")
    master = secret_by_arn(transaction, master_arn) if isinstance(master_arn, str) else None
    if master is None or own.get("username") is None:
        return
    if master.arn == secret.arn or _credential(transaction, call, values, master).get("username") == own["username"]:
        raise invalid_request(
            "The secret that masterarn names is for the same database user. A user can't be the master of its own "
            "rotation: use the single-user strategy, or another master secret."
        )


def _credential(transaction: Transaction, call: Call, values: Values, secret: Secret) -> dict[str, object]:
    """The JSON object in the current value of a secret; empty when the caller may not read it, or it is none."""
    version = version_with_label(transaction, secret.arn, CURRENT)
    policy = None if secret.policy is None else compile_resource_policy(secret.policy)
    if version is None or not call.allows(
        "secretsmanager:GetSecretValue",
        secret.arn,
        resource_account=secret.account,
        policy=policy,
        context={**secret_context(secret), "secretsmanager:secretid": secret.arn},
    ):
        return {}
    try:
        value = values.open_version(transaction, call, version)
        document = orjson.loads(value.data) if value is not None and value.kind == "string" else None
    except (AwsError, orjson.JSONDecodeError):
        return {}
    return document if isinstance(document, dict) else {}
