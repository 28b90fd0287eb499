"""Anything may happen to a full session and to who waits there, in any order: seats are never sold nor offered twice,
the first who fits is offered first, what nobody takes goes on (docs/domain.md rule 12)."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
import time_machine
from flask import Flask
from hypothesis import Phase
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

import webapp.services.attente as attente
import webapp.services.offres as offres
from tests import factories as make
from tests.databases import Base
from tests.services.test_booking_stateful import bounded
from webapp.domain import waitlist
from webapp.domain.errors import Complet, DomainError, Ferme, Libre, Refus
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur, Statut
from webapp.domain.waitlist import Decision
from webapp.extensions import db
from webapp.jobs.waitlist import pass_on_due
from webapp.models import Agent, FileAttente, Notification, Participation, Rdv, quand
from webapp.services import booking
from webapp.services.checks import broken
from webapp.services.motifs import save_motif
from webapp.services.rdvs import cancel_rdv

NOW = datetime(2026, 3, 3, 8, tzinfo=UTC)
PEOPLE = [Identity(f"Prénom{n}", "Du Nom", f"+336399800{n:02}", f"p{n}@exemple.fr") for n in range(7)]
WHO = st.integers(0, len(PEOPLE) - 1)
SEATED = ("inscrit", "present", "absent")
LIVE = ("en_attente", "proposee")
EVENTS = ("attente", "proposition", "place_expiree", "inscription", "annulation")


class Waitlist(RuleBasedStateMachine):
    """One session of a few seats. What the database says is looked at after each step, with the rules of the page."""

    base: ClassVar[Base]
    app: ClassVar[Flask]

    def __init__(self) -> None:
        super().__init__()
        self.context = self.app.app_context()
        self.context.push()
        self.clock = time_machine.travel(NOW, tick=False)
        self.now = self.clock.start()
        self.forms = 0
        self.capacity = 0
        self.meant = False
        """An agent went over the capacity, or lowered it under the seats taken."""
        self.before: dict[int, tuple[str, int, int]] = {}

    def teardown(self) -> None:
        try:
            db.session.rollback()
            assert list(broken()) == []
            self.nobody_was_told_twice()
        finally:
            db.session.rollback()
            for table in reversed(db.metadata.sorted_tables):
                db.session.execute(table.delete())
            db.session.commit()
            db.session.remove()
            self.clock.stop()
            self.context.pop()

    @initialize(capacity=st.integers(1, 3), hours=st.sampled_from([30, 54, 24 * 6]))
    def open(self, capacity: int, hours: int) -> None:
        """A full session in some days."""
        service = make.service(make.organisation(surbooking_autorise=True))
        motif = make.motif(service, capacite_max=capacity, liste_attente=True)
        rdv = make.full(make.rdv(motif, starts_at=NOW + timedelta(hours=hours)))
        self.agent = make.agent(service, "référent").id
        self.rdv, self.motif, self.start, self.capacity = rdv.id, motif.id, rdv.starts_at, capacity
        db.session.commit()

    # --- what people do ----------------------------------------------------------------------------------------------

    def may(self, action: Callable[[], Any], *kinds: type[DomainError]) -> Any:
        """It is done, or refused for one of these reasons."""
        try:
            return action()
        except DomainError as refusal:
            assert type(refusal) in kinds, f"{refusal!r}"
            return None

    def by(self) -> Agent:
        return db.session.get_one(Agent, self.agent)

    def entry(self, who: int) -> FileAttente | None:
        return db.session.scalars(select(FileAttente).where(FileAttente.usager.has(first_name=f"Prénom{who}"))).first()

    @rule(who=WHO, places=st.sampled_from([1, 1, 2]))
    def join(self, who: int, places: int) -> None:
        self.forms += 1
        self.may(lambda: attente.join(self.rdv, PEOPLE[who], envoi=f"{self.forms}", places=places), Libre, Ferme, Refus)

    @rule(who=WHO)
    def book(self, who: int) -> None:
        """Somebody finds the session on the site: what is offered, or fits who waits, is not theirs."""
        self.forms += 1
        found = booked_before = self.holds(who)
        public = self.public_seats()
        got = self.may(
            lambda: booking.book_seat(self.rdv, PEOPLE[who], by=Acteur.USAGER, envoi=f"b{self.forms}"),
            Complet,
            Ferme,
            Refus,
        )
        if got and not booked_before:
            assert public > 0, "a seat that belongs to who waits was sold"
        assert found is booked_before

    @rule(pick=st.integers(0, 20), back=st.booleans())
    def personal_link(self, pick: int, back: bool) -> None:
        """Somebody can't come, or can after all."""
        rows = db.session.scalars(
            select(Participation.id).where(Participation.rdv_id == self.rdv).order_by(Participation.id)
        ).all()
        if rows:
            place = rows[pick % len(rows)]
            held = db.session.get_one(Participation, place).statut.value in SEATED
            public = self.public_seats()
            after = Statut.INSCRIT if back else Statut.EXCUSE
            got = self.may(lambda: booking.change_statut(place, after, by=Acteur.USAGER), Refus, Complet)
            assert not (got and back and not held) or public > 0, "a seat that belongs to who waits was taken back"

    @rule(who=WHO)
    def leave(self, who: int) -> None:
        if entry := self.entry(who):
            attente.leave(entry.id)

    @rule(who=WHO)
    def strike(self, who: int) -> None:
        if (entry := self.entry(who)) and who == 0:
            attente.leave(entry.id, by=Acteur.AGENT, agent=self.by())

    @rule(who=WHO)
    def accept(self, who: int) -> None:
        """In, when it was offered and the time is not over; or when seats are anybody's."""
        entry = self.entry(who)
        if entry is None:
            return
        offered = entry.etat.value == "proposee" and entry.jusqua > self.clock_now()
        public = self.public_seats() >= entry.places
        seated = self.holds(who)
        got = self.may(lambda: attente.accept(entry.id), Refus, Complet, Ferme)
        assert bool(got) is (seated or (self.open_still() and (offered or public) and not self.barred(who))), who

    @rule(who=WHO)
    def refuse(self, who: int) -> None:
        if entry := self.entry(who):
            self.may(lambda: attente.refuse(entry.id), Refus)

    @rule(who=WHO)
    def rejoin(self, who: int) -> None:
        if entry := self.entry(who):
            self.may(lambda: attente.rejoin(entry.id), Refus, Libre, Ferme)

    @rule(who=WHO, meant=st.booleans())
    def promote(self, who: int, meant: bool) -> None:
        if (entry := self.entry(who)) and entry.attend:
            got = self.may(lambda: attente.promote(entry.id, agent=self.by(), surbooking=meant), Complet, Ferme)
            self.meant = self.meant or bool(got and meant)

    @rule(capacity=st.integers(1, 4))
    def change_capacity(self, capacity: int) -> None:
        save_motif(self.motif, {"capacite_max": capacity}, self.by())
        if self.open_still():
            self.capacity = capacity
            self.meant = True

    @rule(hours=st.sampled_from([1, 3, 11, 25]), tick=st.booleans())
    def wait(self, hours: int, tick: bool) -> None:
        """Time passes; the clock may be late."""
        self.now.shift(timedelta(hours=hours))
        if tick:
            self.tick()

    @rule()
    def tick(self) -> None:
        pass_on_due()
        assert pass_on_due() == 0, "what was done is due again"
        for entry in self.entries():
            assert entry.jusqua is None or entry.jusqua > self.clock_now(), "an offer outlived its time"

    @rule(sure=st.integers(0, 9))
    def cancel(self, sure: int) -> None:
        if sure == 0:
            self.may(lambda: cancel_rdv(self.rdv, agent=self.by()), Refus)

    # --- what must be true -------------------------------------------------------------------------------------------

    def clock_now(self) -> datetime:
        from webapp.clock import utcnow

        return utcnow()

    def session(self) -> Rdv:
        return db.session.get_one(Rdv, self.rdv, populate_existing=True)

    def open_still(self) -> bool:
        return self.session().cancelled_at is None and self.clock_now() < self.start

    def entries(self) -> list[FileAttente]:
        return list(
            db.session.scalars(select(FileAttente).order_by(FileAttente.rang).execution_options(populate_existing=True))
        )

    def holds(self, who: int) -> bool:
        return self.statut(who) in SEATED

    def statut(self, who: int) -> str:
        found = db.session.scalars(
            select(Participation.statut).where(Participation.usager.has(first_name=f"Prénom{who}"))
        ).first()
        return found.value if found else ""

    def barred(self, who: int) -> bool:
        """Removed by the service: only an agent brings them back."""
        entry = self.entry(who)
        return self.statut(who) == "annule" or (
            entry is not None and entry.etat.value == "retiree" and entry.etat_par is Acteur.AGENT
        )

    def public_seats(self) -> int:
        """Seats anybody may take now, worked out from the rows alone."""
        db.session.rollback()
        rdv, entries = self.session(), self.entries()
        if rdv.cancelled_at is not None or self.clock_now() + timedelta(minutes=30) > rdv.starts_at:
            return 0
        taken = sum(
            statut.value in SEATED
            for statut in db.session.scalars(select(Participation.statut).where(Participation.rdv_id == self.rdv))
        )
        free = self.capacity - taken - sum(e.places for e in entries if e.etat.value == "proposee")
        waits = [e.places for e in entries if e.etat.value == "en_attente"]
        if not waitlist.last_minute(self.clock_now(), quand(rdv)) and any(places <= free for places in waits):
            return 0
        return max(0, free)

    @invariant()
    def seats_add_up(self) -> None:
        if not self.capacity:
            return
        db.session.rollback()
        db.session.expire_all()
        rdv, entries = self.session(), self.entries()
        held = sum(entry.places for entry in entries if entry.etat.value == "proposee")
        waits = [entry for entry in entries if entry.etat.value == "en_attente"]
        assert rdv.places_proposees == held
        assert rdv.places_attente == sum(entry.places for entry in entries if entry.etat.value in LIVE)
        if rdv.cancelled_at is not None:
            assert not held and not waits
            return
        assert rdv.capacite_max == self.capacity or not self.open_still()
        # Never more seat holders than capacity: what is offered never goes over, whatever agents mean.
        assert held == 0 or rdv.places_prises + held <= self.capacity, "more is offered than there is"
        assert self.meant or rdv.places_prises <= self.capacity, "sold beyond the capacity"
        if not waitlist.last_minute(self.clock_now(), quand(rdv)):
            free = self.capacity - rdv.places_prises - held
            assert all(entry.places > free for entry in waits), "a free seat fits who waits, and was not offered"
        self.first_come_first_offered(entries)

    def first_come_first_offered(self, entries: list[FileAttente]) -> None:
        """Among new offers and those who still wait: nobody was passed over who asks for no more."""
        fresh = [
            entry
            for entry in entries
            if entry.etat.value == "proposee" and self.before.get(entry.id, ("",))[0] != "proposee"
        ]
        for entry in fresh:
            passed = [
                other
                for other in entries
                if other.rang < entry.rang and other.etat.value == "en_attente" and other.places <= entry.places
            ]
            assert passed == [], f"entry {entry.id} was offered before {[other.id for other in passed]}"
        self.before = {entry.id: (entry.etat.value, entry.rang, entry.version) for entry in entries}

    def nobody_was_told_twice(self) -> None:
        """One message by channel for one fact: the same event about the same change of the same entry."""
        rows = db.session.execute(
            select(
                Notification.event,
                Notification.sujet_type,
                Notification.sujet_id,
                Notification.changement,
                Notification.canal,
                Notification.destinataire_id,
            ).where(Notification.event.in_(EVENTS), Notification.destinataire_type == "usager")
        ).all()
        assert max(Counter(rows).values(), default=1) == 1
        # A session that is cancelled is one fact for who had a seat and for who waited.
        cancelled = Counter((row.canal, row.destinataire_id) for row in rows if row.event == "annulation")
        assert max(cancelled.values(), default=1) == 1
        opened = Counter((row.canal, row.destinataire_id) for row in rows if row.changement.startswith("ouverte "))
        assert max(opened.values(), default=1) == 1


@pytest.fixture
def machine(app: Flask, base: Base) -> Iterator[type[Waitlist]]:
    Waitlist.app, Waitlist.base = app, base
    yield Waitlist


def test_a_waitlist_keeps_its_word(machine: type[Waitlist], base: Base) -> None:
    run_state_machine_as_test(machine, settings=bounded(40 if base.dialect == "sqlite" else 8, 30))


@pytest.mark.volume
def test_a_waitlist_keeps_its_word_for_long(machine: type[Waitlist], base: Base) -> None:
    run_state_machine_as_test(machine, settings=bounded(400 if base.dialect == "sqlite" else 100, 60))


def last_come_first_offered(waiting: Any, free: int) -> Any:
    return waitlist_first(list(waiting)[::-1], free)


waitlist_first = waitlist.first_that_fit


def nothing_is_due(*_: object, **__: object) -> Decision:
    return Decision()


def nothing_is_kept(*_: object, **__: object) -> bool:
    return False


@pytest.mark.parametrize("base", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("module", "name", "mutant"),
    [
        (waitlist, "first_that_fit", last_come_first_offered),
        (offres, "decide", nothing_is_due),
        (booking, "check_seat", nothing_is_kept),
        (offres, "pass_on", lambda *_: None),
    ],
)
def test_a_waitlist_that_is_wrong_is_found(
    machine: type[Waitlist], monkeypatch: pytest.MonkeyPatch, module: Any, name: str, mutant: Callable[..., object]
) -> None:
    """What proves that the machine looks: the same site with one of its rules wrong."""
    monkeypatch.setattr(module, name, mutant)
    with pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(machine, settings=bounded(60, phases=[Phase.generate]))
