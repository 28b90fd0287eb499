"""From a claimed row to a message ready to leave, or to the reason why it no longer should."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flask import current_app

from webapp import links
from webapp.domain import sms
from webapp.domain.contacts import clean_name
from webapp.extensions import db
from webapp.links import address, token
from webapp.models import Canal, FileAttente, Notification, Organisation, Participation, Rdv
from webapp.queries import foyer
from webapp.queries import notifications as queries
from webapp.queries.notifications import SAYS_WHERE, Batch

from . import content, ics
from .acces import Acces
from .account import AgentNotice
from .base import AGENT, ATTENTE, NEWER, USAGER, AddressNotice, Notice, SeanceNotice
from .contact_modifie import ContactModifie
from .content import Emetteur
from .deplacement import DEPLACEMENT
from .invitation import Invitation
from .outgoing import PERSONAL_LINK, Outgoing
from .people import Place, address_of, addresses, agents_to_tell, lecteurs
from .render import render_mail, render_sms, usager_context


@dataclass(frozen=True, slots=True)
class Ignored:
    """It is no longer true, or no longer for them: never sent."""

    reason: str


@dataclass(frozen=True, slots=True)
class Postponed:
    """Not at this hour."""

    at: datetime


def compose(row: Notification, batch: Batch, now: datetime) -> Outgoing | Ignored | Postponed:
    """What the row says, checked again at the moment of sending."""
    notice = Notice.by_name.get(row.event)
    if isinstance(notice, AgentNotice):
        return _account(notice, row, batch, now)
    if isinstance(notice, Acces):
        return _to_contact(notice, row, batch, now)
    if isinstance(notice, Invitation):
        return _invited(notice, row, batch, now)
    if not isinstance(notice, SeanceNotice):
        return Ignored(f"Message inconnu de cette version : {row.event}")
    if isinstance(notice, ContactModifie) and row.sujet_type == USAGER:
        return _of_file(notice, row)
    rdv = batch.rdvs.get(row.rdv_id or 0)
    if rdv is None:
        return Ignored("La séance n’existe plus.")
    if rdv.starts_at <= now and not notice.after_start:
        return Ignored("La séance a déjà commencé.")
    if reason := notice.stale_rdv(rdv, row, now):
        return Ignored(reason)
    if later := notice.not_before(rdv, now):
        return Postponed(later)
    if isinstance(notice, AddressNotice):
        return _to_address(notice, row, batch, rdv, now)
    if row.destinataire_type == AGENT:
        return _to_agent(notice, row, batch, rdv, now)
    return _to_usager(notice, row, batch, rdv, now)


def _to_usager(notice: SeanceNotice, row: Notification, batch: Batch, rdv: Rdv, now: datetime) -> Outgoing | Ignored:
    reasons: list[str] = []
    kept: list[Place] = []
    for place in about(row, batch):
        if not notice.concerns(place, rdv):
            reasons.append("La personne n’est plus à prévenir.")
        elif reason := _stale(notice, place, row, now):
            reasons.append(reason)
        else:
            kept.append(place)
    if not kept:
        return Ignored(reasons[0] if reasons else "La participation n’existe plus.")
    change = _change(row, batch, rdv)
    if isinstance(change, Ignored):
        return change
    reader = next((r for r in lecteurs(kept) if r.usager.id == row.destinataire_id), None)
    to, places = next(iter(reader.adresses[row.canal].items()), ("", [])) if reader else ("", [])
    if reader is None or not to:
        return Ignored("Plus d’adresse pour ce canal, ou la personne le refuse.")
    emetteur, seance = Emetteur.of(rdv.organisation), content.of_rdv(rdv)
    # The link of a place told nowhere else: what it opens shows all that its reader was told of.
    opens = min(places, key=lambda place: len({address_of(place, reader.usager, canal) for canal in Canal}))
    waiting = opens if isinstance(opens, FileAttente) else None
    purpose = links.ATTENTE if waiting else links.PARTICIPATION
    lien = address(f"/p/{token(purpose, opens.lien_nonce)}")
    context = usager_context(
        seance,
        emetteur,
        prenom=reader.usager.first_name,
        prenoms=[place.usager.first_name for place in places],
        pour_soi=all(place.usager_id == reader.usager.id for place in places),
        lien=lien,
        deja=notice.deja(row),
        **_words(notice, row, seance, change),
        **({"attente": True, **notice.words_attente(waiting, row)} if waiting else {}),
    )
    base = replace(_envelope(row, emetteur, to), dit=content.ou_et_quand(rdv) if row.event in SAYS_WHERE else None)
    if row.canal is Canal.SMS:
        text = render_sms(row.event, context)
        return replace(
            base, sender=emetteur.sms, text=text, kept=_without(text, lien), segments=sms.measure(text).segments
        )
    mail = render_mail(row.event, context)
    household = batch.foyers.get((rdv.id, reader.usager.id), ())
    calendar, method = (b"", "") if waiting else _calendar(notice, row, places, household, seance, emetteur, to, now)
    return replace(
        base,
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        kept=_without(mail.text, lien),
        ics=calendar,
        ics_method=method,
        unsubscribe=f"{lien}/desabonnement" if notice.refusable else "",
    )


def about(row: Notification, batch: Batch) -> list[Place]:
    """The places the row is about, or the wait for one; those that still exist."""
    if row.sujet_type == ATTENTE:
        return [batch.attentes[row.sujet_id]] if row.sujet_id in batch.attentes else []
    return [batch.participations[i] for i in row.participation_ids if i in batch.participations]


def _stale(notice: SeanceNotice, place: Place, row: Notification, now: datetime) -> str | None:
    if isinstance(place, FileAttente):
        return notice.stale_attente(place, row, now)
    return notice.stale(place, row, now)


def _words(
    notice: SeanceNotice, row: Notification, seance: content.Seance, avant: Mapping[str, str] | None
) -> dict[str, Any]:
    """What this message says beside the session: the event's own words, what changed."""
    return {**notice.words(row), **({"change": content.Changement.of(seance, avant)} if avant else {})}


def _change(row: Notification, batch: Batch, rdv: Rdv) -> Mapping[str, str] | Ignored | None:
    """What its reader knows of where and when, if the row is to tell a change; the reason when there is nothing to tell
    any more."""
    if row.avant is None:
        return None
    if row.event == DEPLACEMENT:  # from one session to another: what was said of this one before does not matter
        return Ignored("La personne a retrouvé sa séance.") if row.avant["rdv"] == rdv.id else row.avant
    known = queries.known_before(row, batch.history.get(queries.reader_key(row), ()))
    if known is None:
        return Ignored(NEWER)
    if known == content.ou_et_quand(rdv):
        return Ignored("La personne le sait déjà, ou la séance est revenue à ce qu’elle savait.")
    return known


def _calendar(
    notice: SeanceNotice,
    row: Notification,
    places: Sequence[Place],
    household: Sequence[Participation],
    seance: content.Seance,
    emetteur: Emetteur,
    to: str,
    now: datetime,
) -> tuple[bytes, str]:
    """The event these places have in the calendar of that address, and what becomes of it; `household` are all those
    its reader answers for. It is cancelled with the last of them."""
    if not notice.calendar or any(char.isspace() for char in to):  # no address: the channel will refuse it
        return b"", ""
    here = [place for place in household if place.contact_of(Canal.COURRIEL) == to] or list(places)
    told, method = {place.id for place in places}, notice.calendar
    others = any(place.occupe and place.id not in told for place in here)
    if method == ics.CANCEL and others:
        return b"", ""
    number = min(place.agenda for place in (*here, *places))
    if row.event == DEPLACEMENT and row.avant and others:
        # They have this session in their calendar already: what is left to do is to take the other one out of it.
        left = foyer.places_read_by(row.destinataire_id, row.avant["rdv"])
        if not left or any(place.occupe for place in left):
            return b"", ""
        method, number = ics.CANCEL, min(place.agenda for place in left)
        seance = content.Changement.of(seance, row.avant).avant
    organizer = emetteur.courriel or current_app.config["MAIL_DEFAULT_SENDER"]
    made = ics.calendar(seance, emetteur, number, method=method, now=now, organizer=organizer, attendee=to)
    return made, method


def _to_agent(notice: SeanceNotice, row: Notification, batch: Batch, rdv: Rdv, now: datetime) -> Outgoing | Ignored:
    agent = batch.agents.get(row.destinataire_id)
    if agent is None or not agent.actif:
        return Ignored("Ce compte n’est plus actif.")
    personnes = 1
    if row.sujet_type == "participation":
        places = [batch.participations.get(i) for i in row.participation_ids or [row.sujet_id]]
        reasons = [notice.stale(place, row, now) for place in places if place is not None]
        if all(reasons):
            return Ignored(reasons[0] if reasons and reasons[0] else "La participation n’existe plus.")
        personnes = reasons.count(None)
    change = _change(row, batch, rdv)
    if isinstance(change, Ignored):
        return change
    if agent not in agents_to_tell(rdv, None, now, notice.starts(row.avant)):
        return Ignored("Cet agent n’anime plus la séance, ou ne veut plus être prévenu.")
    emetteur, seance = Emetteur.of(rdv.organisation), content.of_rdv(rdv)
    mail = render_mail(
        f"{row.event}/agent",
        {
            "seance": seance,
            "emetteur": emetteur,
            "prenom": clean_name(agent.first_name),
            "lien": address(f"/agent/rdv/{rdv.id}"),
            "preferences": address("/agent/preferences"),
            "personnes": personnes,
            **_words(notice, row, seance, change),
        },
    )
    return replace(
        _envelope(row, emetteur, agent.email),
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        kept=mail.text,
        dit=content.ou_et_quand(rdv) if row.event in SAYS_WHERE else None,
    )


def _to_address(notice: AddressNotice, row: Notification, batch: Batch, rdv: Rdv, now: datetime) -> Outgoing | Ignored:
    place = batch.participations.get(row.sujet_id)
    if place is None:
        return Ignored("La participation n’existe plus.")
    if reason := notice.stale(place, row, now):
        return Ignored(reason)
    emetteur, seance = Emetteur.of(rdv.organisation), content.of_rdv(rdv)
    words = {**notice.words(row), **notice.of_place(place)}
    context = usager_context(seance, emetteur, prenom="", prenoms=[""], pour_soi=True, lien="", **words)
    base = _envelope(row, emetteur, row.adresse)
    if row.canal is Canal.SMS:
        text = render_sms(row.event, context)
        return replace(base, sender=emetteur.sms, text=text, kept=text, segments=sms.measure(text).segments)
    mail = render_mail(row.event, context)
    return replace(base, subject=mail.subject, text=mail.text, html=mail.html, kept=mail.text)


def _account(notice: AgentNotice, row: Notification, batch: Batch, now: datetime) -> Outgoing | Ignored:
    agent = batch.agents.get(row.destinataire_id)
    if agent is None:
        return Ignored("Ce compte n’existe plus.")
    if reason := notice.stale(agent, row, now):
        return Ignored(reason)
    emetteur = Emetteur.of(agent.organisation)
    context = {
        "emetteur": emetteur,
        "prenom": clean_name(agent.first_name),
        "preferences": address("/agent/preferences"),
        **notice.context(agent, row, now),
    }
    mail = render_mail(row.event, context)
    return replace(
        _envelope(row, emetteur, agent.email),
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        kept=_without(mail.text, context.get("secret", "")),
    )


def _to_contact(notice: Acces, row: Notification, batch: Batch, now: datetime) -> Outgoing | Ignored:
    demande = batch.demandes.get(row.sujet_id)
    if demande is None:
        return Ignored("La demande n’existe plus.")
    if reason := notice.stale(demande, now):
        return Ignored(reason)
    emetteur = Emetteur.of(db.session.get_one(Organisation, row.organisation_id))
    return notice.message(_envelope(row, emetteur, demande.contact), demande, emetteur)


def _invited(notice: Invitation, row: Notification, batch: Batch, now: datetime) -> Outgoing | Ignored | Postponed:
    invitation = batch.invitations.get(row.sujet_id)
    if invitation is None:
        return Ignored("L’invitation n’existe plus.")
    if reason := notice.stale(invitation, row, now):
        return Ignored(reason)
    if later := notice.not_before(invitation, row, now):
        return Postponed(later)
    to = addresses(invitation.usager).get(row.canal, "")
    if not to or invitation.usager.lecteur.id != row.destinataire_id:
        return Ignored("Plus d’adresse pour ce canal, ou la personne le refuse.")
    emetteur = Emetteur.of(invitation.motif.organisation)
    return notice.message(_envelope(row, emetteur, to), invitation, emetteur, relance=notice.days(row) > 0)


def _of_file(notice: ContactModifie, row: Notification) -> Outgoing | Ignored:
    if not row.adresse:
        return Ignored("La personne n’est plus connue.")
    emetteur = Emetteur.of(db.session.get_one(Organisation, row.organisation_id))
    return notice.of_file(_envelope(row, emetteur, row.adresse), emetteur)


def _envelope(row: Notification, emetteur: Emetteur, to: str) -> Outgoing:
    return Outgoing(
        canal=row.canal,
        key=row.cle_envoi,
        to=to,
        text="",
        kept="",
        attempts=row.tentatives,
        sender=emetteur.nom,
        reply_to=emetteur.courriel,
    )


def _without(text: str, link: str) -> str:
    """The text as it may be kept: nothing in it opens anything."""
    return text.replace(link, PERSONAL_LINK) if link else text
