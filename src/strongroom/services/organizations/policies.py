"""Service control policies: CreatePolicy, UpdatePolicy, DescribePolicy, DeletePolicy, ListPolicies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from strongroom.errors import AccessDenied, AwsError
from strongroom.identity.founding import lower_case_id
from strongroom.identity.organization import touch_organization
from strongroom.policy import MalformedPolicy, PolicyKind, compile_policy
from strongroom.services.call import Call
from strongroom.services.organizations.base import NOTHING, Operations, authorized
from strongroom.services.organizations.paging import page
from strongroom.services.organizations.policy_records import (
    ControlPolicy,
    add_policy,
    all_policies,
    delete_policy,
    find_policy,
    replace_policy,
    targets_of,
)
from strongroom.services.organizations.problems import (
    constraint_violation,
    malformed_policy,
    no_such_policy,
    refuse_nul,
    type_not_available,
)
from strongroom.services.organizations.shapes import CONTROL_POLICY, shown_policy, shown_summary
from strongroom.services.organizations.tag_records import (
    TagList,
    Values,
    delete_tags,
    put_tags,
    request_tags,
    tag_request_context,
    tags_of,
)
from strongroom.store import Transaction

__all__ = ["OF_CONTROL_POLICIES", "PolicyOperations", "required_policy"]

_POLICY_ID: Final = 8
_MOST_CHARACTERS: Final = 5120  # Organizations User Guide, "Quotas"
_MOST_POLICIES: Final = 10_000

OF_CONTROL_POLICIES: Final[Mapping[str, Values]] = {"organizations:policytype": CONTROL_POLICY}
"""The condition key of requests about policies of the one type there is."""


def required_policy(transaction: Transaction, policy_id: str) -> ControlPolicy:
    """The policy of this id.

    Raises:
        AwsError: ``PolicyNotFoundException``.
    """
    found = find_policy(transaction, policy_id)
    if found is None:
        raise no_such_policy()
    return found


def _own(transaction: Transaction, policy_id: str) -> ControlPolicy:
    """The policy, if it is not AWS's."""
    found = required_policy(transaction, policy_id)
    if found.aws_managed:
        raise AccessDenied("You can't modify or delete a policy that AWS manages.")
    return found


def _check(policy: ControlPolicy, others: list[ControlPolicy]) -> None:
    """The rules of name, size and document."""
    if len(policy.content) > _MOST_CHARACTERS:
        raise constraint_violation(
            "POLICY_CONTENT_LIMIT_EXCEEDED", "You have exceeded the maximum size of a policy document."
        )
    try:
        compile_policy(policy.content, PolicyKind.SERVICE_CONTROL)
    except MalformedPolicy:
        raise malformed_policy() from None
    if any(other.name == policy.name and other.id != policy.id for other in others):
        raise AwsError("DuplicatePolicyException", "A policy with the same name already exists.")


class PolicyOperations(Operations):
    """The operations on service control policies. What a change means is felt by the next request."""

    async def create_policy(
        self, call: Call, *, Content: str, Description: str, Name: str, Type: str, Tags: TagList = ()
    ) -> dict[str, object]:
        """Make a policy, attached to nothing yet.

        Raises:
            AwsError: Access denied, another type of policy, a document that is none or too long, a name that is
                taken, or too many policies.
        """
        refuse_nul(Name, Description)

        def work(transaction: Transaction) -> Mapping[str, object]:
            context: dict[str, Values] = {**tag_request_context(Tags), "organizations:policytype": Type}
            if Tags:
                authorized(transaction, call, action="TagResource", context=context)
            organization = authorized(transaction, call, context=context)
            tags = request_tags(Tags)
            if Type != CONTROL_POLICY:
                raise type_not_available()
            policy = ControlPolicy(lower_case_id(self._entropy, "p-", _POLICY_ID), Name, Description, Content)
            others = all_policies(transaction)
            _check(policy, others)
            if len(others) > _MOST_POLICIES:
                raise constraint_violation(
                    "POLICY_NUMBER_LIMIT_EXCEEDED", "You have exceeded the number of policies in an organization."
                )
            add_policy(transaction, policy)
            put_tags(transaction, policy.id, tags)
            return {"Policy": shown_policy(organization, policy)}

        return dict(await call.write(work))

    async def update_policy(
        self,
        call: Call,
        *,
        PolicyId: str,
        Name: str | None = None,
        Description: str | None = None,
        Content: str | None = None,
    ) -> dict[str, object]:
        """Change a policy; what is not given stays.

        Raises:
            AwsError: Access denied, ``PolicyNotFoundException``, and the errors of CreatePolicy.
        """
        refuse_nul(Name, Description)

        def work(transaction: Transaction) -> Mapping[str, object]:
            organization = authorized(transaction, call, PolicyId, context=OF_CONTROL_POLICIES)
            present = _own(transaction, PolicyId)
            policy = ControlPolicy(
                present.id,
                present.name if Name is None else Name,
                present.description if Description is None else Description,
                present.content if Content is None else Content,
            )
            _check(policy, all_policies(transaction))
            replace_policy(transaction, policy)
            touch_organization(transaction)
            return {"Policy": shown_policy(organization, policy)}

        return dict(await call.write(work))

    async def describe_policy(self, call: Call, *, PolicyId: str) -> dict[str, object]:
        """One policy with its document.

        Raises:
            AwsError: Access denied, or ``PolicyNotFoundException``.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            organization = authorized(transaction, call, PolicyId, context=OF_CONTROL_POLICIES)
            return {"Policy": shown_policy(organization, required_policy(transaction, PolicyId))}

        return await call.read(work)

    async def delete_policy(self, call: Call, *, PolicyId: str) -> dict[str, object]:
        """Delete a policy that is attached to nothing.

        Raises:
            AwsError: Access denied, ``PolicyNotFoundException`` or ``PolicyInUseException``.
        """

        def work(transaction: Transaction) -> Mapping[str, object]:
            authorized(transaction, call, PolicyId, context=OF_CONTROL_POLICIES)
            policy = _own(transaction, PolicyId)
            if targets_of(transaction, policy.id):
                raise AwsError(
                    "PolicyInUseException",
                    "The policy is attached to one or more entities. You must detach it from all roots, OUs, and "
                    "accounts before performing this operation.",
                )
            delete_tags(transaction, policy.id, list(tags_of(transaction, policy.id)))
            delete_policy(transaction, policy.id)
            return NOTHING

        return dict(await call.write(work))

    async def list_policies(
        self, call: Call, *, Filter: str, NextToken: str | None = None, MaxResults: int | None = None
    ) -> dict[str, object]:
        """Every policy of a type; none of a type that is not offered.

        Raises:
            AwsError: Access denied, or ``InvalidInputException``.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            organization = authorized(transaction, call, context={"organizations:policytype": Filter})
            found = all_policies(transaction) if Filter == CONTROL_POLICY else []
            shown, more = page(found, lambda policy: policy.id, NextToken, MaxResults)
            return {"Policies": [shown_summary(organization, policy) for policy in shown], **more}

        return await call.read(work)
