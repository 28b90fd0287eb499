"""Who reads a message about some participations, and by which channel (`docs/notifications.md`, Matrix)."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from webapp.domain.dates import local
from webapp.domain.phones import can_receive_sms
from webapp.models import Agent, Canal, FileAttente, NiveauNotification, Participation, Rdv, Usager

Place = Participation | FileAttente
"""A seat, or the wait for one: both have a person and a contact of their own."""
Places = list[Place]


@dataclass(slots=True)
class Lecteur:
    """One reader: an usager or the person responsible for them, and the places they are told about, by the address each
    of them is told at (`adresses`: channel → address → places); none: nobody but a phone call can reach them."""

    usager: Usager
    participations: Places = field(default_factory=list)
    adresses: dict[Canal, dict[str, Places]] = field(default_factory=lambda: {canal: {} for canal in Canal})

    @property
    def a_appeler(self) -> bool:
        return not any(self.adresses.values())

    @property
    def courriel(self) -> str:
        """An address they can be written to, or nothing."""
        return next(iter(self.adresses[Canal.COURRIEL]), "")


def address_of(participation: Place, reader: Usager, canal: Canal) -> str:
    """Where messages about that place go by this channel, if it can be used and the person accepts it: the contact
    given with the booking goes first, then the reader's own."""
    if canal is Canal.SMS:
        phone = participation.telephone or reader.phone
        accepted = reader.notify_by_sms and not participation.refus_sms
        return phone if phone and accepted and can_receive_sms(phone) else ""
    accepted = reader.notify_by_email and not participation.refus_courriel
    return (participation.courriel or reader.email or "") if accepted else ""


def addresses(usager: Usager) -> dict[Canal, str]:
    """Where what is not about a place goes: the file's contacts that can be used and are accepted, by channel."""
    reader = usager.lecteur
    found = {}
    if reader.phone and reader.notify_by_sms and can_receive_sms(reader.phone):
        found[Canal.SMS] = reader.phone
    if reader.email and reader.notify_by_email:
        found[Canal.COURRIEL] = reader.email
    return found


def lecteurs(participations: Iterable[Place]) -> list[Lecteur]:
    """One reader per person who is told, whatever the number of places they answer for: a household gets one message by
    each address its places give."""
    readers: dict[int, Lecteur] = {}
    for participation in participations:
        reader = participation.lecteur
        known = readers.setdefault(reader.id, Lecteur(reader))
        known.participations.append(participation)
        for canal in Canal:
            if to := address_of(participation, reader, canal):
                known.adresses[canal].setdefault(to, []).append(participation)
    return list(readers.values())


@dataclass(frozen=True, slots=True)
class Prevenus:
    """What the page says before the click: "9 SMS, 3 courriels, 1 à appeler"."""

    personnes: int
    sms: int
    courriels: int
    a_appeler: list[Usager]
    manquent: int = 0
    """Texts over what can still leave today."""

    @property
    def phrase(self) -> str:
        parts = [f"{self.sms} SMS"] if self.sms else []
        if self.courriels:
            parts.append(f"{self.courriels} courriel{'s' if self.courriels > 1 else ''}")
        if self.a_appeler:
            parts.append(f"{len(self.a_appeler)} à appeler")
        if self.manquent and not self.a_appeler:
            parts.append(f"{self.manquent} SMS de trop pour aujourd’hui")
        return ", ".join(parts) or "personne à prévenir"


def prevenus(
    participations: Iterable[Place],
    *,
    canaux: Collection[Canal] = tuple(Canal),
    tous: bool = False,
    textes: int | None = None,
    par_sms: Callable[[Lecteur], bool] = lambda reader: True,
) -> Prevenus:
    """Who would be told by every channel they have and accept among `canaux`, and whom nobody can reach. Who was booked
    without a word is left out, but for what is written to all on purpose (`tous`). `textes`: how many texts can still
    leave today (None: no limit). `par_sms`: who gets a text, of those who could.

    The places may be those of several sessions: one message per session, person and channel, each person counted once.
    Expects usagers (and who answers for them) to be loaded: see `queries.notifications.with_readers`.
    """
    by_session: dict[int, Places] = defaultdict(list)
    for participation in participations:
        if participation.prevenir or tous:
            by_session[participation.rdv_id].append(participation)
    readers = [reader for places in by_session.values() for reader in lecteurs(places)]
    for reader in readers:
        if not par_sms(reader):
            reader.adresses[Canal.SMS] = {}
    sms = sum(len(r.adresses[Canal.SMS]) for r in readers) if Canal.SMS in canaux else 0
    unsent = max(0, sms - textes) if textes is not None else 0
    by_mail = [r for r in readers if r.courriel and Canal.COURRIEL in canaux]
    by_text = [r for r in readers if r.adresses[Canal.SMS] and Canal.SMS in canaux]
    without = [r for r in by_text if not r.courriel]
    reached = {id(r) for r in (*by_mail, *by_text)}
    # Past the day's texts, who has an e-mail gets one; who has none is to be called, and nobody knows yet who that is.
    short = {id(r) for r in without} if unsent and textes == 0 else set()
    to_call = {r.usager.id: r.usager for r in readers if id(r) not in reached or id(r) in short}
    return Prevenus(
        personnes=len({r.usager.id for r in readers}),
        sms=sms - unsent,
        courriels=sum(len(r.adresses[Canal.COURRIEL]) for r in by_mail),
        a_appeler=list(to_call.values()),
        manquent=unsent,
    )


def agents_to_tell(
    rdv: Rdv, auteur_agent_id: int | None, now: datetime, starts: Iterable[datetime] = ()
) -> list[Agent]:
    """The session's agents who want to know, by their own level, never who did it. `starts` are other moments it was
    expected at: a session of tomorrow that goes away is a matter of tomorrow."""
    tz = rdv.organisation.timezone
    tomorrow = local(now, tz).date() + timedelta(days=1)
    soon = any(local(moment, tz).date() <= tomorrow for moment in (rdv.starts_at, *starts))
    return [
        agent
        for agent in rdv.agents
        if agent.actif
        and agent.id != auteur_agent_id
        and (
            agent.niveau_notification is NiveauNotification.TOUTES
            or (agent.niveau_notification is NiveauNotification.PROCHES and soon)
        )
    ]
