"""jetons: what programs hold to speak to the API, and the answers kept for their retries

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "jetons",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("nom", sa.String(length=80), nullable=False),
        sa.Column("cle", sa.String(length=64), nullable=False),
        sa.Column("empreinte", sa.String(length=64), nullable=False),
        sa.Column("repere", sa.String(length=8), nullable=False),
        sa.Column("droits", sa.JSON(), nullable=False),
        sa.Column("expire_le", sa.DateTime(timezone=True), nullable=False),
        sa.Column("vu_le", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoque_le", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cree_le", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_jetons_agent_id_agents")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_jetons_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jetons")),
        sa.UniqueConstraint("cle", name=op.f("uq_jetons_cle")),
        sa.UniqueConstraint("empreinte", name=op.f("uq_jetons_empreinte")),
    )
    op.create_index("ix_jetons_organisation_id", "jetons", ["organisation_id"])
    op.create_table(
        "reponses_api",
        sa.Column("cle", sa.String(length=64), nullable=False),
        sa.Column("jeton_id", sa.Integer(), nullable=False),
        sa.Column("empreinte", sa.String(length=64), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("statut", sa.Integer(), nullable=True),
        sa.Column("corps", sa.Text(), nullable=False),
        sa.Column("entetes", sa.JSON(), nullable=False),
        sa.Column("participation_id", sa.Integer(), nullable=True),
        sa.Column("cree_le", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["jeton_id"], ["jetons.id"], name=op.f("fk_reponses_api_jeton_id_jetons"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["participation_id"],
            ["participations.id"],
            name=op.f("fk_reponses_api_participation_id_participations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("cle", name=op.f("pk_reponses_api")),
    )
    op.create_index("ix_reponses_api_participation_id", "reponses_api", ["participation_id"])


def downgrade() -> None:
    op.drop_index("ix_reponses_api_participation_id", table_name="reponses_api")
    op.drop_table("reponses_api")
    op.drop_index("ix_jetons_organisation_id", table_name="jetons")
    op.drop_table("jetons")
