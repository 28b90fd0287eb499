"""agregats, comptages: figures kept by month, motif and place

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

FIGURES = (
    "seances", "annulees", "capacite", "prises_limitees", "inscrits", "presents", "anonymes", "absents", "excuses",
    "annules", "en_ligne", "par_agent", "par_prescripteur", "par_invitation", "delai_jours", "attentes",
    "attentes_servies", "sms", "segments", "courriels", "echecs",
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "agregats",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("mois", sa.Date(), nullable=False),
        sa.Column("motif_id", sa.Integer(), nullable=False),
        sa.Column("lieu_id", sa.Integer(), nullable=True),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in FIGURES),
        sa.ForeignKeyConstraint(["lieu_id"], ["lieux.id"], name=op.f("fk_agregats_lieu_id_lieux")),
        sa.ForeignKeyConstraint(["motif_id"], ["motifs.id"], name=op.f("fk_agregats_motif_id_motifs")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_agregats_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agregats")),
    )
    op.create_index("ix_agregats_organisation_id_mois", "agregats", ["organisation_id", "mois"])
    op.create_table(
        "comptages",
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("jusqua", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_comptages_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_comptages")),
    )


def downgrade() -> None:
    op.drop_table("comptages")
    op.drop_index("ix_agregats_organisation_id_mois", table_name="agregats")
    op.drop_table("agregats")
