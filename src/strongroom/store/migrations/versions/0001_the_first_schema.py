"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "epoch",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_epoch")),
    )
    op.create_table(
        "functions",
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("runtime", sa.Text(), nullable=False),
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("role_arn", sa.Text(), nullable=False),
        sa.Column("timeout_seconds", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("memory_megabytes", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("environment", sa.LargeBinary(), nullable=True),
        sa.Column("kms_key_arn", sa.Text(), nullable=True),
        sa.Column("code_sha256", sa.Text(), nullable=False),
        sa.Column("code_bytes", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("revision_id", sa.Text(), nullable=False),
        sa.Column("policy_revision_id", sa.Text(), nullable=True),
        sa.Column("policy", sa.Text(), nullable=True),
        sa.Column("modified_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("arn", name=op.f("pk_functions")),
        sa.UniqueConstraint("account", "region", "name", name=op.f("uq_functions_account_region_name")),
    )
    op.create_table(
        "iam_attachments",
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("policy_arn", sa.Text(), nullable=False),
        sa.Column("attached_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "policy_arn", name=op.f("pk_iam_attachments")),
    )
    with op.batch_alter_table("iam_attachments", schema=None) as batch_op:
        batch_op.create_index("ix_iam_attachments_policy_arn", ["policy_arn"], unique=False)

    op.create_table(
        "iam_inline_policies",
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "name", name=op.f("pk_iam_inline_policies")),
    )
    op.create_table(
        "iam_policies",
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("folded_name", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("policy_id", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("default_version_id", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("arn", name=op.f("pk_iam_policies")),
        sa.UniqueConstraint("account", "folded_name", name=op.f("uq_iam_policies_account_folded_name")),
    )
    op.create_table(
        "iam_roles",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("folded_name", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("role_id", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("trust_policy", sa.Text(), nullable=False),
        sa.Column("max_session_seconds", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("boundary_arn", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("account", "folded_name", name=op.f("pk_iam_roles")),
        sa.UniqueConstraint("role_id", name=op.f("uq_iam_roles_role_id")),
    )
    op.create_table(
        "iam_tags",
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "key", name=op.f("pk_iam_tags")),
    )
    op.create_table(
        "iam_users",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("folded_name", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("boundary_arn", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("account", "folded_name", name=op.f("pk_iam_users")),
        sa.UniqueConstraint("user_id", name=op.f("uq_iam_users_user_id")),
    )
    op.create_table(
        "installation",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_installation")),
    )
    op.create_table(
        "kms_keys",
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("manager", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("key_spec", sa.Text(), nullable=False),
        sa.Column("key_usage", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("material_id", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("deletion_ms", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("arn", name=op.f("pk_kms_keys")),
        sa.UniqueConstraint("account", "region", "key_id", name=op.f("uq_kms_keys_account_region_key_id")),
    )
    op.create_table(
        "log_events",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("log_group", sa.Text(), nullable=False),
        sa.Column("log_stream", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("timestamp_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account", "region", "log_group", "log_stream", "sequence", name=op.f("pk_log_events")),
    )
    op.create_table(
        "secrets",
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("kms_key_id", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("accessed_day_ms", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("deleted_ms", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("purge_ms", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("policy", sa.Text(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=True),
        sa.Column("owning_service", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("primary_region", sa.Text(), nullable=True),
        sa.Column("rotation_enabled", sa.Integer(), nullable=False),
        sa.Column("rotation_function_arn", sa.Text(), nullable=True),
        sa.Column("rotation_after_days", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("rotation_schedule", sa.Text(), nullable=True),
        sa.Column("rotation_duration", sa.Text(), nullable=True),
        sa.Column("last_rotated_ms", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("next_window_opens_ms", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("next_window_closes_ms", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("arn", name=op.f("pk_secrets")),
        sa.UniqueConstraint("account", "region", "name", name=op.f("uq_secrets_account_region_name")),
    )
    with op.batch_alter_table("secrets", schema=None) as batch_op:
        batch_op.create_index("ix_secrets_listing", ["account", "region", "created_ms", "arn"], unique=False)
        batch_op.create_index("ix_secrets_next_window_opens_ms", ["next_window_opens_ms"], unique=False)
        batch_op.create_index("ix_secrets_purge_ms", ["purge_ms"], unique=False)

    op.create_table(
        "function_codes",
        sa.Column("function_arn", sa.Text(), nullable=False),
        sa.Column("code_sha256", sa.Text(), nullable=False),
        sa.Column("archive", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["function_arn"], ["functions.arn"], name=op.f("fk_function_codes_functions"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("function_arn", "code_sha256", name=op.f("pk_function_codes")),
    )
    op.create_table(
        "function_tags",
        sa.Column("function_arn", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["function_arn"], ["functions.arn"], name=op.f("fk_function_tags_functions"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("function_arn", "key", name=op.f("pk_function_tags")),
    )
    op.create_table(
        "iam_access_keys",
        sa.Column("access_key_id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("secret_access_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["iam_users.user_id"], name=op.f("fk_iam_access_keys_iam_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("access_key_id", name=op.f("pk_iam_access_keys")),
    )
    with op.batch_alter_table("iam_access_keys", schema=None) as batch_op:
        batch_op.create_index("ix_iam_access_keys_user_id", ["user_id"], unique=False)

    op.create_table(
        "iam_policy_versions",
        sa.Column("policy_arn", sa.Text(), nullable=False),
        sa.Column("version_id", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["policy_arn"], ["iam_policies.arn"], name=op.f("fk_iam_policy_versions_iam_policies"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("policy_arn", "version_id", name=op.f("pk_iam_policy_versions")),
    )
    op.create_table(
        "kms_aliases",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key_arn", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["key_arn"], ["kms_keys.arn"], name=op.f("fk_kms_aliases_kms_keys"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account", "region", "name", name=op.f("pk_kms_aliases")),
    )
    op.create_table(
        "kms_materials",
        sa.Column("key_arn", sa.Text(), nullable=False),
        sa.Column("material_id", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["key_arn"], ["kms_keys.arn"], name=op.f("fk_kms_materials_kms_keys"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key_arn", "material_id", name=op.f("pk_kms_materials")),
    )
    op.create_table(
        "kms_tags",
        sa.Column("key_arn", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["key_arn"], ["kms_keys.arn"], name=op.f("fk_kms_tags_kms_keys"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key_arn", "key", name=op.f("pk_kms_tags")),
    )
    op.create_table(
        "rotations",
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("function_arn", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("due_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_ends_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("started_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["arn"], ["secrets.arn"], name=op.f("fk_rotations_secrets"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("arn", "token", name=op.f("pk_rotations")),
    )
    with op.batch_alter_table("rotations", schema=None) as batch_op:
        batch_op.create_index("ix_rotations_due", ["state", "due_ms"], unique=False)

    op.create_table(
        "secret_versions",
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("version_id", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("accessed_day_ms", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("kms_key_arn", sa.Text(), nullable=True),
        sa.Column("data_key", sa.LargeBinary(), nullable=True),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["arn"], ["secrets.arn"], name=op.f("fk_secret_versions_secrets"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("arn", "version_id", name=op.f("pk_secret_versions")),
    )
    op.create_table(
        "secret_labels",
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("version_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["arn", "version_id"],
            ["secret_versions.arn", "secret_versions.version_id"],
            name=op.f("fk_secret_labels_secret_versions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("arn", "label", name=op.f("pk_secret_labels")),
    )
    with op.batch_alter_table("secret_labels", schema=None) as batch_op:
        batch_op.create_index("ix_secret_labels_version", ["arn", "version_id"], unique=False)

    op.execute("INSERT INTO epoch (id, value) VALUES (1, 1)")
