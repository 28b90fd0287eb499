"""An agent invites one person to choose a session of a motif."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.domain.invitations import Moments

from .agent import Agent
from .base import Horodatage, Lien, Model, UTCDateTime
from .motif import Motif
from .usager import Usager


class Invitation(Horodatage, Lien, Model):
    """One row per person and motif: inviting again renews it. Its link stays the same while it is live; one that was
    withdrawn or has expired gets another. Whether a seat was booked is not kept here: the seats say it.

    `version` grows each time it is sent; `cle` is the form that sent it last, so that a double click sends once.
    """

    __tablename__ = "invitations"
    __table_args__ = (
        UniqueConstraint("motif_id", "usager_id"),
        CheckConstraint("expire_le > envoyee_le", name="expire_apres_envoi"),
        Index("ix_invitations_usager_id", "usager_id"),
        Index("ix_invitations_envoyee_le", "envoyee_le"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    motif_id: Mapped[int] = mapped_column(ForeignKey("motifs.id"))
    usager_id: Mapped[int] = mapped_column(ForeignKey("usagers.id"))
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id"))
    version: Mapped[int] = mapped_column(default=1)
    cle: Mapped[str] = mapped_column(String(64), default="")
    prevenir: Mapped[bool] = mapped_column(default=True)  # unticked: nothing leaves, repeats included
    envoyee_le: Mapped[datetime] = mapped_column(UTCDateTime)
    expire_le: Mapped[datetime] = mapped_column(UTCDateTime)
    ouverte_le: Mapped[datetime | None] = mapped_column(UTCDateTime)
    retiree_le: Mapped[datetime | None] = mapped_column(UTCDateTime)

    motif: Mapped[Motif] = relationship()
    usager: Mapped[Usager] = relationship()
    agent: Mapped[Agent] = relationship()

    def moments(self, *, reservee: bool = False) -> Moments:
        """The invitation as the domain sees it."""
        return Moments(self.envoyee_le, self.expire_le, self.ouverte_le, self.retiree_le, reservee)
