"""Places in a session: read, taken, changed, given back, by the doors of the pages (docs/domain.md rules 7 to 10)."""

from typing import Any

from flask import url_for

from webapp.clock import utcnow
from webapp.domain import phones
from webapp.domain.contacts import ContactError, clean_name, read_email
from webapp.domain.dates import local
from webapp.domain.droits import Droit
from webapp.domain.errors import Introuvable, Perime
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur, Statut
from webapp.models import Agent, Canal, Champ, Participation, Rdv
from webapp.queries import api as queries
from webapp.queries import usagers as people
from webapp.services import booking, droits

from . import rdvs, schemas
from .curseurs import after, links, page, row_id
from .errors import Change, Invalide
from .registry import Answer, Asked, known_versions, operation

OLDEST = 120  # years


@operation(
    "GET",
    "/rdvs/<int:rdv_id>/participations",
    resume="Qui a, ou a eu, une place dans une séance",
    droit=Droit.VOIR,
    target=rdvs.find,
    query=schemas.Page,
    answers={200: schemas.Participations},
)
def participations(asked: Asked) -> Answer:
    (last,) = after(asked.query.curseur, row_id) or (0,)
    found = queries.participations(asked.target, last, asked.query.limite + 1)
    shown, cursor = page(found, asked.query.limite, lambda place: [place.id])
    body = schemas.Participations(donnees=[vue(one, asked.target) for one in shown], suite=cursor)
    return Answer(200, body, links(cursor))


@operation(
    "POST",
    "/rdvs/<int:rdv_id>/participations",
    resume="Inscrire quelqu’un",
    droit=Droit.GERER_RDV,
    target=rdvs.find,
    body=schemas.Inscription,
    answers={201: schemas.Participation, 200: schemas.Participation},
    errors=frozenset({409}),
)
def inscrire(asked: Asked) -> Answer:
    """201; 200 when the person already had this seat."""
    session, wanted = asked.target, asked.body
    booked = booking.book_seat(
        session.id,
        _identity(session, wanted) if wanted.usager_id is None else _known(asked.agent, wanted),
        by=Acteur.AGENT,
        envoi=asked.envoi,
        agent=asked.agent,
        usager_id=wanted.usager_id,
        surbooking=wanted.surbooking,
        prevenir=wanted.prevenir,
    )
    place = find(asked.agent, Droit.GERER_RDV, booked.participation_id)
    answer = _one(place, 200 if booked.deja else 201)
    answer.headers["Location"] = url_for("api.participation", participation_id=place.id)
    return answer


def find(agent: Agent, droit: Droit, participation_id: int) -> Participation:
    """That place in a session of the organisation, if the token has that right there."""
    found = queries.participation(agent.organisation_id, participation_id)
    if found is None:
        raise Introuvable
    droits.require(agent, droit, found.rdv)
    return found


@operation(
    "GET",
    "/participations/<int:participation_id>",
    resume="La place de quelqu’un",
    droit=Droit.VOIR,
    target=find,
    answers={200: schemas.Participation},
)
def participation(asked: Asked) -> Answer:
    return _one(asked.target, 200)


@operation(
    "PATCH",
    "/participations/<int:participation_id>",
    resume="Noter un statut : présent, absent, excusé…",
    droit=Droit.GERER_RDV,
    target=find,
    body=schemas.ChangementStatut,
    answers={200: schemas.Participation},
    errors=frozenset({409}),
    if_match=True,
)
def changer_statut(asked: Asked) -> Answer:
    wanted = asked.body
    return _one(_move(asked, wanted.statut, prevenir=wanted.prevenir, surbooking=wanted.surbooking), 200)


@operation(
    "DELETE",
    "/participations/<int:participation_id>",
    resume="Retirer quelqu’un d’une séance : sa place est rendue, son statut devient « annule »",
    droit=Droit.GERER_RDV,
    target=find,
    query=schemas.Retrait,
    answers={204: None},
    errors=frozenset({409}),
    if_match=True,
)
def retirer(asked: Asked) -> Answer:
    place = _move(asked, Statut.ANNULE, prevenir=asked.query.prevenir == "1")
    return Answer(204, headers={"ETag": f'"{place.version}"'}, participation_id=place.id)


def _move(asked: Asked, statut: Statut, **how: bool) -> Participation:
    """The place as it is now; `Change` when it is no longer the version the program knows, unless it has that status
    already (RFC 9110, 13.1.1)."""
    place, known = asked.target, known_versions()
    if known is not None and place.version not in known and place.statut is not statut:
        raise _changed(place)
    version = place.version if known is not None else None
    try:
        booking.change_statut(place.id, statut, by=Acteur.AGENT, agent=asked.agent, version=version, **how)
    except Perime:
        raise _changed(find(asked.agent, Droit.GERER_RDV, place.id)) from None
    return find(asked.agent, Droit.GERER_RDV, place.id)


def _changed(place: Participation) -> Change:
    """With the version there is now."""
    return Change(
        f"Cette place est passée à « {place.statut.label} » entre-temps. Lisez-la à nouveau.",
        headers={"ETag": f'"{place.version}"'},
    )


def _one(place: Participation, status: int) -> Answer:
    return Answer(status, vue(place, place.rdv), {"ETag": f'"{place.version}"'}, participation_id=place.id)


def vue(place: Participation, rdv: Rdv) -> schemas.Participation:
    """What a row of the sheet shows (docs/domain.md rule 15), with the times a program needs."""
    tz, person = rdv.organisation.timezone, place.usager
    asked = rdv.motif.asks(Champ.NUMERO_DOSSIER)
    return schemas.Participation(
        id=place.id,
        version=place.version,
        rdv_id=place.rdv_id,
        statut=place.statut,
        usager=schemas.UsagerInscrit(
            id=place.usager_id,
            prenom=person.first_name,
            nom=person.last_name,
            telephone=place.contact_of(Canal.SMS) or None,
            courriel=place.contact_of(Canal.COURRIEL) or None,
        ),
        numero_dossier=((place.numero_dossier or person.numero_dossier) if asked else None) or None,
        origine=place.origine,
        inscrit_le=local(place.inscrit_le, tz),
        statut_le=local(place.statut_le, tz),
        statut_par=place.statut_par,
    )


def _known(agent: Agent, wanted: schemas.Inscription) -> None:
    """Somebody of the organisation: nothing else is said about them, a file is not changed from here."""
    wrong = []
    if people.of_organisation(agent.organisation_id, wanted.usager_id or 0) is None:
        wrong.append(("usager_id", "Cette personne n’est pas connue de votre organisation."))
    names = ("prenom", "nom", "telephone", "courriel", "date_naissance", "numero_dossier")
    wrong += [(name, "Donnez usager_id, ou l’identité, pas les deux.") for name in names if getattr(wanted, name)]
    _raise(wrong)


def _identity(rdv: Rdv, wanted: schemas.Inscription) -> Identity:
    """Who is named, cleaned as the agents' form does; raises `Invalide`."""
    wrong: list[tuple[str, str]] = []
    values: dict[str, Any] = {"prenom": wanted.prenom, "nom": wanted.nom}
    wrong += [(name, "Cette valeur est obligatoire.") for name, value in values.items() if value is None]
    tz = rdv.organisation.timezone
    phone, email = clean_name(wanted.telephone or ""), clean_name(wanted.courriel or "")
    try:
        values["telephone"] = phones.parse(phone, phones.region_of_timezone(tz)) if phone else None
    except phones.PhoneError as error:
        wrong.append(("telephone", error.message_fr))
    try:
        values["courriel"] = read_email(email) if email else None
    except ContactError as error:
        wrong.append(("courriel", error.message_fr))
    for champ in (Champ.DATE_NAISSANCE, Champ.NUMERO_DOSSIER):
        if getattr(wanted, champ) and not rdv.motif.asks(champ):
            wrong.append((champ.value, "Ce motif ne le demande pas."))
    born, today = wanted.date_naissance, local(utcnow(), tz).date()
    if born is not None and not (born <= today and today.year - OLDEST <= born.year):
        wrong.append(("date_naissance", "Vérifiez la date de naissance."))
    values |= {"date_naissance": born, "numero_dossier": clean_name(wanted.numero_dossier or "") or None}
    _raise(wrong)
    return Identity(**values)


def _raise(wrong: list[tuple[str, str]]) -> None:
    if wrong:
        raise Invalide([{"pointer": f"#/{name}", "detail": detail} for name, detail in wrong])
