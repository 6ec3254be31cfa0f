"""Secrets as those who explain access see them: resource policy, key and condition keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from strongroom.arn import Arn
from strongroom.services.call import Call
from strongroom.services.clients import ResourceRights, SecretRights
from strongroom.services.secretsmanager.access import (
    authorize_secret,
    compile_resource_policy,
    refuse_impossible_name,
    secret_context,
)
from strongroom.services.secretsmanager.names import parse_secret_id
from strongroom.services.secretsmanager.records import Secret, find_secret
from strongroom.services.secretsmanager.refusals import not_found
from strongroom.services.secretsmanager.versions import CURRENT, version_with_label
from strongroom.store import Transaction

__all__ = ["SecretRightsServiceSource"]

_READ: Final = "secretsmanager:getsecretvalue"


class SecretRightsServiceSource:
    """Implements `strongroom.services.clients.SecretRightsSource`."""

    __slots__ = ()

    def rights(
        self,
        transaction: Transaction,
        call: Call,
        name: str,
        action: str,
        encryption_context: Mapping[str, str] | None = None,
    ) -> ResourceRights | None:
        """A secret by name, ARN or partial ARN; by its ARN in any region. See `RightsSource.rights`."""
        del encryption_context
        secret = _find(transaction, call.account, call.region, name)
        return None if secret is None else _resource(secret, name, action)

    def authorized_secret(self, transaction: Transaction, call: Call, action: str, secret_id: str) -> SecretRights:
        """A secret, after asking for ``action`` on it.

        Raises:
            AwsError: Access denied, or there is no such secret.
        """
        reference = parse_secret_id(secret_id, call.account, call.region)
        if reference is None:
            refuse_impossible_name(secret_id)
        secret = find_secret(transaction, reference) if reference else None
        authorize_secret(call, action, secret_id, secret)
        if secret is None:
            raise not_found()
        return _rights(transaction, secret)

    def secret(self, transaction: Transaction, arn: str) -> SecretRights | None:
        """The secret of this ARN; None when there is none. No permission is asked for."""
        secret = _find(transaction, "", "", arn)
        return None if secret is None else _rights(transaction, secret)


def _find(transaction: Transaction, account: str, region: str, name: str) -> Secret | None:
    arn = Arn.parse(name)
    reference = parse_secret_id(name, account, region if arn is None else arn.region)
    return None if reference is None else find_secret(transaction, reference)


def _resource(secret: Secret, secret_id: str, action: str) -> ResourceRights:
    """A secret as a resource. A read that names no version is one of AWSCURRENT."""
    context = {**secret_context(secret), "secretsmanager:secretid": secret_id}
    if action.lower() == _READ:
        context["secretsmanager:versionstage"] = CURRENT
    return ResourceRights(
        arn=secret.arn,
        account=secret.account,
        policy=None if secret.policy is None else compile_resource_policy(secret.policy),
        context=context,
    )


def _rights(transaction: Transaction, secret: Secret) -> SecretRights:
    version = version_with_label(transaction, secret.arn, CURRENT)
    return SecretRights(
        resource=_resource(secret, secret.arn, _READ),
        name=secret.name,
        region=secret.region,
        version_id=None if version is None else version.version_id,
        key_arn=None if version is None else version.kms_key_arn,
        uses_service_key=secret.kms_key_id is None,
        deleted=secret.deleted_ms is not None,
    )
