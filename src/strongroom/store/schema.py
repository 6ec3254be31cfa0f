"""The schema: every table, written once for both engines.

Conventions, so that no value needs converting on its way to either driver:

- columns are text, whole numbers or bytes; a flag is 0 or 1; an instant is milliseconds since the epoch (``_ms``);
- bytes are always sealed by `keyring`; text and numbers never hold a secret;
- every row belongs to an account, and to a region where its service is regional, directly or through an ARN.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = ["metadata"]

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _text(name: str, *, null: bool = False, key: bool = False) -> Column[str]:
    return Column(name, Text, nullable=null, primary_key=key)


def _number(name: str, *, null: bool = False, key: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null, primary_key=key, autoincrement=False)


def _flag(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


def _sealed(name: str, *, null: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=null)


# --- the installation -------------------------------------------------------------------------------------------------

installation = Table("installation", metadata, _text("name", key=True), _text("value"))
"""Facts about the whole installation: its id, the fingerprint of its root key."""

epoch = Table("epoch", metadata, Column("id", Integer, primary_key=True, autoincrement=False), _number("value"))
"""One row: raised in the same transaction by every change of a policy, key, grant or credential."""

# --- Secrets Manager --------------------------------------------------------------------------------------------------

secrets = Table(
    "secrets",
    metadata,
    _text("arn", key=True),
    _text("account"),
    _text("region"),
    _text("name"),
    _text("description", null=True),
    _text("kms_key_id", null=True),  # as the caller gave it; null is the account's aws/secretsmanager key
    _number("created_ms"),
    _number("changed_ms"),
    _number("accessed_day_ms", null=True),
    _number("deleted_ms", null=True),  # when deletion was asked for
    _number("purge_ms", null=True),  # when the recovery window ends
    _text("policy", null=True),
    _text("tags", null=True),  # a JSON object of key and value; kept here because every decision needs them
    _text("owning_service", null=True),
    _text("type", null=True),
    _text("primary_region", null=True),
    _flag("rotation_enabled"),
    _text("rotation_function_arn", null=True),
    _number("rotation_after_days", null=True),
    _text("rotation_schedule", null=True),
    _text("rotation_duration", null=True),
    _number("last_rotated_ms", null=True),
    _number("next_window_opens_ms", null=True),
    _number("next_window_closes_ms", null=True),
    UniqueConstraint("account", "region", "name"),
)
Index("ix_secrets_listing", secrets.c.account, secrets.c.region, secrets.c.created_ms, secrets.c.arn)
Index("ix_secrets_purge_ms", secrets.c.purge_ms)
Index("ix_secrets_next_window_opens_ms", secrets.c.next_window_opens_ms)

secret_versions = Table(
    "secret_versions",
    metadata,
    _text("arn", key=True),
    _text("version_id", key=True),
    _number("created_ms"),
    _number("accessed_day_ms", null=True),
    _text("kind", null=True),  # "string" or "binary"; null while a rotation has not given the version a value
    _text("kms_key_arn", null=True),
    _sealed("data_key", null=True),  # a ciphertext of that KMS key
    _sealed("value", null=True),  # sealed under the data key
    ForeignKeyConstraint(["arn"], ["secrets.arn"], ondelete="CASCADE"),
)

secret_labels = Table(
    "secret_labels",
    metadata,
    _text("arn", key=True),
    _text("label", key=True),
    _text("version_id"),
    ForeignKeyConstraint(
        ["arn", "version_id"], ["secret_versions.arn", "secret_versions.version_id"], ondelete="CASCADE"
    ),
)
Index("ix_secret_labels_version", secret_labels.c.arn, secret_labels.c.version_id)

rotations = Table(
    "rotations",
    metadata,
    _text("arn", key=True),
    _text("token", key=True),
    _text("account"),
    _text("region"),
    _text("function_arn"),
    _text("kind"),  # "rotation", or "test" for RotateImmediately=false
    _text("origin"),  # "request" or "schedule"
    _text("state"),  # "running", "succeeded", "failed", "abandoned", "cancelled"
    _text("step"),  # the step to run next: createSecret, setSecret, testSecret, finishSecret
    _number("attempt"),  # how often the current step was tried
    _number("due_ms"),  # when to try it (again)
    _text("lease_owner", null=True),
    _number("lease_ends_ms"),
    _number("started_ms"),
    _number("changed_ms"),
    _text("error", null=True),  # the last failure, in words that hold no secret
    ForeignKeyConstraint(["arn"], ["secrets.arn"], ondelete="CASCADE"),
)
Index("ix_rotations_due", rotations.c.state, rotations.c.due_ms)

# --- KMS --------------------------------------------------------------------------------------------------------------

kms_keys = Table(
    "kms_keys",
    metadata,
    _text("arn", key=True),
    _text("account"),
    _text("region"),
    _text("key_id"),
    _text("description"),
    _text("manager"),  # "CUSTOMER" or "AWS"
    _text("state"),  # "Enabled", "Disabled", "PendingDeletion"
    _text("key_spec"),
    _text("key_usage"),
    _text("policy"),
    _text("material_id"),  # the material that encrypts; older ones still decrypt
    _number("created_ms"),
    _number("deletion_ms", null=True),
    UniqueConstraint("account", "region", "key_id"),
)

kms_materials = Table(
    "kms_materials",
    metadata,
    _text("key_arn", key=True),
    _text("material_id", key=True),
    _sealed("wrapped"),  # under the root key
    _number("created_ms"),
    ForeignKeyConstraint(["key_arn"], ["kms_keys.arn"], ondelete="CASCADE"),
)

kms_aliases = Table(
    "kms_aliases",
    metadata,
    _text("account", key=True),
    _text("region", key=True),
    _text("name", key=True),  # with its "alias/" prefix
    _text("key_arn"),
    _number("created_ms"),
    _number("updated_ms"),
    ForeignKeyConstraint(["key_arn"], ["kms_keys.arn"], ondelete="CASCADE"),
)

kms_tags = Table(
    "kms_tags",
    metadata,
    _text("key_arn", key=True),
    _text("key", key=True),
    _text("value"),
    ForeignKeyConstraint(["key_arn"], ["kms_keys.arn"], ondelete="CASCADE"),
)

# --- IAM --------------------------------------------------------------------------------------------------------------

iam_users = Table(
    "iam_users",
    metadata,
    _text("account", key=True),
    _text("folded_name", key=True),  # names are unique without regard to case
    _text("name"),
    _text("path"),
    _text("user_id"),
    _number("created_ms"),
    _text("boundary_arn", null=True),
    UniqueConstraint("user_id"),
)

iam_access_keys = Table(
    "iam_access_keys",
    metadata,
    _text("access_key_id", key=True),
    _text("account"),
    _text("user_id"),
    _text("status"),  # "Active" or "Inactive"
    _sealed("secret_access_key"),
    _number("created_ms"),
    ForeignKeyConstraint(["user_id"], ["iam_users.user_id"], ondelete="CASCADE"),
)
Index("ix_iam_access_keys_user_id", iam_access_keys.c.user_id)

iam_roles = Table(
    "iam_roles",
    metadata,
    _text("account", key=True),
    _text("folded_name", key=True),
    _text("name"),
    _text("path"),
    _text("role_id"),
    _text("description", null=True),
    _text("trust_policy"),
    _number("max_session_seconds"),
    _number("created_ms"),
    _text("boundary_arn", null=True),
    UniqueConstraint("role_id"),
)

iam_inline_policies = Table(
    "iam_inline_policies",
    metadata,
    _text("owner_id", key=True),  # a user_id or role_id
    _text("name", key=True),
    _text("document"),
)

iam_policies = Table(
    "iam_policies",
    metadata,
    _text("arn", key=True),
    _text("account"),
    _text("folded_name"),
    _text("name"),
    _text("path"),
    _text("policy_id"),
    _text("description", null=True),
    _text("default_version_id"),
    _number("created_ms"),
    _number("updated_ms"),
    UniqueConstraint("account", "folded_name"),
)

iam_policy_versions = Table(
    "iam_policy_versions",
    metadata,
    _text("policy_arn", key=True),
    _text("version_id", key=True),
    _text("document"),
    _number("created_ms"),
    ForeignKeyConstraint(["policy_arn"], ["iam_policies.arn"], ondelete="CASCADE"),
)

iam_attachments = Table(
    "iam_attachments",
    metadata,
    _text("owner_id", key=True),
    _text("policy_arn", key=True),
    _number("attached_ms"),
)
Index("ix_iam_attachments_policy_arn", iam_attachments.c.policy_arn)

iam_tags = Table(
    "iam_tags",
    metadata,
    _text("owner_id", key=True),
    _text("key", key=True),
    _text("value"),
)

# --- Lambda -----------------------------------------------------------------------------------------------------------

functions = Table(
    "functions",
    metadata,
    _text("arn", key=True),
    _text("account"),
    _text("region"),
    _text("name"),
    _text("description"),
    _text("runtime"),
    _text("handler"),
    _text("role_arn"),
    _number("timeout_seconds"),
    _number("memory_megabytes"),
    _sealed("environment", null=True),
    _text("kms_key_arn", null=True),
    _text("code_sha256"),
    _number("code_bytes"),
    _text("revision_id"),
    _text("policy_revision_id", null=True),
    _text("policy", null=True),
    _number("modified_ms"),
    UniqueConstraint("account", "region", "name"),
)

function_codes = Table(
    "function_codes",
    metadata,
    _text("function_arn", key=True),
    _text("code_sha256", key=True),
    _sealed("archive"),
    ForeignKeyConstraint(["function_arn"], ["functions.arn"], ondelete="CASCADE"),
)

function_tags = Table(
    "function_tags",
    metadata,
    _text("function_arn", key=True),
    _text("key", key=True),
    _text("value"),
    ForeignKeyConstraint(["function_arn"], ["functions.arn"], ondelete="CASCADE"),
)

log_events = Table(
    "log_events",
    metadata,
    _text("account", key=True),
    _text("region", key=True),
    _text("log_group", key=True),
    _text("log_stream", key=True),
    _number("sequence", key=True),
    _number("timestamp_ms"),
    _sealed("message"),
)
