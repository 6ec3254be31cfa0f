"""What a simulation answers: one evaluation of one action on one or more resources.

A refusal that an explicit Deny made and one for want of an Allow are told apart as the policy simulator tells them. Of
a policy that denies only the statements that deny are named; of every other one those that allow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from strongroom.arn import Arn
from strongroom.policy import (
    AuthorizationRequest,
    Context,
    Explanation,
    Layer,
    LayerFindings,
    Policy,
    PrincipalFacts,
    explain,
    required_keys,
)
from strongroom.services.iam.simulation_sources import Source, Sources, resource_source

__all__ = ["Simulation"]

_STRICTEST: Final = ("explicitDeny", "implicitDeny", "allowed")
_DETAILS: Final = {
    Layer.IDENTITY: "IAM Policy",
    Layer.RESOURCE: "Resource Policy",
    Layer.BOUNDARY: "Permissions Boundary Policy",
}


@dataclass(frozen=True, slots=True)
class Simulation:
    """A simulation whose policies and principal are known.

    Args:
        principal: Who is taken to ask.
        sources: The principal's policies.
        resources: The ARNs to ask about; ``*`` when the request names none.
        resource_policy: The text of the resource-based policy, which each of the resources is taken to have.
        owner: The account that owns what does not name its account.
        context: The condition keys of the request.
    """

    principal: PrincipalFacts
    sources: Sources
    resources: tuple[str, ...]
    resource_policy: str | None
    owner: str
    context: Context

    def evaluate(self, action: str) -> dict[str, object]:
        """``EvaluationResult`` for an action.

        Raises:
            AwsError: ``InvalidInput``: the resource-based policy is no policy of these resources.
        """
        each = [self._on_resource(action, resource) for resource in self.resources]
        sole = each[0] if len(each) == 1 else None
        result: dict[str, object] = {
            "EvalActionName": action,
            "EvalResourceName": "*" if sole is None else sole.resource,
            "EvalDecision": min((one.decision for one in each), key=_STRICTEST.index),
            "MatchedStatements": _unique(statement for one in each for statement in one.matched),
            "MissingContextValues": list(dict.fromkeys(key for one in each for key in one.absent)),
        }
        if self.sources.levels is not None:
            result["OrganizationsDecisionDetail"] = {
                "AllowedByOrganizations": all(one.layer_allows(Layer.SERVICE_CONTROL) for one in each)
            }
        if self.sources.boundary is not None:
            result["PermissionsBoundaryDecisionDetail"] = {
                "AllowedByPermissionsBoundary": all(one.layer_allows(Layer.BOUNDARY) for one in each)
            }
        if self.resources != ("*",):
            result["EvalDecisionDetails"] = {} if sole is None else sole.details(self.principal)
            result["ResourceSpecificResults"] = [self._specific(one) for one in each]
        return result

    def _specific(self, one: _OnResource) -> dict[str, object]:
        result: dict[str, object] = {
            "EvalResourceName": one.resource,
            "EvalResourceDecision": one.decision,
            "MatchedStatements": one.matched,
            "MissingContextValues": list(one.absent),
        }
        details = one.details(self.principal)
        if details:
            result["EvalDecisionDetails"] = details
        if self.sources.boundary is not None:
            result["PermissionsBoundaryDecisionDetail"] = {
                "AllowedByPermissionsBoundary": one.layer_allows(Layer.BOUNDARY)
            }
        return result

    def _on_resource(self, action: str, resource: str) -> _OnResource:
        arn = Arn.parse(resource)
        owner = self.owner if arn is None or not arn.account.isdigit() else arn.account
        policy = resource_source(self.resource_policy, resource)
        request = AuthorizationRequest(self.principal, action, resource, owner, self.context)
        told = explain(request, self.sources.policies, None if policy is None else policy.policy)
        every = self._every_source(policy)
        written = {key.lower(): key for key in required_keys(self._every_policy(every))}
        return _OnResource(
            resource=resource,
            owner=owner,
            told=told,
            matched=[shape for findings in told.layers for shape in _statements(findings, every)],
            absent=tuple(written[key] for key in told.absent_keys),
        )

    def _every_source(self, resource_policy: Source | None) -> dict[str, Source]:
        every = (*self.sources.identity, self.sources.boundary, resource_policy)
        return {source.policy.name: source for source in every if source is not None}

    def _every_policy(self, every: Mapping[str, Source]) -> list[Policy]:
        levels = self.sources.levels or ()
        return [*(source.policy for source in every.values()), *(policy for level in levels for policy in level)]


@dataclass(frozen=True, slots=True)
class _OnResource:
    """The evaluation on one resource."""

    resource: str
    owner: str
    told: Explanation
    matched: list[dict[str, object]]
    absent: tuple[str, ...]

    @property
    def decision(self) -> str:
        """``PolicyEvaluationDecisionType``."""
        if self.told.allowed:
            return "allowed"
        return "explicitDeny" if self.told.reason.is_explicit else "implicitDeny"

    def layer_allows(self, layer: Layer) -> bool:
        """Whether all policies of a type, on each of its levels, let the request through."""
        return all(findings.allows for findings in self.told.layers if findings.layer is layer)

    def details(self, principal: PrincipalFacts) -> dict[str, str]:
        """``EvalDecisionDetails``: what each type of policy says, for a request from one account into another."""
        if principal.account == self.owner or not self.layer_allows(Layer.SERVICE_CONTROL):
            return {}
        return {
            _DETAILS[findings.layer]: _said(findings) for findings in self.told.layers if findings.layer in _DETAILS
        }


def _said(findings: LayerFindings) -> str:
    return "explicitDeny" if findings.denies else "allowed" if findings.allows else "implicitDeny"


def _statements(findings: LayerFindings, every: Mapping[str, Source]) -> list[dict[str, object]]:
    """``MatchedStatements`` of one type of policy. Service control policies are not named."""
    denying = {finding.id.policy for finding in findings.applied if not finding.allows}
    shapes: list[dict[str, object]] = []
    for finding in findings.applied:
        source = every.get(finding.id.policy)
        if source is None or (finding.allows and finding.id.policy in denying):
            continue
        place = source.place(finding.id.index)
        shapes.append(
            {
                "SourcePolicyId": source.identifier,
                "SourcePolicyType": source.kind,
                **place.shape(source.text),
            }
        )
    return shapes


def _unique(shapes: Iterable[dict[str, object]]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for shape in shapes:
        if shape not in found:
            found.append(shape)
    return found
