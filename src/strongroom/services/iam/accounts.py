"""What concerns an account as a whole: its alias, and how much of everything it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, select

from strongroom.services.call import Call
from strongroom.services.iam.base import Operations
from strongroom.services.iam.documents import MANAGED_CHARACTERS, TRUST_CHARACTERS
from strongroom.services.iam.keys import MOST_KEYS
from strongroom.services.iam.memberships import MOST_GROUPS
from strongroom.services.iam.owners import GROUP, ROLE, USER, count
from strongroom.services.iam.permissions import MOST_ATTACHED
from strongroom.services.iam.policy_records import MOST_POLICIES, policy_count
from strongroom.services.iam.problems import already_exists, no_such_entity, validation_error
from strongroom.services.iam.versions import MOST_VERSIONS
from strongroom.store import Statement, Transaction
from strongroom.store.schema import iam_account_aliases, iam_oidc_providers, iam_policies, iam_policy_versions

__all__ = ["AccountOperations"]

_NOTHING: Final[Mapping[str, object]] = {}

_l, _p, _v = iam_account_aliases.c, iam_policies.c, iam_policy_versions.c

_ALIAS: Final = Statement(select(_l.alias).where(_l.account == bindparam("owner")))
_TAKEN: Final = Statement(select(_l.account).where(_l.alias == bindparam("name")))
_ADD: Final = Statement(insert(iam_account_aliases).values(account=bindparam("owner"), alias=bindparam("name")))
_DELETE: Final = Statement(delete(iam_account_aliases).where(_l.account == bindparam("owner")))

_VERSIONS: Final = Statement(
    select(func.count())
    .select_from(iam_policy_versions.join(iam_policies, _p.arn == _v.policy_arn))
    .where(_p.account == bindparam("owner"))
)
_PROVIDERS: Final = Statement(
    select(func.count()).select_from(iam_oidc_providers).where(iam_oidc_providers.c.account == bindparam("owner"))
)

_ABSENT: Final = (
    "ServerCertificates",
    "MFADevices",
    "MFADevicesInUse",
    "AccountMFAEnabled",
    "AccountAccessKeysPresent",
    "AccountPasswordPresent",
    "AccountSigningCertificatesPresent",
    "InstanceProfiles",
)
"""What an account here has none of. No account has a root user who could sign in."""

_QUOTAS: Final[Mapping[str, int]] = {
    "UsersQuota": USER.most,
    "GroupsQuota": GROUP.most,
    "RolesQuota": ROLE.most,
    "PoliciesQuota": MOST_POLICIES,
    "UserPolicySizeQuota": USER.inline_characters,
    "GroupPolicySizeQuota": GROUP.inline_characters,
    "RolePolicySizeQuota": ROLE.inline_characters,
    "PolicySizeQuota": MANAGED_CHARACTERS,
    "AssumeRolePolicySizeQuota": TRUST_CHARACTERS,
    "GroupsPerUserQuota": MOST_GROUPS,
    "AccessKeysPerUserQuota": MOST_KEYS,
    "VersionsPerPolicyQuota": MOST_VERSIONS,
    "PolicyVersionsInUseQuota": MOST_VERSIONS * MOST_POLICIES,
    "AttachedPoliciesPerUserQuota": MOST_ATTACHED,
    "AttachedPoliciesPerGroupQuota": MOST_ATTACHED,
    "AttachedPoliciesPerRoleQuota": MOST_ATTACHED,
    "ServerCertificatesQuota": 0,
    "InstanceProfilesQuota": 0,
    "SigningCertificatesPerUserQuota": 0,
    "GlobalEndpointTokenVersion": 2,
}
"""The quotas that hold here. Session tokens are good in every region, which AWS calls version 2."""


def _alias_of(transaction: Transaction, account: str) -> str | None:
    row = transaction.one(_ALIAS, {"owner": account})
    return None if row is None else str(row[0])


def _number(transaction: Transaction, statement: Statement, account: str) -> int:
    row = transaction.one(statement, {"owner": account})
    return 0 if row is None else int(row[0])


class AccountOperations(Operations):
    """CreateAccountAlias, DeleteAccountAlias, ListAccountAliases, GetAccountSummary."""

    async def create_account_alias(self, call: Call, *, AccountAlias: str) -> dict[str, object]:
        """Give the account another name. It has one alias at most: a new one takes the place of the old.

        Raises:
            AwsError: ``EntityAlreadyExists``: an account of the installation has this alias, maybe this very one.
        """

        def work(transaction: Transaction) -> Mapping[str, object]:
            call.authorize("iam:CreateAccountAlias", "*")
            if AccountAlias.isdigit() and len(AccountAlias) == 12:
                raise validation_error("An account alias cannot be a 12-digit number: that is the form of an account.")
            if transaction.one(_TAKEN, {"name": AccountAlias}) is not None:
                raise already_exists(f"The account alias {AccountAlias} already exists.")
            transaction.run(_DELETE, {"owner": call.account})
            transaction.run(_ADD, {"owner": call.account, "name": AccountAlias})
            return _NOTHING

        return dict(await call.write(work))

    async def delete_account_alias(self, call: Call, *, AccountAlias: str) -> dict[str, object]:
        """Take the account's alias away, which must be named.

        Raises:
            AwsError: ``NoSuchEntity``: the account has no alias, or another.
        """

        def work(transaction: Transaction) -> Mapping[str, object]:
            call.authorize("iam:DeleteAccountAlias", "*")
            if _alias_of(transaction, call.account) != AccountAlias:
                raise no_such_entity(f"The account alias {AccountAlias} cannot be found.")
            transaction.run(_DELETE, {"owner": call.account})
            return _NOTHING

        return dict(await call.write(work))

    async def list_account_aliases(
        self, call: Call, *, Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """The account's alias, if it has one, as a list."""

        def work(transaction: Transaction) -> dict[str, object]:
            call.authorize("iam:ListAccountAliases", "*")
            alias = _alias_of(transaction, call.account)
            return {"AccountAliases": [] if alias is None else [alias], "IsTruncated": False}

        return await call.read(work)

    async def get_account_summary(self, call: Call) -> dict[str, object]:
        """How many of everything the account has, and how many it may have."""

        def work(transaction: Transaction) -> dict[str, object]:
            call.authorize("iam:GetAccountSummary", "*")
            account = call.account
            return {
                "SummaryMap": {
                    **dict.fromkeys(_ABSENT, 0),
                    **_QUOTAS,
                    "Users": count(transaction, USER, account),
                    "Groups": count(transaction, GROUP, account),
                    "Roles": count(transaction, ROLE, account),
                    "Policies": policy_count(transaction, account),
                    "PolicyVersionsInUse": _number(transaction, _VERSIONS, account),
                    "Providers": _number(transaction, _PROVIDERS, account),
                }
            }

        return await call.read(work)
