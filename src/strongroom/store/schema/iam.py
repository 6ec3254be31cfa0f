"""Users, groups, roles, access keys, policies, and what an account has one of."""

from __future__ import annotations

from sqlalchemy import ForeignKeyConstraint, Index, Table, UniqueConstraint

from strongroom.store.schema.columns import metadata, number, sealed, text

__all__ = [
    "iam_access_keys",
    "iam_account_aliases",
    "iam_attachments",
    "iam_credential_reports",
    "iam_group_members",
    "iam_groups",
    "iam_inline_policies",
    "iam_policies",
    "iam_policy_versions",
    "iam_roles",
    "iam_tags",
    "iam_users",
]

iam_users = Table(
    "iam_users",
    metadata,
    text("account", key=True),
    text("folded_name", key=True),  # names are unique without regard to case
    text("name"),
    text("path"),
    text("user_id"),
    number("created_ms"),
    text("boundary_arn", null=True),
    UniqueConstraint("user_id"),
)

iam_access_keys = Table(
    "iam_access_keys",
    metadata,
    text("access_key_id", key=True),
    text("account"),
    text("user_id"),
    text("status"),  # "Active" or "Inactive"
    sealed("secret_access_key"),
    number("created_ms"),
    number("used_ms", null=True),
    text("used_service", null=True),  # the service's name in IAM actions, such as "secretsmanager"
    text("used_region", null=True),
    ForeignKeyConstraint(["user_id"], ["iam_users.user_id"], ondelete="CASCADE"),
)
Index("ix_iam_access_keys_user_id", iam_access_keys.c.user_id)

iam_roles = Table(
    "iam_roles",
    metadata,
    text("account", key=True),
    text("folded_name", key=True),
    text("name"),
    text("path"),
    text("role_id"),
    text("description", null=True),
    text("trust_policy"),
    number("max_session_seconds"),
    number("created_ms"),
    text("boundary_arn", null=True),
    number("used_ms", null=True),
    text("used_region", null=True),
    UniqueConstraint("role_id"),
)

iam_groups = Table(
    "iam_groups",
    metadata,
    text("account", key=True),
    text("folded_name", key=True),
    text("name"),
    text("path"),
    text("group_id"),
    number("created_ms"),
    UniqueConstraint("group_id"),
)

iam_group_members = Table(
    "iam_group_members",
    metadata,
    text("user_id", key=True),
    text("group_id", key=True),
    ForeignKeyConstraint(["user_id"], ["iam_users.user_id"], ondelete="CASCADE"),
    ForeignKeyConstraint(["group_id"], ["iam_groups.group_id"], ondelete="CASCADE"),
)
Index("ix_iam_group_members_group_id", iam_group_members.c.group_id)

iam_inline_policies = Table(
    "iam_inline_policies",
    metadata,
    text("owner_id", key=True),  # a user_id, group_id or role_id
    text("name", key=True),
    text("document"),
)

iam_policies = Table(
    "iam_policies",
    metadata,
    text("arn", key=True),
    text("account"),
    text("folded_name"),
    text("name"),
    text("path"),
    text("policy_id"),
    text("description", null=True),
    text("default_version_id"),
    number("created_ms"),
    number("updated_ms"),
    UniqueConstraint("account", "folded_name"),
)

iam_policy_versions = Table(
    "iam_policy_versions",
    metadata,
    text("policy_arn", key=True),
    text("version_id", key=True),
    text("document"),
    number("created_ms"),
    ForeignKeyConstraint(["policy_arn"], ["iam_policies.arn"], ondelete="CASCADE"),
)

iam_attachments = Table(
    "iam_attachments",
    metadata,
    text("owner_id", key=True),
    text("policy_arn", key=True),
    number("attached_ms"),
)
Index("ix_iam_attachments_policy_arn", iam_attachments.c.policy_arn)

iam_tags = Table(
    "iam_tags",
    metadata,
    text("owner_id", key=True),
    text("key", key=True),
    text("value"),
)

iam_account_aliases = Table(
    "iam_account_aliases",
    metadata,
    text("account", key=True),
    text("alias"),
    UniqueConstraint("alias"),
)

iam_credential_reports = Table(
    "iam_credential_reports",
    metadata,
    text("account", key=True),
    text("content"),  # CSV
    number("generated_ms"),
)
