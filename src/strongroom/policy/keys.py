"""The condition keys that a policy asks about: in its conditions, and in the variables of its patterns."""

from __future__ import annotations

from collections.abc import Iterable

from strongroom.policy.compiler import Policy, Statement
from strongroom.policy.conditions import Condition
from strongroom.policy.patterns import Variable, parse_tokens

__all__ = ["condition_keys", "required_keys", "statement_keys", "variable_keys"]


def variable_keys(text: str, *, with_default: bool = True) -> set[str]:
    """The keys of the variables in a pattern, in lower case.

    Args:
        text: The pattern, of a document that has variables.
        with_default: Whether to name the keys of variables that have a default value.
    """
    if "${" not in text:
        return set()
    return {
        token.key
        for token in parse_tokens(text, variables=True, wildcards=True)
        if isinstance(token, Variable) and (with_default or token.default is None)
    }


def _variables(texts: Iterable[str], *, with_default: bool) -> set[str]:
    return set[str]().union(*(variable_keys(text, with_default=with_default) for text in texts))


def condition_keys(condition: Condition, *, variables: bool, with_default: bool = True) -> set[str]:
    """Every key that a condition looks at, in lower case.

    Args:
        condition: The condition.
        variables: Has its document policy variables?
        with_default: Whether to name the keys of variables that have a default value.
    """
    found = {condition.key}
    if variables and condition.has_patterns:
        found |= _variables(condition.values, with_default=with_default)
    return found


def statement_keys(statement: Statement, *, with_default: bool = True) -> set[str]:
    """Every key that a statement looks at once its principal and action fit, in lower case.

    Args:
        statement: The statement.
        with_default: Whether to name the keys of variables that have a default value.
    """
    found = _variables(statement.resources, with_default=with_default) if statement.variables else set()
    for condition in statement.conditions:
        found |= condition_keys(condition, variables=statement.variables, with_default=with_default)
    return found


def required_keys(policies: Iterable[Policy]) -> list[str]:
    """The keys that policies ask about, as they are written, each spelling of a key once and in order.

    Variables with a default value are among them: a value may be given for them.
    """
    found: dict[str, str] = {}
    for policy in policies:
        for statement in policy.statements:
            for condition in statement.conditions:
                found.setdefault(condition.key, condition.written_key)
            for key in sorted(statement_keys(statement)):
                found.setdefault(key, key)
    return list(found.values())
