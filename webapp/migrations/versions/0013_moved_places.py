"""places moved to another session: where each went, and by which number calendars know it

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("participations") as batch_op:
        batch_op.add_column(sa.Column("deplacee_vers_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("agenda_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_participations_deplacee_vers_id_participations"), "participations", ["deplacee_vers_id"], ["id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("participations") as batch_op:
        batch_op.drop_constraint(op.f("fk_participations_deplacee_vers_id_participations"), type_="foreignkey")
        batch_op.drop_column("agenda_id")
        batch_op.drop_column("deplacee_vers_id")
