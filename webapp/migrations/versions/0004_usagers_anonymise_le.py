"""when a person was anonymised: a name can't say it, somebody may be called that

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("usagers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("anonymise_le", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("usagers", schema=None) as batch_op:
        batch_op.drop_column("anonymise_le")
