"""What is looked at before a resource policy is stored, and what ValidateResourcePolicy reports of it.

AWS names three checks (ValidateResourcePolicy, API Reference): the syntax, broad access, and that the caller does not
lock itself out. The elements of the policy are looked at besides: principals must exist, actions must be operations of
Secrets Manager, resources must be its ARNs, and its own condition keys must be ones that it has.

PutResourcePolicy refuses what fails the syntax, the elements or the lock-out, and broad access when it is asked to.
AWS documents the lock-out for ValidateResourcePolicy only; here nobody takes the secret away from himself by mistake.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from strongroom.arn import Arn
from strongroom.identity.named_principals import stored_principals
from strongroom.policy import MalformedPolicy, is_public
from strongroom.policy.patterns import any_of, text_pattern
from strongroom.services.secretsmanager.access import compile_resource_policy
from strongroom.services.secretsmanager.refusals import (
    broad_policy,
    locked_out,
    malformed_json,
    malformed_policy,
    unsupported_element,
)
from strongroom.store import Transaction
from strongroom.wire import service

__all__ = ["CheckedPolicy", "PolicyProblem", "check_policy", "policy_problems"]

_SERVICE: Final = "secretsmanager"
_FURTHER_ACTIONS: Final = ("AcceptCrossAccountReplication",)
_OWN_KEYS: Final = frozenset(
    key.lower()
    for key in (
        "AddReplicaRegions",
        "BlockPublicPolicy",
        "Description",
        "ExternalSecretRotationRoleArn",
        "ForceDeleteWithoutRecovery",
        "ForceOverwriteReplicaSecret",
        "KmsKeyArn",
        "KmsKeyId",
        "ModifyRotationRules",
        "Name",
        "PolicyName",
        "RecoveryWindowInDays",
        "RotateImmediately",
        "RotationLambdaARN",
        "SecretId",
        "SecretPrimaryRegion",
        "Type",
        "VersionId",
        "VersionStage",
        "resource/AllowRotationLambdaArn",
        "resource/Type",
    )
)
"""Condition keys of the service (Service Authorization Reference), without its prefix; besides ``ResourceTag/...``."""


@dataclass(frozen=True, slots=True)
class CheckedPolicy:
    """A policy that may be stored.

    Attributes:
        stored: Its text as the store keeps it, with unique ids in place of the names of users and roles.
        public: Whether it gives everybody access.
    """

    stored: str
    public: bool


@dataclass(frozen=True, slots=True)
class PolicyProblem:
    """One entry of ValidationErrors."""

    check: str
    message: str


def check_policy(transaction: Transaction, text: str, keeps_access: Callable[[str], bool]) -> CheckedPolicy:
    """Check a policy that is to be stored.

    Args:
        transaction: Where users and roles are.
        text: The document as it was sent.
        keeps_access: Whether the caller may still put a policy once this one, as it would be stored, is in place.

    Raises:
        AwsError: ``MalformedPolicyDocumentException``: its syntax, its elements, or a caller who locks itself out.
    """
    try:
        policy = compile_resource_policy(text)
    except MalformedPolicy as problem:
        raise malformed_policy(problem.message) from None
    if next(_foreign_elements(text), None) is not None:
        raise unsupported_element()
    try:
        stored = stored_principals(transaction, policy, text)
    except MalformedPolicy:
        raise unsupported_element() from None
    if not keeps_access(stored):
        raise locked_out()
    return CheckedPolicy(stored, is_public(policy))


def policy_problems(transaction: Transaction, text: str, keeps_access: Callable[[str], bool]) -> list[PolicyProblem]:
    """Everything that speaks against a policy, for ValidateResourcePolicy. The arguments are those of `check_policy`.

    Raises:
        AwsError: ``MalformedPolicyDocumentException``: it is not even JSON.
    """
    try:
        json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        raise malformed_json() from None
    try:
        policy = compile_resource_policy(text)
    except MalformedPolicy as problem:
        return [PolicyProblem("PolicySyntax", malformed_policy(problem.message).message)]
    problems = [
        PolicyProblem("PolicyElements", f"{unsupported_element().message} {it}") for it in _foreign_elements(text)
    ]
    stored = text
    try:
        stored = stored_principals(transaction, policy, text)
    except MalformedPolicy as problem:
        problems.append(PolicyProblem("PolicyPrincipals", f"{unsupported_element().message} {problem.message}"))
    if is_public(policy):
        problems.append(PolicyProblem("BlockPublicPolicy", broad_policy().message))
    if not keeps_access(stored):
        problems.append(PolicyProblem("CallerLockOut", locked_out().message))
    return problems


@lru_cache(maxsize=1)
def _actions() -> tuple[str, ...]:
    """Every action of the service, in lower case and with its prefix."""
    return tuple(f"{_SERVICE}:{name}".lower() for name in (*service(_SERVICE).operations, *_FURTHER_ACTIONS))


def _foreign_elements(text: str) -> Iterator[str]:
    """Actions, resources and condition keys of a policy that Secrets Manager does not have, in plain words.

    Args:
        text: A policy that compiles.
    """
    document: dict[str, Any] = json.loads(text)
    statements = document["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        for action in _texts(statement, "Action", "NotAction"):
            if not _is_own_action(action):
                yield f"Secrets Manager has no action {action}."
        for resource in _texts(statement, "Resource", "NotResource"):
            if not _is_own_resource(resource):
                yield f"{resource} is not a secret."
        for keys in statement.get("Condition", {}).values():
            for key in keys:
                if not _is_known_key(key):
                    yield f"There is no condition key {key}."


def _texts(statement: Mapping[str, object], *elements: str) -> Iterator[str]:
    for element in elements:
        given = statement.get(element, [])
        yield from map(str, given if isinstance(given, list) else [given])


def _is_own_action(pattern: str) -> bool:
    if pattern == "*":
        return True
    matches = any_of([text_pattern(pattern.lower(), variables=False)])
    return any(matches(action, {}) for action in _actions())


def _is_own_resource(pattern: str) -> bool:
    if pattern == "*":
        return True
    arn = Arn.parse(pattern)
    if arn is None:
        return "*" in pattern  # such as arn:aws:secretsmanager:*
    return arn.service in {_SERVICE, "*"}


def _is_known_key(key: str) -> bool:
    prefix, _, name = key.lower().partition(":")
    return prefix != _SERVICE or name in _OWN_KEYS or name.startswith("resourcetag/")
