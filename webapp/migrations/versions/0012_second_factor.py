"""a second step to log in: each agent's secret and recovery codes, compulsory where the organisation says so; a session
knows which state of the account it was opened with

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "seconds_facteurs",
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("secret", sa.String(length=250), nullable=False),
        sa.Column("dernier_pas", sa.Integer(), nullable=False),
        sa.Column("cree_le", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_seconds_facteurs_agent_id_agents"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("agent_id", name=op.f("pk_seconds_facteurs")),
    )
    op.create_table(
        "codes_secours",
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("empreinte", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_codes_secours_agent_id_agents"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("agent_id", "empreinte", name=op.f("pk_codes_secours")),
    )
    # Column by column: a batch would make the tables again, that others refer to.
    op.add_column(
        "organisations",
        sa.Column("second_facteur_obligatoire", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("sessions_agent", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    sessions = sa.table("sessions_agent", sa.column("agent_id"), sa.column("version"))
    agents = sa.table("agents", sa.column("id"), sa.column("auth_version"))
    now = sa.select(agents.c.auth_version).where(agents.c.id == sessions.c.agent_id).scalar_subquery()
    op.execute(sessions.update().values(version=now))


def downgrade() -> None:
    op.drop_column("sessions_agent", "version")
    op.drop_column("organisations", "second_facteur_obligatoire")
    op.drop_table("codes_secours")
    op.drop_table("seconds_facteurs")
