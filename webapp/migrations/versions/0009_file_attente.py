"""the waitlist: who waits for a seat in a full session, and how many people do

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("rdvs") as batch_op:
        batch_op.add_column(sa.Column("places_attente", sa.Integer(), nullable=False, server_default="0"))
        batch_op.create_check_constraint(op.f("ck_rdvs_places_attente_positives"), "places_attente >= 0")
    op.create_table(
        "file_attente",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rdv_id", sa.Integer(), nullable=False),
        sa.Column("usager_id", sa.Integer(), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("accompagnants", sa.JSON(), nullable=False),
        sa.Column("rang", sa.Integer(), nullable=False),
        sa.Column("inscrit_le", sa.DateTime(timezone=True), nullable=False),
        sa.Column("etat", sa.String(length=32), nullable=False),
        sa.Column("etat_le", sa.DateTime(timezone=True), nullable=False),
        sa.Column("etat_par", sa.String(length=32), nullable=False),
        sa.Column("jusqua", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ouverte_le", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("rdv_version", sa.Integer(), nullable=False),
        sa.Column("telephone", sa.String(length=20), nullable=True),
        sa.Column("courriel", sa.String(length=254), nullable=True),
        sa.Column("numero_dossier", sa.String(length=40), nullable=True),
        sa.Column("refus_sms", sa.Boolean(), nullable=False),
        sa.Column("refus_courriel", sa.Boolean(), nullable=False),
        sa.Column("lien_nonce", sa.String(length=32), nullable=False),
        sa.Column("lien_hash", sa.String(length=64), nullable=False),
        sa.Column("cree_le", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "etat IN ('en_attente', 'proposee', 'acceptee', 'refusee', 'expiree', 'retiree')",
            name=op.f("ck_file_attente_etat"),
        ),
        sa.CheckConstraint(
            "etat_par IN ('usager', 'agent', 'prescripteur', 'systeme')", name=op.f("ck_file_attente_etat_par")
        ),
        sa.CheckConstraint("places >= 1", name=op.f("ck_file_attente_places_positives")),
        sa.CheckConstraint("(etat = 'proposee') = (jusqua IS NOT NULL)", name=op.f("ck_file_attente_proposee_jusqua")),
        sa.ForeignKeyConstraint(["rdv_id"], ["rdvs.id"], name=op.f("fk_file_attente_rdv_id_rdvs")),
        sa.ForeignKeyConstraint(["usager_id"], ["usagers.id"], name=op.f("fk_file_attente_usager_id_usagers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file_attente")),
        sa.UniqueConstraint("rdv_id", "usager_id", name=op.f("uq_file_attente_rdv_id_usager_id")),
        sa.UniqueConstraint("lien_hash", name=op.f("uq_file_attente_lien_hash")),
    )
    op.create_index("ix_file_attente_usager_id", "file_attente", ["usager_id"])


def downgrade() -> None:
    op.drop_table("file_attente")
    op.execute(sa.text("UPDATE rdvs SET places_proposees = 0"))  # held for who waited: nobody any more
    with op.batch_alter_table("rdvs") as batch_op:
        batch_op.drop_constraint(op.f("ck_rdvs_places_attente_positives"), type_="check")
        batch_op.drop_column("places_attente")
