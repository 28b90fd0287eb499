"""Find somebody the organisation knows, to add them to a session."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import request
from flask.typing import ResponseReturnValue

from webapp.domain import phones
from webapp.domain.contacts import fold, mask_email
from webapp.domain.dates import full_date
from webapp.domain.droits import Droit, services_with
from webapp.domain.identity import Identity
from webapp.models import Rdv, Usager
from webapp.queries import fiche as queries
from webapp.web.auth import current_agent, declares
from webapp.web.forms.agent import AjoutForm, newcomer, typed_in_search
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
        "nouvelle": _unknown(rows, text),
    }
    if context["creer"]:
        return respond("agent/ajout.html", "ajout", **context)
    if not is_htmx():
        return respond("agent/ajout.html", **context)
    count = pluriel(len(found), "personne trouvée", "personnes trouvées") if found else "Aucune personne trouvée"
    said = partial("#annonces", count if text else "", "innerHTML")
    return block_html("agent/resultats.html", "resultats", context).strip() + said


def _unknown(rows: Sequence[tuple[Usager, bool, bool]], text: str) -> tuple[str, str] | None:
    """Who may be added in one line, by their name alone; nobody when somebody known has exactly that name."""
    who = newcomer(text)
    same = who and any((fold(one.first_name), fold(one.last_name)) == tuple(map(fold, who)) for one, _, _ in rows)
    return None if same else who


def of_that_name(rdv: Rdv, who: Identity) -> list[Trouve]:
    """People of the organisation with exactly that name, accents and case ignored, for that session."""
    agent, name = current_agent(), (fold(who.prenom), fold(who.nom))
    services = services_with(agent.octrois(), Droit.VOIR, rdv.organisation_id)
    rows, _ = queries.known_people(rdv.organisation_id, services, f"{who.prenom} {who.nom}", rdv.id)
    return [shown(*row) for row in rows if (fold(row[0].first_name), fold(row[0].last_name)) == name]


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
