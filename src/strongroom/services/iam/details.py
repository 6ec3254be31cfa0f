"""GetAccountAuthorizationDetails: everything of an account that decides about access, in pages.

A page goes through users, groups, roles, the account's managed policies, and those of AWS's that it uses, in this
order; a marker says how far it came. A page holds 100 items at most, whatever is asked for, so that no request holds
the others up ("IAM might return fewer than the MaxItems number of results", IAM API reference).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Final, TypeAlias

from strongroom.identity.aws_managed import AWS_MANAGED
from strongroom.identity.directory import Group, Role, User, groups_of
from strongroom.services.call import Call
from strongroom.services.iam.base import Operations
from strongroom.services.iam.documents import encoded
from strongroom.services.iam.managed import shown_policy
from strongroom.services.iam.memberships import shown_group
from strongroom.services.iam.owner_policies import attached_arns, inline_documents
from strongroom.services.iam.owners import GROUP, ROLE, USER, Owner, list_rows
from strongroom.services.iam.paging import DEFAULT_MAX_ITEMS, after_marker, tail
from strongroom.services.iam.permissions import shown_attached
from strongroom.services.iam.policy_records import (
    ManagedPolicy,
    attachment_counts,
    aws_managed,
    boundary_counts,
    list_policies,
    list_versions,
)
from strongroom.services.iam.problems import validation_error
from strongroom.services.iam.roles import shown_role
from strongroom.services.iam.users import shown_user_fully
from strongroom.services.iam.versions import shown_version
from strongroom.store import Transaction

__all__ = ["DetailOperations"]

Detail: TypeAlias = tuple[str, Callable[[], dict[str, object]]]
"""One item: what a marker calls it within its section, and how to describe it."""


@dataclass
class _Account:
    """What there is in an account. Each method gives the items of a section that come after a name, in order."""

    transaction: Transaction
    account: str

    def users(self, after: str, most: int) -> list[Detail]:
        """Users."""
        rows = list_rows(self.transaction, USER, self.account, "/", after, most)
        return [(user.name.lower(), partial(self._user, user)) for user in (User(*row) for row in rows)]

    def groups(self, after: str, most: int) -> list[Detail]:
        """Groups."""
        rows = list_rows(self.transaction, GROUP, self.account, "/", after, most)
        return [(group.name.lower(), partial(self._group, group)) for group in (Group(*row) for row in rows)]

    def roles(self, after: str, most: int) -> list[Detail]:
        """Roles."""
        rows = list_rows(self.transaction, ROLE, self.account, "/", after, most)
        return [(role.name.lower(), partial(self._role, role)) for role in (Role(*row) for row in rows)]

    def own_policies(self, after: str, most: int) -> list[Detail]:
        """Managed policies of the account."""
        return self._policies(list_policies(self.transaction, self.account), after, most)

    def aws_policies(self, after: str, most: int) -> list[Detail]:
        """Managed policies of AWS's that somebody here has."""
        used = self._attachments.keys() | self._boundaries.keys()
        return self._policies([aws_managed(policy) for arn, policy in AWS_MANAGED.items() if arn in used], after, most)

    @cached_property
    def _attachments(self) -> Mapping[str, int]:
        return attachment_counts(self.transaction, self.account)

    @cached_property
    def _boundaries(self) -> Mapping[str, int]:
        return boundary_counts(self.transaction, self.account)

    def _user(self, user: User) -> dict[str, object]:
        return {
            **shown_user_fully(self.transaction, user),
            "GroupList": [group.name for group in groups_of(self.transaction, user.user_id)],
            **self._policies_of("UserPolicyList", user),
        }

    def _group(self, group: Group) -> dict[str, object]:
        return {**shown_group(group), **self._policies_of("GroupPolicyList", group)}

    def _role(self, role: Role) -> dict[str, object]:
        shown = shown_role(self.transaction, role)
        return {
            **{name: value for name, value in shown.items() if name not in {"Description", "MaxSessionDuration"}},
            "InstanceProfileList": [],
            **self._policies_of("RolePolicyList", role),
        }

    def _policies_of(self, member: str, owner: Owner) -> dict[str, object]:
        inline = inline_documents(self.transaction, owner.unique_id)
        return {
            member: [{"PolicyName": name, "PolicyDocument": encoded(text)} for name, text in inline],
            "AttachedManagedPolicies": [
                shown_attached(arn) for arn in attached_arns(self.transaction, owner.unique_id)
            ],
        }

    def _policies(self, policies: Sequence[ManagedPolicy], after: str, most: int) -> list[Detail]:
        ordered = sorted((policy.name.lower(), policy) for policy in policies if policy.name.lower() > after)
        return [(name, partial(self._policy, policy)) for name, policy in ordered[:most]]

    def _policy(self, policy: ManagedPolicy) -> dict[str, object]:
        versions = list_versions(self.transaction, policy.arn)
        described = {} if policy.description is None else {"Description": policy.description}
        return {
            **shown_policy(policy, self._attachments.get(policy.arn, 0), self._boundaries.get(policy.arn, 0)),
            **described,
            "PolicyVersionList": [
                {"Document": encoded(version.document), **shown_version(version, policy.default_version_id)}
                for version in versions
            ],
        }


_SECTIONS: Final[Sequence[tuple[str, str, Callable[[_Account, str, int], list[Detail]]]]] = (
    ("User", "UserDetailList", _Account.users),
    ("Group", "GroupDetailList", _Account.groups),
    ("Role", "RoleDetailList", _Account.roles),
    ("LocalManagedPolicy", "Policies", _Account.own_policies),
    ("AWSManagedPolicy", "Policies", _Account.aws_policies),
)
"""What a filter calls a section, the member of the answer, and how its items are found."""


class DetailOperations(Operations):
    """GetAccountAuthorizationDetails."""

    async def get_account_authorization_details(
        self,
        call: Call,
        *,
        Filter: Sequence[str] | None = None,
        MaxItems: int | None = None,
        Marker: str | None = None,
    ) -> dict[str, object]:
        """Users, groups, roles and managed policies of the account, with all that they are made of."""

        def work(transaction: Transaction) -> dict[str, object]:
            call.authorize("iam:GetAccountAuthorizationDetails", "*")
            account, after = _Account(transaction, call.account), after_marker(Marker)
            if after and not "0" <= after[0] < str(len(_SECTIONS)):
                raise validation_error("Invalid Marker.")
            most = min(MaxItems or DEFAULT_MAX_ITEMS, DEFAULT_MAX_ITEMS)
            shown: dict[str, list[object]] = {member: [] for _, member, _ in _SECTIONS}
            last, room = "", most
            for number, (name, member, find) in enumerate(_SECTIONS):
                if (Filter and name not in Filter) or str(number) < after[:1]:
                    continue
                begin = after[1:] if after[:1] == str(number) else ""
                items = find(account, begin, room + 1)
                for key, describe in items[:room]:
                    shown[member].append(describe())
                    last = f"{number}{key}"
                if len(items) > room:
                    return {**shown, **tail(last)}
                room -= len(items)
            return {**shown, **tail(None)}

        return await call.read(work)
