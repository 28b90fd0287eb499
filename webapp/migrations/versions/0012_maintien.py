"""maintien: a session under its minimum that an agent decided to keep

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rdvs", sa.Column("maintenu_pour", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("rdvs", "maintenu_pour")
