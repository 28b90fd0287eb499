"""The collective sheet in words: its header, its people, what became of their messages, who did what."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import url_for

from webapp.clock import utcnow
from webapp.domain import phones
from webapp.domain.capacity import ReservablePar
from webapp.domain.dates import day_month, hour, local, long_date, span
from webapp.domain.participation import Acteur, Etat, Statut, etat, seconds_left
from webapp.domain.settings import Reglage, nom_sms, resolve
from webapp.models import Canal, Champ, EtatNotification, FileAttente, Participation, Rdv, TypeLieu
from webapp.notifications.people import lecteurs
from webapp.queries import attente, fiche
from webapp.services.preferences import choosable, voies
from webapp.web import envois
from webapp.web.auth import current_agent
from webapp.web.envois import CANAUX, message_name, without_contacts
from webapp.web.recit import sentence
from webapp.web.vues import AttenteVue, PersonneVue

RESERVABLE = {
    ReservablePar.AGENTS: "les agents seulement",
    ReservablePar.INVITES: "les personnes invitées",
    ReservablePar.TOUS: "tout le monde, en ligne",
    ReservablePar.ENTREE_LIBRE: "entrée libre, sans inscription",
}
WAITING = (EtatNotification.A_ENVOYER, EtatNotification.EN_COURS)
DONE = {
    Statut.INSCRIT: "inscription notée",
    Statut.PRESENT: "présence notée",
    Statut.ABSENT: "absence notée",
    Statut.EXCUSE: "excuse notée",
    Statut.ANNULE: "place retirée",
}
"""What is said aloud when somebody's status changed."""


@dataclass(frozen=True, slots=True)
class LotVue:
    """What one click did to several people, and for how many seconds it can be taken back."""

    lot: int
    phrase: str
    retour: int


@dataclass(frozen=True, slots=True)
class Entete:
    """The top of the sheet; a session that has started says what it was at its start (docs/domain.md rule 3)."""

    motif: str
    intitule: str
    quand: str
    lieu: str
    adresse: str
    agents: str
    etat: Etat
    annulee: str
    reglages: Sequence[tuple[str, str, str]]


def state(rdv: Rdv, statuts: Iterable[Statut] = ()) -> Etat:
    """The session's own state, from those of its people."""
    return etat(
        now=utcnow(),
        starts_at=rdv.starts_at,
        ends_at=rdv.ends_at,
        cancelled=rdv.cancelled_at is not None,
        statuts=statuts,
    )


def header(rdv: Rdv, people: Iterable[Participation]) -> Entete:
    """All that stands above the list of people."""
    tz, frozen = rdv.organisation.timezone, rdv.fige or {}
    return Entete(
        motif=frozen.get("motif", rdv.motif.name),
        intitule=rdv.intitule,
        quand=f"{long_date(rdv.starts_at, tz)}, {span(rdv.starts_at, rdv.ends_at, tz)}",
        lieu=place(rdv),
        adresse=frozen.get("adresse", rdv.lieu.adresse_complete if rdv.lieu else ""),
        agents=listed([agent.nom_court for agent in rdv.agents]),
        etat=state(rdv, {p.statut for p in people}),
        annulee=cancelled(rdv),
        reglages=settings(rdv),
    )


def place(rdv: Rdv) -> str:
    """ "Salle Simone-Veil, Maison des solidarités": as it is, or as it was when the session started."""
    frozen = rdv.fige or {}
    lieu, salle = (rdv.lieu.name if rdv.lieu else ""), (rdv.salle.name if rdv.salle else "")
    names = ", ".join(name for name in (frozen.get("salle", salle), frozen.get("lieu", lieu)) if name)
    visio = rdv.motif.location_type is TypeLieu.VISIO or rdv.lien_visio
    return names or ("À distance" if visio else "Lieu à préciser")


def settings(rdv: Rdv) -> list[tuple[str, str, str]]:
    """(name, effective value, where it comes from) of what a session may inherit."""
    levels: dict[str, Any] = {"rdv": rdv, "plage": rdv.plage_ouverture, "motif": rdv.motif}
    own = rdv.capacite_propre is not None
    seats = Reglage(rdv.capacite_max, "rdv") if own else resolve("capacite_max", **{**levels, "rdv": None})
    who = resolve("reservable_par", **levels)
    found = [
        ("Capacité", Reglage(rdv.capacite_max, seats.source), "sans limite"),
        ("Qui peut s’inscrire", Reglage(RESERVABLE[who.valeur], who.source), ""),
        ("Nom dans les SMS", Reglage(nom_sms(**levels), resolve("nom_sms", **levels).source), ""),
        ("Avant l’inscription", resolve("instructions_avant", **levels), "rien de particulier"),
        ("Après l’inscription", resolve("instructions_apres", **levels), "rien de particulier"),
    ]
    if rdv.motif.location_type is TypeLieu.VISIO:
        found.append(("Lien de la visio", resolve("lien_visio", **levels), "pas encore donné"))
    return [(name, str(one.valeur or empty), one.provenance) for name, one, empty in found]


def listed(names: Sequence[str]) -> str:
    """ "Nadia K., Paul R. et Léa M."."""
    return " et ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def rows(
    rdv: Rdv, people: Sequence[Participation], *, editable: bool, alerts: Mapping[int, str] | None = None
) -> list[PersonneVue]:
    """These people as rows of the sheet: one statement for all their messages."""
    told: dict[int, list[Any]] = defaultdict(list)
    readers = {p.usager.responsable_id or p.usager_id for p in people} if len(people) <= 20 else None
    for message in fiche.messages(rdv, readers) if people else ():
        for participation_id in message.participation_ids:
            told[participation_id].append(message)
    return [row(rdv, p, told[p.id], editable, (alerts or {}).get(p.id, "")) for p in people]


def row(rdv: Rdv, p: Participation, told: Sequence[Any], editable: bool, alert: str) -> PersonneVue:
    """One person (docs/domain.md rule 15)."""
    tz, phone, email = rdv.organisation.timezone, p.contact_of(Canal.SMS), p.contact_of(Canal.COURRIEL)
    cancelled_with_it = p.statut is Statut.ANNULE and p.statut_le == rdv.cancelled_at
    word, tone = message_word(p, told, cancelled_with_it)
    asked = rdv.motif.asks(Champ.NUMERO_DOSSIER)
    link = {"rdv_id": rdv.id, "participation_id": p.id}
    return PersonneVue(
        id=p.id,
        version=p.version,
        nom=p.usager.nom_liste,
        nom_dit=p.usager.nom_complet,
        statut=p.statut,
        trop_tot=too_early(rdv),
        seance_annulee=cancelled_with_it,
        statut_url=url_for("agent.statut", **link),
        contact=phones.national(phone) if phone else email or "",
        tel=phone or "",
        numero_dossier=(p.numero_dossier or p.usager.numero_dossier or "") if asked else "",
        retrait_url=url_for("agent.retrait", **link) if editable else "",
        relance=editable and p.statut is Statut.ABSENT,
        deplacement_url=url_for("agent.deplacement", **link) if editable and will_be_told(rdv) else "",
        origine=f"{_origin(p)}, le {day_month(p.inscrit_le, tz)}",
        mot=word,
        ton=tone,
        joindre=_unreachable(p),
        messages=[_message(message, tz) for message in told] + ([f"Courriel : {email}."] if phone and email else []),
        en_cours=any(message.etat in WAITING for message in told),
        note=p.note,
        note_url=url_for("agent.note_personne", **link) if editable else "",
        retour=undo_seconds(p) if editable and (p.avant or {}).get("lot") is None else 0,
        alerte=alert,
    )


def undo_seconds(p: Participation) -> int:
    """For how long the agent may still take back what they did to that person; 0 when it is too late, or not theirs."""
    mine = p.statut_par_agent_id == current_agent().id and "statut" in (p.avant or {})
    return seconds_left(p.statut_le, utcnow()) if mine else 0


def last_lot(people: Iterable[Participation]) -> LotVue | None:
    """Those the agent has just moved with one click, if it can be taken back."""
    lots: dict[int, list[Participation]] = defaultdict(list)
    for p in people:
        if undo_seconds(p) and (p.avant or {})["lot"] == p.rdv_version:
            lots[p.rdv_version].append(p)
    several = [lot for lot, those in lots.items() if len(those) > 1]
    if not several:
        return None
    those = lots[max(several)]
    return LotVue(max(several), f"{len(those)} personnes notées « {those[0].statut.label} ».", undo_seconds(those[0]))


def waiting(rdv: Rdv) -> list[AttenteVue]:
    """Who waits for a seat there, in order: one statement; none where nobody does."""
    if not rdv.places_attente:
        return []
    return [_waits(rdv, entry, rang) for rang, entry in enumerate(attente.with_people(rdv), 1)]


def _waits(rdv: Rdv, entry: FileAttente, rang: int) -> AttenteVue:
    tz, phone, email = rdv.organisation.timezone, entry.contact_of(Canal.SMS), entry.contact_of(Canal.COURRIEL)
    link = {"rdv_id": rdv.id, "attente_id": entry.id}
    return AttenteVue(
        id=entry.id,
        version=entry.version,
        rang=rang,
        nom=entry.usager.nom_liste,
        nom_dit=entry.usager.nom_complet,
        places=entry.places,
        mot=f"place proposée jusqu’au {_when(entry.jusqua, tz)}" if entry.jusqua else "en attente",
        ton="info" if entry.jusqua else "flat",
        depuis=_when(entry.inscrit_le, tz),
        donner_url=url_for("agent.donner_place", **link),
        retrait_url=url_for("agent.retrait_attente", **link),
        contact=phones.national(phone) if phone else email or "",
        tel=phone or "",
        appeler=lecteurs([entry])[0].a_appeler,
        avec=listed([f"{one['prenom']} {one['nom']}" for one in entry.accompagnants]) if entry.accompagnants else "",
    )


def texts_left(rdv: Rdv) -> int:
    """How many texts its organisation can still send today."""
    return envois.texts_left(rdv.organisation)


def too_early(rdv: Rdv) -> bool:
    """Is it before the session's day? Then nobody is noted present or absent (docs/domain.md rule 10)."""
    tz = rdv.organisation.timezone
    return local(utcnow(), tz).date() < local(rdv.starts_at, tz).date()


def message_word(p: Participation, told: Sequence[Any], cancelled_with_it: bool = False) -> tuple[str, str]:
    """One word for the person's messages, and its tone; what the person or the service decided goes first. Who had a
    place when the session was cancelled is to know that, and nothing else."""
    if cancelled_with_it:
        told = [message for message in told if message.event == "annulation"]
    elif p.statut is Statut.ANNULE:
        return ("a changé de séance" if p.deplacee_vers_id else "place retirée"), "flat"
    if p.statut is Statut.EXCUSE:
        reason = f" : {p.raison[0].lower()}{p.raison[1:]}" if p.raison else ""
        return ("a prévenu" if p.statut_par is Acteur.USAGER else "excuse notée") + reason, "warn"
    if lecteurs([p])[0].a_appeler:
        return "à appeler", "warn"
    if not p.prevenir or (cancelled_with_it and not told):
        return "sans message", "flat"
    return sent_word([m for m in told if m.event == told[-1].event])


def sent_word(told: Sequence[Any]) -> tuple[str, str]:
    """What became of one message by each of its channels, in a word, and its tone; nothing when nothing left."""
    last = [m for m in told if m.etat is not EtatNotification.IGNOREE]
    for states, text, tone in (
        ((EtatNotification.ENVOYEE,), "{} envoyé", "ok"),
        (WAITING, "{} en cours d’envoi", "flat"),
        ((EtatNotification.ECHEC,), "{} en échec", "bad"),
    ):
        channels = [CANAUX[m.canal] for m in last if m.etat in states]
        if channels:
            words = text.format(listed(sorted(set(channels))))
            plural = len(set(channels)) > 1
            return (words.replace("envoyé", "envoyés") if plural and tone == "ok" else words), tone
    return "", ""


def _message(message: Any, tz: str) -> str:
    what = f"{message_name(message.event)} par {CANAUX[message.canal]}"
    if message.etat is EtatNotification.ENVOYEE:
        return f"{what} : envoi le {_when(message.envoyee_le or message.cree_le, tz)}."
    if message.etat is EtatNotification.ECHEC:
        return f"{what} : échec. {without_contacts(message.erreur)}".strip()
    if message.etat is EtatNotification.IGNOREE:
        return f"{what} : pas envoyé. {message.erreur}".strip()
    return f"{what} : en cours d’envoi."


def _unreachable(p: Participation) -> list[str]:
    """What does not reach them, and why; who reads their messages when it is not themself."""
    sms, mail = voies(p)
    found = []
    if p.usager.responsable:
        found.append(f"Ses messages vont à {p.usager.responsable.nom_complet}.")
    if not sms.contact:
        found.append("Pas de SMS : aucun numéro.")
    elif not sms.possible:
        found.append("Pas de SMS : numéro fixe ou étranger.")
    elif not sms.acceptee:
        found.append("Pas de SMS pour cette séance." if p.refus_sms else "Refuse les SMS.")
    if not mail.possible:
        found.append("Pas de courriel : aucune adresse.")
    elif not mail.acceptee:
        found.append("Pas de courriel pour cette séance." if p.refus_courriel else "Refuse les courriels.")
    if not p.rappeler and p.rdv.motif.rappels:
        found.append("Ne veut pas de rappel.")
    return found


def channels(p: Participation) -> list[tuple[str, str, bool]]:
    """The boxes of « Prévenir par »; none for who can't be written to at all."""
    found = [(v.canal.value, CANAUX[v.canal], v.acceptee) for v in choosable(p, Acteur.AGENT)]
    return [*found, ("rappels", "avec les rappels", p.rappeler)] if found and p.rdv.motif.rappels else found


def _origin(p: Participation) -> str:
    """How the place was taken; whoever booked from another structure says which (docs/domain.md rule 17)."""
    if p.invitation_id is not None:
        return "en ligne, sur invitation"
    if p.origine is Acteur.AGENT and p.cree_par_agent:
        how = f"par {p.cree_par_agent.nom_court}"
    else:
        how = {Acteur.PRESCRIPTEUR: "", Acteur.AGENT: "par un agent"}.get(p.origine, "en ligne")
    if not p.prescripteur_nom:
        return how or "par un professionnel"
    who = f"par {p.prescripteur_nom} ({p.prescripteur_structure}, {p.prescripteur_courriel})"
    return f"{how}, puis {who}" if how else who


def cancelled(rdv: Rdv) -> str:
    """When the session was cancelled and why, or nothing."""
    if rdv.cancelled_at is None:
        return ""
    tz = rdv.organisation.timezone
    reason = f" Raison : {rdv.cancelled_reason}." if rdv.cancelled_reason else ""
    return f"Cette séance a été annulée le {_when(rdv.cancelled_at, tz)}.{reason}"


def _when(moment: datetime, tz: str) -> str:
    return f"{day_month(moment, tz)} à {hour(moment, tz)}"


def journal(rdv: Rdv) -> list[tuple[datetime, str, str]]:
    """(moment, the moment in words, sentence) of the last things done, latest first."""
    tz = rdv.organisation.timezone
    return [
        (
            local(line.quand, tz),
            _when(line.quand, tz),
            sentence(
                line, line.agent.nom_court if line.agent else "", f"{first} {last}".strip() if last else "quelqu’un"
            ),
        )
        for line, first, last in fiche.journal(rdv)
    ]


def heading(rdv: Rdv) -> str:
    """One session in one line: "Mes droits au RSA, mardi 3 mars 2026, 14 h à 16 h"."""
    tz = rdv.organisation.timezone
    return f"{rdv.motif.name}, {long_date(rdv.starts_at, tz)}, {span(rdv.starts_at, rdv.ends_at, tz)}"


def will_be_told(rdv: Rdv) -> bool:
    """Do messages still go out about it? Not once it has started (docs/notifications.md)."""
    return utcnow() < rdv.starts_at
