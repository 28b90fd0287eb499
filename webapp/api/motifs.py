"""What can be booked."""

from webapp.domain.droits import Droit, services_with
from webapp.models import Motif
from webapp.queries import api as queries

from . import schemas
from .curseurs import after, links, page, row_id
from .registry import Answer, Asked, operation


@operation(
    "GET",
    "/motifs",
    resume="Les motifs des services où le jeton peut voir, archivés compris",
    droit=Droit.VOIR,
    query=schemas.Page,
    answers={200: schemas.Motifs},
)
def motifs(asked: Asked) -> Answer:
    organisation_id = asked.agent.organisation_id
    (last,) = after(asked.query.curseur, row_id) or (0,)
    services = services_with(asked.agent.octrois(), Droit.VOIR, organisation_id)
    found = queries.motifs(organisation_id, services, last, asked.query.limite + 1)
    shown, cursor = page(found, asked.query.limite, lambda motif: [motif.id])
    body = schemas.Motifs(donnees=[_motif(one) for one in shown], suite=cursor)
    return Answer(200, body, links(cursor), etag=True)


def _motif(motif: Motif) -> schemas.Motif:
    return schemas.Motif(
        id=motif.id,
        nom=motif.name,
        description=motif.description,
        service=schemas.Service(id=motif.service_id, nom=motif.service.name),
        accueil=schemas.TypeAccueil(motif.location_type),
        capacite=motif.capacite_max,
        capacite_min=motif.capacite_min,
        reservable_par=motif.reservable_par,
        visibilite=motif.visibilite,
        liste_attente=motif.liste_attente,
        champs=motif.champs,
        archive=motif.archived_at is not None,
    )
