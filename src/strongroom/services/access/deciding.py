"""One decision about a principal and a resource: the resource's policy, then the grants of a key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from strongroom.policy import AuthorizationRequest, Context, Explanation, PolicySet, explain
from strongroom.services.access.principals import Standing
from strongroom.services.clients import GrantRights, ResourceRights

__all__ = ["explain_with_grants", "grants_with_policies"]


def grants_with_policies(
    account: str, policies: PolicySet, rights: ResourceRights
) -> Iterator[tuple[GrantRights, PolicySet]]:
    """The grants of a resource, each with the policies that a principal has when it decides.

    Args:
        account: The principal's account.
        policies: The principal's policies.
        rights: The resource.
    """
    for grant in rights.grants:
        own = policies
        if grant.own_side is not None and account != rights.account:
            own = replace(policies, identity=(*policies.identity, grant.own_side))
        yield grant, own


def explain_with_grants(
    principal: Standing, action: str, rights: ResourceRights, context: Context
) -> tuple[AuthorizationRequest, Explanation, str | None]:
    """Decide and tell why: by the resource's own policy, unless a grant allows what that does not.

    Args:
        principal: Who asks.
        action: What for.
        rights: On what.
        context: All condition keys of the request.

    Returns:
        The request, the explanation, and the id of the grant that allows it.
    """
    request = AuthorizationRequest(principal.facts, action, rights.arn, rights.account, context)
    alone = rights.decides_alone
    told = explain(request, principal.policies, rights.policy, delegates_to_identity=not alone)
    if not told.allowed:
        for grant, own in grants_with_policies(principal.facts.account, principal.policies, rights):
            by_grant = explain(request, own, grant.policy, delegates_to_identity=not alone)
            if by_grant.allowed:
                return request, by_grant, grant.grant_id
    return request, told, None
