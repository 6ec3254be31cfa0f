"""AWS's text for a refusal.

Source: IAM User Guide, "Troubleshoot access denied error messages". The text names the principal, the action, the
resource when the action has one, and the policy type that refused. For an explicit Deny it names the policy too, if
that has an ARN and the resource is of the principal's account or organization (AWS Security Blog, "Enhanced access
denied error messages with policy ARNs"); never the statement, and never the policy of a resource.
"""

from __future__ import annotations

from strongroom.policy.model import AuthorizationRequest, Decision, Reason

__all__ = ["denied_message"]

_CONTEXT = {
    Reason.EXPLICIT_DENY_IDENTITY: "with an explicit deny in an identity-based policy",
    Reason.EXPLICIT_DENY_RESOURCE: "with an explicit deny in a resource-based policy",
    Reason.EXPLICIT_DENY_TRUST: "with an explicit deny in the role trust policy",
    Reason.EXPLICIT_DENY_BOUNDARY: "with an explicit deny in a permissions boundary",
    Reason.EXPLICIT_DENY_SESSION: "with an explicit deny in a session policy",
    Reason.EXPLICIT_DENY_SERVICE_CONTROL: "with an explicit deny in a service control policy",
    Reason.IMPLICIT_DENY_IDENTITY: "because no identity-based policy allows the {action} action",
    Reason.IMPLICIT_DENY_RESOURCE: "because no resource-based policy allows the {action} action",
    Reason.IMPLICIT_DENY_TRUST: "because no role trust policy allows the {action} action",
    Reason.IMPLICIT_DENY_BOUNDARY: "because no permissions boundary allows the {action} action",
    Reason.IMPLICIT_DENY_SESSION: "because no session policy allows the {action} action",
    Reason.IMPLICIT_DENY_SERVICE_CONTROL: "because no service control policy allows the {action} action",
}


_NAMED = frozenset(
    {
        Reason.EXPLICIT_DENY_IDENTITY,
        Reason.EXPLICIT_DENY_BOUNDARY,
        Reason.EXPLICIT_DENY_SESSION,
        Reason.EXPLICIT_DENY_SERVICE_CONTROL,
    }
)


def denied_message(request: AuthorizationRequest, decision: Decision) -> str:
    """The text of AccessDenied for a decision that refused.

    Args:
        request: The request as it was decided; ``resource`` is shown as it stands, and left out when it is ``*``.
        decision: The refusal.

    Raises:
        ValueError: ``decision`` allows the request.
    """
    if decision.allowed:
        raise ValueError("an allowed request has no refusal text")
    principal = request.principal
    if principal.kind == "service":
        user = principal.service
    else:
        user = "anonymous" if principal.kind == "anonymous" else principal.session_arn
    where = "" if request.resource == "*" else f" on resource: {request.resource}"
    why = _CONTEXT[decision.reason].replace("{action}", request.action)
    return (
        f"User: {user} is not authorized to perform: {request.action}{where} {why}{_denying_policy(request, decision)}"
    )


def _denying_policy(request: AuthorizationRequest, decision: Decision) -> str:
    """The ARN of the policy that denies, with a colon before it; nothing where AWS does not tell."""
    if decision.reason not in _NAMED or not decision.statements:
        return ""
    name = decision.statements[0].policy
    return f": {name}" if name.startswith("arn:") and _among_themselves(request) else ""


def _among_themselves(request: AuthorizationRequest) -> bool:
    """Are principal and resource of one account, or of one organization?"""
    if request.principal.account == request.resource_account:
        return True
    organization = request.context.get("aws:principalorgid")
    return organization is not None and organization == request.context.get("aws:resourceorgid")
