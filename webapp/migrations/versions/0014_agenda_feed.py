"""agents: the private calendar feed of each, while they want one

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("agents") as batch_op:
        batch_op.add_column(sa.Column("agenda_nonce", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("agenda_hash", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("agenda_depuis", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_unique_constraint(op.f("uq_agents_agenda_hash"), ["agenda_hash"])


def downgrade() -> None:
    with op.batch_alter_table("agents") as batch_op:
        batch_op.drop_constraint(op.f("uq_agents_agenda_hash"), type_="unique")
        for name in ("agenda_depuis", "agenda_hash", "agenda_nonce"):
            batch_op.drop_column(name)
