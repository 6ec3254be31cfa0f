"""One question: may this principal do this, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from strongroom.arn import Arn
from strongroom.errors import AccessDenied, AwsError
from strongroom.identity.directory import role_by_arn, tags_of
from strongroom.identity.organization import Organization, load_organization
from strongroom.identity.trust import NOBODY_TRUSTED, compile_trust
from strongroom.policy import denied_message
from strongroom.services.access.deciding import explain_with_grants
from strongroom.services.access.keys import SECRETS_MANAGER, owner_keys, request_keys, through_service, time_keys
from strongroom.services.access.principals import Standing, account_of, load_standing, service_standing
from strongroom.services.call import Call
from strongroom.services.clients import (
    AccessAnswer,
    AccessQuestion,
    ResourceRights,
    RightsSource,
    SecretRights,
    SecretRightsSource,
)
from strongroom.services.texts import holds_nul
from strongroom.store import Transaction

__all__ = ["Explaining", "obstacles_to_reading"]

_ACTION: Final = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9]+")
_KEY_ACTIONS: Final = {
    "secretsmanager:getsecretvalue": "kms:Decrypt",
    "secretsmanager:putsecretvalue": "kms:GenerateDataKey",
}
"""What an action on a secret needs of the secret's key ("Secret encryption and decryption")."""


class Explaining:
    """Answers questions.

    Args:
        secrets: Secrets Manager.
        sources: Every service whose resources have policies, by its name in ARNs and actions.
    """

    __slots__ = ("_secrets", "_sources")

    def __init__(self, secrets: SecretRightsSource, sources: Mapping[str, RightsSource]) -> None:
        self._secrets = secrets
        self._sources = sources

    def answer(self, transaction: Transaction, call: Call, question: AccessQuestion) -> AccessAnswer:
        """Decide as the engine would, and tell why.

        Raises:
            AwsError: Access denied, a question that makes no sense, or there is no such principal.
        """
        call.authorize("strongroom:ExplainAccess", question.principal)
        if not _ACTION.fullmatch(question.action):
            raise AwsError("InvalidParameterException", f"{question.action} is not an action, such as kms:Decrypt.")
        if holds_nul([question.principal, question.resource]):
            raise AwsError("InvalidParameterException", "Neither a principal nor a resource has a NUL in its name.")
        organization = load_organization(transaction)
        account = account_of(question.principal)
        principal = (
            service_standing(question.principal, call.account)
            if account is None
            else self._principal(transaction, call, organization, question.principal, account)
        )
        rights, found = self._resource(transaction, call, question, principal)
        _require_insight(call, organization, rights.account, question.principal)
        context = {
            **owner_keys(organization, rights.account),
            **principal.context,
            **time_keys(call),
            **request_keys(call.region),
            **({"kms:calleraccount": principal.facts.account} if question.action.startswith("kms:") else {}),
            **rights.context,
            **question.context,
        }
        needs, obstacles = self._needs(transaction, call, organization, principal, question, rights)
        closed = sorted({rights.account, principal.facts.account} & organization.closed)
        return _answered(
            principal,
            question.action,
            rights,
            found,
            context,
            needs,
            (*(f"account {each} is closed" for each in closed), *obstacles),
        )

    def _principal(
        self, transaction: Transaction, call: Call, organization: Organization, principal: str, account: str
    ) -> Standing:
        _require_insight(call, organization, account, principal)
        return load_standing(transaction, organization, principal, call.now_ms)

    def _resource(
        self, transaction: Transaction, call: Call, question: AccessQuestion, principal: Standing
    ) -> tuple[ResourceRights, bool | None]:
        """The resource, and whether it exists; None where that cannot be told."""
        name = question.resource
        home = principal.facts.account or call.account
        if name == "*":
            return ResourceRights("*", home, None), None
        arn = Arn.parse(name)
        if arn is not None and arn.service == "iam" and question.action.startswith("sts:"):
            return _role_rights(transaction, arn)
        source = self._sources.get(question.action.partition(":")[0] if arn is None else arn.service)
        found = None if source is None else source.rights(transaction, call, name, question.action)
        if found is not None:
            return found, True
        if arn is None:
            raise AwsError("ResourceNotFoundException", f"There is no resource {name} that {question.action} is about.")
        account = arn.account if arn.account.isdigit() else home
        rights = ResourceRights(name, account, None, decides_alone=arn.service == "kms")
        return rights, None if source is None else False

    def _needs(
        self,
        transaction: Transaction,
        call: Call,
        organization: Organization,
        principal: Standing,
        question: AccessQuestion,
        rights: ResourceRights,
    ) -> tuple[tuple[AccessAnswer, ...], tuple[str, ...]]:
        """The decision on a secret's key, and what stands in the way of reading the secret."""
        action = _KEY_ACTIONS.get(question.action.lower())
        secret = None if action is None else self._secrets.secret(transaction, rights.arn)
        if action is None or secret is None or secret.key_arn is None or secret.version_id is None:
            return (), ()
        obstacles = obstacles_to_reading(secret, principal.facts.account)
        encrypted = {"SecretARN": rights.arn, "SecretVersionId": secret.version_id}
        key = self._sources["kms"].rights(transaction, call, secret.key_arn, action, encrypted)
        if key is None:
            return (), (*obstacles, f"the key {secret.key_arn} does not exist")
        context = {
            **owner_keys(organization, key.account),
            **principal.context,
            **time_keys(call),
            **through_service(secret.region, SECRETS_MANAGER, principal.facts.account),
            **key.context,
            **question.context,
        }
        return (_answered(principal, action, key, True, context, (), ()),), obstacles


def obstacles_to_reading(secret: SecretRights, account: str) -> tuple[str, ...]:
    """What keeps principals of an account from reading a secret whatever policies say, in words."""
    found: list[str] = []
    if secret.deleted:
        found.append("the secret is marked for deletion")
    if secret.uses_service_key and account and account != secret.resource.account:
        found.append("the secret is encrypted with aws/secretsmanager, which serves its own account only")
    return tuple(found)


def _require_insight(call: Call, organization: Organization, account: str, principal: str) -> None:
    """Refuse to look into another account, unless the caller's manages the organization."""
    if account not in {"", call.account} and call.account != organization.management_account:
        raise AccessDenied(
            f"User: {call.caller.arn} is not authorized to perform: strongroom:ExplainAccess on resource: {principal} "
            f"because only the management account may look into account {account}"
        )


def _role_rights(transaction: Transaction, arn: Arn) -> tuple[ResourceRights, bool]:
    role = role_by_arn(transaction, str(arn))
    if role is None:
        return ResourceRights(str(arn), arn.account, NOBODY_TRUSTED, decides_alone=True), False
    context = {
        f"{prefix}:resourcetag/{key.lower()}": value
        for key, value in tags_of(transaction, role.role_id).items()
        for prefix in ("aws", "iam")
    }
    trust = compile_trust(role.trust_policy)
    return ResourceRights(role.arn, role.account, trust, decides_alone=True, context=context), True


def _answered(
    principal: Standing,
    action: str,
    rights: ResourceRights,
    found: bool | None,
    context: Mapping[str, str | tuple[str, ...]],
    needs: tuple[AccessAnswer, ...],
    obstacles: tuple[str, ...],
) -> AccessAnswer:
    request, told, grant_id = explain_with_grants(principal, action, rights, context)
    return AccessAnswer(
        principal=principal.arn,
        action=action,
        resource=rights.arn,
        owner=rights.account,
        found=found,
        explanation=told,
        grant_id=grant_id,
        message="" if told.allowed else denied_message(request, told.decision),
        needs=needs,
        obstacles=obstacles,
    )
