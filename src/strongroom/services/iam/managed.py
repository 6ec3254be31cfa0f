"""The operations on managed policies, and finding the policy that an ARN names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from strongroom.arn import Arn
from strongroom.identity.aws_managed import AWS_MANAGED
from strongroom.identity.credentials import MANAGED_POLICY_ID, new_unique_id
from strongroom.identity.directory import tags_of
from strongroom.services.call import Call
from strongroom.services.iam.base import Operations
from strongroom.services.iam.documents import check_managed
from strongroom.services.iam.owners import Context, tag_context
from strongroom.services.iam.paging import DEFAULT_MAX_ITEMS, after_marker, tail
from strongroom.services.iam.policy_records import (
    MOST_POLICIES,
    ManagedPolicy,
    add_policy,
    attachment_counts,
    aws_managed,
    boundary_counts,
    delete_policy,
    find_policy,
    list_policies,
    list_versions,
    policy_count,
    policy_name_is_taken,
    uses,
)
from strongroom.services.iam.problems import (
    already_exists,
    delete_conflict,
    invalid_input,
    limit_exceeded,
    no_such_entity,
    no_such_policy,
)
from strongroom.services.iam.tags import TagList, add_tags, request_tags, shown_tags, tag_request_context
from strongroom.store import Transaction
from strongroom.world import from_milliseconds

__all__ = [
    "PolicyOperations",
    "authorized_own_policy",
    "authorized_policy",
    "check_policy_arn",
    "require_boundary",
    "shown_policy",
]

_NOTHING: Final[Mapping[str, object]] = {}
_RESOURCE_TYPE: Final = "AWS::IAM::ManagedPolicy"


def check_policy_arn(arn: str) -> None:
    """Check that ``arn`` has the form of a managed policy's.

    Raises:
        AwsError: ``InvalidInput``.
    """
    parsed = Arn.parse(arn)
    if parsed is None or parsed.service != "iam" or parsed.region or not parsed.resource.startswith("policy/"):
        raise invalid_input(f"ARN {arn} is not valid.")


def authorized_policy(transaction: Transaction, call: Call, arn: str, context: Context | None = None) -> ManagedPolicy:
    """The managed policy of this ARN that the account can use, after asking for the call's action on it.

    Raises:
        AccessDenied: The caller may not, whether there is such a policy or not.
        AwsError: ``InvalidInput`` or ``NoSuchEntity``.
    """
    check_policy_arn(arn)
    policy = find_policy(transaction, call.account, arn)
    tags = {} if policy is None else tag_context(tags_of(transaction, policy.policy_id))
    call.authorize(f"iam:{call.operation}", arn, context={**tags, **(context or {})})
    if policy is None:
        raise no_such_policy(arn)
    call.touches(arn, _RESOURCE_TYPE, policy.account or call.account)
    return policy


def authorized_own_policy(
    transaction: Transaction, call: Call, arn: str, context: Context | None = None
) -> ManagedPolicy:
    """`authorized_policy` for a change, which only the account's own policies allow.

    Raises:
        AccessDenied: As there; and for a policy that AWS manages, always.
        AwsError: As there.
    """
    policy = authorized_policy(transaction, call, arn, context)
    if not policy.account:
        raise no_such_policy(arn)
    return policy


def require_boundary(transaction: Transaction, account: str, arn: str | None) -> None:
    """Check that a permissions boundary exists, where one is given.

    Raises:
        AwsError: ``InvalidInput`` or ``NoSuchEntity``.
    """
    if arn is None:
        return
    check_policy_arn(arn)
    if find_policy(transaction, account, arn) is None:
        raise no_such_entity(f"Scope ARN: {arn} does not exist or is not attachable.")


def shown_policy(policy: ManagedPolicy, attached: int = 0, bounding: int = 0) -> dict[str, object]:
    """A managed policy as lists show it.

    Args:
        policy: The policy.
        attached: How often it is attached in the account.
        bounding: How often it is a boundary there.
    """
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.policy_id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default_version_id,
        "AttachmentCount": attached,
        "PermissionsBoundaryUsageCount": bounding,
        "IsAttachable": True,
        "CreateDate": from_milliseconds(policy.created_ms),
        "UpdateDate": from_milliseconds(policy.updated_ms),
    }


def _sort_key(policy: ManagedPolicy) -> str:
    """By name; the account's own policy and AWS's may have the same one."""
    return f"{policy.name.lower()}:{policy.account}"


class PolicyOperations(Operations):
    """CreatePolicy, GetPolicy, DeletePolicy, ListPolicies."""

    async def create_policy(
        self,
        call: Call,
        *,
        PolicyName: str,
        PolicyDocument: str,
        Path: str = "/",
        Description: str | None = None,
        Tags: TagList | None = None,
    ) -> dict[str, object]:
        """Create a managed policy with its first version."""
        policy = ManagedPolicy(
            arn=f"arn:aws:iam::{call.account}:policy{Path}{PolicyName}",
            account=call.account,
            name=PolicyName,
            path=Path,
            policy_id=new_unique_id(self._entropy, MANAGED_POLICY_ID),
            description=Description,
            default_version_id="v1",
            created_ms=call.now_ms,
            updated_ms=call.now_ms,
        )

        def work(transaction: Transaction) -> Mapping[str, object]:
            call.authorize("iam:CreatePolicy", policy.arn, context=tag_request_context(Tags))
            tags = request_tags(Tags)
            check_managed(PolicyDocument)
            if policy_name_is_taken(transaction, call.account, PolicyName):
                raise already_exists(f"A policy called {PolicyName} already exists. Duplicate names are not allowed.")
            if policy_count(transaction, call.account) >= MOST_POLICIES:
                raise limit_exceeded(f"Cannot exceed quota for PoliciesPerAccount: {MOST_POLICIES}")
            add_policy(transaction, policy, PolicyDocument)
            add_tags(transaction, policy.policy_id, tags)
            call.touches(policy.arn, _RESOURCE_TYPE, policy.account)
            transaction.raise_epoch()
            return {"Policy": {**shown_policy(policy), **({"Tags": shown_tags(tags)} if tags else {})}}

        return dict(await call.write(work))

    async def get_policy(self, call: Call, *, PolicyArn: str) -> dict[str, object]:
        """Show a managed policy, without its document."""

        def work(transaction: Transaction) -> dict[str, object]:
            policy = authorized_policy(transaction, call, PolicyArn)
            tags = tags_of(transaction, policy.policy_id)
            shown = shown_policy(policy, *uses(transaction, call.account, policy))
            if policy.description is not None:
                shown["Description"] = policy.description
            return {"Policy": {**shown, "Tags": shown_tags(tags)}}

        return await call.read(work)

    async def delete_policy(self, call: Call, *, PolicyArn: str) -> dict[str, object]:
        """Delete a managed policy that nobody has any more, and that has one version left."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            policy = authorized_own_policy(transaction, call, PolicyArn)
            if any(uses(transaction, call.account, policy)):
                raise delete_conflict("Cannot delete a policy attached to entities.")
            if len(list_versions(transaction, PolicyArn)) > 1:
                raise delete_conflict(
                    "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                    "versions. The default version is deleted with the policy."
                )
            delete_policy(transaction, policy)
            transaction.raise_epoch()
            return _NOTHING

        return dict(await call.write(work))

    async def list_policies(
        self,
        call: Call,
        *,
        Scope: str = "All",
        OnlyAttached: bool = False,
        PathPrefix: str = "/",
        PolicyUsageFilter: str | None = None,
        Marker: str | None = None,
        MaxItems: int | None = None,
    ) -> dict[str, object]:
        """The managed policies that the account can use, by name."""

        def work(transaction: Transaction) -> dict[str, object]:
            call.authorize("iam:ListPolicies", f"arn:aws:iam::{call.account}:policy{PathPrefix}")
            found = [] if Scope == "AWS" else list_policies(transaction, call.account)
            if Scope != "Local":
                found += [aws_managed(policy) for policy in AWS_MANAGED.values()]
            attachments = attachment_counts(transaction, call.account)
            boundaries = boundary_counts(transaction, call.account)
            used: set[str] = set()
            if PolicyUsageFilter != "PermissionsBoundary":
                used |= attachments.keys()
            if PolicyUsageFilter != "PermissionsPolicy":
                used |= boundaries.keys()
            after, count = after_marker(Marker), MaxItems or DEFAULT_MAX_ITEMS
            fitting = sorted(
                (
                    policy
                    for policy in found
                    if policy.path.startswith(PathPrefix)
                    and _sort_key(policy) > after
                    and (policy.arn in used or not (OnlyAttached or PolicyUsageFilter))
                ),
                key=_sort_key,
            )
            page = fitting[:count]
            return {
                "Policies": [
                    shown_policy(policy, attachments.get(policy.arn, 0), boundaries.get(policy.arn, 0))
                    for policy in page
                ],
                **tail(_sort_key(page[-1]) if len(fitting) > count else None),
            }

        return await call.read(work)
