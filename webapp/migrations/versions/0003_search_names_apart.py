"""the names end where a line ends in the text agents search in: the rest is for those who may see it

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

from webapp.domain.contacts import fold

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

USAGERS = sa.table("usagers", *(sa.column(name) for name in ("id", "first_name", "last_name", "recherche")))


def upgrade() -> None:
    connection = op.get_bind()
    people = connection.execute(sa.select(USAGERS).where(USAGERS.c.recherche != "")).all()
    for person in people:
        names = fold(f"{person.last_name} {person.first_name} {person.last_name}")
        rest = person.recherche.removeprefix(names).strip()
        connection.execute(
            sa.update(USAGERS).where(USAGERS.c.id == person.id).values(recherche=f"{names}\n{rest}"[:500])
        )


def downgrade() -> None:
    op.execute(sa.update(USAGERS).values(recherche=sa.func.trim(sa.func.replace(USAGERS.c.recherche, "\n", " "))))
