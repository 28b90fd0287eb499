"""People: find somebody, look at their file, create it, correct it, say who reads their messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain import phones
from webapp.domain.dates import full_date, long_moment
from webapp.domain.droits import Droit, services_with
from webapp.domain.errors import DomainError, Perime
from webapp.domain.identity import Identity
from webapp.domain.invitations import EtatInvitation
from webapp.domain.phones import can_receive_sms
from webapp.models import Canal, Usager
from webapp.notifications.people import addresses
from webapp.queries import foyer, invitations
from webapp.queries import repertoire as queries
from webapp.services import fiches as services
from webapp.services.droits import may
from webapp.web.auth import allowed_services, current_agent, declares
from webapp.web.errors import refused
from webapp.web.forms.agent import typed_in_search
from webapp.web.forms.base import BaseForm
from webapp.web.forms.usager import FicheForm, PersonneForm, ProcheForm
from webapp.web.htmx import block_html, go_to, is_htmx, partial, respond
from webapp.web.intake import number
from webapp.web.security import keeps_form
from webapp.web.templating import pluriel

from . import bp
from .usagers import LONGEST, Trouve, shown

LISTE, NOUVELLE, FICHE, MODIFIER = (
    f"agent/{name}.html" for name in ("usagers", "usager_nouveau", "usager", "usager_modifier")
)
PER_PAGE = 20
LAST_PAGE = 500


@dataclass(frozen=True, slots=True)
class Ligne:
    """One line of the file: where it leads, what it says."""

    href: str
    titre: str
    mot: str = ""
    ton: str = "flat"


@bp.get("/usagers")
@declares(Droit.GERER_USAGERS)
def usagers() -> ResponseReturnValue:
    """Find somebody of the organisation: nobody is shown before something is typed."""
    allowed_services()
    text = request.args.get("q", "").strip()[:LONGEST]
    page = min(max(1, request.args.get("page", 1, type=number)), LAST_PAGE)
    agent = current_agent()
    cherche = queries.read(text, phones.region_of_timezone(agent.organisation.timezone))
    among = services_with(agent.octrois(), Droit.VOIR, agent.organisation_id)
    found = queries.find(
        agent.organisation_id, among, cherche, agent_id=agent.id, limit=PER_PAGE, offset=(page - 1) * PER_PAGE
    )
    context = {
        "q": text,
        "assez": cherche.enough,
        "trouves": _people(found.ids),
        "proches": found.proches,
        "page": page,
        "pages": page + found.encore,
        "href_for": lambda n: url_for(".usagers", q=text, page=n),
    }
    if not is_htmx():
        return respond(LISTE, **context)
    count = len(found.ids)
    said = pluriel(count, "personne trouvée", "personnes trouvées") if count else "Aucune personne trouvée"
    if found.encore:
        said = f"{said}, et d’autres"
    return block_html(LISTE, "resultats", context).strip() + partial(
        "#annonces", said if cherche.enough else "", "innerHTML"
    )


@bp.route("/usagers/nouvelle", methods=["GET", "POST"])
@declares(Droit.GERER_USAGERS)
@keeps_form
def nouvel_usager() -> ResponseReturnValue:
    """Create a file, once those who look like that person have been seen."""
    allowed_services()
    agent = current_agent()
    typed = typed_in_search(request.args.get("q", "").strip()[:LONGEST])
    form = PersonneForm(agent.organisation.timezone, data=typed)
    lookalikes: Sequence[Trouve] = ()
    if form.validate_on_submit():
        who = form.identity
        draft = SimpleNamespace(
            id=None, first_name=who.prenom, last_name=who.nom, birth_date=who.date_naissance, phone=who.telephone,
            email=who.courriel,
        )  # fmt: skip
        if not services.already(agent, who, envoi=form.envoi.data or ""):
            lookalikes = _people(queries.lookalikes(agent.organisation_id, draft))
        if not lookalikes or form.quand_meme.data:
            usager, new = services.create(agent, who, envoi=form.envoi.data or "")
            name = usager.nom_complet
            said = f"La fiche de {name} est créée." if new else f"{name} a déjà une fiche, avec ce contact : la voici."
            flash(said, "success" if new else "warning")
            return go_to(url_for(".usager", usager_id=usager.id))
    return respond(NOUVELLE, form=form, ressemblent=lookalikes, responsable=None)


@bp.get("/usagers/<int:usager_id>")
@declares(Droit.GERER_USAGERS)
def usager(usager_id: int) -> ResponseReturnValue:
    """One person: in full for who may see them so, and noted once a day; masked otherwise."""
    agent = current_agent()
    fiche = services.look(agent, usager_id)
    if fiche.entiere:
        services.note_look(agent, fiche.usager)
        fiche = services.look(agent, usager_id)
    return respond(FICHE, **_page(fiche))


@bp.route("/usagers/<int:usager_id>/modifier", methods=["GET", "POST"])
@declares(Droit.GERER_USAGERS)
@keeps_form
def modifier_usager(usager_id: int) -> ResponseReturnValue:
    """Correct a file; what a colleague saved meanwhile is shown, not overwritten."""
    agent = current_agent()
    found = services.require_whole(agent, usager_id)
    form = FicheForm(found, agent.organisation.timezone)
    if form.validate_on_submit():
        try:
            changed = services.save(agent, usager_id, form.values(), connu=form.connu.data or "")
        except DomainError as refusal:
            if refusal.status != 409:
                raise
            found = services.require_whole(agent, usager_id)
            now = _identity(found) if isinstance(refusal, Perime) else ()
            if isinstance(refusal, Perime):  # the next try is made knowing what is there now
                form.connu.data = services.cle(found)
            return refused(refusal, MODIFIER, form=form, usager=found, maintenant=now)
        flash("La fiche est enregistrée." if changed else "Rien n’a changé.", "success")
        return go_to(url_for(".usager", usager_id=usager_id))
    return respond(MODIFIER, form=form, usager=found, maintenant=())


@bp.route("/usagers/<int:usager_id>/proches", methods=["GET", "POST"])
@declares(Droit.GERER_USAGERS)
@keeps_form
def nouveau_proche(usager_id: int) -> ResponseReturnValue:
    """Add somebody whose messages this person reads."""
    agent = current_agent()
    found = services.require_whole(agent, usager_id)
    form = ProcheForm(agent.organisation.timezone, data={"nom": found.last_name})
    if form.validate_on_submit():
        who = form.identity
        relative = Identity(who.prenom, who.nom, found.phone, found.email, who.date_naissance, who.numero_dossier)
        try:
            made, _ = services.create(agent, relative, envoi=form.envoi.data or "", responsable_id=usager_id)
        except DomainError as refusal:
            if refusal.status != 409:
                raise
            found = services.require_whole(agent, usager_id)
            return refused(refusal, NOUVELLE, form=form, responsable=found, ressemblent=())
        flash(f"{made.nom_complet} est ajouté·e : ses messages vont à {found.nom_complet}.", "success")
        return go_to(url_for(".usager", usager_id=usager_id))
    return respond(NOUVELLE, form=form, responsable=found, ressemblent=())


@bp.route("/usagers/<int:usager_id>/detacher", methods=["GET", "POST"])
@declares(Droit.GERER_USAGERS)
@keeps_form
def detacher_usager(usager_id: int) -> ResponseReturnValue:
    """Nobody else reads their messages any more, once what that means has been read."""
    agent = current_agent()
    found = services.require_whole(agent, usager_id)
    form = BaseForm()
    if form.validate_on_submit():
        services.unlink(agent, usager_id)
        flash(f"Les messages de {found.nom_complet} ne vont plus à quelqu’un d’autre.", "success")
        return go_to(url_for(".usager", usager_id=usager_id))
    return respond("agent/usager_detacher.html", form=form, usager=found)


def _people(ids: Sequence[int]) -> list[Trouve]:
    agent = current_agent()
    among = services_with(agent.octrois(), Droit.VOIR, agent.organisation_id)
    return [shown(one, full, False) for one, full in queries.shown(agent.organisation_id, among, ids, agent.id)]


def _page(fiche: services.Fiche) -> dict[str, Any]:
    """All that the file shows (rule 15: what reception needs, sessions to come only)."""
    agent, usager = current_agent(), fiche.usager
    among = services_with(agent.octrois(), Droit.VOIR, agent.organisation_id)
    context: dict[str, Any] = {
        "usager": usager,
        "fiche": fiche,
        "vue": shown(usager, fiche.entiere, False),
        "venir": _coming(usager, among),
        "invitations": _invitations(usager, among),
        "motifs": [one for one in invitations.motifs_open(agent.organisation_id) if may(agent, Droit.GERER_RDV, one)],
        "proches": (),
        "ressemblent": (),
    }
    if fiche.entiere:
        context |= {
            "lignes": _identity(usager),
            "messages": _messages(usager),
            "proches": foyer.relatives_of(usager.id),
            "ressemblent": _people(queries.lookalikes(agent.organisation_id, usager)),
        }
    return context


def _identity(usager: Usager) -> list[tuple[str, str, str]]:
    """(what, value, link) of what the file says."""
    tz = current_agent().organisation.timezone
    phone = phones.national(usager.phone, phones.region_of_timezone(tz)) if usager.phone else ""
    lines = [
        ("Nom", usager.nom_complet, ""),
        ("Date de naissance", full_date(usager.birth_date) if usager.birth_date else "", ""),
        ("Téléphone", phone, f"tel:{usager.phone}" if usager.phone else ""),
        ("Courriel", usager.email or "", f"mailto:{usager.email}" if usager.email else ""),
        ("Numéro de dossier", usager.numero_dossier or "", ""),
    ]
    return [(what, value, href) for what, value, href in lines if value or not usager.responsable_id]


def _messages(usager: Usager) -> list[str]:
    """To whom their messages go, and by what; what does not reach them, and why."""
    reader, found = usager.lecteur, []
    ways = [{Canal.SMS: "SMS", Canal.COURRIEL: "courriel"}[canal] for canal in addresses(usager)]
    whom = f"Ses messages vont à {reader.nom_complet}" if reader is not usager else "Ses messages lui parviennent"
    found.append(f"{whom} par {' et '.join(ways)}." if ways else "Aucun message ne peut partir : à appeler ou à voir.")
    if reader.phone and not can_receive_sms(reader.phone):
        found.append("Pas de SMS : numéro fixe ou étranger.")
    elif reader.phone and not reader.notify_by_sms:
        found.append("Refuse les SMS.")
    if reader.email and not reader.notify_by_email:
        found.append("Refuse les courriels.")
    return found


def _coming(usager: Usager, among: Any) -> list[Ligne]:
    agent = current_agent()
    tz = agent.organisation.timezone
    return [
        Ligne(
            url_for(".fiche", rdv_id=place.rdv_id),
            f"{place.rdv.motif.name}, {long_moment(place.rdv.starts_at, tz)}",
            "séance annulée" if place.rdv.cancelled_at else place.statut.label,
            "ok" if place.occupe else "flat",
        )
        for place in queries.coming(agent.organisation_id, among, usager.id, utcnow())
    ]


def _invitations(usager: Usager, among: Any) -> list[Ligne]:
    now, tz = utcnow(), current_agent().organisation.timezone
    found = []
    for row, seated in invitations.of_person(current_agent().organisation_id, among, usager.id):
        etat = row.moments(reservee=seated).etat(now)
        if etat in (EtatInvitation.ENVOYEE, EtatInvitation.OUVERTE):
            href = url_for(".invitations", motif_id=row.motif_id)
            found.append(
                Ligne(href, f"{row.motif.name}, jusqu’au {long_moment(row.expire_le, tz)}", etat.label, "info")
            )
    return found
