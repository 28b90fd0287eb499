"""The engine: `emit` writes down whom to tell, in the transaction that makes the event true.

One module per event: defining the class registers it. What is common to messages about a session is `SeanceNotice`;
`docs/notifications.md` (Matrix) is the source of every rule here.
"""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, TypeVar

from sqlalchemy import UniqueConstraint, bindparam

from webapp.clock import utcnow
from webapp.domain.capacity import Visibilite
from webapp.domain.events import Event
from webapp.domain.events import Place as OfPlace
from webapp.engine import insert
from webapp.extensions import db
from webapp.models import Canal, EtatNotification, FileAttente, Notification, Participation, Rdv
from webapp.queries import attente
from webapp.queries import notifications as queries

from .people import Lecteur, Place, agents_to_tell, lecteurs
from .wake import DEFAULT, MASS, hint_after_commit

E = TypeVar("E", bound=Event)

USAGER, AGENT, ADRESSE = "usager", "agent", "adresse"
"""Kinds of recipients. An address is nobody's file: its row of the outbox holds it."""
ATTENTE = "attente"
"""The subject of a message to somebody who waits."""
NO_LONGER_WAITS = "La personne n’attend plus de place."
NEWER = "Remplacé par un changement plus récent."
MANY = 20
"""Recipients beyond which a message leaves by the queue of mass messages."""


@dataclass(frozen=True, slots=True)
class Destination:
    """One message to write down: to whom, by what, about which places."""

    type: str
    id: int
    canal: Canal
    participation_ids: tuple[int, ...] = ()


class Notice(ABC):
    """One kind of message. The module's name is the event's name, its templates' folder, and what the outbox shows."""

    registry: ClassVar[dict[type[Event], "Notice"]] = {}
    by_name: ClassVar[dict[str, "Notice"]] = {}

    name: ClassVar[str]
    channels: ClassVar[tuple[Canal, ...]] = (Canal.SMS, Canal.COURRIEL)
    queue: ClassVar[str] = DEFAULT
    refusable: ClassVar[bool] = False
    """Whether its mails may be refused in one click: not what people have to be told about their own place."""
    again: ClassVar[bool] = False
    """Whether a promise that was left out may be made again by the same event, once it is true again."""
    by_form: ClassVar[bool] = False
    """Whether a form anybody can fill in makes such messages leave: their texts are counted, number by number."""

    def __init_subclass__(cls, event: type[Event] | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        if event is not None:
            cls.name = cls.__module__.rpartition(".")[2]
            Notice.registry[event] = Notice.by_name[cls.name] = cls()

    @abstractmethod
    def rows(self, event: Any, now: datetime) -> list[dict[str, Any]]:
        """The outbox rows of this event: constant number of SELECTs, whatever the number of people."""

    def rows_of(self, events: Sequence[Any], now: datetime) -> list[dict[str, Any]]:
        """Those of several such events."""
        return [row for event in events for row in self.rows(event, now)]

    def row(self, to: Destination, now: datetime, **values: Any) -> dict[str, Any]:
        """One outbox row."""
        return {
            "event": self.name,
            "canal": to.canal,
            "destinataire_type": to.type,
            "destinataire_id": to.id,
            "participation_ids": list(to.participation_ids),
            "cree_le": now,  # what one change says to many is told apart by its moment
            "prevue_le": now,
            "a_envoyer_le": now,
            "cle_envoi": uuid.uuid4().hex,
            **values,
        }


class SeanceNotice(Notice):
    """A message about a session: to usagers whose place it concerns, and to the session's agents."""

    needs_notified_motif: ClassVar[bool] = False
    """Not sent to usagers when the motif is `visible_non_notifie` or `invisible`."""
    tells_usagers: ClassVar[bool] = True
    tells_agents: ClassVar[bool] = True
    calendar: ClassVar[str] = ""
    """METHOD of the attached .ics: REQUEST, CANCEL, or none."""
    after_start: ClassVar[bool] = False
    """Whether it still goes out about a session that has started."""

    def participations(self, event: Any) -> Sequence[Participation]:
        """Whose places it is about."""
        found = (db.session.get(Participation, i) for i in (event.participation_id, *event.avec))
        return [place for place in found if place is not None]

    def waiting(self, event: Any) -> Sequence[FileAttente]:
        """Who waits for a seat and is told too."""
        return ()

    def changement(self, event: Any) -> str:
        """What makes this event different from the same one another day."""
        return f"v{event.version}"

    def sujet(self, event: Any) -> tuple[str, int]:
        return "participation", event.participation_id

    def rdv(self, event: Any, participations: Sequence[Participation]) -> Rdv | None:
        return participations[0].rdv if participations else None

    def by_sms(self, reader: Lecteur, rdv: Rdv, now: datetime) -> bool:
        """Whether a reader who can receive texts gets one."""
        return True

    def stale(self, participation: Participation, notification: Notification, now: datetime) -> str | None:
        """Why this is no longer to be said about that place; None while it is."""
        return None

    def stale_attente(self, entry: FileAttente, notification: Notification, now: datetime) -> str | None:
        """Why this is no longer to be said to somebody who waits; None while it is."""
        return None if entry.attend else NO_LONGER_WAITS

    def stale_rdv(self, rdv: Rdv, notification: Notification, now: datetime) -> str | None:
        """Why this is no longer to be said about that session; None while it is."""
        return None

    def not_before(self, rdv: Rdv, now: datetime) -> datetime | None:
        """When it may leave, if not now."""
        return None

    def deja(self, notification: Notification) -> bool:
        """Whether it says again what was already true."""
        return False

    def starts(self, avant: Mapping[str, str] | None) -> list[datetime]:
        """Other moments at which the session was expected, for agents who want to know about the next days only."""
        return []

    def words(self, notification: Notification) -> dict[str, Any]:
        """What its templates say that the session does not: `libre` is cut last, before the date and the link."""
        return {}

    def words_attente(self, entry: FileAttente, notification: Notification) -> dict[str, Any]:
        """The same to somebody who waits."""
        return {}

    def concerns(self, participation: Place, rdv: Rdv) -> bool:
        """Whether the person is told at all."""
        return participation.prevenir and not (
            self.needs_notified_motif and rdv.motif.visibilite is not Visibilite.VISIBLE_NOTIFIE
        )

    def destinations(
        self, event: Any, rdv: Rdv, participations: Iterable[Participation], now: datetime
    ) -> list[Destination]:
        """Recipients × channels."""
        found = []
        for reader in lecteurs(p for p in participations if self.concerns(p, rdv)):
            for canal, by_address in reader.adresses.items():
                if canal is Canal.SMS and not (Canal.SMS in self.channels and self.by_sms(reader, rdv, now)):
                    continue
                for places in by_address.values():
                    ids = tuple(sorted(p.id for p in places))
                    found.append(Destination(USAGER, reader.usager.id, canal, ids))
        if self.tells_agents:
            known = self.starts(getattr(event, "avant", None))
            together = (event.participation_id, *event.avec) if isinstance(event, OfPlace) and event.avec else ()
            for agent in agents_to_tell(rdv, event.auteur_agent_id, now, known):
                found.append(Destination(AGENT, agent.id, Canal.COURRIEL, together))
        return found

    def rows(self, event: Any, now: datetime) -> list[dict[str, Any]]:
        return self._rows(event, self.participations(event) if self.tells_usagers else [], now)

    def _rows(self, event: Any, participations: Sequence[Participation], now: datetime) -> list[dict[str, Any]]:
        rdv = self.rdv(event, participations)
        if rdv is None or (rdv.starts_at <= now and not self.after_start):
            return []
        to = self.destinations(event, rdv, participations, now)
        waiting = self.waiting(event)
        sujet_type, sujet_id = self.sujet(event)
        values = {
            "organisation_id": rdv.organisation_id,
            "rdv_id": rdv.id,
            "sujet_type": sujet_type,
            "sujet_id": sujet_id,
            "changement": self.changement(event),
            "file": MASS if len(to) + len(waiting) > MANY else self.queue,
            "par_formulaire": self.by_form and event.auteur_agent_id is None,
        }
        rows = _told_apart([self.row(destination, now, **values) for destination in to])
        if waiting:
            told = {
                (canal, address)
                for reader in lecteurs(p for p in participations if self.concerns(p, rdv))
                for canal, addresses in reader.adresses.items()
                for address in addresses
            }
            same = {"changement": values["changement"], "file": values["file"]}
            rows += [{**row, **same} for _, row in waiting_rows(self, event, waiting, now, told)]
        return rows


def _told_apart(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A reader told at two addresses by one channel has two promises: the second one is about its own first place."""
    seen = set()
    for row in rows:
        reader = row["destinataire_type"], row["destinataire_id"], row["canal"]
        if reader in seen:
            row["sujet_type"], row["sujet_id"] = "participation", row["participation_ids"][0]
        seen.add(reader)
    return rows


class AddressNotice(SeanceNotice):
    """A message about one place to an address that is in nobody's file: `adresses` says which, its row keeps it."""

    tells_agents = False

    @abstractmethod
    def adresses(self, event: Any, place: Participation) -> Mapping[Canal, str]:
        """By each channel, where to."""

    def of_place(self, place: Participation) -> dict[str, Any]:
        """What its templates say of that place."""
        return {}

    def rows(self, event: Any, now: datetime) -> list[dict[str, Any]]:
        place = db.session.get_one(Participation, event.participation_id)
        if place.rdv.starts_at <= now:
            return []
        values = {
            "organisation_id": place.rdv.organisation_id,
            "rdv_id": place.rdv_id,
            "sujet_type": "participation",
            "sujet_id": place.id,
            "changement": self.changement(event),
            "file": self.queue,
            "par_formulaire": self.by_form and event.auteur_agent_id is None,
        }
        return [
            {**self.row(Destination(ADRESSE, place.id, canal, (place.id,)), now, **values), "adresse": to}
            for canal, to in self.adresses(event, place).items()
        ]


class GroupNotice(SeanceNotice):
    """A message about several places of one session at once."""

    def rows(self, event: Any, now: datetime) -> list[dict[str, Any]]:
        return self.rows_of([event], now)

    def rows_of(self, events: Sequence[Any], now: datetime) -> list[dict[str, Any]]:
        """The people of all these sessions are read in one statement."""
        people = self.people({event.rdv_id for event in events}) if self.tells_usagers else None
        about = [(event, self.among(event, people) if people is not None else ()) for event in events]
        rows = [row for event, places in about for row in self._rows(event, places, now)]
        return [{**row, "file": MASS} for row in rows] if len(rows) > MANY else rows

    def people(self, rdv_ids: Collection[int]) -> Mapping[int, Sequence[Participation]]:
        """Session → the places it may be about."""
        return queries.places_of(rdv_ids)

    def among(self, event: Any, people: Mapping[int, Sequence[Participation]]) -> Sequence[Participation]:
        """Those of them this event is about."""
        wanted = set(event.participation_ids)
        return [place for place in people.get(event.rdv_id, ()) if place.id in wanted]

    def rdv(self, event: Any, participations: Sequence[Participation]) -> Rdv | None:
        return db.session.get(Rdv, event.rdv_id)

    def sujet(self, event: Any) -> tuple[str, int]:
        return "rdv", event.rdv_id


class AttenteNotice(SeanceNotice):
    """A message to people who wait, one for each entry of a waitlist: their own page is behind its link."""

    needs_notified_motif = True
    tells_agents = False
    by_form = True

    def changement_of(self, entry: FileAttente, event: Any) -> str:
        """What makes this message different from the same one to the same entry another day."""
        return f"v{entry.version}"

    def rows(self, event: Any, now: datetime) -> list[dict[str, Any]]:
        return [
            {**row, "changement": self.changement_of(entry, event)}
            for entry, row in waiting_rows(self, event, attente.to_tell(event.attente_ids), now)
        ]


def waiting_rows(
    notice: SeanceNotice,
    event: Any,
    entries: Sequence[FileAttente],
    now: datetime,
    told: Collection[tuple[Canal, str]] = (),
) -> list[tuple[FileAttente, dict[str, Any]]]:
    """The rows that tell these entries, but for those at an address that was `told` already."""
    rows = []
    for entry in entries:
        rdv = entry.rdv
        if rdv.starts_at <= now or not notice.concerns(entry, rdv):
            continue
        for reader in lecteurs([entry]):
            for canal, addresses in reader.adresses.items():
                if (canal is Canal.SMS and not notice.by_sms(reader, rdv, now)) or not addresses:
                    continue
                if (canal, next(iter(addresses))) in told:
                    continue
                values = {
                    "organisation_id": rdv.organisation_id,
                    "rdv_id": rdv.id,
                    "sujet_type": ATTENTE,
                    "sujet_id": entry.id,
                    "file": MASS if len(entries) > MANY else notice.queue,
                    "par_formulaire": notice.by_form and event.auteur_agent_id is None,
                }
                rows.append((entry, notice.row(Destination(USAGER, reader.usager.id, canal), now, **values)))
    return rows


_PROMISE = next(c for c in Notification.__table__.constraints if isinstance(c, UniqueConstraint) and len(c.columns) > 1)


@cache
def _promise(dialect: str, again: bool) -> Any:
    row = Notification.__table__.c
    statement = insert(Notification.__table__, dialect)
    key = list(_PROMISE.columns)
    if not again:
        return statement.on_conflict_do_nothing(index_elements=key)
    anew = {
        name: statement.excluded[name] for name in ("etat", "prevue_le", "a_envoyer_le", "participation_ids", "cree_le")
    }
    left_out = row.etat == bindparam(None, EtatNotification.IGNOREE, row.etat.type)
    return statement.on_conflict_do_update(
        index_elements=key, set_=anew | {"tentatives": 0, "erreur": ""}, where=left_out
    )


def emit(event: Event) -> int:
    """Write down whom to tell, in the transaction that makes the event true; wake the worker after the commit.

    The same event twice promises once: its unique key decides. Answers how many messages it is for.
    """
    return emit_many([event])


def emit_many(events: Sequence[Event]) -> int:
    """The same for one change to many sessions, whose events are of one kind: the number of statements does not grow
    with theirs. Expects the sessions to be loaded with what messages say of them."""
    if not events:
        return 0
    notice = Notice.registry[type(events[0])]
    rows = notice.rows_of(events, utcnow())
    if not rows:
        return 0
    db.session.flush()
    db.session.execute(_promise(db.session.get_bind().dialect.name, notice.again), rows)
    for file in {row["file"] for row in rows}:
        hint_after_commit(file)
    return len(rows)
