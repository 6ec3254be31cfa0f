"""What happened in each rotation."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "rotation_events",
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("started_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("log_stream", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["arn"], ["secrets.arn"], name=op.f("fk_rotation_events_secrets"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("arn", "number", name=op.f("pk_rotation_events")),
    )
