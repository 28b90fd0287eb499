"""The file of a person, as agents keep it: who may see it, create it, correct it (docs/domain.md rules 9 and 14)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from sqlalchemy import delete, select

from webapp.clock import utcnow
from webapp.domain.contacts import identity_keys
from webapp.domain.dates import local
from webapp.domain.droits import Droit, services_with
from webapp.domain.errors import Interdit, Introuvable, Perime, Refus
from webapp.domain.events import FicheModifiee
from webapp.domain.identity import Identity
from webapp.domain.recurrence import to_utc
from webapp.extensions import db
from webapp.models import Agent, Canal, Journal, Usager, UsagerCle
from webapp.notifications.base import emit
from webapp.queries import foyer, repertoire

from . import journal
from .droits import grantors, require_somewhere
from .organisation import set_fields
from .transaction import transaction
from .usagers import claim, find_or_create, holder_of, index_again, organisations_of, search_text

PERSONNELS = ("first_name", "last_name", "birth_date", "phone", "email", "numero_dossier")
"""What the journal names when it changes, and never quotes: it goes with the person (rule 23)."""
CANAUX = ("notify_by_sms", "notify_by_email")
CONTACTS = {Canal.SMS: "phone", Canal.COURRIEL: "email"}
MASQUEE = "Cette fiche ne se modifie pas d’ici : la personne n’a pas encore de séance dans vos services."
PROCHES_MAX = 12


@dataclass(frozen=True, slots=True)
class Fiche:
    """A person as one agent may see them: in full (`entiere`), and to be changed (`modifiable`) or not."""

    usager: Usager
    entiere: bool
    modifiable: bool


def look(agent: Agent, usager_id: int) -> Fiche:
    """That person of the agent's organisation. Raises `Introuvable`, `Interdit`."""
    require_somewhere(agent, Droit.GERER_USAGERS)
    organisation_id, octrois = agent.organisation_id, agent.octrois()
    usager = repertoire.person(organisation_id, usager_id)
    if usager is None:
        raise Introuvable("Cette personne n’est pas connue de votre organisation.")
    sees = services_with(octrois, Droit.VOIR, organisation_id)
    manages = services_with(octrois, Droit.GERER_USAGERS, organisation_id)
    full = bool(repertoire.in_full(organisation_id, sees, [usager_id], agent.id))
    if sees == manages or not full:
        return Fiche(usager, full, full)
    return Fiche(usager, full, bool(repertoire.in_full(organisation_id, manages, [usager_id], agent.id)))


def require_whole(agent: Agent, usager_id: int) -> Usager:
    """The same, to change it. Raises `Introuvable` when their contact is masked, `Interdit` when the right is held in
    another of the services that show them."""
    fiche = look(agent, usager_id)
    if not fiche.entiere:
        raise Introuvable(MASQUEE)
    if not fiche.modifiable:
        droit = Droit.GERER_USAGERS
        raise Interdit(droit, droit.label, grantors(agent.organisation_id))
    return fiche.usager


def note_look(agent: Agent, usager: Usager) -> None:
    """A file was looked at: one line per agent, person and day."""
    tz = agent.organisation.timezone
    midnight = to_utc(local(utcnow(), tz).date(), time(), tz)
    known = select(Journal.id).where(
        Journal.sujet_type == "usager",
        Journal.sujet_id == usager.id,
        Journal.action == "fiche_vue",
        Journal.agent_id == agent.id,
        Journal.quand >= midnight,
    )
    if db.session.scalar(known.limit(1)) is None:
        with transaction():
            journal.note(agent.organisation_id, "fiche_vue", usager, agent=agent)


def cle(usager: Usager) -> str:
    """What a page showed of a file: it has changed when this has."""
    shown = [str(getattr(usager, name)) for name in (*PERSONNELS, *CANAUX, "responsable_id")]
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def create(agent: Agent, identity: Identity, *, envoi: str, responsable_id: int | None = None) -> tuple[Usager, bool]:
    """A file for somebody, or the one they have already; whether it is new. The same form sent twice creates one.
    `responsable_id`: who reads their messages. Raises `Introuvable`, `Interdit`, `Refus`."""
    require_somewhere(agent, Droit.GERER_USAGERS)
    with transaction():
        responsable = hold(agent, responsable_id) if responsable_id else None
        if responsable is not None:
            _may_answer(responsable)
        usager, new = find_or_create(
            agent.organisation_id, identity, responsable=responsable, agent_id=agent.id, form=_form(agent, envoi)
        )
        if new:
            _follow(usager, {})  # recognised where the birth date is not asked, too
            journal.note(agent.organisation_id, "usager_cree", usager, agent=agent)
        elif responsable is not None and usager.responsable_id != responsable.id:
            raise Refus(f"{usager.nom_complet} a déjà sa propre fiche, avec ce contact.")
        return usager, new


def already(agent: Agent, identity: Identity, *, envoi: str) -> int | None:
    """The file this form created, or that of who has this name and contact."""
    form = _form(agent, envoi)
    return holder_of(agent.organisation_id, [*([form] if form else []), *identity.keys()])


def _form(agent: Agent, envoi: str) -> str:
    return hashlib.sha256(repr(("fiche", agent.id, envoi)).encode()).hexdigest() if envoi else ""


def _may_answer(usager: Usager) -> None:
    if usager.responsable_id is not None:
        raise Refus(f"Les messages de {usager.nom_complet} vont déjà à quelqu’un d’autre : ajoutez le proche là-bas.")
    if len(foyer.relatives_of(usager.id)) >= PROCHES_MAX:
        raise Refus(f"{PROCHES_MAX} proches au plus pour une personne.")


def save(agent: Agent, usager_id: int, data: dict[str, Any], *, connu: str = "") -> bool:
    """Correct a file; its keys follow in the same transaction, who was reached by a contact that goes is told there.
    Answers whether anything changed. Raises `Perime` when somebody saved it meanwhile, `Refus` when the new name and
    contact are somebody else's."""
    unknown = set(data) - {*PERSONNELS, *CANAUX}
    if unknown:
        raise ValueError(f"not fields of a file: {sorted(unknown)}")
    with transaction():
        usager = hold(agent, usager_id)
        if all(getattr(usager, name) == value for name, value in data.items()):
            return False
        if connu and connu != cle(usager):
            raise Perime(
                f"{_last_editor(usager)} vient d’enregistrer cette fiche : regardez, puis enregistrez à nouveau."
            )
        before = _keys_of_household(usager)
        old = {canal: getattr(usager, name) for canal, name in CONTACTS.items()}
        changed = set_fields(usager, data)
        usager.recherche = search_text(usager)
        db.session.flush()
        _follow(usager, before)
        if {"first_name", "last_name"} & set(changed):
            index_again(usager)
        names = [name for name in PERSONNELS if name in changed]
        values = {name: changed[name] for name in CANAUX if name in changed}
        journal.note(agent.organisation_id, "usager_modifie", usager, agent=agent, champs=names, changements=values)
        gone = {canal.value: to for canal, to in old.items() if to and getattr(usager, CONTACTS[canal]) != to}
        if gone:
            emit(
                FicheModifiee(
                    auteur_agent_id=agent.id,
                    usager_id=usager.id,
                    organisation_id=agent.organisation_id,
                    moment=utcnow().isoformat(),
                    anciens=gone,
                )
            )
        return True


def unlink(agent: Agent, usager_id: int) -> None:
    """Nobody answers for that person any more: their messages are their own."""
    with transaction():
        usager = hold(agent, usager_id)
        if usager.responsable_id is None:
            return
        usager.responsable_id = None
        db.session.flush()
        journal.note(agent.organisation_id, "usager_detache", usager, agent=agent)


def hold(agent: Agent, usager_id: int) -> Usager:
    """The person's row, held, once the agent may change it."""
    require_whole(agent, usager_id)
    found = db.session.get(Usager, usager_id, populate_existing=True, with_for_update=True)
    if found is None or found.anonymise_le is not None:
        raise Introuvable
    return found


def _last_editor(usager: Usager) -> str:
    line = db.session.scalars(
        select(Journal)
        .where(Journal.sujet_type == "usager", Journal.sujet_id == usager.id, Journal.action == "usager_modifie")
        .order_by(Journal.id.desc())
        .limit(1)
    ).first()
    return line.agent.nom_complet if line and line.agent else "Quelqu’un"


def _keys(usager: Usager, phone: str | None, email: str | None) -> list[str]:
    """What somebody is recognised by, where the birth date is asked and where it is not."""
    dates: Sequence[date | None] = (usager.birth_date, None) if usager.birth_date else (None,)
    return [key for born in dates for key in identity_keys(usager.first_name, usager.last_name, born, phone, email)]


def _keys_of_household(usager: Usager) -> dict[int, list[str]]:
    """Person → keys, of somebody and of those they answer for, who are recognised by the same contact."""
    reader = usager.lecteur
    found = {usager.id: _keys(usager, reader.phone, reader.email)}
    for one in foyer.relatives_of(usager.id):
        found[one.id] = _keys(one, usager.phone, usager.email)
    return found


def _follow(usager: Usager, before: dict[int, list[str]]) -> None:
    """The keys are those of the names and contacts there are now. Raises `Refus` when they are somebody else's."""
    after = _keys_of_household(usager)
    mine = after[usager.id][: len(identity_keys("a", "a", None, usager.lecteur.phone, usager.lecteur.email))]
    for organisation_id in organisations_of(usager.id):
        if holder_of(organisation_id, mine) not in (None, usager.id):
            raise Refus("Une autre fiche a déjà ce nom avec ce contact : vérifiez si c’est la même personne.")
        for usager_id, keys in after.items():
            gone = set(before.get(usager_id, ())) - set(keys)
            db.session.execute(
                delete(UsagerCle).where(
                    UsagerCle.organisation_id == organisation_id,
                    UsagerCle.usager_id == usager_id,
                    UsagerCle.cle.in_(gone),
                )
            )
            held = set(
                db.session.scalars(
                    select(UsagerCle.cle).where(UsagerCle.organisation_id == organisation_id, UsagerCle.cle.in_(keys))
                )
            )
            if free := [key for key in keys if key not in held]:
                claim(organisation_id, free, usager_id)
