"""Messages: what waits, what failed and why, what left day by day; and what the organisation decides about them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, time, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.dates import day_month, hour, local
from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError
from webapp.domain.recurrence import to_utc
from webapp.models import Canal, EtatNotification
from webapp.queries import messages as queries
from webapp.services.messages_envoyes import KEPT_FAILURES, retry_all, retry_message
from webapp.services.preferences import save_reglages
from webapp.web.auth import allowed, current_agent, declares
from webapp.web.envois import CANAUX, ETATS, MESSAGES, masked, message_name, without_contacts
from webapp.web.errors import refused
from webapp.web.forms.preferences import CONFIRMATIONS, ReglagesForm
from webapp.web.htmx import go_to, respond
from webapp.web.intake import number
from webapp.web.security import keeps_form
from webapp.web.templating import pluriel

from . import bp

PAGE = "configuration/messages.html"
PERIODES = {7: "7 derniers jours", 30: "30 derniers jours"}
FAILURES_SHOWN = 10
Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Filtres:
    """What the address asks for; what it says that means nothing is as if it said nothing."""

    jours: int = 7
    jour: date | None = None
    canal: Canal | None = None
    evenement: str = ""
    etat: EtatNotification | None = None

    @classmethod
    def of_request(cls) -> "Filtres":
        asked = request.args.get
        days, event = asked("jours", 7, type=number), asked("evenement", "")
        return cls(
            days if days in PERIODES else 7,
            _date(asked("jour", "")),
            _word(Canal, asked("canal", "")),
            event if event in MESSAGES else "",
            _word(EtatNotification, asked("etat", "")),
        )

    def address(self, **others: Any) -> dict[str, str]:
        """The parameters of an address that asks for the same, but for `others`."""
        asked = {field.name: getattr(self, field.name) for field in fields(self)} | others
        return {name: str(value) for name, value in asked.items() if value and (name, value) != ("jours", 7)}

    @property
    def actifs(self) -> bool:
        """Is anything left out but for the period?"""
        return bool(self.jour or self.canal or self.evenement or self.etat)


@dataclass(frozen=True, slots=True)
class Envoi:
    """One message as a line of the page."""

    id: int
    iso: str
    quand: str
    quoi: str
    canal: str
    a: str
    mot: str
    ton: str
    raison: str
    segments: int
    rdv_id: int | None
    objet: str
    corps: str
    en_echec: bool


@dataclass(frozen=True, slots=True)
class Ligne:
    """How many messages of one kind by one channel."""

    quoi: str
    canal: str
    compte: Counter[str]


@bp.get("/messages")
@declares(Droit.CONFIGURER_ORGANISATION)
def messages() -> ResponseReturnValue:
    """What became of the organisation's messages."""
    allowed(current_agent().organisation)
    organisation, now, asked = current_agent().organisation, utcnow(), Filtres.of_request()
    tz = organisation.timezone
    today = local(now, tz).date()
    days = [asked.jour] if asked.jour else [today - timedelta(days=n) for n in range(asked.jours)]
    spans = [(day, to_utc(day, time(), tz), to_utc(day + timedelta(days=1), time(), tz)) for day in days]
    choix = queries.Choix(
        debut=spans[-1][1], fin=spans[0][2], canal=asked.canal, event=asked.evenement, etat=asked.etat
    )
    found, cursor = queries.messages(organisation.id, choix, request.args.get("avant", type=number))
    lost, failures = queries.failed(organisation.id, now - KEPT_FAILURES, FAILURES_SHOWN)
    by_day = queries.by_day(organisation.id, spans, choix)
    return respond(
        PAGE,
        filtres=asked,
        periodes=PERIODES,
        canaux=CANAUX,
        evenements=MESSAGES,
        etats=ETATS,
        attente=_waiting(),
        budget=organisation.budget_sms_jour,
        partis=queries.texts_sent(organisation.id, today),
        echecs=[_shown(row, tz) for row in lost],
        plus_haut={row.id for row in lost},
        nombre_echecs=failures,
        jours=[(day, lines(by_day[day])) for day, _, _ in spans if day in by_day],
        total=lines(row for rows in by_day.values() for row in rows),
        somme=total,
        envois=[_shown(row, tz) for row in found],
        suite=cursor,
        debut="avant" not in request.args,
        today=today,
    )


@bp.get("/messages/attente")
@declares(Droit.CONFIGURER_ORGANISATION, passive=True)
def messages_en_attente() -> ResponseReturnValue:
    """« Ce qui attend » alone, asked again by the open page."""
    allowed(current_agent().organisation)
    return respond("configuration/messages_attente.html", "attente", attente=_waiting())


@bp.post("/messages/nouvel-essai")
@declares(Droit.CONFIGURER_ORGANISATION)
def reessayer_tout() -> ResponseReturnValue:
    """Send again all that failed lately."""
    allowed(current_agent().organisation)
    return _back(retry_all(agent=current_agent()))


@bp.post("/messages/<int:message_id>/nouvel-essai")
@declares(Droit.CONFIGURER_ORGANISATION)
def reessayer(message_id: int) -> ResponseReturnValue:
    """Send this one again; clicked twice, it leaves once."""
    allowed(current_agent().organisation)
    return _back(int(retry_message(message_id, agent=current_agent())))


@bp.route("/messages/reglages", methods=["GET", "POST"])
@declares(Droit.CONFIGURER_ORGANISATION)
@keeps_form
def reglages_messages() -> ResponseReturnValue:
    """When to confirm by text, how many texts a day, under which name."""
    allowed(current_agent().organisation)
    organisation = current_agent().organisation
    form = ReglagesForm(organisation)
    today = local(utcnow(), organisation.timezone).date()
    context = {
        "form": form,
        "precisions": {when.value: hint for when, (_, hint) in CONFIRMATIONS.items()},
        "budget": organisation.budget_sms_jour,
        "partis": queries.texts_sent(organisation.id, today),
    }
    page = "configuration/messages_reglages.html"
    if form.validate_on_submit():
        try:
            save_reglages(organisation.id, form.reglages(), current_agent())
        except DomainError as refusal:
            return refused(refusal, page, **context)
        flash("Les réglages des messages sont enregistrés.", "success")
        return go_to(url_for(".reglages_messages"))
    return respond(page, **context)


def _back(count: int) -> ResponseReturnValue:
    if count:
        flash(f"{pluriel(count, 'message repart', 'messages repartent')} : voyez « Ce qui attend ».", "success")
    else:
        flash("Rien à renvoyer : plus aucun de ces messages n’est en échec.", "message")
    return go_to(url_for(".messages", **Filtres.of_request().address()))


def _word(words: type[Word], text: str) -> Word | None:
    try:
        return words(text)
    except ValueError:
        return None


def _date(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 < day.year < 2200 else None


def _waiting() -> list[tuple[str, int, str, bool]]:
    """(channel, how many, since when in words, were there failed attempts) of what waits."""
    organisation, now = current_agent().organisation, utcnow()
    found = []
    for row in queries.waiting(organisation.id, now):
        since = f"depuis le {_when(row.oldest, organisation.timezone)}" if row.oldest else "pour plus tard"
        found.append((CANAUX[row.canal], row.count, since, row.attempts > 1))
    return found


def _when(moment: Any, tz: str) -> str:
    return f"{day_month(moment, tz)} à {hour(moment, tz)}"


def _shown(row: Any, tz: str) -> Envoi:
    word, tone = ETATS[row.etat]
    tried = row.etat is EtatNotification.A_ENVOYER and row.tentatives
    reason = without_contacts(row.erreur)
    if tried:
        reason = f"{reason} Prochain essai le {_when(row.a_envoyer_le, tz)}.".strip()
    return Envoi(
        id=row.id,
        iso=local(row.cree_le, tz).isoformat(timespec="minutes"),
        quand=_when(row.cree_le, tz),
        quoi=message_name(row.event),
        canal=CANAUX[row.canal],
        a=masked(row.adresse) or {"agent": "un agent", "contact": "qui l’a demandé"}.get(row.destinataire_type, ""),
        mot=word,
        ton=tone,
        raison="" if row.etat is EtatNotification.ENVOYEE else reason,
        segments=row.segments or 0 if row.etat is EtatNotification.ENVOYEE else 0,
        rdv_id=row.rdv_id,
        objet=row.objet,
        corps=row.corps,
        en_echec=row.etat is EtatNotification.ECHEC,
    )


def lines(rows: Iterable[Any]) -> list[Ligne]:
    """Those counts by kind of message and channel, most frequent first."""
    found: dict[tuple[str, Canal], Counter[str]] = {}
    for row in rows:
        counts = found.setdefault((row.event, row.canal), Counter())
        for name in ("envoyees", "echecs", "ignorees", "attente", "segments"):
            counts[name] += getattr(row, name)
    ranked = sorted(found.items(), key=lambda one: (-_all(one[1]), one[0]))
    return [Ligne(message_name(event), CANAUX[canal], counts) for (event, canal), counts in ranked]


def total(found: Sequence[Ligne]) -> Counter[str]:
    """All of them together."""
    return sum((line.compte for line in found), Counter())


def _all(counts: Counter[str]) -> int:
    return counts["envoyees"] + counts["echecs"] + counts["ignorees"] + counts["attente"]
