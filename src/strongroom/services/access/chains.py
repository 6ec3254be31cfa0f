"""Who can assume the roles that read: role chains, found backwards from the readers, the shortest first."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from strongroom.identity.directory import Role
from strongroom.identity.organization import Organization
from strongroom.identity.trust import compile_trust
from strongroom.policy import Policy, Statement
from strongroom.services.access.certainty import Certainty
from strongroom.services.access.keys import owner_keys, request_keys
from strongroom.services.access.population import Resident
from strongroom.services.clients import ResourceRights, SecretReader

__all__ = ["ASSUME_ROLE", "find_chains"]

ASSUME_ROLE: Final = "sts:AssumeRole"
_FEDERATED: Final = ("sts:assumerolewithwebidentity", "sts:assumerolewithsaml")
_AT_A_TIME: Final = 200
"""How many decisions are taken before other requests have their turn; some milliseconds."""


@dataclass(slots=True)
class _Assumers:
    """Everybody whom a trust policy may let in, by how that is found out.

    Args:
        by_name: ARN or unique id -> the principal.
        exact: ARN of a role -> those whose own policies allow assuming exactly this one.
        broad: Those whose own policies name roles by a pattern.
        by_account: Account -> everybody in it.
    """

    by_name: dict[str, Resident] = field(default_factory=dict)
    exact: dict[str, list[Resident]] = field(default_factory=dict)
    broad: list[Resident] = field(default_factory=list)
    by_account: dict[str, list[Resident]] = field(default_factory=dict)

    @classmethod
    def of(cls, residents: Iterable[Resident]) -> _Assumers:
        """Sort everybody in."""
        found = cls()
        for resident in residents:
            facts = resident.standing.facts
            found.by_account.setdefault(facts.account, []).append(resident)
            for name in (facts.arn, *facts.identifiers):
                found.by_name[name] = resident
            exact, broad = _assumed_roles(resident)
            for arn in exact:
                found.exact.setdefault(arn, []).append(resident)
            if broad:
                found.broad.append(resident)
        return found

    def candidates(self, role: Role, trust: Policy) -> Iterator[Resident]:
        """Those whom the trust policy of a role may let in; each may come more than once."""
        for statement in trust.select(ASSUME_ROLE.lower()).allows:
            principals = statement.principals
            if principals is None:
                continue
            for name in (*principals.arns, *principals.identifiers):
                resident = self.by_name.get(name)
                if resident is not None:
                    yield resident
            if principals.anyone or principals.inverted:
                yield from self.by_account.get(role.account, ())
            if principals.anyone or principals.inverted or principals.accounts:
                yield from self.exact.get(role.arn, ())
                yield from self.broad


def _assumed_roles(resident: Resident) -> tuple[set[str], bool]:
    """The roles that a principal's own policies allow to assume by ARN, and whether they name others by a pattern."""
    statements: list[Statement] = [
        statement
        for policy in resident.standing.policies.identity
        for statement in policy.select(ASSUME_ROLE.lower()).allows
    ]
    patterns = [pattern for statement in statements for pattern in statement.resources]
    inverted = any(statement.resources_inverted for statement in statements)
    exact = {pattern for pattern in patterns if not any(mark in pattern for mark in "*?$")}
    return exact, inverted or len(exact) < len(set(patterns))


async def find_chains(
    residents: Sequence[Resident], readers: Mapping[str, SecretReader], organization: Organization, region: str
) -> list[SecretReader]:
    """Everybody who reads through roles only, each with the shortest chain.

    Args:
        residents: All users and roles.
        readers: ARN -> who reads directly; chains end in the roles among them.
        organization: The organization.
        region: The region that roles are assumed in.

    Returns:
        Users and roles; and for each role on a chain the services and identity providers that its trust policy names.
    """
    assumers = _Assumers.of(residents)
    roles = {each.standing.arn: each for each in residents if each.role is not None}
    decide = Certainty(ASSUME_ROLE)
    chains: dict[str, SecretReader] = {}
    outsiders: list[SecretReader] = []
    queue: deque[tuple[Resident, tuple[str, ...], tuple[str, ...]]] = deque(
        (roles[arn], (), reader.conditions) for arn, reader in sorted(readers.items()) if arn in roles
    )
    decisions = 0
    while queue:
        target, behind, conditions = queue.popleft()
        role = target.role
        if role is None:
            continue
        through = (role.arn, *behind)
        rights = _role_rights(target, role)
        trust = rights.policy
        if trust is None:
            continue
        outsiders += _outsiders(trust, through, conditions)
        keys = {**owner_keys(organization, role.account), **request_keys(region), **rights.context}
        for candidate in assumers.candidates(role, trust):
            arn = candidate.standing.arn
            if arn in readers or arn in chains:
                continue
            decisions += 1
            if decisions % _AT_A_TIME == 0:
                await asyncio.sleep(0)
            possible = decide.decide(candidate.standing, rights, {**candidate.standing.context, **keys})
            if possible is None:
                continue
            asked = tuple(dict.fromkeys((*possible.conditions, *conditions)))
            chains[arn] = SecretReader(
                arn, candidate.standing.kind, candidate.standing.facts.account, through=through, conditions=asked
            )
            if candidate.role is not None:
                queue.append((candidate, through, asked))
    return [*chains.values(), *outsiders]


def _role_rights(resident: Resident, role: Role) -> ResourceRights:
    context = {
        f"{prefix}:resourcetag/{key.lower()}": value
        for key, value in resident.tags.items()
        for prefix in ("aws", "iam")
    }
    trust = compile_trust(role.trust_policy)
    return ResourceRights(role.arn, role.account, trust, decides_alone=True, context=context)


def _outsiders(trust: Policy, through: tuple[str, ...], conditions: tuple[str, ...]) -> Iterator[SecretReader]:
    """Services and identity providers that may assume a role."""
    for kind, actions in (("service", (ASSUME_ROLE.lower(),)), ("federated", _FEDERATED)):
        for statement in (allow for action in actions for allow in trust.select(action).allows):
            if statement.principals is None:
                continue
            asked = " and ".join(str(condition) for condition in statement.conditions)
            names = statement.principals.services if kind == "service" else statement.principals.others
            for name in sorted(names):
                own = (f"if {asked}",) if asked else ()
                yield SecretReader(
                    name, kind, "", through=through, conditions=tuple(dict.fromkeys((*own, *conditions)))
                )
