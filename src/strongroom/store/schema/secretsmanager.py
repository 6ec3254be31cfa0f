"""Secrets, versions, labels, replicas and rotations."""

from __future__ import annotations

from sqlalchemy import ForeignKeyConstraint, Index, Table, UniqueConstraint

from strongroom.store.schema.columns import byte_ordered, flag, metadata, number, sealed, text

__all__ = ["rotation_events", "rotations", "secret_labels", "secret_replicas", "secret_versions", "secrets"]

secrets = Table(
    "secrets",
    metadata,
    text("arn", key=True),
    text("account"),
    text("region"),
    byte_ordered("name"),
    text("description", null=True),
    text("kms_key_id", null=True),  # as the caller gave it; null is the account's aws/secretsmanager key
    number("created_ms"),
    number("changed_ms"),
    number("accessed_day_ms", null=True),
    number("deleted_ms", null=True),  # when deletion was asked for
    number("purge_ms", null=True),  # when the recovery window ends
    text("policy", null=True),
    text("tags", null=True),  # a JSON object of key and value; kept here because every decision needs them
    text("owning_service", null=True),
    text("type", null=True),  # the partner that holds a managed external secret
    text("external_rotation_metadata", null=True),  # a JSON array of the partner's {"Key", "Value"}
    text("external_rotation_role_arn", null=True),
    text("primary_region", null=True),
    flag("rotation_enabled"),
    text("rotation_function_arn", null=True),
    number("rotation_after_days", null=True),
    text("rotation_schedule", null=True),
    text("rotation_duration", null=True),
    number("last_rotated_ms", null=True),
    number("next_window_opens_ms", null=True),
    number("next_window_closes_ms", null=True),
    text("cross_account_primary_arn", null=True),  # of a replica that follows a secret of another account
    UniqueConstraint("account", "region", "name"),
)
# One for each order of ListSecrets; the names have theirs by being unique.
Index("ix_secrets_created_ms", secrets.c.account, secrets.c.region, secrets.c.created_ms, secrets.c.name)
Index("ix_secrets_changed_ms", secrets.c.account, secrets.c.region, secrets.c.changed_ms, secrets.c.name)
Index("ix_secrets_accessed_day_ms", secrets.c.account, secrets.c.region, secrets.c.accessed_day_ms, secrets.c.name)
Index("ix_secrets_purge_ms", secrets.c.purge_ms)
Index("ix_secrets_next_window_opens_ms", secrets.c.next_window_opens_ms)

secret_versions = Table(
    "secret_versions",
    metadata,
    text("arn", key=True),
    text("version_id", key=True),
    number("created_ms"),
    number("accessed_day_ms", null=True),
    text("kind", null=True),  # "string" or "binary"; null while a rotation has not given the version a value
    text("kms_key_arn", null=True),
    sealed("data_key", null=True),  # a ciphertext of that KMS key
    sealed("value", null=True),  # sealed under the data key
    ForeignKeyConstraint(["arn"], ["secrets.arn"], ondelete="CASCADE"),
)

secret_labels = Table(
    "secret_labels",
    metadata,
    text("arn", key=True),
    text("label", key=True),
    text("version_id"),
    ForeignKeyConstraint(
        ["arn", "version_id"], ["secret_versions.arn", "secret_versions.version_id"], ondelete="CASCADE"
    ),
)
Index("ix_secret_labels_version", secret_labels.c.arn, secret_labels.c.version_id)

secret_replicas = Table(
    "secret_replicas",
    metadata,
    # No foreign keys: a replica is linked before it exists, and may name a primary that never did.
    text("primary_arn", key=True),
    text("replica_arn", key=True),
    text("region"),  # of the replica
    text("kms_key_id", null=True),  # as the caller gave it; null is the replica region's aws/secretsmanager key
    flag("associated"),  # 0: a replica in another account that the primary's owner has not accepted, or let go of
    flag("overwrites"),  # whether it may take the place of a secret with the same name
    flag("may_use_keys"),  # whether the one who changed the primary last could use both keys
    flag("any_organization"),  # whether the other account may be of another organization
    text("role_arn", null=True),  # the role under which it is brought in step, for another account
    text("status"),  # "Pending", "InProgress", "InSync", "Failed", "Detached"
    text("message", null=True),
    number("attempt"),  # how often it failed since the last change
    number("due_ms", null=True),  # when to bring it in step; null: nothing to do
    text("lease_owner", null=True),
    number("lease_ends_ms"),
)
Index("ix_secret_replicas_due_ms", secret_replicas.c.due_ms)
Index("ix_secret_replicas_replica_arn", secret_replicas.c.replica_arn)

rotations = Table(
    "rotations",
    metadata,
    text("arn", key=True),
    text("token", key=True),
    text("account"),
    text("region"),
    text("function_arn"),
    text("kind"),  # "rotation", or "test" for RotateImmediately=false
    text("origin"),  # "request" or "schedule"
    text("state"),  # "running", "succeeded", "failed", "abandoned", "cancelled"
    text("step"),  # the step to run next: createSecret, setSecret, testSecret, finishSecret
    number("attempt"),  # how often the current step was tried
    number("due_ms"),  # when to try it (again)
    text("lease_owner", null=True),
    number("lease_ends_ms"),
    number("started_ms"),
    number("changed_ms"),
    text("error", null=True),  # the last failure, in words that hold no secret
    ForeignKeyConstraint(["arn"], ["secrets.arn"], ondelete="CASCADE"),
)
Index("ix_rotations_due", rotations.c.state, rotations.c.due_ms)

rotation_events = Table(
    "rotation_events",
    metadata,
    text("arn", key=True),
    number("number", key=True),  # counts the events of a secret; the newest are kept
    text("token"),
    text("step"),
    number("attempt"),  # 1 for the first
    number("started_ms"),
    number("ended_ms", null=True),  # null while the step runs
    text("error", null=True),  # what went wrong, in words that hold no secret
    text("log_stream", null=True),  # where the function's output is, in its log group
    ForeignKeyConstraint(["arn"], ["secrets.arn"], ondelete="CASCADE"),
)
