"""Everybody who can read the value of a secret: directly, by policies and grants, or through roles.

Reading takes ``secretsmanager:GetSecretValue`` on the secret and ``kms:Decrypt`` on its key, as the same principal
coming through Secrets Manager.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from strongroom.identity.organization import Organization
from strongroom.policy import (
    Policy,
    Reason,
    is_public,
    principal_accounts,
    principal_arns,
    principal_services,
)
from strongroom.services.access.certainty import Certainty, Possible
from strongroom.services.access.chains import ASSUME_ROLE, Assumers, find_chains
from strongroom.services.access.explaining import obstacles_to_reading
from strongroom.services.access.keys import SECRETS_MANAGER, owner_keys, request_keys, through_service
from strongroom.services.access.population import Resident, population
from strongroom.services.access.principals import Standing, service_standing
from strongroom.services.call import Call
from strongroom.services.clients import ReadPath, ResourceRights, SecretReader, SecretReaders, SecretRights

__all__ = ["ACTIONS", "find_readers"]

_READ: Final = "secretsmanager:GetSecretValue"
_DECRYPT: Final = "kms:Decrypt"
ACTIONS: Final = frozenset(action.lower() for action in (_READ, _DECRYPT, ASSUME_ROLE))
"""The actions that reading a secret takes, through roles or not, in lower case."""

_SESSIONS: Final = "arn:aws:sts:"


class _Reading:
    """Decides for one principal after the other whether it can read one secret."""

    def __init__(self, secret: SecretRights, key: ResourceRights, organization: Organization) -> None:
        self._secret = secret
        self._key = key
        self._organization = organization
        self._may_read = Certainty(_READ)
        self._may_decrypt = Certainty(_DECRYPT)
        self._secret_keys = {
            **owner_keys(organization, secret.resource.account),
            **request_keys(secret.region),
            **secret.resource.context,
        }
        policies = [policy for policy in (secret.resource.policy, key.policy) if policy is not None]
        named = frozenset[str]().union(*map(principal_arns, policies))
        self._sessions = sorted(arn for arn in named if arn.startswith(_SESSIONS))

    def readers(self, resident: Resident) -> Iterator[SecretReader]:
        """What a user or role can read; for a role also those of its sessions that a policy names by themselves."""
        own = self.reader(resident.standing)
        if own is not None:
            yield own
        if resident.role is None:
            return
        prefix = resident.standing.facts.session_arn.rpartition("/")[0] + "/"
        for arn in self._sessions:
            if arn.startswith(prefix):
                session = self.reader(_as_session(resident.standing, arn))
                if session is not None and (own is None or own.conditions):
                    yield session

    def reader(self, principal: Standing) -> SecretReader | None:
        """What a principal needs to read the secret; None when it cannot."""
        account = principal.facts.account
        if obstacles_to_reading(self._secret, account):
            return None
        may_read = self._may_read.decide(principal, self._secret.resource, {**principal.context, **self._secret_keys})
        if may_read is None:
            return None
        keys = {
            **owner_keys(self._organization, self._key.account),
            **principal.context,
            **through_service(self._secret.region, SECRETS_MANAGER, account),
            **self._key.context,
        }
        may_decrypt = self._may_decrypt.decide(principal, self._key, keys)
        if may_decrypt is None:
            return None
        return SecretReader(
            arn=principal.arn,
            kind=principal.kind,
            account=account,
            secret=_path(may_read, "resource-based policy"),
            key=_path(may_decrypt, "key policy"),
            conditions=tuple(dict.fromkeys((*may_read.conditions, *may_decrypt.conditions))),
        )


def _as_session(role: Standing, arn: str) -> Standing:
    """A session of a role by its ARN, from a plain session of it."""
    user_id = f"{min(role.facts.identifiers)}:{arn.rpartition('/')[2]}"
    return replace(
        role,
        arn=arn,
        kind="session",
        facts=replace(role.facts, session_arn=arn),
        context={**role.context, "aws:userid": user_id},
    )


def _path(possible: Possible, resource_policy: str) -> ReadPath:
    if possible.grant_id is not None:
        return ReadPath("grant", (), possible.grant_id)
    by_resource = possible.decision.reason is Reason.ALLOWED_BY_RESOURCE
    return ReadPath(resource_policy if by_resource else "identity-based policy", possible.decision.statements)


async def find_readers(
    call: Call,
    organization: Organization,
    secret: SecretRights,
    key: ResourceRights | None,
    accounts: Sequence[str],
    *,
    whole_installation: bool,
) -> SecretReaders:
    """Everybody of some accounts who can read a secret.

    Args:
        call: The call, whose permission has been asked.
        organization: The organization, as of the call's epoch.
        secret: The secret.
        key: The key of its current version; None when there is no such version or no such key.
        accounts: The accounts to look into.
        whole_installation: Whether these are all.

    Raises:
        StaleAuthorization: Something changed since the call was authenticated.
        OperatorError: A policy cannot be read.
    """
    policy = secret.resource.policy
    direct: dict[str, SecretReader] = {}
    assumers = Assumers()
    if key is not None:
        reading = _Reading(secret, key, organization)
        async for resident in population(call, organization, accounts, ACTIONS):
            assumers.add(resident)
            direct.update({reader.arn: reader for reader in reading.readers(resident)})
        for service in () if policy is None else sorted(principal_services(policy)):
            reader = reading.reader(service_standing(service, secret.resource.account))
            if reader is not None:
                direct[service] = reader
    chained = await find_chains(assumers, direct, organization, secret.region)
    return SecretReaders(
        secret=secret,
        readers=sorted((*direct.values(), *chained), key=lambda reader: (reader.arn, reader.through)),
        public=policy is not None and is_public(policy),
        key_public=key is not None and key.policy is not None and is_public(key.policy),
        other_accounts=_other_accounts(policy, secret.resource.account, direct),
        whole_installation=whole_installation,
    )


def _other_accounts(policy: Policy | None, owner: str, direct: dict[str, SecretReader]) -> tuple[str, ...]:
    """Accounts besides the owner's that the resource policy names, or that a reader belongs to."""
    named = frozenset[str]() if policy is None else principal_accounts(policy)
    sessions = () if policy is None else (arn.split(":")[4] for arn in principal_arns(policy))
    found = {*named, *sessions, *(reader.account for reader in direct.values())}
    return tuple(sorted(found - {owner, ""}))
