"""absences of agents; sessions whose agents are their own

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "absences",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("start_time", sa.Time(), nullable=True),
        sa.Column("end_time", sa.Time(), nullable=True),
        sa.Column("rrule", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("cree_le", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("last_day >= first_day", name=op.f("ck_absences_jours_en_ordre")),
        sa.CheckConstraint("(start_time IS NULL) = (end_time IS NULL)", name=op.f("ck_absences_deux_heures_ou_aucune")),
        sa.CheckConstraint(
            "last_day > first_day OR start_time IS NULL OR end_time > start_time",
            name=op.f("ck_absences_fin_apres_debut"),
        ),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_absences_agent_id_agents")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_absences_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absences")),
    )
    op.create_index(op.f("ix_absences_agent_id"), "absences", ["agent_id"])
    op.create_index(op.f("ix_absences_organisation_id"), "absences", ["organisation_id"])
    with op.batch_alter_table("rdvs") as batch_op:
        batch_op.add_column(sa.Column("agents_propres", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    with op.batch_alter_table("rdvs") as batch_op:
        batch_op.drop_column("agents_propres")
    op.drop_index(op.f("ix_absences_organisation_id"), table_name="absences")
    op.drop_index(op.f("ix_absences_agent_id"), table_name="absences")
    op.drop_table("absences")
