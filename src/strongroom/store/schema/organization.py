"""Accounts and the organization they belong to."""

from __future__ import annotations

from sqlalchemy import Index, Table, UniqueConstraint

from strongroom.store.schema.columns import flag, metadata, number, text

__all__ = [
    "account_requests",
    "accounts",
    "organization_tags",
    "organizational_units",
    "organizations",
    "service_control_attachments",
    "service_control_policies",
]

organizations = Table(
    "organizations",
    metadata,
    text("id", key=True),
    text("management_account"),
    text("root_id"),
    flag("control_policies"),  # whether service control policies are in force
    number("revision"),  # raised by every change of what decisions need: members, units, attached policies
)
"""One row: the organization of the installation, which belongs to its management account."""

accounts = Table(
    "accounts",
    metadata,
    text("account", key=True),
    text("name"),
    text("email"),
    text("folded_email"),  # addresses are unique without regard to case
    text("status"),  # "ACTIVE" or "SUSPENDED"
    text("parent_id"),  # the root or an organizational unit
    text("joined_method"),  # "INVITED" for the management account, "CREATED" for the others
    number("joined_ms"),
    UniqueConstraint("folded_email"),
)
Index("ix_accounts_parent_id", accounts.c.parent_id)

account_requests = Table(
    "account_requests",
    metadata,
    text("id", key=True),
    text("account_name"),
    text("state"),  # "SUCCEEDED" or "FAILED"
    text("account", null=True),
    text("failure_reason", null=True),
    number("requested_ms"),
)

organizational_units = Table(
    "organizational_units",
    metadata,
    text("id", key=True),
    text("parent_id"),
    text("name"),
    UniqueConstraint("parent_id", "name"),
)

service_control_policies = Table(
    "service_control_policies",
    metadata,
    text("id", key=True),
    text("name"),
    text("description"),
    text("content"),
    UniqueConstraint("name"),
)

service_control_attachments = Table(
    "service_control_attachments",
    metadata,
    text("target_id", key=True),  # the root, an organizational unit or an account
    text("policy_id", key=True),
    number("attached_ms"),
)
Index("ix_service_control_attachments_policy_id", service_control_attachments.c.policy_id)

organization_tags = Table(
    "organization_tags",
    metadata,
    text("resource_id", key=True),
    text("key", key=True),
    text("value"),
)
