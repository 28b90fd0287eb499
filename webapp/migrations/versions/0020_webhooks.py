"""webhooks: where changes are told to other programs, and each telling

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

WAITING = sa.text("etat = 'a_envoyer'")


def moment(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.add_column(
        "organisations",
        sa.Column("webhooks_actifs", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=True),
        sa.Column("cle", sa.String(length=64), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("description", sa.String(length=120), nullable=False),
        sa.Column("evenements", sa.JSON(), nullable=False),
        sa.Column("secret", sa.String(length=300), nullable=False),
        sa.Column("ancien_secret", sa.String(length=300), nullable=True),
        moment("ancien_jusqu_au"),
        sa.Column("actif", sa.Boolean(), nullable=False),
        moment("suspendu_le"),
        sa.Column("echecs", sa.Integer(), nullable=False),
        moment("echoue_depuis"),
        moment("repos_jusqu_au"),
        moment("claimed_until"),
        sa.Column("version", sa.Integer(), nullable=False),
        moment("cree_le", nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_webhooks_organisation_id_organisations")
        ),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_webhooks_service_id_services")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
        sa.UniqueConstraint("cle", name=op.f("uq_webhooks_cle")),
    )
    op.create_index("ix_webhooks_organisation_id", "webhooks", ["organisation_id"])
    op.create_table(
        "webhook_envois",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("webhook_id", sa.Integer(), nullable=False),
        sa.Column("cle", sa.String(length=32), nullable=False),
        sa.Column("evenement", sa.String(length=32), nullable=False),
        sa.Column("rdv_id", sa.Integer(), nullable=True),
        sa.Column("corps", sa.Text(), nullable=False),
        sa.Column("etat", sa.String(length=32), nullable=False),
        moment("depuis", nullable=False),
        moment("a_envoyer_le", nullable=False),
        sa.Column("tentatives", sa.Integer(), nullable=False),
        moment("essaye_le"),
        sa.Column("duree_ms", sa.Integer(), nullable=True),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("reponse", sa.String(length=500), nullable=False),
        sa.Column("erreur", sa.String(length=200), nullable=False),
        moment("cree_le", nullable=False),
        sa.CheckConstraint(
            "evenement IN ('rdv.cree', 'rdv.modifie', 'rdv.annule', 'participation.creee', 'participation.statut', "
            "'participation.retiree', 'test')",
            name=op.f("ck_webhook_envois_evenement"),
        ),
        sa.CheckConstraint("etat IN ('a_envoyer', 'envoye', 'echec')", name=op.f("ck_webhook_envois_etat")),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_webhook_envois_webhook_id_webhooks"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_envois")),
        sa.UniqueConstraint("cle", name=op.f("uq_webhook_envois_cle")),
    )
    op.create_index(
        "ix_webhook_envois_a_envoyer",
        "webhook_envois",
        ["webhook_id", "a_envoyer_le"],
        postgresql_where=WAITING,
        sqlite_where=WAITING,
    )
    op.create_index("ix_webhook_envois_webhook_id_id", "webhook_envois", ["webhook_id", "id"])
    op.create_index("ix_webhook_envois_cree_le", "webhook_envois", ["cree_le"])


def downgrade() -> None:
    for name in ("cree_le", "webhook_id_id", "a_envoyer"):
        op.drop_index(f"ix_webhook_envois_{name}", table_name="webhook_envois")
    op.drop_table("webhook_envois")
    op.drop_index("ix_webhooks_organisation_id", table_name="webhooks")
    op.drop_table("webhooks")
    op.drop_column("organisations", "webhooks_actifs")
