"""What can happen that somebody must be told (docs/notifications.md). One class per event: ids only, never content."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """`auteur_agent_id`: the agent who did it, never told about it themself."""

    auteur_agent_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(Event):
    """Something happened to one place; to those of `avec` too, in the same session and at once."""

    participation_id: int
    version: int
    avec: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inscription(Place):
    """A participation became `inscrit`; `deja`: it already was, and the person asked again (docs/domain.md rule 9)."""

    deja_le: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desistement(Place):
    """The person can't come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrait(Place):
    """The service removed one person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deplacement(Place):
    """The service moved people to this session from another one, `de_rdv_id`, where they had the places `parties`;
    `avant` says that session in words."""

    de_rdv_id: int
    parties: tuple[int, ...]
    avant: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prescription(Place):
    """A place somebody booked from another structure was `inscrite`, `refusee` (by the service), `annulee` or
    `deplacee`; `deja_le`: it was booked already."""

    quoi: str
    deja_le: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactModifie(Place):
    """The contact a place's messages go to changed, or that of its reader's file (`fiche`): those it was until then
    are told (channel → address)."""

    anciens: Mapping[str, str]
    fiche: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FicheModifiee(Event):
    """An agent changed the contacts of somebody's file: those they were until then are told (channel → address)."""

    usager_id: int
    organisation_id: int
    moment: str
    anciens: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Annulation(Event):
    """The service cancelled the session; `participation_ids` are those who were booked at that moment."""

    rdv_id: int
    version: int
    participation_ids: tuple[int, ...]
    attente_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attente(Event):
    """Somebody joined the waitlist; `deja_le`: they waited already, and asked again that day."""

    attente_ids: tuple[int, ...]
    deja_le: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposition(Event):
    """A seat is offered to these entries of a waitlist; `ouverte`: seats are free for the first who comes instead."""

    attente_ids: tuple[int, ...]
    ouverte: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceExpiree(Event):
    """What was offered to these entries no longer is: nobody answered, or the seat is gone."""

    attente_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Modification(Event):
    """Date, time, place, room or video link changed; `avant` is what the session's people knew, in words."""

    rdv_id: int
    version: int
    avant: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Event):
    """An agent wrote to these participants of a session."""

    message_id: int
    rdv_id: int
    participation_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rappel(Event):
    """A reminder is due: `delai` hours before a start; `participation_ids` are those it is due to."""

    rdv_id: int
    delai: int
    starts_at_utc: str
    participation_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation(Event):
    """An agent invited somebody to choose a session; `relance`: the days after which it is said again, 0 at first."""

    invitation_id: int
    version: int
    relance: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimum(Event):
    """The session is under its minimum of participants at the delay its motif says."""

    rdv_id: int
    starts_at_utc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recapitulatif(Event):
    """A working morning, for an agent who wants the day's sessions by e-mail; `jour` is that day's date, ISO 8601."""

    agent_id: int
    jour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesBloques(Event):
    """Messages of the organisation wait for longer than they should; `jour` is that day's date, ISO 8601."""

    organisation_id: int
    canal: str
    jour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetSms(Event):
    """The organisation sent as many texts as a day allows; `jour` is that day's date, ISO 8601."""

    organisation_id: int
    jour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acces(Event):
    """Somebody asked for a code and a link to their appointments."""

    acces_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MotDePasse(Event):
    """An agent asked for a new password; `version` grows with each request."""

    agent_id: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CompteModifie(Event):
    """How an agent logs in was changed: `quoi` is the journal's word for it, `le` the moment, ISO 8601."""

    agent_id: int
    quoi: str
    le: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationAgent(Event):
    """A colleague opened an account for an agent, who chooses a password; `version` grows with each link."""

    agent_id: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPret(Event):
    """A file an agent asked for is ready."""

    agent_id: int
    export_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSuspendu(Event):
    """A webhook took nothing for days: nothing is told to it any more, until somebody looks."""

    organisation_id: int
    webhook_id: int
    le: str
