"""Tags of accounts, units, policies and the root: TagResource, UntagResource, ListTagsForResource."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from strongroom.identity.organization import Organization
from strongroom.services.call import Call
from strongroom.services.organizations.attachments import require_target
from strongroom.services.organizations.base import NOTHING, Operations, authorized
from strongroom.services.organizations.paging import page
from strongroom.services.organizations.policy_records import find_policy
from strongroom.services.organizations.problems import no_such_target
from strongroom.services.organizations.tag_records import (
    TagList,
    delete_tags,
    put_tags,
    request_tags,
    tag_request_context,
    tags_of,
)
from strongroom.store import Transaction

__all__ = ["TagOperations"]


def _require(transaction: Transaction, organization: Organization, resource_id: str) -> None:
    policy = find_policy(transaction, resource_id)
    if policy is not None and policy.aws_managed:
        raise no_such_target()
    if policy is None:
        require_target(organization, resource_id)


class TagOperations(Operations):
    """The operations on tags."""

    async def tag_resource(self, call: Call, *, ResourceId: str, Tags: TagList) -> dict[str, object]:
        """Set tags of a resource.

        Raises:
            AwsError: Access denied, ``TargetNotFoundException``, or tags that break a rule.
        """

        def work(transaction: Transaction) -> Mapping[str, object]:
            organization = authorized(transaction, call, ResourceId, context=tag_request_context(Tags))
            _require(transaction, organization, ResourceId)
            put_tags(transaction, ResourceId, request_tags(Tags))
            return NOTHING

        return dict(await call.write(work))

    async def untag_resource(self, call: Call, *, ResourceId: str, TagKeys: Sequence[str]) -> dict[str, object]:
        """Remove tags of a resource; keys that it does not have do not matter.

        Raises:
            AwsError: Access denied, or ``TargetNotFoundException``.
        """

        def work(transaction: Transaction) -> Mapping[str, object]:
            organization = authorized(transaction, call, ResourceId, context={"aws:tagkeys": tuple(TagKeys)})
            _require(transaction, organization, ResourceId)
            delete_tags(transaction, ResourceId, TagKeys)
            return NOTHING

        return dict(await call.write(work))

    async def list_tags_for_resource(
        self, call: Call, *, ResourceId: str, NextToken: str | None = None
    ) -> dict[str, object]:
        """The tags of a resource, by key.

        Raises:
            AwsError: Access denied, ``TargetNotFoundException`` or ``InvalidInputException``.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            organization = authorized(transaction, call, ResourceId)
            _require(transaction, organization, ResourceId)
            tags = tags_of(transaction, ResourceId)
            keys, more = page(tags, str, NextToken)
            return {"Tags": [{"Key": key, "Value": tags[key]} for key in keys], **more}

        return await call.read(work)
