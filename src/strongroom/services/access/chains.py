"""Who can assume the roles that read: role chains, found backwards from the readers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
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

__all__ = ["ASSUME_ROLE", "Assumers", "find_chains"]

ASSUME_ROLE: Final = "sts:AssumeRole"
_FEDERATED: Final = ("sts:assumerolewithwebidentity", "sts:assumerolewithsaml")
_AT_A_TIME: Final = 200
"""How many decisions are taken before other requests have their turn; some milliseconds."""


@dataclass(slots=True)
class Assumers:
    """Everybody whom a trust policy may let in, by how that is found out.

    Args:
        by_name: ARN or unique id -> the principal.
        exact: ARN of a role -> those whose own policies allow assuming exactly this one.
        broad: Those whose own policies name roles by a pattern.
        by_account: Account -> everybody in it.
        roles: ARN -> the role.
    """

    by_name: dict[str, Resident] = field(default_factory=dict)
    exact: dict[str, list[Resident]] = field(default_factory=dict)
    broad: list[Resident] = field(default_factory=list)
    by_account: dict[str, list[Resident]] = field(default_factory=dict)
    roles: dict[str, Resident] = field(default_factory=dict)

    def add(self, resident: Resident) -> None:
        """Sort a user or role in."""
        facts = resident.standing.facts
        self.by_account.setdefault(facts.account, []).append(resident)
        for name in (facts.arn, *facts.identifiers):
            self.by_name[name] = resident
        if resident.role is not None:
            self.roles[facts.arn] = resident
        exact, broad = _assumed_roles(resident)
        for arn in exact:
            self.exact.setdefault(arn, []).append(resident)
        if broad:
            self.broad.append(resident)

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


@dataclass(frozen=True, slots=True)
class _Link:
    """A role of a chain.

    Args:
        role: The role.
        through: The roles to assume from here on, this one first; a session stands for its role where only it reads.
        conditions: What the request has to meet.
    """

    role: Resident
    through: tuple[str, ...]
    conditions: tuple[str, ...]


class _Search:
    """Goes backwards from the readers: chains without conditions first, among these the shortest first."""

    def __init__(
        self, assumers: Assumers, readers: Mapping[str, SecretReader], organization: Organization, region: str
    ) -> None:
        self._assumers = assumers
        self._readers = readers
        self._organization = organization
        self._region = region
        self._decide = Certainty(ASSUME_ROLE)
        self._decisions = 0
        self._certain: deque[_Link] = deque()
        self._doubtful: deque[_Link] = deque()
        self.chains: dict[str, SecretReader] = {}
        self.outsiders: list[SecretReader] = []
        roles = assumers.roles
        by_session = {_session_prefix(each.standing.facts.session_arn): each for each in roles.values()}
        for arn, reader in sorted(readers.items()):
            role = roles.get(arn) or by_session.get(_session_prefix(arn))
            if role is not None:
                self._take_up(_Link(role, (arn,), reader.conditions))

    def _take_up(self, link: _Link) -> None:
        (self._doubtful if link.conditions else self._certain).append(link)

    async def run(self) -> None:
        """Follow every chain to its beginning."""
        while self._certain or self._doubtful:
            link = (self._certain or self._doubtful).popleft()
            known = self._known(link.through[0])
            outdone = link.conditions and known is not None and not known.conditions
            if link.role.role is not None and not outdone:
                await self._follow(link, link.role.role)

    def _known(self, arn: str) -> SecretReader | None:
        """How a principal reads, as far as is known: the path that asks for least."""
        return self.chains.get(arn) or self._readers.get(arn)

    async def _follow(self, link: _Link, role: Role) -> None:
        trust = compile_trust(role.trust_policy)
        rights = _role_rights(link.role, role, trust)
        keys = {**owner_keys(self._organization, role.account), **request_keys(self._region), **rights.context}
        self.outsiders += _outsiders(trust, link.through, link.conditions)
        for candidate in self._assumers.candidates(role, trust):
            standing = candidate.standing
            known = self._known(standing.arn)
            if known is not None and (link.conditions or not known.conditions):
                continue  # what is known asks for no more
            self._decisions += 1
            if self._decisions % _AT_A_TIME == 0:
                await asyncio.sleep(0)
            possible = self._decide.decide(standing, rights, {**standing.context, **keys})
            if possible is None or (known is not None and possible.conditions):
                continue
            asked = tuple(dict.fromkeys((*possible.conditions, *link.conditions)))
            account = standing.facts.account
            self.chains[standing.arn] = SecretReader(
                standing.arn, standing.kind, account, through=link.through, conditions=asked
            )
            if candidate.role is not None:
                self._take_up(_Link(candidate, (standing.arn, *link.through), asked))


def _session_prefix(arn: str) -> str:
    """What the ARNs of all sessions of a role begin with; empty for what is no session."""
    return arn.rpartition("/")[0] if ":assumed-role/" in arn else ""


async def find_chains(
    assumers: Assumers, readers: Mapping[str, SecretReader], organization: Organization, region: str
) -> list[SecretReader]:
    """Everybody who reads through roles, each with one chain; not those who read without a condition by themselves.

    Args:
        assumers: All users and roles.
        readers: ARN -> who reads directly; chains end in the roles among them.
        organization: The organization.
        region: The region that roles are assumed in.

    Returns:
        Users and roles; and for each role on a chain the services and identity providers that its trust policy names.
    """
    search = _Search(assumers, readers, organization, region)
    await search.run()
    return [*search.chains.values(), *search.outsiders]


def _role_rights(resident: Resident, role: Role, trust: Policy) -> ResourceRights:
    context = {
        f"{prefix}:resourcetag/{key.lower()}": value
        for key, value in resident.tags.items()
        for prefix in ("aws", "iam")
    }
    return ResourceRights(role.arn, role.account, trust, decides_alone=True, context=context)


def _outsiders(trust: Policy, through: tuple[str, ...], conditions: tuple[str, ...]) -> Iterator[SecretReader]:
    """Services and identity providers that may assume a role."""
    for kind, actions in (("service", (ASSUME_ROLE.lower(),)), ("federated", _FEDERATED)):
        for statement in (allow for action in actions for allow in trust.select(action).allows):
            if statement.principals is None:
                continue
            asked = " and ".join(str(condition) for condition in statement.conditions)
            names = statement.principals.services if kind == "service" else statement.principals.federated
            for name in sorted(names):
                own = (f"if {asked}",) if asked else ()
                yield SecretReader(
                    name, kind, "", through=through, conditions=tuple(dict.fromkeys((*own, *conditions)))
                )
