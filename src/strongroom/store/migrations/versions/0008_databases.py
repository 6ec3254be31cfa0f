"""Registered databases."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "rds_databases",
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("port", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tls", sa.Integer(), nullable=False),
        sa.Column("authorities", sa.Text(), nullable=True),
        sa.Column("database_name", sa.Text(), nullable=True),
        sa.Column("master_username", sa.Text(), nullable=True),
        sa.Column("password", sa.LargeBinary(), nullable=True),
        sa.Column("next_password", sa.LargeBinary(), nullable=True),
        sa.Column("secret_arn", sa.Text(), nullable=True),
        sa.Column("secret_is_new", sa.Integer(), nullable=False),
        sa.Column("cluster_identifier", sa.Text(), nullable=True),
        sa.Column("deletion_protection", sa.Integer(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("next_check_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("checked_ms", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("arn", name=op.f("pk_rds_databases")),
        sa.UniqueConstraint(
            "account", "region", "kind", "identifier", name=op.f("uq_rds_databases_account_region_kind_identifier")
        ),
    )
    with op.batch_alter_table("rds_databases", schema=None) as batch_op:
        batch_op.create_index("ix_rds_databases_next_check_ms", ["next_check_ms"], unique=False)
        batch_op.create_index("ix_rds_databases_secret_arn", ["secret_arn"], unique=False)
