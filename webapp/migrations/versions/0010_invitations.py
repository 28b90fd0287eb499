"""invitations: an agent invites one person to choose a session of a motif, and the seats taken so

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "invitations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("motif_id", sa.Integer(), nullable=False),
        sa.Column("usager_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("cle", sa.String(length=64), nullable=False),
        sa.Column("prevenir", sa.Boolean(), nullable=False),
        sa.Column("envoyee_le", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expire_le", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ouverte_le", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retiree_le", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lien_nonce", sa.String(length=32), nullable=False),
        sa.Column("lien_hash", sa.String(length=64), nullable=False),
        sa.Column("cree_le", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("expire_le > envoyee_le", name=op.f("ck_invitations_expire_apres_envoi")),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_invitations_agent_id_agents")),
        sa.ForeignKeyConstraint(["motif_id"], ["motifs.id"], name=op.f("fk_invitations_motif_id_motifs")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_invitations_organisation_id_organisations")
        ),
        sa.ForeignKeyConstraint(["usager_id"], ["usagers.id"], name=op.f("fk_invitations_usager_id_usagers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("lien_hash", name=op.f("uq_invitations_lien_hash")),
        sa.UniqueConstraint("motif_id", "usager_id", name=op.f("uq_invitations_motif_id_usager_id")),
    )
    op.create_index("ix_invitations_usager_id", "invitations", ["usager_id"])
    op.create_index("ix_invitations_envoyee_le", "invitations", ["envoyee_le"])
    with op.batch_alter_table("participations") as batch_op:
        batch_op.add_column(sa.Column("invitation_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_participations_invitation_id_invitations"), "invitations", ["invitation_id"], ["id"]
        )
        batch_op.create_index("ix_participations_invitation_id", ["invitation_id"])


def downgrade() -> None:
    with op.batch_alter_table("participations") as batch_op:
        batch_op.drop_index("ix_participations_invitation_id")
        batch_op.drop_constraint(op.f("fk_participations_invitation_id_invitations"), type_="foreignkey")
        batch_op.drop_column("invitation_id")
    op.drop_index("ix_invitations_envoyee_le", table_name="invitations")
    op.drop_index("ix_invitations_usager_id", table_name="invitations")
    op.drop_table("invitations")
