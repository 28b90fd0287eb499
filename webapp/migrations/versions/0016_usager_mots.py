"""usagers: the words of names to find people by, who created a file; the journal of one record

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

from webapp.domain.contacts import name_words

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

AT_ONCE = 2000


def upgrade() -> None:
    mots = op.create_table(
        "usager_mots",
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("mot", sa.String(81).with_variant(sa.String(81, collation="C"), "postgresql"), nullable=False),
        sa.Column("usager_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_usager_mots_organisation_id_organisations")
        ),
        sa.ForeignKeyConstraint(
            ["usager_id"], ["usagers.id"], name=op.f("fk_usager_mots_usager_id_usagers"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("organisation_id", "mot", "usager_id", name=op.f("pk_usager_mots")),
    )
    _fill(mots)
    op.create_index("ix_usager_mots_usager_id", "usager_mots", ["usager_id"])
    with op.batch_alter_table("usagers") as batch_op:
        batch_op.add_column(sa.Column("cree_par_agent_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_usagers_cree_par_agent_id_agents"), "agents", ["cree_par_agent_id"], ["id"]
        )
        batch_op.create_index(op.f("ix_usagers_responsable_id"), ["responsable_id"])
    op.create_index("ix_journal_sujet_type_sujet_id", "journal", ["sujet_type", "sujet_id"])


def _fill(mots: sa.Table) -> None:
    """The words of everybody who is still somebody."""
    people = sa.table("usagers", *(sa.column(name) for name in ("id", "first_name", "last_name", "anonymise_le")))
    links = sa.table("usager_organisations", sa.column("usager_id"), sa.column("organisation_id"))
    connection = op.get_bind()
    known = connection.execute(
        sa.select(people.c.id, people.c.first_name, people.c.last_name, links.c.organisation_id)
        .join(links, links.c.usager_id == people.c.id)
        .where(people.c.anonymise_le.is_(None))
    ).all()
    for start in range(0, len(known), AT_ONCE):
        rows = [
            {"organisation_id": one.organisation_id, "mot": word, "usager_id": one.id}
            for one in known[start : start + AT_ONCE]
            for word in name_words(one.first_name, one.last_name)
        ]
        if rows:
            connection.execute(sa.insert(mots), rows)


def downgrade() -> None:
    op.drop_index("ix_journal_sujet_type_sujet_id", table_name="journal")
    with op.batch_alter_table("usagers") as batch_op:
        batch_op.drop_index(op.f("ix_usagers_responsable_id"))
        batch_op.drop_constraint(op.f("fk_usagers_cree_par_agent_id_agents"), type_="foreignkey")
        batch_op.drop_column("cree_par_agent_id")
    op.drop_table("usager_mots")
