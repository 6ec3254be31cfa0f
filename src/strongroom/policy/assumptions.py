"""Policies read under an assumption about condition keys whose values nobody knows yet.

Who asks "who could do this?" knows the principal and the resource, but not the address, the time or the session tags of
a request that nobody has made. `assume` makes of a policy the one that it is in the best case or in the worst: in the
best case every unknown condition of an Allow holds and none of a Deny does, in the worst case it is the other way
round. The engine then decides on these as on any policy: what is allowed in the worst case is always allowed, and what
is not allowed in the best case never is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from strongroom.policy.compiler import Policy, Statement, resource_matcher
from strongroom.policy.conditions import Condition
from strongroom.policy.keys import condition_keys, variable_keys
from strongroom.policy.patterns import with_wildcards

__all__ = ["Unknown", "assume", "assume_statement", "unknown_conditions"]

Unknown: TypeAlias = Callable[[str], bool]
"""Is the value of this condition key, in lower case, not known?"""


def _is_unknown(condition: Condition, statement: Statement, unknown: Unknown) -> bool:
    return any(map(unknown, condition_keys(condition, variables=statement.variables)))


def unknown_conditions(statement: Statement, unknown: Unknown) -> list[str]:
    """What a statement asks of unknown keys, in words: conditions, and patterns with variables.

    Args:
        statement: The statement.
        unknown: Which keys are not known.
    """
    found = [str(condition) for condition in statement.conditions if _is_unknown(condition, statement, unknown)]
    if statement.variables:
        element = "NotResource" if statement.resources_inverted else "Resource"
        found += [
            f"{element} {pattern}" for pattern in statement.resources if any(map(unknown, variable_keys(pattern)))
        ]
    return found


def assume(policy: Policy, action: str, unknown: Unknown, *, best: bool) -> Policy:
    """A policy as it is for one action in the best or the worst case; the policy itself when that is no different.

    Args:
        policy: The policy.
        action: The action, in lower case. Statements about others may be missing from the result.
        unknown: Which keys are not known.
        best: The best case, or the worst.
    """
    selection = policy.select(action)
    changed = False
    statements: list[Statement] = []
    for statement in (*selection.denies, *selection.allows):
        assumed = assume_statement(statement, unknown, holds=statement.allows is best)
        changed = changed or assumed is not statement
        if assumed is not None:
            statements.append(assumed)
    if not changed:
        return policy
    return Policy(policy.kind, policy.name, tuple(statements), policy.names_principals, policy.always_decides)


def assume_statement(statement: Statement, unknown: Unknown, *, holds: bool) -> Statement | None:
    """A statement whose unknown conditions hold, or do not: then it never applies and there is none.

    Args:
        statement: The statement.
        unknown: Which keys are not known.
        holds: Whether they hold.
    """
    kept = tuple(each for each in statement.conditions if not _is_unknown(each, statement, unknown))
    if len(kept) < len(statement.conditions):
        if not holds:
            return None
        statement = replace(statement, conditions=kept, tests=tuple(condition.test for condition in kept))
    if not statement.variables or not any(unknown(key) for each in statement.resources for key in variable_keys(each)):
        return statement
    return _assume_resources(statement, unknown, holds=holds)


def _assume_resources(statement: Statement, unknown: Unknown, *, holds: bool) -> Statement | None:
    """A statement whose resource patterns refer to unknown keys: they match what they could, or nothing.

    In NotResource a pattern that matches more makes the statement apply to less, so it is the other way round there.
    """
    if holds is not statement.resources_inverted:
        patterns = tuple(with_wildcards(pattern, unknown) for pattern in statement.resources)
    else:
        patterns = tuple(each for each in statement.resources if not any(map(unknown, variable_keys(each))))
        if not patterns:
            return replace(statement, resource=None) if statement.resources_inverted else None
    matcher = resource_matcher(patterns, inverted=statement.resources_inverted, variables=True)
    return replace(statement, resource=matcher, resources=patterns)
