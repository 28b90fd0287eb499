"""The journal of an organisation: who did what, to which record, when. Names are looked up, never kept with a line."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import aliased

from webapp.domain.participation import Acteur
from webapp.extensions import db
from webapp.models import (
    Agent,
    FileAttente,
    Invitation,
    Journal,
    Lieu,
    Motif,
    Participation,
    PlageOuverture,
    Rdv,
    Salle,
    Usager,
)
from webapp.models.agent import agent_services

from .configuration import Services

AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Choix:
    """Which lines are asked for: from `debut` to before `fin`, by whom, about which kinds of records."""

    debut: datetime | None = None
    fin: datetime | None = None
    agent_id: int | None = None
    acteur: Acteur | None = None
    sujets: Sequence[str] = ()

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same in SQL."""
        found: list[ColumnElement[bool]] = []
        if self.debut is not None:
            found.append(Journal.quand >= self.debut)
        if self.fin is not None:
            found.append(Journal.quand < self.fin)
        if self.agent_id is not None:
            found.append(Journal.agent_id == self.agent_id)
        if self.acteur is not None:
            found.append(Journal.acteur == self.acteur)
        if self.sujets:
            found.append(Journal.sujet_type.in_(self.sujets))
        return found


def lines(
    organisation_id: int, among: Services, choix: Choix, before: int | None = None
) -> tuple[Sequence[Any], int | None]:
    """Those lines with the names they are about, latest first, 50 at a time; and the cursor of the next ones: give it
    as `before`. What is the organisation's as a whole is for who sees all its services.

    Each: Journal, auteur_prenom, auteur_nom, prenom, nom (of the person), agent_prenom, agent_nom (of the agent it is
    about, or whose absence), motif, motif_id, titre (of the plage), starts_at.
    """
    last, author, subject = aliased(Journal), aliased(Agent), aliased(Agent)
    motif_id = func.coalesce(
        Rdv.motif_id,
        PlageOuverture.motif_id,
        Invitation.motif_id,
        case((Journal.sujet_type == "motif", Journal.sujet_id)),
    )
    question = (
        select(
            Journal,
            author.first_name.label("auteur_prenom"),
            author.last_name.label("auteur_nom"),
            Usager.first_name.label("prenom"),
            Usager.last_name.label("nom"),
            subject.first_name.label("agent_prenom"),
            subject.last_name.label("agent_nom"),
            Motif.name.label("motif"),
            Motif.id.label("motif_id"),
            PlageOuverture.title.label("titre"),
            Rdv.starts_at,
        )
        .outerjoin(author, author.id == Journal.agent_id)
        .outerjoin(Rdv, Rdv.id == Journal.rdv_id)
        .outerjoin(PlageOuverture, and_(Journal.sujet_type == "plageouverture", PlageOuverture.id == Journal.sujet_id))
        .outerjoin(Invitation, and_(Journal.sujet_type == "invitation", Invitation.id == Journal.sujet_id))
        .outerjoin(Motif, Motif.id == motif_id)
        .outerjoin(subject, and_(Journal.sujet_type.in_(("agent", "absence")), subject.id == Journal.sujet_id))
        .outerjoin(Participation, and_(Journal.sujet_type == "participation", Participation.id == Journal.sujet_id))
        .outerjoin(FileAttente, and_(Journal.sujet_type == "fileattente", FileAttente.id == Journal.sujet_id))
        .outerjoin(
            Usager,
            Usager.id
            == func.coalesce(
                Participation.usager_id,
                FileAttente.usager_id,
                Invitation.usager_id,
                case((Journal.sujet_type == "usager", Journal.sujet_id)),
            ),
        )
        .where(Journal.organisation_id == organisation_id, *choix.conditions())
    )
    if among is not None:
        colleagues = select(agent_services.c.agent_id).where(agent_services.c.service_id.in_(among))
        question = question.where(or_(Motif.service_id.in_(among), subject.id.in_(colleagues)))
    if before is not None:
        seen = select(last.quand).where(last.organisation_id == organisation_id, last.id == before).scalar_subquery()
        question = question.where(Journal.quand <= seen, or_(Journal.quand < seen, Journal.id < before))
    rows = db.session.execute(question.order_by(Journal.quand.desc(), Journal.id.desc()).limit(AT_ONCE + 1)).all()
    return rows[:AT_ONCE], rows[AT_ONCE - 1].Journal.id if len(rows) > AT_ONCE else None


def places(organisation_id: int, lieux: Iterable[int], salles: Iterable[int]) -> tuple[dict[int, str], dict[int, str]]:
    """The names of these places and of these rooms, those of the organisation only."""
    named = select(Lieu.id, Lieu.name).where(Lieu.organisation_id == organisation_id, Lieu.id.in_(set(lieux)))
    rooms = (
        select(Salle.id, Salle.name)
        .join(Lieu, Lieu.id == Salle.lieu_id)
        .where(Lieu.organisation_id == organisation_id, Salle.id.in_(set(salles)))
    )
    first, second = (dict(tuple(row) for row in db.session.execute(question)) for question in (named, rooms))
    return first, second


def names_of(organisation_id: int, agents: Iterable[int]) -> dict[int, str]:
    """The names of these agents, those of the organisation only."""
    question = select(Agent).where(Agent.organisation_id == organisation_id, Agent.id.in_(set(agents)))
    return {agent.id: agent.nom_complet for agent in db.session.scalars(question)}


def authors(organisation_id: int, among: Services) -> Sequence[Any]:
    """id, first_name, last_name of agents of those services, those who left included, by name."""
    question = (
        select(Agent.id, Agent.first_name, Agent.last_name)
        .where(Agent.organisation_id == organisation_id)
        .order_by(Agent.last_name, Agent.first_name, Agent.id)
    )
    if among is not None:
        question = question.where(
            Agent.id.in_(select(agent_services.c.agent_id).where(agent_services.c.service_id.in_(among)))
        )
    return db.session.execute(question).all()
