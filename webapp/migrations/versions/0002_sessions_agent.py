"""agents' sessions: a row for each that is open, so that logging out is final

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sessions_agent",
        sa.Column("cle", sa.String(length=64), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("vue_le", sa.DateTime(timezone=True), nullable=False),
        sa.Column("navigateur", sa.String(length=200), nullable=False),
        sa.Column("cree_le", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_sessions_agent_agent_id_agents"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("cle", name=op.f("pk_sessions_agent")),
    )
    with op.batch_alter_table("sessions_agent", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sessions_agent_agent_id"), ["agent_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("sessions_agent", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sessions_agent_agent_id"))

    op.drop_table("sessions_agent")
