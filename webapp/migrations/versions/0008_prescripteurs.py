"""professionals who book for somebody; what a code is for

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

PRESCRIPTEUR = (("prescripteur_nom", 120), ("prescripteur_structure", 120), ("prescripteur_courriel", 254))


def upgrade() -> None:
    with op.batch_alter_table("participations") as batch_op:
        for name, length in PRESCRIPTEUR:
            batch_op.add_column(sa.Column(name, sa.String(length=length), nullable=True))
    with op.batch_alter_table("acces") as batch_op:
        batch_op.add_column(sa.Column("usage", sa.String(length=32), nullable=False, server_default="rendez_vous"))
        batch_op.create_check_constraint(op.f("ck_acces_usage"), "usage IN ('rendez_vous', 'contact')")


def downgrade() -> None:
    # A code of another kind must not open appointments: it is dead within ten minutes anyway.
    op.execute(sa.text("DELETE FROM acces WHERE usage = 'contact'"))
    with op.batch_alter_table("acces") as batch_op:
        batch_op.drop_constraint(op.f("ck_acces_usage"), type_="check")
        batch_op.drop_column("usage")
    with op.batch_alter_table("participations") as batch_op:
        for name, _ in reversed(PRESCRIPTEUR):
            batch_op.drop_column(name)
