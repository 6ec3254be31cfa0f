"""Grants, rotation and imported material of KMS keys."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_YEAR_DAYS = 365
_DAY_MS = 86_400_000


def upgrade() -> None:
    """Apply this revision."""
    with op.batch_alter_table("kms_keys", schema=None) as batch_op:
        batch_op.add_column(sa.Column("origin", sa.Text(), nullable=False, server_default="AWS_KMS"))
        batch_op.add_column(sa.Column("primary_region", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("deletion_days", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("rotation_days", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("next_rotation_ms", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("grant_count", sa.BigInteger(), nullable=False, server_default="0"))
        batch_op.create_index("ix_kms_keys_due", ["state", "deletion_ms"], unique=False)
        batch_op.create_index("ix_kms_keys_next_rotation_ms", ["next_rotation_ms"], unique=False)
    # The keys of services rotate every year, as they do on AWS.
    keys = sa.table("kms_keys", *(sa.column(name) for name in ("manager", "created_ms")))
    keys.append_column(sa.column("rotation_days"))
    keys.append_column(sa.column("next_rotation_ms"))
    op.execute(
        sa.update(keys)
        .where(keys.c.manager == "AWS")
        .values(rotation_days=_YEAR_DAYS, next_rotation_ms=keys.c.created_ms + _YEAR_DAYS * _DAY_MS)
    )

    # Rows that were there have these values now; whoever writes a row says its own.
    with op.batch_alter_table("kms_keys", schema=None) as batch_op:
        batch_op.alter_column("origin", existing_type=sa.Text(), server_default=None)
        batch_op.alter_column("grant_count", existing_type=sa.BigInteger(), server_default=None)

    with op.batch_alter_table("kms_materials", schema=None) as batch_op:
        batch_op.alter_column("wrapped", existing_type=sa.LargeBinary(), nullable=True)
        batch_op.add_column(sa.Column("pending", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("rotated_ms", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("rotation_type", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("description", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("expires_ms", sa.BigInteger(), nullable=True))
        batch_op.create_index("ix_kms_materials_expires_ms", ["expires_ms"], unique=False)
    with op.batch_alter_table("kms_materials", schema=None) as batch_op:
        batch_op.alter_column("pending", existing_type=sa.Integer(), server_default=None)

    op.create_table(
        "kms_grants",
        sa.Column("key_arn", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("issuing_account", sa.Text(), nullable=False),
        sa.Column("grantee_principal", sa.Text(), nullable=True),
        sa.Column("grantee_service", sa.Text(), nullable=True),
        sa.Column("retiring_principal", sa.Text(), nullable=True),
        sa.Column("retiring_service", sa.Text(), nullable=True),
        sa.Column("operations", sa.Text(), nullable=False),
        sa.Column("constraints", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["key_arn"], ["kms_keys.arn"], name=op.f("fk_kms_grants_kms_keys"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key_arn", "grant_id", name=op.f("pk_kms_grants")),
    )
    with op.batch_alter_table("kms_grants", schema=None) as batch_op:
        batch_op.create_index("ix_kms_grants_retiring_principal", ["retiring_principal"], unique=False)

    op.create_table(
        "kms_rewraps",
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("done", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("changed", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("skipped", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("started_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("holder", name=op.f("pk_kms_rewraps")),
    )
