"""What service control policies are attached to, and whether they are in force at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from strongroom.errors import AwsError
from strongroom.identity.organization import FULL_AWS_ACCESS_ID, Organization, load_organization, touch_organization
from strongroom.services.call import Call
from strongroom.services.organizations.base import NOTHING, Operations, authorized
from strongroom.services.organizations.directory import find_account, find_unit
from strongroom.services.organizations.paging import page
from strongroom.services.organizations.policies import OF_CONTROL_POLICIES, required_policy
from strongroom.services.organizations.policy_records import (
    attach,
    attached_ids,
    detach,
    detach_everything,
    set_enabled,
    targets_of,
)
from strongroom.services.organizations.problems import (
    constraint_violation,
    no_such_root,
    no_such_target,
    type_not_available,
)
from strongroom.services.organizations.shapes import CONTROL_POLICY, arn_of, kind_of, shown_root, shown_summary
from strongroom.store import Transaction

__all__ = ["AttachmentOperations", "require_target"]

_MOST_ATTACHED: Final = 5  # Organizations User Guide, "Quotas"


def require_target(organization: Organization, target: str) -> None:
    """Check that a root, unit or account exists.

    Raises:
        AwsError: ``TargetNotFoundException``.
    """
    if target != organization.root_id and target not in organization.parents:
        raise no_such_target()


def _not_enabled() -> AwsError:
    return AwsError(
        "PolicyTypeNotEnabledException",
        "The specified policy type isn't currently enabled in this root. You can't attach policies of the specified "
        "type to entities in a root until you enable that type in the root.",
    )


def _require_last_stays(transaction: Transaction, target: str) -> None:
    """An account, unit or root always has one policy: with none, it could do nothing ("DetachPolicy")."""
    if len(attached_ids(transaction, target)) == 1:
        raise constraint_violation(
            "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            "You cannot remove the last policy attached to the specified target. You must have at least one attached "
            "at all times.",
        )


def _target(transaction: Transaction, organization: Organization, target: str) -> dict[str, object]:
    """A ``PolicyTargetSummary``."""
    found = find_unit(transaction, target) or find_account(transaction, target)
    return {
        "TargetId": target,
        "Arn": arn_of(organization, target),
        "Name": "Root" if found is None else found.name,
        "Type": kind_of(target),
    }


class AttachmentOperations(Operations):
    """AttachPolicy, DetachPolicy, their lists, and EnablePolicyType and DisablePolicyType."""

    async def attach_policy(self, call: Call, *, PolicyId: str, TargetId: str) -> dict[str, object]:
        """Hold the root, a unit or an account, and all below it, by one more policy.

        Raises:
            AwsError: Access denied, a policy or target that does not exist, policies that are not enabled, one that
                is attached already, or a sixth.
        """

        def work(transaction: Transaction) -> Mapping[str, object]:
            organization = authorized(transaction, call, PolicyId, TargetId, context=OF_CONTROL_POLICIES)
            policy = required_policy(transaction, PolicyId)
            require_target(organization, TargetId)
            if organization.attached is None:
                raise _not_enabled()
            present = attached_ids(transaction, TargetId)
            if policy.id in present:
                raise AwsError(
                    "DuplicatePolicyAttachmentException",
                    "The selected policy is already attached to the specified target.",
                )
            if len(present) >= _MOST_ATTACHED:
                raise constraint_violation(
                    "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
                    "You have attached the maximum number of policies of this type to the specified target.",
                )
            attach(transaction, policy.id, TargetId, call.now_ms)
            touch_organization(transaction)
            return NOTHING

        return dict(await call.write(work))

    async def detach_policy(self, call: Call, *, PolicyId: str, TargetId: str) -> dict[str, object]:
        """Let the root, a unit or an account go from a policy that is not its last.

        Raises:
            AwsError: Access denied, a policy or target that does not exist or are not attached, or the last policy.
        """

        def work(transaction: Transaction) -> Mapping[str, object]:
            organization = authorized(transaction, call, PolicyId, TargetId, context=OF_CONTROL_POLICIES)
            policy = required_policy(transaction, PolicyId)
            require_target(organization, TargetId)
            if policy.id not in attached_ids(transaction, TargetId):
                raise AwsError(
                    "PolicyNotAttachedException",
                    "The policy isn't attached to the specified target in the specified root.",
                )
            _require_last_stays(transaction, TargetId)
            detach(transaction, policy.id, TargetId)
            touch_organization(transaction)
            return NOTHING

        return dict(await call.write(work))

    async def list_policies_for_target(
        self, call: Call, *, TargetId: str, Filter: str, NextToken: str | None = None, MaxResults: int | None = None
    ) -> dict[str, object]:
        """The policies that are attached to a target itself; what it inherits is not among them.

        Raises:
            AwsError: Access denied, ``TargetNotFoundException`` or ``InvalidInputException``.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            context = {"organizations:policytype": Filter}
            organization = authorized(transaction, call, TargetId, context=context)
            require_target(organization, TargetId)
            found = attached_ids(transaction, TargetId) if Filter == CONTROL_POLICY else []
            ids, more = page(found, str, NextToken, MaxResults)
            policies = [required_policy(transaction, policy_id) for policy_id in ids]
            return {"Policies": [shown_summary(organization, policy) for policy in policies], **more}

        return await call.read(work)

    async def list_targets_for_policy(
        self, call: Call, *, PolicyId: str, NextToken: str | None = None, MaxResults: int | None = None
    ) -> dict[str, object]:
        """What a policy is attached to.

        Raises:
            AwsError: Access denied, ``PolicyNotFoundException`` or ``InvalidInputException``.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            organization = authorized(transaction, call, PolicyId, context=OF_CONTROL_POLICIES)
            policy = required_policy(transaction, PolicyId)
            targets, more = page(targets_of(transaction, policy.id), str, NextToken, MaxResults)
            return {"Targets": [_target(transaction, organization, target) for target in targets], **more}

        return await call.read(work)

    async def enable_policy_type(self, call: Call, *, RootId: str, PolicyType: str) -> dict[str, object]:
        """Put service control policies in force, with FullAWSAccess on the root and on everything under it.

        Raises:
            AwsError: Access denied, another root, another type, or ``PolicyTypeAlreadyEnabledException``.
        """

        def work(transaction: Transaction) -> Mapping[str, object]:
            organization = _root(transaction, call, RootId, PolicyType)
            if organization.attached is not None:
                raise AwsError(
                    "PolicyTypeAlreadyEnabledException",
                    "The specified policy type is already enabled in the specified root.",
                )
            set_enabled(transaction, enabled=True)
            for target in (organization.root_id, *organization.parents):
                attach(transaction, FULL_AWS_ACCESS_ID, target, call.now_ms)
            touch_organization(transaction)
            return {"Root": shown_root(load_organization(transaction))}

        return dict(await call.write(work))

    async def disable_policy_type(self, call: Call, *, RootId: str, PolicyType: str) -> dict[str, object]:
        """Take service control policies out of force. Every one is detached from everything, and stays so.

        Raises:
            AwsError: Access denied, another root, another type, or ``PolicyTypeNotEnabledException``.
        """

        def work(transaction: Transaction) -> Mapping[str, object]:
            organization = _root(transaction, call, RootId, PolicyType)
            if organization.attached is None:
                raise _not_enabled()
            set_enabled(transaction, enabled=False)
            detach_everything(transaction)
            touch_organization(transaction)
            return {"Root": shown_root(load_organization(transaction))}

        return dict(await call.write(work))


def _root(transaction: Transaction, call: Call, root_id: str, policy_type: str) -> Organization:
    organization = authorized(transaction, call, root_id, context={"organizations:policytype": policy_type})
    if root_id != organization.root_id:
        raise no_such_root()
    if policy_type != CONTROL_POLICY:
        raise type_not_available()
    return organization
