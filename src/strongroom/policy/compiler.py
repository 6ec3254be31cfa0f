"""From a policy document to a `Policy`: checked once, compiled once, then only asked.

The grammar is the IAM User Guide's ("Grammar of the IAM JSON policy language"). A policy keeps, per action that it has
been asked about, the statements which cover that action, so that matching actions costs one dictionary look-up on
every later request. Actions come from this program's own operations, and the memory is bounded besides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from strongroom.policy.conditions import Condition, Test, compile_conditions
from strongroom.policy.document import SYNTAX_ERROR, as_object, as_string, as_strings, load_document
from strongroom.policy.model import Context, Decision, MalformedPolicy, PolicyKind, Reason, StatementId
from strongroom.policy.patterns import Matcher, any_of, text_pattern
from strongroom.policy.principals import PrincipalSet, compile_principals

__all__ = ["Policy", "Selection", "Statement", "compile_policy", "resource_matcher"]

_VERSION_WITH_VARIABLES = "2012-10-17"
_VERSIONS = frozenset({"2008-10-17", _VERSION_WITH_VARIABLES})
_DOCUMENT_KEYS = frozenset({"Version", "Id", "Statement"})
_STATEMENT_KEYS = frozenset(
    ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"],
)
_IAM_SID = re.compile(r"[A-Za-z0-9]*")
_ACTION = re.compile(r"\*|(?:\*|[A-Za-z0-9-]+):[!-9;-~]+")
_REMEMBERED_ACTIONS = 512

_WITH_PRINCIPAL = frozenset({PolicyKind.RESOURCE, PolicyKind.TRUST, PolicyKind.KEY})
_ALWAYS_DECIDES = frozenset({PolicyKind.KEY, PolicyKind.TRUST})
_WITH_IAM_SIDS = frozenset(
    {PolicyKind.IDENTITY, PolicyKind.SESSION, PolicyKind.BOUNDARY, PolicyKind.TRUST, PolicyKind.SERVICE_CONTROL}
)
_DENIED_BY = {
    PolicyKind.IDENTITY: Reason.EXPLICIT_DENY_IDENTITY,
    PolicyKind.RESOURCE: Reason.EXPLICIT_DENY_RESOURCE,
    PolicyKind.KEY: Reason.EXPLICIT_DENY_RESOURCE,
    PolicyKind.TRUST: Reason.EXPLICIT_DENY_TRUST,
    PolicyKind.BOUNDARY: Reason.EXPLICIT_DENY_BOUNDARY,
    PolicyKind.SESSION: Reason.EXPLICIT_DENY_SESSION,
    PolicyKind.SERVICE_CONTROL: Reason.EXPLICIT_DENY_SERVICE_CONTROL,
}


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """One compiled statement.

    Args:
        id: Where it stands.
        allows: Its effect: true for Allow, false for Deny.
        actions: Does it cover this action (in lower case)?
        resource: Does it cover this resource? None when it covers every one.
        resources: The patterns of Resource or NotResource as written; empty in a trust policy.
        resources_inverted: They are those of NotResource.
        variables: Does the document's version have policy variables?
        conditions: Its conditions, for those who read them.
        tests: The same conditions, to be run.
        principals: Whom it is about; None where the policy kind has no principals.
        decision: The answer when this statement decides, made beforehand because it is always the same.
    """

    id: StatementId
    allows: bool
    actions: Matcher
    resource: Matcher | None
    resources: tuple[str, ...]
    resources_inverted: bool
    variables: bool
    conditions: tuple[Condition, ...]
    tests: tuple[Test, ...]
    principals: PrincipalSet | None
    decision: Decision

    def applies(self, resource: str, context: Context) -> bool:
        """Do resource and conditions match? The action and the principal are the caller's to check."""
        if self.resource is not None and not self.resource(resource, context):
            return False
        for test in self.tests:  # noqa: SIM110 - a generator would double the time of the hottest line of all
            if not test(context):
                return False
        return True


@dataclass(frozen=True, slots=True)
class Selection:
    """The statements of one policy that cover one action."""

    denies: tuple[Statement, ...]
    allows: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A compiled policy document. Immutable; equal and hashable by identity.

    Args:
        kind: What it is attached to.
        name: What to call it in decisions and explanations.
        statements: Its statements, in the document's order.
        names_principals: Does this kind of policy say whom it is about?
        always_decides: Must this kind of policy allow, whatever identity-based policies say?
    """

    kind: PolicyKind
    name: str
    statements: tuple[Statement, ...]
    names_principals: bool
    always_decides: bool
    _selections: dict[str, Selection] = field(default_factory=dict, repr=False)

    def select(self, action: str) -> Selection:
        """The statements that cover ``action``, which must be in lower case."""
        found = self._selections.get(action)
        if found is not None:
            return found
        covering = [statement for statement in self.statements if statement.actions(action, {})]
        selection = Selection(
            tuple(statement for statement in covering if not statement.allows),
            tuple(statement for statement in covering if statement.allows),
        )
        if len(self._selections) < _REMEMBERED_ACTIONS:
            self._selections[action] = selection
        return selection


@dataclass(frozen=True, slots=True)
class _Document:
    """What every statement of one document shares while it is compiled."""

    kind: PolicyKind
    name: str
    variables: bool
    principal_ids: Mapping[str, str]


def _one_of(statement: Mapping[str, object], plain: str, inverted: str) -> tuple[object, bool] | None:
    """The value of ``plain`` or ``inverted`` and whether it was the inverted one; None when neither is there."""
    if plain in statement and inverted in statement:
        raise MalformedPolicy(f"{SYNTAX_ERROR} A statement must not have both {plain} and {inverted}.")
    if plain in statement:
        return statement[plain], False
    if inverted in statement:
        return statement[inverted], True
    return None


def _read_actions(statement: Mapping[str, object]) -> tuple[tuple[str, ...], bool]:
    """The names of Action or NotAction, and whether they are those of NotAction."""
    found = _one_of(statement, "Action", "NotAction")
    names = as_strings(found[0], "Action") if found else ()
    if not found or not names:
        raise MalformedPolicy("Policy statement must contain actions.")
    return names, found[1]


@lru_cache(maxsize=1024)
def _compile_action_names(names: tuple[str, ...], inverted: bool) -> Matcher:
    """The matcher of one list of actions; many statements have the same."""
    for name in names:
        if not _ACTION.fullmatch(name):
            raise MalformedPolicy("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    return _perhaps_inverted([name.lower() for name in names], inverted=inverted, variables=False)


def _perhaps_inverted(patterns: list[str], *, inverted: bool, variables: bool) -> Matcher:
    matches = any_of([text_pattern(pattern, variables=variables) for pattern in patterns])
    if not inverted:
        return matches
    return lambda text, context: not matches(text, context)


def _check_resource(pattern: str, variables: bool) -> None:
    """A resource is ``*`` or looks like an ARN; a variable may stand behind the fifth colon only."""
    if pattern == "*":
        return
    if not pattern.startswith("arn:"):
        raise MalformedPolicy(f'Resource {pattern} must be in ARN format or "*".')
    before, dollar, _ = pattern.partition("${")
    if variables and dollar and before.count(":") < 5:
        raise MalformedPolicy("A policy variable in Resource must stand in the last part of the ARN.")


def _read_resources(statement: Mapping[str, object], document: _Document) -> tuple[tuple[str, ...], bool]:
    """The patterns of Resource or NotResource, and whether they are those of NotResource."""
    found = _one_of(statement, "Resource", "NotResource")
    if document.kind is PolicyKind.TRUST:
        if found:
            raise MalformedPolicy("Has prohibited field Resource")
        return (), False
    patterns = as_strings(found[0], "Resource") if found else ()
    if not found or not patterns:
        raise MalformedPolicy("Policy statement must contain resources.")
    for pattern in patterns:
        _check_resource(pattern, document.variables)
    return patterns, found[1]


def resource_matcher(patterns: tuple[str, ...], *, inverted: bool, variables: bool) -> Matcher | None:
    """The matcher of a Resource element, or of NotResource if ``inverted``; None when it covers every resource."""
    if not inverted and (not patterns or "*" in patterns):
        return None
    return _perhaps_inverted(list(patterns), inverted=inverted, variables=variables)


def _compile_principals(statement: Mapping[str, object], document: _Document) -> PrincipalSet | None:
    found = _one_of(statement, "Principal", "NotPrincipal")
    if document.kind not in _WITH_PRINCIPAL:
        if found:
            raise MalformedPolicy("Policy document should not specify a principal.")
        return None
    if not found:
        raise MalformedPolicy("Missing required field Principal")
    return compile_principals(found[0], inverted=found[1], ids=document.principal_ids)


def _decision(document: _Document, identifier: StatementId, *, allows: bool) -> Decision:
    if not allows:
        return Decision(False, _DENIED_BY[document.kind], (identifier,))
    # A boundary, session or service control policy grants nothing: its Allow only lets another grant through.
    by_resource = document.kind in _WITH_PRINCIPAL
    return Decision(True, Reason.ALLOWED_BY_RESOURCE if by_resource else Reason.ALLOWED_BY_IDENTITY, (identifier,))


def _compile_statement(value: object, index: int, document: _Document) -> Statement:
    statement = as_object(value, "Statement")
    unknown = sorted(statement.keys() - _STATEMENT_KEYS)
    if unknown:
        raise MalformedPolicy(f"{SYNTAX_ERROR} A statement has no element {unknown[0]}.")
    sid = as_string(statement.get("Sid", ""), "Sid")
    if document.kind in _WITH_IAM_SIDS and not _IAM_SID.fullmatch(sid):
        raise MalformedPolicy("Statement IDs (SID) must be alpha-numeric.")
    effect = statement.get("Effect")
    if effect not in {"Allow", "Deny"}:
        raise MalformedPolicy(f"{SYNTAX_ERROR} Effect must be Allow or Deny.")
    identifier = StatementId(document.name, sid, index)
    resources, inverted = _read_resources(statement, document)
    conditions = compile_conditions(statement.get("Condition", {}), variables=document.variables)
    return Statement(
        id=identifier,
        allows=effect == "Allow",
        actions=_compile_action_names(*_read_actions(statement)),
        resource=resource_matcher(resources, inverted=inverted, variables=document.variables),
        resources=resources,
        resources_inverted=inverted,
        variables=document.variables,
        conditions=conditions,
        tests=tuple(condition.test for condition in conditions),
        principals=_compile_principals(statement, document),
        decision=_decision(document, identifier, allows=effect == "Allow"),
    )


def _covers(value: object, actions: frozenset[str]) -> bool:
    names, inverted = _read_actions(as_object(value, "Statement"))
    return _names_cover(names, inverted, actions)


@lru_cache(maxsize=1024)
def _names_cover(names: tuple[str, ...], inverted: bool, actions: frozenset[str]) -> bool:
    covered = _compile_action_names(names, inverted)
    return any(covered(action, {}) for action in actions)


def _check_sids(kind: PolicyKind, statements: tuple[Statement, ...]) -> None:
    sids = [statement.id.sid for statement in statements if statement.id.sid]
    if kind in _WITH_IAM_SIDS and len(set(sids)) != len(sids):
        raise MalformedPolicy("Statement IDs (SID) in a single policy must be unique.")


def compile_policy(
    text: str,
    kind: PolicyKind,
    *,
    name: str = "",
    principal_ids: Mapping[str, str] | None = None,
    only_actions: frozenset[str] = frozenset(),
) -> Policy:
    """Check and compile a policy document.

    Args:
        text: The JSON document, at most 131,072 characters. Services have smaller quotas of their own.
        kind: What it is attached to.
        name: What to call it in decisions: a policy's name or ARN.
        principal_ids: ARN of a user or role named as principal -> its unique id when the policy was stored. Such an
            ARN stands for the id, so that whoever takes the name later is not meant (IAM User Guide, "Principal").
        only_actions: Actions in lower case: statements that cover none of them are neither checked nor kept. For a
            document that was checked before and of which a few actions matter. Empty for every statement.

    Raises:
        MalformedPolicy: The document is not a policy of this kind.
    """
    content = load_document(text, known=bool(only_actions))
    unknown = sorted(content.keys() - _DOCUMENT_KEYS)
    if unknown:
        raise MalformedPolicy(f"{SYNTAX_ERROR} A policy has no element {unknown[0]}.")
    version = content.get("Version", "2008-10-17")
    if version not in _VERSIONS:
        raise MalformedPolicy("The policy must contain a valid version string")
    if "Statement" not in content:
        raise MalformedPolicy(f"{SYNTAX_ERROR} Statement is missing.")
    as_string(content.get("Id", ""), "Id")
    document = _Document(kind, name, version == _VERSION_WITH_VARIABLES, principal_ids or {})
    values = content["Statement"]
    statements = tuple(
        _compile_statement(value, index, document)
        for index, value in enumerate(values if isinstance(values, list) else [values])
        if not only_actions or _covers(value, only_actions)
    )
    _check_sids(kind, statements)
    return Policy(kind, name, statements, kind in _WITH_PRINCIPAL, kind in _ALWAYS_DECIDES)
