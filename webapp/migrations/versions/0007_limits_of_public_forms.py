"""what the public forms of an organisation bear (sessions and posts with one contact, posts from one address, haste),
and its legal mentions

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

LIMITS = {
    "seances_par_contact": "4",
    "envois_par_contact": "12",
    "envois_par_adresse": "60",
    "secondes_formulaire": "1",
}


def upgrade() -> None:
    # Column by column: a batch would make the table again, that most others refer to.
    for name, value in LIMITS.items():
        op.add_column("organisations", sa.Column(name, sa.Integer(), nullable=False, server_default=value))
    organisations = sa.table("organisations", sa.column("demo"), sa.column("secondes_formulaire"))
    op.execute(organisations.update().where(organisations.c.demo == sa.true()).values(secondes_formulaire=0))
    op.add_column("organisations", sa.Column("mentions", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("organisations", "mentions")
    for name in LIMITS:
        op.drop_column("organisations", name)
