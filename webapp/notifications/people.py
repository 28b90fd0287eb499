"""Who reads a message about some participations, and by which channel (`docs/notifications.md`, Matrix)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from webapp.domain.dates import local
from webapp.domain.phones import can_receive_sms
from webapp.models import Agent, Canal, NiveauNotification, Participation, Rdv, Usager


@dataclass(slots=True)
class Lecteur:
    """One reader: an usager or the person responsible for them, and the places the message is about.

    `telephone` can receive texts and `courriel` mail, and the person accepts them; both empty: nobody but a phone call
    can reach them.
    """

    usager: Usager
    telephone: str
    courriel: str
    participations: list[Participation] = field(default_factory=list)

    @property
    def a_appeler(self) -> bool:
        return not (self.telephone or self.courriel)

    def adresse(self, canal: Canal) -> str:
        """Where this channel goes, or nothing."""
        return self.telephone if canal is Canal.SMS else self.courriel

    @property
    def pour_soi(self) -> bool:
        """Whether the reader is the person whose place it is."""
        return all(p.usager_id == self.usager.id for p in self.participations)

    @property
    def prenoms(self) -> list[str]:
        return [p.usager.first_name for p in self.participations]


def lecteurs(participations: Iterable[Participation]) -> list[Lecteur]:
    """One reader per person who is told, whatever the number of places they answer for (a household gets one message).

    The contact given with the booking goes first, then the reader's own.
    """
    readers: dict[int, Lecteur] = {}
    for participation in participations:
        usager = participation.usager
        reader = (usager.responsable or usager) if usager.responsable_id else usager
        known = readers.setdefault(reader.id, Lecteur(reader, "", ""))
        known.participations.append(participation)
        phone = participation.telephone or reader.phone
        by_sms = reader.notify_by_sms and not participation.refus_sms
        if not known.telephone and phone and by_sms and can_receive_sms(phone):
            known.telephone = phone
        if not known.courriel and reader.notify_by_email and not participation.refus_courriel:
            known.courriel = participation.courriel or reader.email or ""
    return list(readers.values())


@dataclass(frozen=True, slots=True)
class Prevenus:
    """What the page says before the click: "9 SMS, 3 courriels, 1 à appeler"."""

    personnes: int
    sms: int
    courriels: int
    a_appeler: list[Usager]

    @property
    def phrase(self) -> str:
        parts = [f"{self.sms} SMS"] if self.sms else []
        if self.courriels:
            parts.append(f"{self.courriels} courriel{'s' if self.courriels > 1 else ''}")
        if self.a_appeler:
            parts.append(f"{len(self.a_appeler)} à appeler")
        return ", ".join(parts) or "personne à prévenir"


def prevenus(
    participations: Iterable[Participation], *, canaux: Collection[Canal] = tuple(Canal), tous: bool = False
) -> Prevenus:
    """Who would be told by every channel they have and accept among `canaux`, and whom nobody can reach. Who was booked
    without a word is left out, but for what is written to all on purpose (`tous`).

    Expects usagers (and who answers for them) to be loaded: see `queries.notifications.with_readers`.
    """
    readers = lecteurs(p for p in participations if p.prevenir or tous)
    by = {canal: [r for r in readers if r.adresse(canal)] if canal in canaux else [] for canal in Canal}
    reached = {r.usager.id for found in by.values() for r in found}
    return Prevenus(
        personnes=len(readers),
        sms=len(by[Canal.SMS]),
        courriels=len(by[Canal.COURRIEL]),
        a_appeler=[r.usager for r in readers if r.usager.id not in reached],
    )


def agents_to_tell(rdv: Rdv, auteur_agent_id: int | None, now: datetime) -> list[Agent]:
    """The session's agents who want to know, by their own level, never who did it."""
    tz = rdv.organisation.timezone
    soon = local(rdv.starts_at, tz).date() <= local(now, tz).date() + timedelta(days=1)
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
