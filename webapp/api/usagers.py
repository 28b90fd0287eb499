"""People the organisation knows (docs/domain.md rule 14)."""

from webapp.domain import phones
from webapp.domain.contacts import mask_email
from webapp.domain.droits import Droit, services_with
from webapp.models import Usager
from webapp.queries import fiche

from . import schemas
from .registry import Answer, Asked, operation


@operation(
    "GET",
    "/usagers",
    resume="Chercher quelqu’un que l’organisation connaît, pour l’inscrire",
    droit=Droit.GERER_RDV,
    query=schemas.ChercheUsagers,
    answers={200: schemas.Usagers},
)
def usagers(asked: Asked) -> Answer:
    organisation_id = asked.agent.organisation_id
    services = services_with(asked.agent.octrois(), Droit.VOIR, organisation_id)
    rows, more = fiche.known_people(organisation_id, services, asked.query.q, 0)
    return Answer(200, schemas.Usagers(donnees=[_shown(usager, full) for usager, full, _ in rows], encore=more))


def _shown(usager: Usager, full: bool) -> schemas.Usager:
    """Name, birth year and masked contact until the person has had a session in the token's services."""
    born, phone, email = usager.birth_date, usager.phone or "", usager.email or ""
    if not full:
        phone, email = phones.masked(phone) if phone else "", mask_email(email) if email else ""
    return schemas.Usager(
        id=usager.id,
        prenom=usager.first_name,
        nom=usager.last_name,
        complet=full,
        annee_naissance=born.year if born else None,
        date_naissance=born if full else None,
        telephone=phone or None,
        courriel=email or None,
    )
