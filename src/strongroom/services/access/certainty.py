"""Decisions about requests that nobody has made: always, never, or if the request meets conditions.

Each decision is taken twice by the engine, on the policies as they are in the best and in the worst case of what is not
known (`strongroom.policy.assume`). Most policies ask for nothing unknown, and are asked once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from strongroom.policy import (
    AuthorizationRequest,
    Context,
    Decision,
    Policy,
    PolicySet,
    Statement,
    assume,
    assume_statement,
    evaluate,
    unknown_conditions,
)
from strongroom.policy.principals import Grade
from strongroom.services.access.deciding import grants_with_policies
from strongroom.services.access.principals import Standing
from strongroom.services.clients import ResourceRights

__all__ = ["Certainty", "Possible"]


@dataclass(frozen=True, slots=True)
class Possible:
    """A request that can be allowed.

    Args:
        decision: The decision; that of the best case when it depends.
        grant_id: The grant that allows it.
        conditions: What the request has to meet, in words; empty when it is always allowed.
    """

    decision: Decision
    grant_id: str | None
    conditions: tuple[str, ...]


class Certainty:
    """Decides one action for any number of principals.

    Args:
        action: Such as ``kms:Decrypt``.
    """

    __slots__ = ("_assumed", "_lowered", "action")

    def __init__(self, action: str) -> None:
        self.action: Final = action
        self._lowered: Final = action.lower()
        self._assumed: Final[dict[tuple[Policy, bool, bool], Policy]] = {}

    def decide(self, principal: Standing, rights: ResourceRights, context: Context) -> Possible | None:
        """Whether a request can be allowed, by the resource's own policy or by one of its grants.

        Args:
            principal: Who asks.
            rights: On what.
            context: The condition keys that are known.

        Returns:
            What allows it, one that always does if there is one; None when it is never allowed.
        """
        request = AuthorizationRequest(principal.facts, self.action, rights.arn, rights.account, context)
        found = self._possible(principal, request, principal.policies, rights.policy, rights.decides_alone, None)
        if found is not None and not found.conditions:
            return found
        for grant, own in grants_with_policies(principal.facts.account, principal.policies, rights):
            by_grant = self._possible(principal, request, own, grant.policy, rights.decides_alone, grant.grant_id)
            if by_grant is not None and (found is None or not by_grant.conditions):
                found = by_grant
        return found

    def _possible(
        self,
        principal: Standing,
        request: AuthorizationRequest,
        own: PolicySet,
        resource_policy: Policy | None,
        alone: bool,
        grant_id: str | None,
    ) -> Possible | None:
        best_own, best_policy = self._case(principal, own, resource_policy, best=True)
        best = evaluate(request, best_own, best_policy, delegates_to_identity=not alone)
        if not best.allowed:
            return None
        if best_own is own and best_policy is resource_policy:  # then the worst case is no different
            return Possible(best, grant_id, ())
        worst_own, worst_policy = self._case(principal, own, resource_policy, best=False)
        worst = evaluate(request, worst_own, worst_policy, delegates_to_identity=not alone)
        if worst.allowed:
            return Possible(worst, grant_id, ())
        return Possible(best, grant_id, self._conditions(principal, request, own, resource_policy, best))

    def _case(
        self, principal: Standing, own: PolicySet, resource_policy: Policy | None, *, best: bool
    ) -> tuple[PolicySet, Policy | None]:
        """All policies in the best or the worst case; the very same objects where there is no difference."""
        identity = tuple([self._assume(principal, policy, best) for policy in own.identity])
        boundary = None if own.boundary is None else self._assume(principal, own.boundary, best)
        levels = tuple(
            [tuple([self._assume(principal, policy, best) for policy in level]) for level in own.service_control]
        )
        policy = None if resource_policy is None else self._assume(principal, resource_policy, best)
        if identity == own.identity and boundary is own.boundary and levels == own.service_control:
            return own, policy
        return PolicySet(identity, boundary, own.session, levels), policy

    def _assume(self, principal: Standing, policy: Policy, best: bool) -> Policy:
        key = (policy, principal.kind == "user", best)
        found = self._assumed.get(key)
        if found is None:
            found = self._assumed[key] = assume(policy, self._lowered, principal.unknown, best=best)
        return found

    def _conditions(
        self,
        principal: Standing,
        request: AuthorizationRequest,
        own: PolicySet,
        resource_policy: Policy | None,
        best: Decision,
    ) -> tuple[str, ...]:
        """What a request has to meet that is allowed in the best case only.

        These are the conditions of the statements that allow it, of those in policies that must allow it besides, and
        of those that would deny it.
        """
        limits = [policy for level in own.service_control for policy in level]
        if own.boundary is not None:
            limits.append(own.boundary)
        if resource_policy is not None and resource_policy.always_decides:
            limits.append(resource_policy)
        granting = list(own.identity)
        if resource_policy is not None and resource_policy not in limits:
            granting.append(resource_policy)
        words: list[str] = []
        for policy in (*granting, *limits):
            for statement in self._about(principal, request, policy):
                asked = " and ".join(unknown_conditions(statement, principal.unknown))
                if asked and not statement.allows:
                    words.append(f"unless {asked}")
                elif asked and (statement.id in best.statements or policy in limits):
                    words.append(f"if {asked}")
        return tuple(dict.fromkeys(words))

    def _about(self, principal: Standing, request: AuthorizationRequest, policy: Policy) -> Iterator[Statement]:
        """The statements of a policy that apply to a request if their unknown conditions hold."""
        selection = policy.select(self._lowered)
        bounded = principal.policies.boundary is not None
        for statement in (*selection.denies, *selection.allows):
            assumed = assume_statement(statement, principal.unknown, holds=True)
            principals = statement.principals
            if principals is None:
                about = True
            elif statement.allows:
                about = principals.grade(request.principal) is not Grade.NOBODY
            else:
                about = principals.denies(request.principal, bounded=bounded)
            if about and assumed is not None and assumed.applies(request.resource, request.context):
                yield statement
