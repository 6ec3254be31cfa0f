"""The operations on versions of managed policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from strongroom.services.call import Call
from strongroom.services.iam.base import Operations
from strongroom.services.iam.documents import check_managed, encoded
from strongroom.services.iam.managed import authorized_own_policy, authorized_policy
from strongroom.services.iam.paging import page
from strongroom.services.iam.policy_records import (
    PolicyVersion,
    add_version,
    delete_version,
    list_versions,
    set_default_version,
)
from strongroom.services.iam.problems import delete_conflict, limit_exceeded, no_such_version
from strongroom.store import Transaction
from strongroom.world import from_milliseconds

__all__ = ["MOST_VERSIONS", "PolicyVersionOperations", "shown_version"]

MOST_VERSIONS: Final = 5
"""How many versions a managed policy may have ("IAM and AWS STS quotas")."""

_NOTHING: Final[Mapping[str, object]] = {}


def shown_version(version: PolicyVersion, default_version_id: str) -> dict[str, object]:
    """A version without its document, as lists show it."""
    return {
        "VersionId": version.version_id,
        "IsDefaultVersion": version.version_id == default_version_id,
        "CreateDate": from_milliseconds(version.created_ms),
    }


def _version(transaction: Transaction, arn: str, version_id: str) -> PolicyVersion:
    for version in list_versions(transaction, arn):
        if version.version_id == version_id:
            return version
    raise no_such_version(arn, version_id)


class PolicyVersionOperations(Operations):
    """CreatePolicyVersion, GetPolicyVersion, ListPolicyVersions, SetDefaultPolicyVersion, DeletePolicyVersion."""

    async def create_policy_version(
        self, call: Call, *, PolicyArn: str, PolicyDocument: str, SetAsDefault: bool = False
    ) -> dict[str, object]:
        """Add a version, which counts at once when it is made the default."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            policy = authorized_own_policy(transaction, call, PolicyArn)
            check_managed(PolicyDocument)
            versions = list_versions(transaction, PolicyArn)
            if len(versions) >= MOST_VERSIONS:
                raise limit_exceeded(
                    f"A managed policy can have up to {MOST_VERSIONS} versions. Before you create a new version, you "
                    "must delete an existing version."
                )
            version = PolicyVersion(f"v{versions[0].number + 1}", PolicyDocument, call.now_ms)
            add_version(transaction, PolicyArn, version)
            default = policy.default_version_id
            if SetAsDefault:
                default = version.version_id
                set_default_version(transaction, PolicyArn, default, call.now_ms)
            transaction.raise_epoch()
            return {"PolicyVersion": shown_version(version, default)}

        return dict(await call.write(work))

    async def get_policy_version(self, call: Call, *, PolicyArn: str, VersionId: str) -> dict[str, object]:
        """Show a version with its document."""

        def work(transaction: Transaction) -> dict[str, object]:
            policy = authorized_policy(transaction, call, PolicyArn)
            version = _version(transaction, PolicyArn, VersionId)
            shown = shown_version(version, policy.default_version_id)
            return {"PolicyVersion": {"Document": encoded(version.document), **shown}}

        return await call.read(work)

    async def list_policy_versions(
        self, call: Call, *, PolicyArn: str, Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """The versions of a managed policy, newest first, without their documents."""

        def work(transaction: Transaction) -> dict[str, object]:
            policy = authorized_policy(transaction, call, PolicyArn)
            items, rest = page(list_versions(transaction, PolicyArn), Marker, MaxItems)
            return {"Versions": [shown_version(version, policy.default_version_id) for version in items], **rest}

        return await call.read(work)

    async def set_default_policy_version(self, call: Call, *, PolicyArn: str, VersionId: str) -> dict[str, object]:
        """Make a version the one that counts."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            authorized_own_policy(transaction, call, PolicyArn)
            _version(transaction, PolicyArn, VersionId)
            set_default_version(transaction, PolicyArn, VersionId, call.now_ms)
            transaction.raise_epoch()
            return _NOTHING

        return dict(await call.write(work))

    async def delete_policy_version(self, call: Call, *, PolicyArn: str, VersionId: str) -> dict[str, object]:
        """Delete a version that is not the default."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            policy = authorized_own_policy(transaction, call, PolicyArn)
            _version(transaction, PolicyArn, VersionId)
            if VersionId == policy.default_version_id:
                raise delete_conflict("Cannot delete the default version of a policy.")
            delete_version(transaction, PolicyArn, VersionId)
            transaction.raise_epoch()
            return _NOTHING

        return dict(await call.write(work))
