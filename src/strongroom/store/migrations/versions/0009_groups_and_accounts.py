"""Groups, account aliases, credential reports, and when keys and roles were used."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "iam_groups",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("folded_name", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("account", "folded_name", name=op.f("pk_iam_groups")),
        sa.UniqueConstraint("group_id", name=op.f("uq_iam_groups_group_id")),
    )
    op.create_table(
        "iam_group_members",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "group_id", name=op.f("pk_iam_group_members")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["iam_users.user_id"], name=op.f("fk_iam_group_members_iam_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["iam_groups.group_id"], name=op.f("fk_iam_group_members_iam_groups"), ondelete="CASCADE"
        ),
    )
    op.create_index("ix_iam_group_members_group_id", "iam_group_members", ["group_id"], unique=False)
    op.create_table(
        "iam_account_aliases",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_iam_account_aliases")),
        sa.UniqueConstraint("alias", name=op.f("uq_iam_account_aliases_alias")),
    )
    op.create_table(
        "iam_credential_reports",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("generated_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_iam_credential_reports")),
    )
    op.add_column("iam_access_keys", sa.Column("used_ms", sa.BigInteger(), autoincrement=False, nullable=True))
    op.add_column("iam_access_keys", sa.Column("used_service", sa.Text(), nullable=True))
    op.add_column("iam_access_keys", sa.Column("used_region", sa.Text(), nullable=True))
    op.add_column("iam_roles", sa.Column("used_ms", sa.BigInteger(), autoincrement=False, nullable=True))
    op.add_column("iam_roles", sa.Column("used_region", sa.Text(), nullable=True))
