"""What the exports read: sessions, then their people, a few hundred sessions at a time whatever their number."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import aliased

from webapp.domain.participation import Acteur, Etat, Statut, etat
from webapp.extensions import db
from webapp.models import (
    Agent,
    EtatNotification,
    Lieu,
    Motif,
    Notification,
    Participation,
    PlageOuverture,
    Rdv,
    Salle,
    Service,
    Usager,
)
from webapp.models.rdv import rdv_agents

SESSIONS_AT_ONCE = 200
PEOPLE_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Choix:
    """Which sessions: of these services (None: all), that start from `debut` until before `fin`, of this motif, at this
    place, this one alone."""

    debut: datetime | None = None
    fin: datetime | None = None
    services: tuple[int, ...] | None = None
    motif_id: int | None = None
    lieu_id: int | None = None
    rdv_id: int | None = None

    def kept(self) -> dict[str, Any]:
        """As a row can keep it."""
        values = asdict(self)
        return values | {name: values[name].isoformat() for name in ("debut", "fin") if values[name]}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> "Choix":
        """What `kept` gave."""
        moments = {name: datetime.fromisoformat(kept[name]) for name in ("debut", "fin") if kept[name]}
        services = None if kept["services"] is None else tuple(kept["services"])
        return cls(**{**kept, **moments, "services": services})


@dataclass(slots=True)
class Seance:
    """A session as it was when it started, or as it is now when it has not."""

    id: int
    motif_id: int
    lieu_id: int | None
    starts_at: datetime
    ends_at: datetime
    motif: str
    intitule: str
    service: str
    lieu: str
    commune: str
    salle: str
    agents: str
    capacite: int | None
    prises: int
    attente: int
    anonymes: int
    plage: str
    serie: bool
    annulee: bool
    champs: frozenset[str]
    statuts: Mapping[Statut, int] = field(default_factory=dict)

    def etat(self, now: datetime) -> Etat:
        present = [statut for statut, count in self.statuts.items() if count]
        return etat(now=now, starts_at=self.starts_at, ends_at=self.ends_at, cancelled=self.annulee, statuts=present)


@dataclass(slots=True)
class Ligne:
    """One person's place in a session."""

    seance: Seance
    usager_id: int
    naissance: date | None
    numero_dossier: str
    responsable_id: int | None
    statut: Statut
    statut_le: datetime
    statut_par: Acteur
    statut_agent: str
    origine: Acteur
    cree_agent: str
    inscrit_le: datetime
    invitee: bool
    prescripteur: str
    envoyes: int = 0
    echecs: int = 0


def _where(organisation_id: int, choix: Choix) -> ColumnElement[bool]:
    tests = [Rdv.organisation_id == organisation_id]
    if choix.debut is not None:
        tests.append(Rdv.starts_at >= choix.debut)
    if choix.fin is not None:
        tests.append(Rdv.starts_at < choix.fin)
    if choix.services is not None:
        tests.append(Motif.service_id.in_(choix.services))
    for column, wanted in ((Rdv.motif_id, choix.motif_id), (Rdv.lieu_id, choix.lieu_id), (Rdv.id, choix.rdv_id)):
        if wanted is not None:
            tests.append(column == wanted)
    return and_(*tests)


def count_seances(organisation_id: int, choix: Choix) -> int:
    """How many sessions: the rows of the export for the reception."""
    query = select(func.count()).select_from(Rdv).join(Motif, Rdv.motif_id == Motif.id)
    return db.session.scalar(query.where(_where(organisation_id, choix))) or 0


def count_participations(organisation_id: int, choix: Choix) -> int:
    """How many places, given back or removed ones included: the rows of the export for statistics."""
    query = select(func.count()).select_from(Participation).join(Rdv).join(Motif, Rdv.motif_id == Motif.id)
    return db.session.scalar(query.where(_where(organisation_id, choix))) or 0


def seances(organisation_id: int, choix: Choix) -> Iterator[list[Seance]]:
    """The sessions in the order of their dates, `SESSIONS_AT_ONCE` at most in each list; three statements a list."""
    query = (
        select(
            Rdv.id, Rdv.starts_at, Rdv.ends_at, Rdv.intitule, Rdv.capacite_max, Rdv.places_prises, Rdv.places_attente,
            Rdv.presents_anonymes, Rdv.cancelled_at, Rdv.fige, Rdv.plage_ouverture_id, Rdv.motif_id, Rdv.lieu_id,
            Motif.name.label("motif"), Motif.champs, Service.name.label("service"), Lieu.name.label("lieu"),
            Lieu.city.label("commune"), Salle.name.label("salle"), PlageOuverture.title.label("plage"),
        )
        .join(Motif, Rdv.motif_id == Motif.id)
        .join(Service, Motif.service_id == Service.id)
        .outerjoin(Lieu, Rdv.lieu_id == Lieu.id)
        .outerjoin(Salle, Rdv.salle_id == Salle.id)
        .outerjoin(PlageOuverture, Rdv.plage_ouverture_id == PlageOuverture.id)
        .where(_where(organisation_id, choix))
        .order_by(Rdv.starts_at, Rdv.id)
        .limit(SESSIONS_AT_ONCE)
    )  # fmt: skip
    last: Any = None
    while rows := db.session.execute(_after(query, last)).all():
        last = rows[-1]
        ids = [row.id for row in rows]
        statuts, agents = _statuts(ids), _agents([row.id for row in rows if row.fige is None])
        yield [_seance(row, statuts[row.id], agents.get(row.id, [])) for row in rows]
        if len(rows) < SESSIONS_AT_ONCE:
            return


def _after(query: Select[Any], last: Any) -> Select[Any]:
    if last is None:
        return query
    later = Rdv.starts_at > last.starts_at
    return query.where(or_(later, and_(Rdv.starts_at == last.starts_at, Rdv.id > last.id)))


def _statuts(ids: Sequence[int]) -> dict[int, dict[Statut, int]]:
    found: dict[int, dict[Statut, int]] = defaultdict(dict)
    rows = db.session.execute(
        select(Participation.rdv_id, Participation.statut, func.count())
        .where(Participation.rdv_id.in_(ids))
        .group_by(Participation.rdv_id, Participation.statut)
    )
    for rdv_id, statut, count in rows:
        found[rdv_id][statut] = count
    return found


def _agents(ids: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    if ids:
        rows = db.session.execute(
            select(rdv_agents.c.rdv_id, Agent.first_name, Agent.last_name)
            .join(Agent, Agent.id == rdv_agents.c.agent_id)
            .where(rdv_agents.c.rdv_id.in_(ids))
            .order_by(Agent.last_name, Agent.id)
        )
        for rdv_id, first, name in rows:
            found[rdv_id].append(f"{first} {name}")
    return found


def _seance(row: Any, statuts: Mapping[Statut, int], agents: list[str]) -> Seance:
    fige = row.fige or {}
    return Seance(
        id=row.id,
        motif_id=row.motif_id,
        lieu_id=row.lieu_id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        motif=fige.get("motif", row.motif),
        intitule=row.intitule,
        service=row.service,
        lieu=fige.get("lieu", row.lieu) or "",
        commune=row.commune or "",
        salle=fige.get("salle", row.salle) or "",
        agents=", ".join(fige.get("agents", agents)),
        capacite=row.capacite_max,
        prises=row.places_prises,
        attente=row.places_attente,
        anonymes=row.presents_anonymes,
        plage=row.plage or "",
        serie=row.plage_ouverture_id is not None,
        annulee=row.cancelled_at is not None,
        champs=frozenset(row.champs),
        statuts=statuts,
    )


def participations(organisation_id: int, choix: Choix) -> Iterator[list[Ligne]]:
    """The places of these sessions in the same order, then in that of their booking; `PEOPLE_AT_ONCE` at most in each
    list, whatever the size of a session."""
    statut_par, cree_par = aliased(Agent), aliased(Agent)
    query = (
        select(
            Participation.id, Participation.rdv_id, Participation.usager_id, Participation.statut,
            Participation.statut_le, Participation.statut_par, Participation.origine, Participation.inscrit_le,
            Participation.invitation_id, Participation.numero_dossier, Participation.prescripteur_structure,
            Usager.birth_date, Usager.responsable_id, Usager.numero_dossier.label("dossier"),
            statut_par.first_name.label("statut_prenom"), statut_par.last_name.label("statut_nom"),
            cree_par.first_name.label("cree_prenom"), cree_par.last_name.label("cree_nom"),
        )
        .join(Usager, Participation.usager_id == Usager.id)
        .outerjoin(statut_par, Participation.statut_par_agent_id == statut_par.id)
        .outerjoin(cree_par, Participation.cree_par_agent_id == cree_par.id)
        .order_by(Participation.rdv_id, Participation.id)
        .limit(PEOPLE_AT_ONCE)
    )  # fmt: skip
    for some in seances(organisation_id, choix):
        for group in _by_size(some):
            yield from _lignes(query, group)


def _by_size(some: Sequence[Seance]) -> Iterator[list[Seance]]:
    """Groups of sessions whose places fit in one list, in their order; one that is larger is alone."""
    group: list[Seance] = []
    size = 0
    for seance in some:
        places = sum(seance.statuts.values())
        if group and size + places > PEOPLE_AT_ONCE:
            yield group
            group, size = [], 0
        group.append(seance)
        size += places
    if group:
        yield group


def _lignes(query: Select[Any], group: Sequence[Seance]) -> Iterator[list[Ligne]]:
    by_id = {seance.id: seance for seance in group}
    if not any(sum(seance.statuts.values()) for seance in group):
        return
    query = query.where(Participation.rdv_id.in_(by_id))
    messages = _messages(list(by_id))
    last: Any = None
    while True:
        page = query if last is None else query.where(_beyond(last))
        rows = db.session.execute(page).all()
        if rows:
            lines: dict[int, list[Ligne]] = defaultdict(list)
            for row in rows:
                lines[row.rdv_id].append(_ligne(row, by_id[row.rdv_id], messages.get(row.id, (0, 0))))
            yield [line for seance in group for line in lines[seance.id]]
        if len(rows) < PEOPLE_AT_ONCE:
            return
        last = rows[-1]


def _beyond(last: Any) -> ColumnElement[bool]:
    same = and_(Participation.rdv_id == last.rdv_id, Participation.id > last.id)
    return or_(Participation.rdv_id > last.rdv_id, same)


def _messages(rdv_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Participation → messages that left, that failed."""
    found: dict[int, list[int]] = {}
    rows = db.session.execute(
        select(Notification.participation_ids, Notification.etat).where(
            Notification.rdv_id.in_(rdv_ids),
            Notification.etat.in_((EtatNotification.ENVOYEE, EtatNotification.ECHEC)),
            Notification.destinataire_type != "agent",
        )
    )
    for participations, state in rows:
        for one in participations:
            found.setdefault(one, [0, 0])[state is EtatNotification.ECHEC] += 1
    return {one: (sent, failed) for one, (sent, failed) in found.items()}


def _ligne(row: Any, seance: Seance, messages: tuple[int, int]) -> Ligne:
    return Ligne(
        seance=seance,
        usager_id=row.usager_id,
        naissance=row.birth_date,
        numero_dossier=row.numero_dossier or row.dossier or "",
        responsable_id=row.responsable_id,
        statut=row.statut,
        statut_le=row.statut_le,
        statut_par=row.statut_par,
        statut_agent=f"{row.statut_prenom} {row.statut_nom}" if row.statut_nom else "",
        origine=row.origine,
        cree_agent=f"{row.cree_prenom} {row.cree_nom}" if row.cree_nom else "",
        inscrit_le=row.inscrit_le,
        invitee=row.invitation_id is not None,
        prescripteur=row.prescripteur_structure or "",
        envoyes=messages[0],
        echecs=messages[1],
    )
