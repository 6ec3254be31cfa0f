"""The policy room: the IAM policy language, from text to an answer.

Here live the parser and compiler of policy documents, the matchers for actions, resources, principals and
conditions, the evaluation of everything that applies to a request, and AWS's words for a refusal.

It may touch `strongroom.arn` and nothing else: these are pure functions. What never enters: the store, the network,
the clock, randomness, and any knowledge of a particular service. Whoever asks brings the policies and the facts.

    model       what is asked and what is answered          document    JSON within bounds
    patterns    wildcards and policy variables              operands    numbers, dates, networks, bytes
    conditions  the condition operators                     principals  who a statement is about
    compiler    text -> Policy                              evaluation  request + policies -> Decision
    exposure    whom a resource-based policy lets in        messages    AWS's text for a refusal
"""

from strongroom.policy.compiler import Policy, compile_policy
from strongroom.policy.evaluation import PolicySet, evaluate, explain
from strongroom.policy.exposure import is_public, principal_accounts, principal_arns, principal_identifiers
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
    "Layer",
    "MalformedPolicy",
    "Policy",
    "PolicyKind",
    "PolicySet",
    "PrincipalFacts",
    "PrincipalKind",
    "Reason",
    "StatementId",
    "compile_policy",
    "denied_message",
    "evaluate",
    "explain",
    "is_public",
    "principal_accounts",
    "principal_arns",
    "principal_identifiers",
]
