"""IAM, for services that run things under a role."""

from __future__ import annotations

import json
from typing import Final

from strongroom.arn import Arn
from strongroom.errors import AccessDenied, AwsError
from strongroom.identity.aws_managed import ADMINISTRATOR_ACCESS
from strongroom.identity.credentials import ROLE_ID, new_unique_id
from strongroom.identity.directory import Role, role_by_arn
from strongroom.identity.sessions import SessionFacts, mint_session
from strongroom.identity.trust import trusts_service
from strongroom.keyring import Keyring
from strongroom.services.call import Call
from strongroom.services.clients import SessionCredentials
from strongroom.services.iam.owner_policies import attach
from strongroom.services.iam.owners import add_role
from strongroom.store import Store, Transaction
from strongroom.world import World

__all__ = ["IamServiceClient"]

_SESSION_SECONDS: Final = 3600


class IamServiceClient:
    """The implementation of `strongroom.services.clients.IamClient`.

    Args:
        _store: The callers bring their transaction.
        keyring: Seals session tokens.
        world: Entropy for temporary keys.
    """

    def __init__(self, _store: Store, keyring: Keyring, world: World) -> None:
        self._keyring = keyring
        self._entropy = world.entropy

    def authorize_pass_role(self, transaction: Transaction, call: Call, role_arn: str, service: str) -> None:
        """Check that the caller may hand ``role_arn`` to ``service`` and that the role trusts it.

        A role of another account cannot be handed over ("Granting a user permissions to pass a role").

        Raises:
            AccessDenied: The caller may not, whether there is such a role or not.
            AwsError: ``InvalidParameterValueException``: the role is missing or does not trust the service.
        """
        arn = Arn.parse(role_arn)
        if arn is not None and arn.account != call.account:
            raise AccessDenied("Cross-account pass role is not allowed.")
        call.authorize("iam:PassRole", role_arn, context={"iam:passedtoservice": service})
        if _trusting_role(transaction, role_arn, service) is None:
            raise AwsError(
                "InvalidParameterValueException",
                "The role defined for the function cannot be assumed by Lambda.",
            )

    def service_session(
        self, transaction: Transaction, role_arn: str, service: str, session_name: str, seconds: int, now_ms: int
    ) -> SessionCredentials:
        """Credentials of a session of ``role_arn`` that ``service`` assumed.

        Args:
            transaction: Where the role is.
            role_arn: The role.
            service: The service principal, such as ``lambda.amazonaws.com``.
            session_name: The session's name, for ARNs and the audit trail.
            seconds: How long the credentials are good for.
            now_ms: Now, in milliseconds since the epoch.

        Raises:
            AwsError: ``AccessDeniedException``: the role is gone or no longer trusts the service.
        """
        role = _trusting_role(transaction, role_arn, service)
        if role is None:
            raise AwsError(
                "AccessDeniedException", "The role defined for the function cannot be assumed by Lambda.", status=403
            )
        session = mint_session(self._keyring, self._entropy, SessionFacts.of(role, session_name, now_ms, seconds))
        return SessionCredentials(
            session.key.access_key_id, session.key.secret_access_key, session.token, session.facts.expires_ms
        )

    def create_access_role(
        self, transaction: Transaction, account: str, trusted_account: str, name: str, now_ms: int
    ) -> None:
        """In a new account, make a role that may do everything and that another account may assume.

        Its form is that of AWS's OrganizationAccountAccessRole (Organizations User Guide, "Accessing member accounts").

        Args:
            transaction: A write. The caller raises the epoch.
            account: The new account, which has no roles.
            trusted_account: The account whose principals may assume the role.
            name: The role's name.
            now_ms: Now, in milliseconds since the epoch.
        """
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{trusted_account}:root"},
            "Action": "sts:AssumeRole",
        }
        role = Role(
            account=account,
            name=name,
            path="/",
            role_id=new_unique_id(self._entropy, ROLE_ID),
            created_ms=now_ms,
            boundary_arn=None,
            description=None,
            trust_policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
            max_session_seconds=_SESSION_SECONDS,
        )
        add_role(transaction, role)
        attach(transaction, role.role_id, ADMINISTRATOR_ACCESS, now_ms)


def _trusting_role(transaction: Transaction, role_arn: str, service: str) -> Role | None:
    role = role_by_arn(transaction, role_arn)
    return role if role is not None and trusts_service(role, service) else None
