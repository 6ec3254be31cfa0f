"""Versions, aliases and layers of functions, and their log groups."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.add_column("functions", sa.Column("environment_key", sa.Text(), nullable=True))
    op.add_column("functions", sa.Column("layers", sa.Text(), nullable=True))
    for name in ("temporary_megabytes", "last_version", "reserved_concurrency"):
        op.add_column("functions", sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=True))
    op.add_column("log_events", sa.Column("ingested_ms", sa.BigInteger(), autoincrement=False, nullable=True))
    op.create_index("ix_log_events_group", "log_events", ["account", "region", "log_group", "timestamp_ms"])
    op.create_index(
        "ix_log_events_stream", "log_events", ["account", "region", "log_group", "log_stream", "timestamp_ms"]
    )
    op.create_table(
        "function_versions",
        sa.Column("function_arn", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
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
        sa.Column("environment_key", sa.Text(), nullable=True),
        sa.Column("layers", sa.Text(), nullable=True),
        sa.Column("temporary_megabytes", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["function_arn"], ["functions.arn"], name=op.f("fk_function_versions_functions"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("function_arn", "version", name=op.f("pk_function_versions")),
    )
    op.create_table(
        "function_aliases",
        sa.Column("function_arn", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("weights", sa.Text(), nullable=True),
        sa.Column("revision_id", sa.Text(), nullable=False),
        sa.Column("policy_revision_id", sa.Text(), nullable=True),
        sa.Column("policy", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["function_arn"], ["functions.arn"], name=op.f("fk_function_aliases_functions"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("function_arn", "name", name=op.f("pk_function_aliases")),
    )
    op.create_table(
        "function_event_configs",
        sa.Column("function_arn", sa.Text(), nullable=False),
        sa.Column("qualifier", sa.Text(), nullable=False),
        sa.Column("retries", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("longest_age_seconds", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("on_success", sa.Text(), nullable=True),
        sa.Column("on_failure", sa.Text(), nullable=True),
        sa.Column("modified_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["function_arn"], ["functions.arn"], name=op.f("fk_function_event_configs_functions"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("function_arn", "qualifier", name=op.f("pk_function_event_configs")),
    )
    op.create_table(
        "function_events",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("function_arn", sa.Text(), nullable=False),
        sa.Column("qualifier", sa.Text(), nullable=True),
        sa.Column("event", sa.LargeBinary(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("throttled", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("accepted_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("due_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_ends_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_function_events")),
    )
    op.create_index("ix_function_events_due_ms", "function_events", ["due_ms"], unique=False)
    op.create_table(
        "layers",
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("last_version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("arn", name=op.f("pk_layers")),
        sa.UniqueConstraint("account", "region", "name", name=op.f("uq_layers_account_region_name")),
    )
    op.create_table(
        "layer_versions",
        sa.Column("layer_arn", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("license", sa.Text(), nullable=False),
        sa.Column("runtimes", sa.Text(), nullable=False),
        sa.Column("architectures", sa.Text(), nullable=False),
        sa.Column("code_sha256", sa.Text(), nullable=False),
        sa.Column("code_bytes", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("policy_revision_id", sa.Text(), nullable=True),
        sa.Column("policy", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("deleted_ms", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["layer_arn"], ["layers.arn"], name=op.f("fk_layer_versions_layers"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("layer_arn", "version", name=op.f("pk_layer_versions")),
    )
    op.create_table(
        "layer_codes",
        sa.Column("layer_arn", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("archive", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["layer_arn", "version"],
            ["layer_versions.layer_arn", "layer_versions.version"],
            name=op.f("fk_layer_codes_layer_versions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("layer_arn", "version", name=op.f("pk_layer_codes")),
    )
    op.create_table(
        "log_groups",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("retention_days", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("stored_bytes", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("account", "region", "name", name=op.f("pk_log_groups")),
    )
    op.create_table(
        "log_group_tags",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("log_group", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account", "region", "log_group"],
            ["log_groups.account", "log_groups.region", "log_groups.name"],
            name=op.f("fk_log_group_tags_log_groups"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account", "region", "log_group", "key", name=op.f("pk_log_group_tags")),
    )
    op.create_table(
        "log_streams",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("log_group", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_event_ms", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("last_event_ms", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("ingested_ms", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["account", "region", "log_group"],
            ["log_groups.account", "log_groups.region", "log_groups.name"],
            name=op.f("fk_log_streams_log_groups"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account", "region", "log_group", "name", name=op.f("pk_log_streams")),
    )
    _register_present_logs()


def _register_present_logs() -> None:
    """Groups and streams were only names in events: they become rows of their own."""
    op.execute(
        "INSERT INTO log_groups (account, region, name, created_ms, stored_bytes) "
        "SELECT account, region, log_group, min(timestamp_ms), sum(length(message)) FROM log_events "
        "GROUP BY account, region, log_group"
    )
    op.execute(
        "INSERT INTO log_streams "
        "(account, region, log_group, name, created_ms, first_event_ms, last_event_ms, ingested_ms) "
        "SELECT account, region, log_group, log_stream, min(timestamp_ms), min(timestamp_ms), max(timestamp_ms), "
        "max(timestamp_ms) FROM log_events GROUP BY account, region, log_group, log_stream"
    )
