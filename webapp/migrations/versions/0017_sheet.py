"""the collective sheet: a note about one person, and what a change of status changed, to take it back

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("participations") as batch_op:
        batch_op.add_column(sa.Column("note", sa.Text(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("avant", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("participations") as batch_op:
        batch_op.drop_column("avant")
        batch_op.drop_column("note")
