"""The policy room: the IAM policy language, from text to an answer.

Here live the parser and compiler of policy documents, the matchers for actions, resources, principals and
conditions, the evaluation of everything that applies to a request, and AWS's words for a refusal.

It may touch `strongroom.arn` and nothing else: these are pure functions. What never enters: the store, the network,
the clock, randomness, and any knowledge of a particular service. Whoever asks brings the policies and the facts.

    model       what is asked and what is answered          document    JSON within bounds
    patterns    wildcards and policy variables              operands    numbers, dates, networks, bytes
    conditions  the condition operators                     principals  who a statement is about
    compiler    text -> Policy                              evaluation  request + policies -> Decision
    explain     the same decision with its reasons          keys        the condition keys that a policy asks about
    assumptions policies in the best and the worst case of condition keys that nobody knows yet
    exposure    whom a resource-based policy lets in        messages    AWS's text for a refusal
"""

from strongroom.policy.assumptions import assume, assume_statement, unknown_conditions
from strongroom.policy.compiler import Policy, Statement, compile_policy
from strongroom.policy.evaluation import PolicySet, evaluate
from strongroom.policy.explain import Explanation, Finding, LayerFindings, explain
from strongroom.policy.exposure import (
    is_public,
    principal_accounts,
    principal_arns,
    principal_identifiers,
    principal_services,
)
from strongroom.policy.keys import required_keys
from strongroom.policy.messages import denied_message
from strongroom.policy.model import (
    AuthorizationRequest,
    Context,
    Decision,
    Layer,
    MalformedPolicy,
    PolicyKind,
    PrincipalFacts,
    PrincipalKind,
    Reason,
    StatementId,
)

__all__ = [
    "AuthorizationRequest",
    "Context",
    "Decision",
    "Explanation",
    "Finding",
    "Layer",
    "LayerFindings",
    "MalformedPolicy",
    "Policy",
    "PolicyKind",
    "PolicySet",
    "PrincipalFacts",
    "PrincipalKind",
    "Reason",
    "Statement",
    "StatementId",
    "assume",
    "assume_statement",
    "compile_policy",
    "denied_message",
    "evaluate",
    "explain",
    "is_public",
    "principal_accounts",
    "principal_arns",
    "principal_identifiers",
    "principal_services",
    "required_keys",
    "unknown_conditions",
]
