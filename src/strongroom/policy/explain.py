"""Why a request was decided as it was, for people: what every policy says about it, and what would have to be there.

`explain` takes what `evaluate` takes and answers with the same decision. Besides, it lists for each type of policy the
statements that applied, those that were about the request but whose conditions did not hold, and whether an Allow of
this type was needed. It is slower than `evaluate`, which stops at the first answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from strongroom.policy.compiler import Policy, Statement
from strongroom.policy.conditions import Condition
from strongroom.policy.evaluation import WITHOUT_POLICIES, PolicySet, allowed_grade, evaluate, must_decide
from strongroom.policy.keys import statement_keys
from strongroom.policy.model import AuthorizationRequest, Decision, Layer, Reason, StatementId
from strongroom.policy.principals import Grade

__all__ = ["Explanation", "Finding", "LayerFindings", "explain"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A statement that is about the principal, the action and the resource of a request.

    Args:
        id: Where it stands.
        allows: Its effect.
        unmet: The conditions that did not hold; the statement applied when there are none.
    """

    id: StatementId
    allows: bool
    unmet: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class LayerFindings:
    """What the policies of one type say.

    Args:
        layer: The type.
        level: For service control policies the level of the organization, from 1 for the root; 0 for every other.
        policies: The names of the policies that were asked. Empty when there are none of this type.
        needed: Is an Allow of this type needed?
        applied: The statements that applied, every Deny first.
        unmet: The statements that would have applied, had their conditions held.
    """

    layer: Layer
    level: int
    policies: tuple[str, ...]
    needed: bool
    applied: tuple[Finding, ...]
    unmet: tuple[Finding, ...]

    @property
    def denies(self) -> bool:
        """Does a statement here deny the request?"""
        return any(not finding.allows for finding in self.applied)

    @property
    def allows(self) -> bool:
        """Does a statement here allow the request, with none that denies it?"""
        return bool(self.applied) and not self.denies


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision and what led to it.

    Args:
        decision: What `evaluate` answers; its statements are those that made it.
        layers: What each type of policy says, in the order in which AWS asks them.
        missing: For an implicit deny: the types of which an Allow is needed and not there. In the owner's account a
            missing identity-based Allow can be made good by a resource-based one that names the principal.
        absent_keys: Condition keys, in lower case, that statements about this request ask for and that it has not.
    """

    decision: Decision
    layers: tuple[LayerFindings, ...]
    missing: tuple[Layer, ...]
    absent_keys: tuple[str, ...]

    @property
    def allowed(self) -> bool:
        """May the caller do it?"""
        return self.decision.allowed

    @property
    def reason(self) -> Reason:
        """Why."""
        return self.decision.reason

    @property
    def statements(self) -> tuple[StatementId, ...]:
        """Every statement that applied, be it that it made the decision or not."""
        return tuple(finding.id for findings in self.layers for finding in findings.applied)


def _about(statement: Statement, request: AuthorizationRequest, bounded: bool) -> bool:
    """Is a statement about the principal and the resource of a request? The action is the caller's to check."""
    principals = statement.principals
    if principals is not None:
        if statement.allows and principals.grade(request.principal) is Grade.NOBODY:
            return False
        if not statement.allows and not principals.denies(request.principal, bounded=bounded):
            return False
    return statement.resource is None or statement.resource(request.resource, request.context)


def _statements_about(policies: Sequence[Policy], request: AuthorizationRequest, bounded: bool) -> list[Statement]:
    action = request.action.lower()
    found: list[Statement] = []
    for policy in policies:
        selection = policy.select(action)
        found += [each for each in (*selection.denies, *selection.allows) if _about(each, request, bounded)]
    return sorted(found, key=lambda statement: statement.allows)


def _groups(
    policies: PolicySet, resource_policy: Policy | None, attached: bool
) -> list[tuple[Layer, int, tuple[Policy, ...]]]:
    """The policies to ask: type, level, policies."""
    groups: list[tuple[Layer, int, tuple[Policy, ...]]] = []
    if attached:
        groups += [
            (Layer.SERVICE_CONTROL, number, level) for number, level in enumerate(policies.service_control, start=1)
        ]
    groups.append((Layer.RESOURCE, 0, () if resource_policy is None else (resource_policy,)))
    if attached:
        groups.append((Layer.IDENTITY, 0, policies.identity))
        if policies.boundary is not None:
            groups.append((Layer.BOUNDARY, 0, (policies.boundary,)))
        if policies.session is not None:
            groups.append((Layer.SESSION, 0, policies.session))
    return groups


def explain(
    request: AuthorizationRequest,
    policies: PolicySet,
    resource_policy: Policy | None,
    *,
    delegates_to_identity: bool = True,
) -> Explanation:
    """Decide a request as `evaluate` does, and tell why.

    Args and errors are those of `evaluate`.
    """
    decision = evaluate(request, policies, resource_policy, delegates_to_identity=delegates_to_identity)
    attached = request.principal.kind not in WITHOUT_POLICIES
    bounded = attached and policies.boundary is not None
    needed = _needed(request, policies, resource_policy, must_decide(resource_policy, delegates_to_identity))
    layers: list[LayerFindings] = []
    keys: set[str] = set()
    for layer, level, group in _groups(policies, resource_policy, attached):
        statements = _statements_about(group, request, bounded)
        findings = [_finding(statement, request) for statement in statements]
        keys = keys.union(*(statement_keys(statement, with_default=False) for statement in statements))
        layers.append(
            LayerFindings(
                layer=layer,
                level=level,
                policies=tuple(policy.name for policy in group),
                needed=layer in needed,
                applied=tuple(finding for finding in findings if not finding.unmet),
                unmet=tuple(finding for finding in findings if finding.unmet),
            )
        )
    return Explanation(
        decision=decision,
        layers=tuple(layers),
        missing=_missing(decision, layers),
        absent_keys=tuple(sorted(key for key in keys if not _is_given(request.context.get(key)))),
    )


def _is_given(value: str | tuple[str, ...] | None) -> bool:
    return value is not None and value != ()


def _finding(statement: Statement, request: AuthorizationRequest) -> Finding:
    unmet = tuple(condition for condition in statement.conditions if not condition.test(request.context))
    return Finding(statement.id, statement.allows, unmet)


def _missing(decision: Decision, layers: Sequence[LayerFindings]) -> tuple[Layer, ...]:
    if decision.allowed or any(findings.denies for findings in layers):
        return ()
    return tuple(dict.fromkeys(findings.layer for findings in layers if findings.needed and not findings.allows))


def _needed(
    request: AuthorizationRequest, policies: PolicySet, resource_policy: Policy | None, must_allow: bool
) -> set[Layer]:
    """The types of policy of which an Allow is needed, given what the resource-based policy says."""
    principal = request.principal
    if principal.kind in WITHOUT_POLICIES:
        return {Layer.RESOURCE}
    needed = {Layer.SERVICE_CONTROL}
    grade = allowed_grade(request, resource_policy)
    if principal.account != request.resource_account:
        needed |= {Layer.RESOURCE, Layer.BOUNDARY, Layer.SESSION}
        return needed if principal.kind == "root" else needed | {Layer.IDENTITY}
    direct = grade is Grade.DIRECT and (principal.kind != "user" or policies.session is None)
    if not (direct or grade is Grade.ANYONE):
        needed |= {Layer.BOUNDARY, Layer.SESSION}
    if must_allow or grade >= Grade.ROLE:
        needed.add(Layer.RESOURCE)
    if grade < Grade.ROLE and principal.kind != "root" and not (must_allow and grade is Grade.NOBODY):
        needed.add(Layer.IDENTITY)
    return needed
