"""The policies that a simulation is about: given as text, or those of a user, group or role."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from strongroom.arn import Arn
from strongroom.identity.directory import (
    Group,
    NamedDocument,
    Role,
    User,
    managed_document,
    policies_of,
)
from strongroom.identity.organization import Organization
from strongroom.policy import MalformedPolicy, Policy, PolicyKind, PolicySet, compile_policy
from strongroom.services.iam.problems import invalid_input
from strongroom.services.iam.simulation_positions import Place, statement_places
from strongroom.store import Transaction

__all__ = ["Exclusions", "Source", "Sources", "given_sources", "owner_sources", "resource_source"]

IAM_POLICY: Final = "IAM Policy"
BOUNDARY_POLICY: Final = "Permissions Boundary Policy"
RESOURCE_POLICY: Final = "Resource Policy"
"""``SourcePolicyType`` as AWS answers it; the model's own list of values is another."""

_AWS_MANAGED: Final = "arn:aws:iam::aws:policy/"
_RESOURCE_KINDS: Final = {"kms": PolicyKind.KEY, "iam": PolicyKind.TRUST}
"""Whose resource-based policies are of a kind of their own, by the service in the ARN of the resource."""


@dataclass(frozen=True, slots=True)
class Source:
    """One policy of a simulation.

    Args:
        identifier: ``SourcePolicyId``.
        kind: ``SourcePolicyType``.
        text: The document.
        policy: The same compiled; its name is unique in the simulation.
    """

    identifier: str
    kind: str
    text: str
    policy: Policy

    def place(self, index: int) -> Place:
        """Where a statement stands in the document."""
        return statement_places(self.text)[index]


@dataclass(frozen=True, slots=True)
class Sources:
    """All policies on the caller's side.

    Args:
        identity: Identity-based policies.
        boundary: The permissions boundary.
        levels: Service control policies, one tuple a level; None where the simulation has none.
    """

    identity: tuple[Source, ...] = ()
    boundary: Source | None = None
    levels: tuple[tuple[Policy, ...], ...] | None = None

    @property
    def policies(self) -> PolicySet:
        """The same for the policy engine."""
        return PolicySet(
            identity=tuple(source.policy for source in self.identity),
            boundary=None if self.boundary is None else self.boundary.policy,
            service_control=self.levels or (),
        )

    def with_given(self, given: Sources) -> Sources:
        """These and what a request adds: more policies, and a boundary or service control policies in their place."""
        return Sources(
            (*self.identity, *given.identity),
            given.boundary or self.boundary,
            self.levels if given.levels is None else given.levels,
        )


@dataclass(frozen=True, slots=True)
class Exclusions:
    """``PolicyExclusionList``: policies of the principal that a simulation leaves out.

    Args:
        types: Whole types, such as ``inline`` or ``scp``.
        arns: Managed policies.
        inline: Inline policies, as SourcePolicyId names them.
    """

    types: frozenset[str] = frozenset()
    arns: frozenset[str] = frozenset()
    inline: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, given: Iterable[Mapping[str, object]]) -> Exclusions:
        """Exclusions from the members of the API.

        Raises:
            AwsError: ``InvalidInput``: an entry is not exactly one of the three.
        """
        types, arns, inline = set(), set(), set()
        for entry in given:
            match dict(entry):
                case {"PolicyType": str(name), **rest} if not rest:
                    types.add(name)
                case {"PolicyArn": str(arn), **rest} if not rest:
                    arns.add(arn)
                case {"InlinePolicyIdentifier": {"PolicyName": name, "AttachmentType": kind, "AttachmentName": owner}}:
                    inline.add(f"{kind}_{owner}_{name}")
                case _:
                    raise invalid_input("A policy exclusion must name one policy type, policy ARN or inline policy.")
        return cls(frozenset(types), frozenset(arns), frozenset(inline))

    def leave_out(self, document: NamedDocument, identifier: str) -> bool:
        """Whether a policy of the principal is left out.

        Args:
            document: The policy.
            identifier: Its SourcePolicyId.
        """
        if not document.name.startswith("arn:"):
            return "inline" in self.types or identifier in self.inline
        kind = "aws-managed" if document.name.startswith(_AWS_MANAGED) else "user-managed"
        return kind in self.types or document.name in self.arns


def _compile(text: str, kind: PolicyKind, name: str) -> Policy:
    try:
        return compile_policy(text, kind, name=name)
    except MalformedPolicy as reason:
        raise invalid_input(reason.message) from None


def given_sources(
    policies: Sequence[str], boundaries: Sequence[str], levels: Sequence[Mapping[str, object]] | None
) -> Sources:
    """The policies that a request brings along.

    Args:
        policies: ``PolicyInputList``.
        boundaries: ``PermissionsBoundaryPolicyInputList``.
        levels: ``OrderedOrganizationPolicyInputList``, from the root of the organization down.

    Raises:
        AwsError: ``InvalidInput``: one of them is no policy, or there are several boundaries.
    """
    if len(boundaries) > 1:
        raise invalid_input("You can input only one permissions boundary policy.")
    names = [f"PolicyInputList.{number}" for number in range(1, len(policies) + 1)]
    identity = tuple(
        Source(name, IAM_POLICY, text, _compile(text, PolicyKind.IDENTITY, name))
        for name, text in zip(names, policies, strict=True)
    )
    name = "PermissionsBoundaryPolicyInputList.1"
    boundary = (
        Source(name, BOUNDARY_POLICY, boundaries[0], _compile(boundaries[0], PolicyKind.BOUNDARY, name))
        if boundaries
        else None
    )
    return Sources(identity, boundary, _given_levels(levels))


def _given_levels(levels: Sequence[Mapping[str, object]] | None) -> tuple[tuple[Policy, ...], ...] | None:
    if not levels:
        return None
    found: list[tuple[Policy, ...]] = []
    for number, level in enumerate(levels, start=1):
        given = level.get("ServiceControlPolicyInputList")
        texts: list[object] = given if isinstance(given, list) else []
        found.append(
            tuple(_compile(str(text), PolicyKind.SERVICE_CONTROL, f"ServiceControlPolicy.{number}") for text in texts)
        )
    return tuple(found)


def resource_source(text: str | None, resource: str) -> Source | None:
    """The resource-based policy of a request, read as the policy of a resource.

    Args:
        text: ``ResourcePolicy``.
        resource: The ARN of the resource; its service says whether it is a key policy or a trust policy.

    Raises:
        AwsError: ``InvalidInput``: it is no policy.
    """
    if text is None:
        return None
    arn = Arn.parse(resource)
    kind = PolicyKind.RESOURCE if arn is None else _RESOURCE_KINDS.get(arn.service, PolicyKind.RESOURCE)
    return Source("ResourcePolicy", RESOURCE_POLICY, text, _compile(text, kind, "ResourcePolicy"))


def owner_sources(
    transaction: Transaction, owner: User | Group | Role, organization: Organization, exclusions: Exclusions
) -> Sources:
    """The policies of a user, group or role, those that a user has through groups included.

    Args:
        transaction: Where they are.
        owner: Whose.
        organization: Gives the service control policies of the owner's account.
        exclusions: What to leave out.
    """
    word = "user" if isinstance(owner, User) else "role" if isinstance(owner, Role) else "group"
    identity: list[Source] = []
    for document in policies_of(transaction, owner.unique_id):
        if document.name.startswith("arn:"):
            identifier = document.name.rpartition("/")[2]
        elif document.group:
            identifier = f"group_{document.group}_{document.name}"
        else:
            identifier = f"{word}_{owner.name}_{document.name}"
        if not exclusions.leave_out(document, identifier):
            policy = _compile(document.text, PolicyKind.IDENTITY, f"{document.group}/{document.name}")
            identity.append(Source(identifier, IAM_POLICY, document.text, policy))
    held = owner.account != organization.management_account and organization.attached is not None
    return Sources(
        tuple(identity),
        _owner_boundary(transaction, owner, exclusions),
        organization.service_control(owner.account) if held and "scp" not in exclusions.types else None,
    )


def _owner_boundary(transaction: Transaction, owner: User | Group | Role, exclusions: Exclusions) -> Source | None:
    arn = None if isinstance(owner, Group) else owner.boundary_arn
    if arn is None or "permission-boundary" in exclusions.types or arn in exclusions.arns:
        return None
    text = managed_document(transaction, arn)
    if text is None:
        raise invalid_input(f"The permissions boundary {arn} does not exist.")
    return Source(arn.rpartition("/")[2], BOUNDARY_POLICY, text, _compile(text, PolicyKind.BOUNDARY, "boundary"))
