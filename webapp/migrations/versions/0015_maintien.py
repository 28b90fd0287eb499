"""maintien: a session under its minimum that an agent decided to keep

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rdvs", sa.Column("maintenu_pour", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("rdvs", "maintenu_pour")
