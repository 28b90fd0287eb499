"""Find somebody the organisation knows, to add them to a session."""

from dataclasses import dataclass

from flask import request
from flask.typing import ResponseReturnValue

from webapp.domain import phones
from webapp.domain.contacts import mask_email
from webapp.domain.dates import full_date
from webapp.domain.droits import Droit, services_with
from webapp.models import Usager
from webapp.queries import fiche as queries
from webapp.web.auth import current_agent, declares
from webapp.web.forms.agent import AjoutForm, typed_in_search
from webapp.web.htmx import block_html, is_htmx, partial, respond
from webapp.web.intake import number
from webapp.web.templating import pluriel

from . import bp
from .fiche import find

LONGEST = 80


@dataclass(frozen=True, slots=True)
class Trouve:
    """One person found, with what this agent may read about them (docs/domain.md rule 14)."""

    id: int
    nom: str
    nom_dit: str
    naissance: str
    contact: str
    inscrit: bool


@bp.get("/usagers/recherche")
@declares(Droit.GERER_RDV)
def recherche() -> ResponseReturnValue:
    """People who fit `q`, for the session `rdv`: a page, or the list alone for htmx.

    `creer=1`: what was typed goes to the form that creates a person."""
    rdv = find(request.args.get("rdv", 0, type=number))
    agent, text = current_agent(), request.args.get("q", "").strip()[:LONGEST]
    services = services_with(agent.octrois(), Droit.VOIR, agent.organisation_id)
    rows, more = queries.known_people(agent.organisation_id, services, text, rdv.id)
    found = [shown(usager, full, here) for usager, full, here in rows]
    context = {
        "rdv": rdv,
        "q": text,
        "trouves": found,
        "encore": more,
        "form": AjoutForm(formdata=None, motif=rdv.motif, data={} if found else typed_in_search(text)),
        "creer": "creer" in request.args,
    }
    if context["creer"]:
        return respond("agent/ajout.html", "ajout", **context)
    if not is_htmx():
        return respond("agent/ajout.html", **context)
    count = pluriel(len(found), "personne trouvée", "personnes trouvées") if found else "Aucune personne trouvée"
    said = partial("#annonces", count if text else "", "innerHTML")
    return block_html("agent/resultats.html", "resultats", context).strip() + said


def shown(usager: Usager, full: bool, here: bool) -> Trouve:
    """Name, birth year and masked contact until the person has had a session in the agent's services."""
    born = usager.birth_date
    phone, email = usager.phone or "", usager.email or ""
    if full:
        contacts = [phones.national(phone) if phone else "", email]
        birth = f"naissance le {full_date(born)}" if born else ""
    else:
        contacts = [phones.masked(phone) if phone else "", mask_email(email) if email else ""]
        birth = f"naissance en {born.year}" if born else ""
    told = [contact for contact in contacts if contact]
    if full and not told and usager.responsable is not None:
        told = [f"messages à {usager.responsable.nom_complet}"]
    return Trouve(
        id=usager.id,
        nom=usager.nom_liste,
        nom_dit=usager.nom_complet,
        naissance=birth,
        contact=" · ".join(told) or "pas de contact",
        inscrit=here,
    )
