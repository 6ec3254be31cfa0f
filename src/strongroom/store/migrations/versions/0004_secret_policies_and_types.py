"""Types of secrets, and lists of secrets in the order of their names."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    with op.batch_alter_table("secrets", schema=None) as batch_op:
        batch_op.add_column(sa.Column("external_rotation_metadata", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("external_rotation_role_arn", sa.Text(), nullable=True))

    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("secrets", "name", type_=sa.Text(collation="C"))
    op.drop_index("ix_secrets_listing", "secrets")
    for column in ("created_ms", "changed_ms", "accessed_day_ms"):
        op.create_index(f"ix_secrets_{column}", "secrets", ["account", "region", column, "name"])
