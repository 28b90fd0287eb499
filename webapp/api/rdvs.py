"""Sessions: those of a period, and one."""

from datetime import UTC, date, datetime, time, timedelta

from webapp import links as addresses
from webapp.clock import utcnow
from webapp.domain.dates import local
from webapp.domain.droits import Droit, services_with
from webapp.domain.errors import Introuvable
from webapp.domain.participation import Statut, etat
from webapp.domain.recurrence import to_utc
from webapp.models import Agent, Rdv, ouverture
from webapp.models.motif import TypeLieu
from webapp.queries import api as queries
from webapp.queries import fiche
from webapp.services import droits

from . import schemas
from .curseurs import after, links, page, row_id
from .registry import Answer, Asked, operation

EARLIEST, LATEST = date(2000, 1, 1), date(2200, 1, 1)


@operation(
    "GET",
    "/rdvs",
    resume="Les séances d’une période, les premières d’abord",
    droit=Droit.VOIR,
    query=schemas.ChercheRdvs,
    answers={200: schemas.Rdvs},
)
def rdvs(asked: Asked) -> Answer:
    organisation, wanted, now = asked.agent.organisation, asked.query, utcnow()
    tz = organisation.timezone
    last = after(wanted.curseur, _moment, row_id)
    found = queries.rdvs(
        organisation.id,
        services_with(asked.agent.octrois(), Droit.VOIR, organisation.id),
        since=_midnight(wanted.du or local(now, tz).date(), tz),
        until=_midnight(wanted.au, tz, days=1) if wanted.au else None,
        motif_id=wanted.motif,
        lieu_id=wanted.lieu,
        places=wanted.places,
        now=now,
        after=(last[0], last[1]) if last else None,
        limit=wanted.limite + 1,
    )
    shown, cursor = page(found, wanted.limite, lambda rdv: [rdv.starts_at.timestamp(), rdv.id])
    to_complete = queries.to_complete([rdv.id for rdv in shown if rdv.ends_at <= now])
    body = schemas.Rdvs(donnees=[seance(rdv, now, rdv.id in to_complete) for rdv in shown], suite=cursor)
    return Answer(200, body, links(cursor), etag=True)


def find(agent: Agent, droit: Droit, rdv_id: int) -> Rdv:
    """That session of the organisation, if the token has that right there."""
    found = fiche.session(agent.organisation_id, rdv_id)
    if found is None:
        raise Introuvable
    droits.require(agent, droit, found)
    return found


@operation("GET", "/rdvs/<int:rdv_id>", resume="Une séance", droit=Droit.VOIR, target=find, answers={200: schemas.Rdv})
def rdv(asked: Asked) -> Answer:
    left = bool(queries.to_complete([asked.target.id]))
    return Answer(200, seance(asked.target, utcnow(), left), etag=True)


def seance(rdv: Rdv, now: datetime, left: bool) -> schemas.Rdv:
    """A session as the API shows it; `left`: somebody there is still `inscrit`."""
    tz, frozen, gauge = rdv.organisation.timezone, rdv.fige or {}, rdv.jauge()
    lieu, salle = rdv.lieu, rdv.salle
    distant = rdv.motif.location_type is TypeLieu.VISIO
    return schemas.Rdv(
        id=rdv.id,
        version=rdv.version,
        motif=schemas.Renvoi(id=rdv.motif_id, nom=frozen.get("motif", rdv.motif.name)),
        service_id=rdv.motif.service_id,
        plage_id=rdv.plage_ouverture_id,
        intitule=rdv.intitule,
        debut=local(rdv.starts_at, tz),
        fin=local(rdv.ends_at, tz),
        lieu=schemas.Lieu(
            id=lieu.id,
            nom=frozen.get("lieu", lieu.name),
            adresse=lieu.address,
            code_postal=lieu.postal_code,
            ville=lieu.city,
        )
        if lieu
        else None,
        salle=schemas.Renvoi(id=salle.id, nom=frozen.get("salle", salle.name)) if salle else None,
        lien_visio=(rdv.lien_visio or (rdv.plage_ouverture.lien_visio if rdv.plage_ouverture else "") or None)
        if distant
        else None,
        agents=[schemas.Renvoi(id=agent.id, nom=agent.nom_complet) for agent in rdv.agents],
        reservable_par=ouverture(rdv).reservable_par,
        capacite=rdv.capacite_max,
        places_prises=rdv.places_prises,
        places_proposees=rdv.places_proposees,
        places_libres=gauge.libres if rdv.capacite_max is not None else None,
        en_attente=rdv.places_attente,
        presents_anonymes=rdv.presents_anonymes,
        etat=etat(
            now=now,
            starts_at=rdv.starts_at,
            ends_at=rdv.ends_at,
            cancelled=rdv.cancelled_at is not None,
            statuts=[Statut.INSCRIT] if left else [],
        ),
        raison_annulation=rdv.cancelled_reason or None,
        adresse=addresses.address(f"/agent/rdv/{rdv.id}"),
    )


def _midnight(day: date, tz: str, days: int = 0) -> datetime:
    """The first moment of a day on the organisation's clock, or of one after it."""
    return to_utc(min(max(day, EARLIEST), LATEST) + timedelta(days=days), time(), tz)


def _moment(part: object) -> datetime:
    if not isinstance(part, int | float) or not 0 <= part < 2**33:
        raise ValueError("not a moment of ours")
    return datetime.fromtimestamp(part, UTC)
