"""The session, and each person's seat in it."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, Date, ForeignKey, Index, String, Table, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.domain.capacity import Jauge, Ouverture, ReservablePar
from webapp.domain.participation import Acteur, Statut, holds_seat
from webapp.domain.phones import national
from webapp.domain.settings import resolve
from webapp.domain.waitlist import Quand

from .agent import Agent
from .base import Horodatage, Lien, Model, UTCDateTime, Word, one_of
from .motif import Motif, TypeMotif
from .organisation import Lieu, Organisation, Salle
from .plage import PlageOuverture
from .usager import Joignable, Usager

rdv_agents = Table(
    "rdv_agents",
    Model.metadata,
    Column("rdv_id", ForeignKey("rdvs.id", ondelete="CASCADE"), primary_key=True),
    Column("agent_id", ForeignKey("agents.id"), primary_key=True),
)


class Rdv(Horodatage, Model):
    """`capacite_max` is the *effective* capacity: the seat lock needs it in the row; `capacite_propre` is the session's
    own override. `version` grows at every visible change."""

    __tablename__ = "rdvs"
    __table_args__ = (
        UniqueConstraint("plage_ouverture_id", "occurrence_le"),
        one_of("reservable_par", ReservablePar),
        CheckConstraint("ends_at > starts_at", name="fin_apres_debut"),
        CheckConstraint("places_prises >= 0", name="places_prises_positives"),
        CheckConstraint("places_proposees >= 0", name="places_proposees_positives"),
        CheckConstraint("places_attente >= 0", name="places_attente_positives"),
        CheckConstraint("presents_anonymes >= 0", name="presents_anonymes_positifs"),
        CheckConstraint("capacite_max >= 1", name="capacite_max_positive"),
        CheckConstraint("(plage_ouverture_id IS NULL) = (occurrence_le IS NULL)", name="plage_et_occurrence"),
        Index("ix_rdvs_motif_id_starts_at", "motif_id", "starts_at"),
        Index("ix_rdvs_organisation_id_starts_at", "organisation_id", "starts_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    motif_id: Mapped[int] = mapped_column(ForeignKey("motifs.id"))
    plage_ouverture_id: Mapped[int | None] = mapped_column(ForeignKey("plages_ouverture.id"))
    occurrence_le: Mapped[date | None] = mapped_column(Date)
    detache: Mapped[bool] = mapped_column(default=False)
    agents_propres: Mapped[bool] = mapped_column(default=False)  # its plage's no longer replace them
    lieu_id: Mapped[int | None] = mapped_column(ForeignKey("lieux.id"))
    salle_id: Mapped[int | None] = mapped_column(ForeignKey("salles.id"))
    lien_visio: Mapped[str] = mapped_column(String(300), default="")
    starts_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ends_at: Mapped[datetime] = mapped_column(UTCDateTime)
    intitule: Mapped[str] = mapped_column(String(120), default="")

    capacite_max: Mapped[int | None]
    places_prises: Mapped[int] = mapped_column(default=0)
    places_proposees: Mapped[int] = mapped_column(default=0)
    places_attente: Mapped[int] = mapped_column(default=0)  # seats asked for by who waits, offers included
    presents_anonymes: Mapped[int] = mapped_column(default=0)

    capacite_propre: Mapped[int | None]
    instructions_avant: Mapped[str | None] = mapped_column(Text)
    instructions_apres: Mapped[str | None] = mapped_column(Text)
    reservable_par: Mapped[ReservablePar | None] = mapped_column(Word(ReservablePar))
    nom_sms: Mapped[str | None] = mapped_column(String(60))

    cancelled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    cancelled_reason: Mapped[str] = mapped_column(String(300), default="")
    cancelled_by_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    version: Mapped[int] = mapped_column(default=1)
    note: Mapped[str] = mapped_column(Text, default="")
    # Kept although under its minimum, when it was to start then: moved, the question is asked again.
    maintenu_pour: Mapped[datetime | None] = mapped_column(UTCDateTime)
    fige: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # effective settings and names, frozen at the start

    organisation: Mapped[Organisation] = relationship()
    motif: Mapped[Motif] = relationship()
    plage_ouverture: Mapped[PlageOuverture | None] = relationship()
    lieu: Mapped[Lieu | None] = relationship()
    salle: Mapped[Salle | None] = relationship()
    agents: Mapped[list[Agent]] = relationship(secondary=rdv_agents, order_by=Agent.last_name)
    participations: Mapped[list["Participation"]] = relationship(back_populates="rdv")

    def jauge(self) -> Jauge:
        return Jauge(
            self.id,
            self.capacite_max,
            self.places_prises,
            self.places_proposees,
            self.places_attente,
            annulee=self.cancelled_at is not None,
            comptees=self.presents_anonymes,
        )


class Participation(Horodatage, Lien, Joignable, Model):
    """One person's seat in one session, with a status of its own (docs/domain.md rules 9 and 10).

    `version` grows at each change of this row; `rdv_version` is the session's version at that moment, so that an
    agent's page can ask for the rows that changed since the version it shows.
    """

    __tablename__ = "participations"
    __table_args__ = (
        UniqueConstraint("rdv_id", "usager_id"),
        one_of("statut", Statut),
        one_of("origine", Acteur),
        one_of("statut_par", Acteur),
        Index("ix_participations_usager_id", "usager_id"),
        Index("ix_participations_invitation_id", "invitation_id"),
        Index("ix_participations_rdv_id_rdv_version", "rdv_id", "rdv_version"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    rdv_id: Mapped[int] = mapped_column(ForeignKey("rdvs.id"))
    usager_id: Mapped[int] = mapped_column(ForeignKey("usagers.id"))
    statut: Mapped[Statut] = mapped_column(Word(Statut), default=Statut.INSCRIT)
    version: Mapped[int] = mapped_column(default=1)
    rdv_version: Mapped[int] = mapped_column(default=1)
    inscrit_le: Mapped[datetime] = mapped_column(UTCDateTime)
    statut_le: Mapped[datetime] = mapped_column(UTCDateTime)
    statut_par: Mapped[Acteur] = mapped_column(Word(Acteur))
    statut_par_agent_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    origine: Mapped[Acteur] = mapped_column(Word(Acteur))
    cree_par_agent_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    telephone: Mapped[str | None] = mapped_column(String(20))  # own contact, when it differs from the usager's
    courriel: Mapped[str | None] = mapped_column(String(254))
    numero_dossier: Mapped[str | None] = mapped_column(String(40))
    # Who booked from another structure (rule 17): told whether it was booked, refused or cancelled.
    prescripteur_nom: Mapped[str | None] = mapped_column(String(120))
    prescripteur_structure: Mapped[str | None] = mapped_column(String(120))
    prescripteur_courriel: Mapped[str | None] = mapped_column(String(254))
    raison: Mapped[str] = mapped_column(String(120), default="")
    prevenir: Mapped[bool] = mapped_column(default=True)
    rappeler: Mapped[bool] = mapped_column(default=True)
    # By which invitation the seat was taken: one of its seats at most is live (docs/domain.md rule 8).
    invitation_id: Mapped[int | None] = mapped_column(ForeignKey("invitations.id"))
    # Where the seat went when an agent moved the person to another session; cleared when they come back here.
    deplacee_vers_id: Mapped[int | None] = mapped_column(ForeignKey("participations.id"))
    # By which number calendars know it: a seat that moves keeps the event, the one it leaves gets another (`agenda`).
    agenda_id: Mapped[int | None]
    # Channels refused for this place alone: whoever holds its link at a contact of its own speaks for nothing else.
    refus_sms: Mapped[bool] = mapped_column(default=False)
    refus_courriel: Mapped[bool] = mapped_column(default=False)
    note: Mapped[str] = mapped_column(Text, default="")  # facts useful at the door (rule 15)
    # What an agent's last change of status changed, to be taken back; of all those of one click, the `lot`.
    avant: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))

    rdv: Mapped[Rdv] = relationship(back_populates="participations")
    usager: Mapped[Usager] = relationship(back_populates="participations")
    cree_par_agent: Mapped[Agent | None] = relationship(foreign_keys=[cree_par_agent_id])
    statut_par_agent: Mapped[Agent | None] = relationship(foreign_keys=[statut_par_agent_id])
    deplacee_vers: Mapped["Participation | None"] = relationship(remote_side=[id], foreign_keys=[deplacee_vers_id])

    @property
    def occupe(self) -> bool:
        return holds_seat(self.statut)

    @property
    def agenda(self) -> int:
        """The number of its event in people's calendars."""
        return self.agenda_id or self.id

    def as_it_is(self, lot: int | None) -> dict[str, Any]:
        """What `avant` keeps when an agent changes the status, alone or with others of the same click (`lot`)."""
        return {
            "lot": lot,
            "statut": self.statut.value,
            "par": self.statut_par.value,
            "agent": self.statut_par_agent_id,
            "raison": self.raison,
            "inscrit_le": self.inscrit_le.isoformat(),
            "prevenir": self.prevenir,
        }


def ouverture(rdv: Rdv) -> Ouverture:
    """The session seen by rule 8, from its row, its plage and its motif."""
    motif = rdv.motif
    return Ouverture(
        reservable_par=resolve("reservable_par", rdv=rdv, plage=rdv.plage_ouverture, motif=motif).valeur,
        visibilite=motif.visibilite,
        archive=motif.archived_at is not None,
        collectif=motif.type is TypeMotif.COLLECTIF,
        cancelled=rdv.cancelled_at is not None,
        starts_at=rdv.starts_at,
        delai_min=timedelta(minutes=motif.delai_min_minutes),
        delai_max=timedelta(days=motif.delai_max_jours),
        jauge=rdv.jauge(),
        telephone=national(rdv.organisation.phone) if rdv.organisation.phone else "",
        liste_attente=motif.liste_attente,
    )


def quand(rdv: Rdv) -> Quand:
    """When the session is, as its waitlist sees it (rule 12)."""
    return Quand(rdv.starts_at, rdv.organisation.timezone, timedelta(minutes=rdv.motif.delai_min_minutes))
