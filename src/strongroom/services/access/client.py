"""Access explained, for the operator's API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from strongroom.identity.organization import Organization, load_organization
from strongroom.services.access.explaining import Explaining
from strongroom.services.access.finding import find_readers
from strongroom.services.call import Call, StaleAuthorization
from strongroom.services.clients import (
    AccessAnswer,
    AccessQuestion,
    ResourceRights,
    RightsSource,
    SecretReaders,
    SecretRights,
    SecretRightsSource,
)
from strongroom.store import Transaction

__all__ = ["AccessServiceClient"]

_DECRYPT: Final = "kms:Decrypt"


class AccessServiceClient:
    """Implements `strongroom.services.clients.AccessClient`.

    Args:
        secrets: Secrets Manager.
        keys: KMS.
        others: Further services whose resources have policies, by their names in ARNs.
    """

    __slots__ = ("_explaining", "_keys", "_secrets")

    def __init__(self, secrets: SecretRightsSource, keys: RightsSource, others: Mapping[str, RightsSource]) -> None:
        self._secrets = secrets
        self._keys = keys
        self._explaining = Explaining(secrets, {**others, "secretsmanager": secrets, "kms": keys})

    async def explain(self, call: Call, question: AccessQuestion) -> AccessAnswer:
        """Decide as the engine would, and tell why. See `AccessClient.explain`.

        Raises:
            AwsError: Access denied, a question that makes no sense, or there is no such principal.
        """
        return await call.read(lambda transaction: self._explaining.answer(transaction, call, question))

    async def readers(self, call: Call, secret_id: str) -> SecretReaders:
        """Find everybody who can read a secret's current value. See `AccessClient.readers`.

        The management account sees the principals of every account; any other sees its own, and of the others what
        the resource policy names.

        Raises:
            AwsError: Access denied, or there is no such secret.
        """

        def work(transaction: Transaction) -> tuple[SecretRights, ResourceRights | None, Organization]:
            if transaction.epoch() != call.epoch:
                raise StaleAuthorization
            secret = self._secrets.authorized_secret(transaction, call, "strongroom:ListSecretReaders", secret_id)
            key = None
            if secret.key_arn is not None and secret.version_id is not None:
                context = {"SecretARN": secret.resource.arn, "SecretVersionId": secret.version_id}
                key = self._keys.rights(transaction, call, secret.key_arn, _DECRYPT, context)
            return secret, key, load_organization(transaction)

        secret, key, organization = await call.read(work)
        everybody = call.account == organization.management_account
        accounts = [member for member in organization.parents if member.isdigit() and organization.is_open(member)]
        return await find_readers(
            call,
            organization,
            secret,
            key,
            sorted(accounts) if everybody else [call.account],
            whole_installation=everybody,
        )
