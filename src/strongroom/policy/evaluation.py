"""May they? The evaluation of all policies that apply to one request.

Source: IAM User Guide, "Policy evaluation logic" with its pages on single-account and cross-account requests; for key
policies the KMS Developer Guide, "Key policies"; for service control policies the Organizations User Guide, "SCP
evaluation". In short:

1. A Deny that applies, in any policy, ends it.
2. In the owner's account an Allow of an identity-based policy or of the resource-based policy is enough. A permissions
   boundary and a session policy, where there are any, must allow too, unless the resource-based policy names the user
   or the session itself, or everybody.
3. Across accounts both sides must allow: the resource-based policy, and everything on the caller's side.
4. A key policy and a trust policy must always allow. Naming an account there hands the decision to that account's
   identity-based policies.
5. The root user may do everything in its own account, except where rule 4 holds.
6. Services, web identities and anonymous callers have nothing but the resource-based policy.
7. Service control policies allow nothing by themselves. Where an account has them, each level from the root of the
   organization down to the account must allow, whoever the caller is and whatever else allows it.
"""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.policy.compiler import Policy, Statement
from strongroom.policy.model import AuthorizationRequest, Context, Decision, PolicyKind, Reason
from strongroom.policy.principals import Grade

__all__ = ["WITHOUT_POLICIES", "PolicySet", "allowed_grade", "evaluate", "must_decide"]

WITHOUT_POLICIES = frozenset({"service", "web-identity", "anonymous"})
"""Kinds of caller that have no policies of their own."""

_ROOT_ALLOWED = Decision(True, Reason.ALLOWED_ACCOUNT_ROOT)
_NO_IDENTITY = Decision(False, Reason.IMPLICIT_DENY_IDENTITY)
_NO_RESOURCE = Decision(False, Reason.IMPLICIT_DENY_RESOURCE)
_NO_TRUST = Decision(False, Reason.IMPLICIT_DENY_TRUST)
_NO_BOUNDARY = Decision(False, Reason.IMPLICIT_DENY_BOUNDARY)
_NO_SESSION = Decision(False, Reason.IMPLICIT_DENY_SESSION)
_NO_CONTROL = Decision(False, Reason.IMPLICIT_DENY_SERVICE_CONTROL)


@dataclass(frozen=True, slots=True)
class PolicySet:
    """The policies on the caller's side.

    Args:
        identity: All that are attached to the user or role, inline and managed.
        boundary: The permissions boundary, if there is one.
        session: The session policies; None when the session was made without any. An empty tuple allows nothing.
        service_control: The service control policies of the caller's account, one tuple for each level from the root
            of the organization down. Empty where none apply, as in the management account; an empty level allows
            nothing.

    Raises:
        ValueError: A policy was compiled as another kind than its place here; it would be misread.
    """

    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] | None = None
    service_control: tuple[tuple[Policy, ...], ...] = ()

    def __post_init__(self) -> None:
        fits = (
            all(policy.kind is PolicyKind.IDENTITY for policy in self.identity)
            and (self.boundary is None or self.boundary.kind is PolicyKind.BOUNDARY)
            and all(policy.kind is PolicyKind.SESSION for policy in self.session or ())
            and all(policy.kind is PolicyKind.SERVICE_CONTROL for level in self.service_control for policy in level)
        )
        if not fits:
            raise ValueError("a policy stands in a place that its kind does not fit")


_Found = tuple[Statement | None, Statement | None]
"""The first Deny that applies, and the first Allow."""

_NOTHING: _Found = (None, None)
_NOT_HELD: tuple[Statement | None, bool] = (None, True)


def _search(policies: tuple[Policy, ...], action: str, resource: str, context: Context) -> _Found:
    allow: Statement | None = None
    for policy in policies:
        selection = policy.select(action)
        for statement in selection.denies:
            if statement.applies(resource, context):
                return statement, allow
        if allow is None:
            for statement in selection.allows:
                if statement.applies(resource, context):
                    allow = statement
                    break
    return None, allow


def _search_levels(
    levels: tuple[tuple[Policy, ...], ...], action: str, resource: str, context: Context
) -> tuple[Statement | None, bool]:
    """The first Deny of any level, and whether every level allows (rule 7)."""
    every = True
    for policies in levels:
        deny, allow = _search(policies, action, resource, context)
        if deny is not None:
            return deny, False
        every = every and allow is not None
    return None, every


@dataclass(slots=True)
class _ResourceSide:
    """What the resource-based policy says: a Deny, or its strongest Allow and how closely that names the caller."""

    deny: Statement | None = None
    allow: Statement | None = None
    grade: Grade = Grade.NOBODY


_SILENT = _ResourceSide()


def _search_resource(policy: Policy, request: AuthorizationRequest, action: str, bounded: bool) -> _ResourceSide:
    selection = policy.select(action)
    principal, resource, context = request.principal, request.resource, request.context
    for statement in selection.denies:
        principals = statement.principals
        about = principals is not None and principals.denies(principal, bounded=bounded)
        if about and statement.applies(resource, context):
            return _ResourceSide(deny=statement)
    side = _ResourceSide()
    for statement in selection.allows:
        grade = Grade.NOBODY if statement.principals is None else statement.principals.grade(principal)
        if grade > side.grade and statement.applies(resource, context):
            side.allow, side.grade = statement, grade
    return side


def _silence(policy: Policy | None) -> Decision:
    """The implicit deny of a resource whose policy says nothing about the request."""
    return _NO_TRUST if policy is not None and policy.kind is PolicyKind.TRUST else _NO_RESOURCE


def _unlimited(request: AuthorizationRequest, policies: PolicySet, side: _ResourceSide) -> bool:
    """Does the resource-based Allow stand even where a boundary or session policy is silent?

    A user's own name carries that far only without a session policy: with one, the caller is a session of the user.
    """
    if side.grade is Grade.ANYONE:
        return True
    return side.grade is Grade.DIRECT and (request.principal.kind != "user" or policies.session is None)


def must_decide(resource_policy: Policy | None, delegates_to_identity: bool) -> bool:
    """Rule 4: must the resource-based policy allow, whatever identity-based policies say?"""
    return not delegates_to_identity or (resource_policy is not None and resource_policy.always_decides)


def _granted_in_account(
    request: AuthorizationRequest, side: _ResourceSide, identity: Statement | None, silent: Decision | None
) -> Decision:
    """Rules 2, 4 and 5 before boundary and session policy are asked.

    Args:
        request: The request.
        side: The resource's side.
        identity: The identity-based Allow.
        silent: The answer when the resource's policy must speak and does not; None when it need not.
    """
    if side.allow is not None and side.grade >= Grade.ROLE:
        return side.allow.decision
    if silent is not None and side.allow is None:
        return silent
    if request.principal.kind == "root":
        return _ROOT_ALLOWED
    return identity.decision if identity is not None else _NO_IDENTITY


def _granted_across_accounts(
    request: AuthorizationRequest, side: _ResourceSide, identity: Statement | None, silent: Decision
) -> Decision:
    """Rule 3 before boundary and session policy are asked; the caller's own side is asked first."""
    if identity is None and request.principal.kind != "root":
        return _NO_IDENTITY
    if side.allow is None:
        return silent
    own = () if identity is None else (identity.id,)
    return Decision(True, Reason.ALLOWED_BY_RESOURCE, (*own, side.allow.id))


def evaluate(
    request: AuthorizationRequest,
    policies: PolicySet,
    resource_policy: Policy | None,
    *,
    delegates_to_identity: bool = True,
) -> Decision:
    """Decide one request.

    Args:
        request: Who wants to do what to which resource.
        policies: The policies on the caller's side.
        resource_policy: The policy of the resource, if it has one: kind RESOURCE, KEY or TRUST.
        delegates_to_identity: Do identity-based policies of the owner's account count by themselves? False for KMS
            keys and for AssumeRole, and always taken as false for policies of kind KEY and TRUST.

    Raises:
        ValueError: ``resource_policy`` is of a kind that names no principals.
    """
    if resource_policy is not None and not resource_policy.names_principals:
        raise ValueError("the resource policy was compiled as a kind that names no principals")
    principal, resource, context = request.principal, request.resource, request.context
    action = request.action.lower()
    if principal.kind in WITHOUT_POLICIES:
        return _evaluate_resource_only(request, resource_policy, action)

    bounded = policies.boundary is not None
    deny, identity = _search(policies.identity, action, resource, context)
    side = _SILENT if resource_policy is None else _search_resource(resource_policy, request, action, bounded)
    boundary_deny, boundary = session_deny, session = _NOTHING
    if policies.boundary is not None:
        boundary_deny, boundary = _search((policies.boundary,), action, resource, context)
    if policies.session is not None:
        session_deny, session = _search(policies.session, action, resource, context)
    levels = policies.service_control
    control_deny, controlled = _search_levels(levels, action, resource, context) if levels else _NOT_HELD
    explicit = control_deny or deny or side.deny or boundary_deny or session_deny
    if explicit is not None:
        return explicit.decision
    if not controlled:
        return _NO_CONTROL

    if principal.account == request.resource_account:
        must_allow = must_decide(resource_policy, delegates_to_identity)
        granted = _granted_in_account(request, side, identity, _silence(resource_policy) if must_allow else None)
        if not granted.allowed or _unlimited(request, policies, side):
            return granted
    else:
        granted = _granted_across_accounts(request, side, identity, _silence(resource_policy))
        if not granted.allowed:
            return granted
    if bounded and boundary is None:
        return _NO_BOUNDARY
    if policies.session is not None and session is None:
        return _NO_SESSION
    return granted


def _evaluate_resource_only(request: AuthorizationRequest, resource_policy: Policy | None, action: str) -> Decision:
    """Rule 6."""
    if resource_policy is None:
        return _NO_RESOURCE
    side = _search_resource(resource_policy, request, action, bounded=False)
    if side.deny is not None:
        return side.deny.decision
    return side.allow.decision if side.allow is not None else _silence(resource_policy)


def allowed_grade(request: AuthorizationRequest, resource_policy: Policy | None) -> Grade:
    """How closely the strongest Allow of the resource-based policy names the caller."""
    if resource_policy is None:
        return Grade.NOBODY
    return _search_resource(resource_policy, request, request.action.lower(), bounded=False).grade
