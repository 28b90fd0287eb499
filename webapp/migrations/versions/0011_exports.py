"""exports: files asked for that a worker writes, and their pieces

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "exports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("cle", sa.String(length=64), nullable=False),
        sa.Column("genre", sa.String(length=32), nullable=False),
        sa.Column("format", sa.String(length=32), nullable=False),
        sa.Column("choix", sa.JSON(), nullable=False),
        sa.Column("etat", sa.String(length=32), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("faits", sa.Integer(), nullable=False),
        sa.Column("taille", sa.Integer(), nullable=False),
        sa.Column("tentatives", sa.Integer(), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pret_le", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cree_le", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("genre IN ('accueil', 'statistiques')", name=op.f("ck_exports_genre")),
        sa.CheckConstraint("format IN ('csv', 'xlsx')", name=op.f("ck_exports_format")),
        sa.CheckConstraint("etat IN ('a_faire', 'en_cours', 'pret', 'echec')", name=op.f("ck_exports_etat")),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_exports_agent_id_agents")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_exports_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
        sa.UniqueConstraint("cle", name=op.f("uq_exports_cle")),
    )
    op.create_index("ix_exports_agent_id", "exports", ["agent_id"])
    op.create_table(
        "export_morceaux",
        sa.Column("export_id", sa.Integer(), nullable=False),
        sa.Column("numero", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("contenu", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["export_id"], ["exports.id"], name=op.f("fk_export_morceaux_export_id_exports"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("export_id", "numero", name=op.f("pk_export_morceaux")),
    )


def downgrade() -> None:
    op.drop_table("export_morceaux")
    op.drop_index("ix_exports_agent_id", table_name="exports")
    op.drop_table("exports")
