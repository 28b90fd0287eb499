"""messages: what agents write, codes asked for, caps on texts, channels refused for one place, morning digests

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("rdv_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("cle", sa.String(length=64), nullable=False),
        sa.Column("corps", sa.Text(), nullable=False),
        sa.Column("par_sms", sa.Boolean(), nullable=False),
        sa.Column("par_courriel", sa.Boolean(), nullable=False),
        sa.Column("statuts", sa.JSON(), nullable=False),
        sa.Column("cree_le", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_messages_agent_id_agents")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_messages_organisation_id_organisations")
        ),
        sa.ForeignKeyConstraint(["rdv_id"], ["rdvs.id"], name=op.f("fk_messages_rdv_id_rdvs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("cle", name=op.f("uq_messages_cle")),
    )
    op.create_index(op.f("ix_messages_rdv_id"), "messages", ["rdv_id"])
    op.create_table(
        "acces",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("canal", sa.String(length=32), nullable=False),
        sa.Column("contact", sa.String(length=254), nullable=False),
        sa.Column("navigateur", sa.String(length=64), nullable=False),
        sa.Column("essais", sa.Integer(), nullable=False),
        sa.Column("expire_le", sa.DateTime(timezone=True), nullable=False),
        sa.Column("utilise_le", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lien_nonce", sa.String(length=32), nullable=False),
        sa.Column("lien_hash", sa.String(length=64), nullable=False),
        sa.Column("cree_le", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("canal IN ('sms', 'courriel')", name=op.f("ck_acces_canal")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_acces_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acces")),
        sa.UniqueConstraint("lien_hash", name=op.f("uq_acces_lien_hash")),
    )
    op.create_index("ix_acces_contact", "acces", ["contact"])
    op.create_table(
        "compteurs_sms",
        sa.Column("cle", sa.String(length=64), nullable=False),
        sa.Column("jour", sa.Date(), nullable=False),
        sa.Column("nombre", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("cle", "jour", name=op.f("pk_compteurs_sms")),
    )
    with op.batch_alter_table("notifications") as batch_op:
        batch_op.add_column(sa.Column("avant", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("dit", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("par_formulaire", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("comptee_le", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("prevue_le", sa.DateTime(timezone=True), nullable=True))
    op.execute(sa.text("UPDATE notifications SET prevue_le = a_envoyer_le"))
    with op.batch_alter_table("notifications") as batch_op:
        batch_op.alter_column("prevue_le", existing_type=sa.DateTime(timezone=True), nullable=False)
    op.create_index("ix_notifications_organisation_id_cree_le", "notifications", ["organisation_id", "cree_le"])
    op.create_index(
        "ix_notifications_en_attente",
        "notifications",
        ["rdv_id", "destinataire_id", "canal"],
        sqlite_where=sa.text("etat IN ('a_envoyer', 'en_cours')"),
        postgresql_where=sa.text("etat IN ('a_envoyer', 'en_cours')"),
    )
    with op.batch_alter_table("participations") as batch_op:
        batch_op.add_column(sa.Column("refus_sms", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("refus_courriel", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("agents") as batch_op:
        batch_op.add_column(sa.Column("recapitulatif", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    with op.batch_alter_table("agents") as batch_op:
        batch_op.drop_column("recapitulatif")
    with op.batch_alter_table("participations") as batch_op:
        batch_op.drop_column("refus_courriel")
        batch_op.drop_column("refus_sms")
    op.drop_index("ix_notifications_en_attente", table_name="notifications")
    op.drop_index("ix_notifications_organisation_id_cree_le", table_name="notifications")
    with op.batch_alter_table("notifications") as batch_op:
        batch_op.drop_column("prevue_le")
        batch_op.drop_column("comptee_le")
        batch_op.drop_column("par_formulaire")
        batch_op.drop_column("dit")
        batch_op.drop_column("avant")
    op.drop_table("compteurs_sms")
    op.drop_table("acces")
    op.drop_table("messages")
