"""Replicas of secrets."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    with op.batch_alter_table("secrets", schema=None) as batch_op:
        batch_op.add_column(sa.Column("cross_account_primary_arn", sa.Text(), nullable=True))

    op.create_table(
        "secret_replicas",
        sa.Column("primary_arn", sa.Text(), nullable=False),
        sa.Column("replica_arn", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("kms_key_id", sa.Text(), nullable=True),
        sa.Column("associated", sa.Integer(), nullable=False),
        sa.Column("overwrites", sa.Integer(), nullable=False),
        sa.Column("may_use_keys", sa.Integer(), nullable=False),
        sa.Column("any_organization", sa.Integer(), nullable=False),
        sa.Column("role_arn", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("attempt", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("due_ms", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_ends_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("primary_arn", "replica_arn", name=op.f("pk_secret_replicas")),
    )
    with op.batch_alter_table("secret_replicas", schema=None) as batch_op:
        batch_op.create_index("ix_secret_replicas_due_ms", ["due_ms"], unique=False)
        batch_op.create_index("ix_secret_replicas_replica_arn", ["replica_arn"], unique=False)
