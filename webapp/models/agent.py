"""Agents, the services they work in, and what they may do there."""

from datetime import datetime
from enum import StrEnum

from flask_login import UserMixin
from sqlalchemy import Column, ForeignKey, Index, String, Table, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.clock import utcnow
from webapp.domain.droits import Droit, Octroi, communs

from .base import Horodatage, Model, UTCDateTime, Word, one_of
from .organisation import Organisation, Service


class NiveauNotification(StrEnum):
    """Which sessions an agent is told about by e-mail."""

    TOUTES = "toutes"
    PROCHES = "proches"  # today's and tomorrow's
    AUCUNE = "aucune"


agent_services = Table(
    "agent_services",
    Model.metadata,
    Column("agent_id", ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True),
    Column("service_id", ForeignKey("services.id", ondelete="CASCADE"), primary_key=True),
)


class Agent(UserMixin, Horodatage, Model):
    """`auth_version` is part of each session: a new password, or a deactivation, ends every session open elsewhere."""

    __tablename__ = "agents"
    __table_args__ = (one_of("niveau_notification", NiveauNotification),)

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)  # lower case
    first_name: Mapped[str] = mapped_column(String(80))
    last_name: Mapped[str] = mapped_column(String(80))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    auth_version: Mapped[int] = mapped_column(default=1)
    actif: Mapped[bool] = mapped_column(default=True)
    niveau_notification: Mapped[NiveauNotification] = mapped_column(
        Word(NiveauNotification), default=NiveauNotification.TOUTES
    )
    recapitulatif: Mapped[bool] = mapped_column(default=False)  # a mail on working mornings with the day's sessions
    # The one live "mot de passe oublié" link: single use, one hour.
    reset_nonce: Mapped[str | None] = mapped_column(String(32))
    reset_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    reset_expire_le: Mapped[datetime | None] = mapped_column(UTCDateTime)
    reset_version: Mapped[int] = mapped_column(default=0)
    # Their private calendar feed, if there is one: its address is made again from the nonce (docs/domain.md rule 18).
    agenda_nonce: Mapped[str | None] = mapped_column(String(32))
    agenda_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    agenda_depuis: Mapped[datetime | None] = mapped_column(UTCDateTime)

    organisation: Mapped[Organisation] = relationship()
    services: Mapped[list[Service]] = relationship(secondary=agent_services, order_by=Service.name)
    droits: Mapped[list["DroitAgent"]] = relationship(cascade="all, delete-orphan")

    @property
    def is_active(self) -> bool:
        return self.actif

    @property
    def nom_complet(self) -> str:
        return f"{self.first_name} {self.last_name}"

    @property
    def nom_court(self) -> str:
        """ "Nadia K.": what colleagues and usagers read."""
        return f"{self.first_name} {self.last_name[:1]}."

    def octrois(self) -> list[Octroi]:
        """The grants as domain values; no more than `jeton_octrois` when a token speaks in their name."""
        held = [Octroi(d.organisation_id, d.service_id, d.droit) for d in self.droits]
        limits: frozenset[Octroi] | None = getattr(self, "jeton_octrois", None)
        return held if limits is None else list(communs(held, limits))


class SessionAgent(Horodatage, Model):
    """A back-office session. It is open while its row is there and was opened with the account as it is (`version`):
    logging out, or choosing a password, deletes it, so that a cookie copied before is worth nothing after."""

    __tablename__ = "sessions_agent"

    cle: Mapped[str] = mapped_column(String(64), primary_key=True)  # the hash of the random id in the signed cookie
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), index=True)
    vue_le: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)  # to a quarter of an hour
    navigateur: Mapped[str] = mapped_column(String(200), default="")  # as it presents itself
    version: Mapped[int] = mapped_column(default=1)  # the agent's `auth_version` when it opened, or was kept open

    @property
    def repere(self) -> str:
        """What a page calls it: not all of the key."""
        return self.cle[:16]


class SecondFacteur(Horodatage, Model):
    """The second step of an agent's way in, once active. A table of its own: lists of agents don't carry secrets."""

    __tablename__ = "seconds_facteurs"

    agent_id: Mapped[int] = mapped_column(
        ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    secret: Mapped[str] = mapped_column(String(250))  # sealed (secrets_at_rest)
    dernier_pas: Mapped[int]  # the step of the last code accepted: that one and those before are over


class CodeSecours(Model):
    """A recovery code that has not served: its row goes when it does."""

    __tablename__ = "codes_secours"

    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True)
    empreinte: Mapped[str] = mapped_column(String(64), primary_key=True)


class DroitAgent(Model):
    __tablename__ = "droits"
    __table_args__ = (
        one_of("droit", Droit),
        UniqueConstraint("agent_id", "organisation_id", "service_id", "droit"),
        # NULL is never equal to NULL in a UNIQUE: "all services" needs an index of its own.
        Index(
            "uq_droits_tous_services",
            "agent_id",
            "organisation_id",
            "droit",
            unique=True,
            sqlite_where=text("service_id IS NULL"),
            postgresql_where=text("service_id IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    service_id: Mapped[int | None] = mapped_column(ForeignKey("services.id"))
    droit: Mapped[Droit] = mapped_column(Word(Droit))
