"""Anything may be done to a session, in any order: the site agrees at each step with a model of seats a page long."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
import time_machine
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

import webapp.services.booking as booking
from tests import factories as make
from tests.databases import Base
from webapp.domain.errors import Complet, DomainError, Ferme, Interdit, Perime, Refus
from webapp.domain.identity import Foyer, Identity
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import Agent, Organisation, Participation, Rdv, Usager
from webapp.services.checks import broken
from webapp.services.foyer import book_household
from webapp.services.motifs import save_motif, set_archived
from webapp.services.rdvs import cancel_rdv, freeze_started

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
START = NOW + timedelta(hours=6)
PEOPLE = [Identity(f"Prénom{n}", "Du Nom", f"+336399800{n:02}") for n in range(4)]
HOUSEHOLD = (0, 4, 5)
"""The first of them and two relatives, who have no contact but theirs; they may be booked alone too."""
PEOPLE += [PEOPLE[0].relative(prenom, "Du Nom") for prenom in ("Enfant4", "Enfant5")]
SEATED = ("inscrit", "present", "absent")
MOVES = st.sampled_from(["inscrit", "present", "absent", "excuse", "annule"])
WHO = st.integers(0, len(PEOPLE) - 1)
CAPACITIES = st.integers(1, 3)


@dataclass
class Model:
    """The seats of one session as docs/domain.md says them, rules 6 to 10 and 19; nothing of the site's code."""

    capacity: int
    status: dict[int, str] = field(default_factory=dict)
    version: dict[int, int] = field(default_factory=dict)
    forms: dict[tuple[str, int], bool] = field(default_factory=dict)
    families: dict[tuple[str, tuple[int, ...]], int] = field(default_factory=dict)
    """A household's form → whose place is its answer."""
    cancelled: bool = False
    archived: bool = False
    started: bool = False

    @property
    def taken(self) -> int:
        return sum(status in SEATED for status in self.status.values())

    def seated(self, who: int) -> bool:
        return self.status.get(who) in SEATED

    def full(self) -> bool:
        return self.taken >= self.capacity

    def book(self, who: int, *, agent: bool, meant: bool = False, right: bool = True) -> type[DomainError] | None:
        """Why not, or None and the seat is taken."""
        if self.cancelled or (not agent and (self.archived or self.started)):
            return Ferme
        if self.seated(who):
            return None
        if self.full():
            if not (agent and meant):
                return Complet
            if not right:
                return Interdit
        if not agent and self.status.get(who) == "annule":
            return Refus
        self.move(who, "present" if agent and self.started else "inscrit")  # a walk-in is there
        return None

    def book_all(self, envoi: str, family: tuple[int, ...]) -> type[DomainError] | None:
        """All of them or none; who has a seat keeps it."""
        answered = self.families.get((envoi, family))
        if self.cancelled or self.archived or self.started:
            return None if answered is not None and self.seated(answered) else Ferme
        without = [who for who in family if not self.seated(who)]
        if without and self.taken + len(without) > self.capacity:  # an agent may have gone over it
            return Complet
        if any(self.status.get(who) == "annule" for who in without):
            return Refus
        for who in without:
            self.move(who, "inscrit")
        if without or answered is None:
            self.families[envoi, family] = (without or family)[0]
        return None

    def change_all(self, some: list[int], after: str) -> type[DomainError] | None:
        """By a link: all of them or none."""
        moving = [who for who in some if self.status[who] != after]
        if not moving:
            return None
        if self.cancelled or self.started or any({self.status[who], after} != {"inscrit", "excuse"} for who in moving):
            return Refus
        if after in SEATED and self.taken + len(moving) > self.capacity:
            return Complet
        for who in moving:
            self.move(who, after)
        return None

    def change(self, who: int, after: str, *, agent: bool, meant: bool = False) -> type[DomainError] | None:
        before = self.status[who]
        if before == after:
            return None
        if self.cancelled:
            return Refus
        if not agent and (self.started or {before, after} != {"inscrit", "excuse"}):
            return Refus
        if after == "absent" and not self.started:
            return Refus
        comes_back = after in SEATED and not self.seated(who)
        if comes_back and self.full() and not self.started and not (agent and meant):
            return Complet
        self.move(who, after)
        return None

    def move(self, who: int, after: str) -> None:
        self.status[who] = after
        self.version[who] = self.version.get(who, 0) + 1

    def cancel(self) -> type[DomainError] | None:
        if self.cancelled:
            return None
        if "present" in self.status.values():
            return Refus
        self.cancelled = True
        for who in self.status:
            if self.seated(who):
                self.move(who, "annule")
        return None


class Seats(RuleBasedStateMachine):
    """One session; the site and the model do the same thing, then are compared."""

    base: ClassVar[Base]
    app: ClassVar[Flask]

    def __init__(self) -> None:
        super().__init__()
        self.context = self.app.app_context()
        self.context.push()
        self.clock = time_machine.travel(NOW, tick=False)
        self.now = self.clock.start()
        self.rows: dict[int, int] = {}
        self.seen_version = 0

    def teardown(self) -> None:
        """Every recount of `flask check`; then nothing is left for the next example."""
        try:
            db.session.rollback()
            assert list(broken()) == []
        finally:
            db.session.rollback()
            for table in reversed(db.metadata.sorted_tables):
                db.session.execute(table.delete())
            db.session.commit()
            db.session.remove()
            self.clock.stop()
            self.context.pop()

    @initialize(capacity=CAPACITIES, people=st.integers(0, 3), begun=st.booleans())
    def open(self, capacity: int, people: int, begun: bool) -> None:
        """A session with some people in it, to come or going on."""
        org: Organisation = make.organisation(surbooking_autorise=True)
        service = make.service(org)
        motif = make.motif(service, capacite_max=capacity)
        rdv = make.rdv(motif, starts_at=START)
        self.agent, self.referent = make.agent(service), make.agent(service, "référent")
        self.rdv, self.motif, self.first = rdv.id, motif.id, rdv.version
        db.session.commit()
        self.model = Model(capacity)
        for who in range(people):
            self.book_online(who, "a")
        if begun:
            self.begin()

    def same(self, expected: type[DomainError] | None, action: Any) -> Any:
        """The site refuses what the model refuses, for the same reason; what it answered otherwise."""
        try:
            done = action()
        except DomainError as refusal:
            assert type(refusal) is expected, f"{refusal!r} instead of {expected}"
            return None
        assert expected is None, f"{expected} was expected"
        return done

    def by(self, name: str) -> Agent:
        return db.session.get_one(Agent, (self.referent if name == "référent" else self.agent).id)

    @rule(who=WHO, envoi=st.sampled_from("abc"))
    def book_online(self, who: int, envoi: str) -> None:
        """The same form, sent again while its seat is held, gets its first answer."""
        if not (self.model.forms.get((envoi, who)) and self.model.seated(who)):
            expected = self.model.book(who, agent=False)
        else:
            expected = None
        done = self.same(expected, lambda: booking.book_seat(self.rdv, PEOPLE[who], by=Acteur.USAGER, envoi=envoi))
        if done:
            self.rows.setdefault(who, done.participation_id)
            assert self.rows[who] == done.participation_id
            self.model.forms[envoi, who] = True

    @rule(comes=st.booleans(), relatives=st.sampled_from([(4,), (5,), (4, 5)]), envoi=st.sampled_from("abc"))
    def book_household(self, comes: bool, relatives: tuple[int, ...], envoi: str) -> None:
        """One form for several; the same one, sent again, gets its first answer."""
        family = (0, *relatives) if comes else relatives
        foyer = Foyer(PEOPLE[0], tuple(PEOPLE[who] for who in relatives), comes)
        expected = self.model.book_all(envoi, family)
        if self.same(expected, lambda: book_household(self.rdv, foyer, by=Acteur.USAGER, envoi=envoi)):
            question = select(Participation).join(Participation.usager).where(Participation.rdv_id == self.rdv)
            names = {PEOPLE[who].prenom: who for who in family}
            for row in db.session.scalars(question.where(Usager.first_name.in_(names))):
                assert self.rows.setdefault(names[row.usager.first_name], row.id) == row.id
            assert set(family) <= set(self.rows)

    @precondition(lambda self: set(HOUSEHOLD) & set(self.rows))
    @rule(after=MOVES, some=st.sets(st.sampled_from(HOUSEHOLD), min_size=1))
    def link_of_the_household(self, after: str, some: set[int]) -> None:
        """Each or all, with every status a forged post could ask for."""
        chosen = sorted(some & set(self.rows))
        if chosen:
            ids = [self.rows[who] for who in chosen]
            expected = self.model.change_all(chosen, after)
            self.same(expected, lambda: booking.change_statuts(ids, Statut(after), by=Acteur.USAGER))

    @rule(who=WHO, name=st.sampled_from(["agent", "référent"]), meant=st.booleans(), number=st.integers())
    def add(self, who: int, name: str, meant: bool, number: int) -> None:
        """An agent adds somebody; over the capacity on purpose, with the right."""
        expected = self.model.book(who, agent=True, meant=meant, right=name == "référent")
        agent, envoi = self.by(name), f"{number} {len(self.model.version)} {self.now_version()}"
        done = self.same(
            expected,
            lambda: booking.book_seat(
                self.rdv, PEOPLE[who], by=Acteur.AGENT, agent=agent, envoi=envoi, surbooking=meant
            ),
        )
        if done:
            self.rows.setdefault(who, done.participation_id)
            assert self.rows[who] == done.participation_id

    def one_of_them(self, pick: int) -> int:
        """Somebody who has a row."""
        return sorted(self.rows)[pick % len(self.rows)]

    @precondition(lambda self: self.rows)
    @rule(pick=WHO, after=MOVES, meant=st.booleans(), late=st.booleans())
    def tap(self, pick: int, after: str, meant: bool, late: bool) -> None:
        """An agent taps a status; a page that shows an old version changes nothing."""
        who = self.one_of_them(pick)
        version = self.model.version[who] - late
        if late and self.model.status[who] != after:
            expected: type[DomainError] | None = Perime
        else:
            expected = self.model.change(who, after, agent=True, meant=meant)
        agent = self.by("référent")
        self.same(
            expected,
            lambda: booking.change_statut(
                self.rows[who], Statut(after), by=Acteur.AGENT, agent=agent, version=version, surbooking=meant
            ),
        )

    @precondition(lambda self: self.rows)
    @rule(pick=WHO, after=MOVES)
    def personal_link(self, pick: int, after: str) -> None:
        """The person themself, with every status a forged post could ask for."""
        who = self.one_of_them(pick)
        expected = self.model.change(who, after, agent=False)
        self.same(expected, lambda: booking.change_statut(self.rows[who], Statut(after), by=Acteur.USAGER))

    @rule(capacity=CAPACITIES)
    def change_capacity(self, capacity: int) -> None:
        """Of the motif: a session that has started keeps its own; nobody is removed."""
        save_motif(self.motif, {"capacite_max": capacity}, self.by("référent"))
        if not self.model.started and not self.model.cancelled:
            self.model.capacity = capacity

    @rule()
    def archive(self) -> None:
        self.model.archived = not self.model.archived
        set_archived(self.motif, self.model.archived, self.by("référent"))

    @rule(sure=st.integers(0, 3))
    def cancel(self, sure: int) -> None:
        """Now and then."""
        if sure == 0:
            expected = self.model.cancel()
            self.same(expected, lambda: cancel_rdv(self.rdv, agent=self.by("agent")))

    @precondition(lambda self: not self.model.started)
    @rule(sure=st.integers(0, 3))
    def start(self, sure: int) -> None:
        """Now and then as well."""
        if sure == 0:
            self.begin()

    def begin(self) -> None:
        """Time passes: the session begins and freezes."""
        self.now.move_to(START + timedelta(minutes=1))
        self.model.started = True
        freeze_started()

    def now_version(self) -> int:
        return db.session.scalar(select(Rdv.version).where(Rdv.id == self.rdv)) or 0

    @invariant()
    def agrees(self) -> None:
        """Seats, statuses, versions."""
        if not hasattr(self, "model"):
            return
        db.session.rollback()
        db.session.expire_all()
        rdv = db.session.get_one(Rdv, self.rdv)
        assert (rdv.places_prises, rdv.capacite_max) == (self.model.taken, self.model.capacity)
        assert (rdv.cancelled_at is not None, rdv.fige is not None) == (self.model.cancelled, self.model.started)
        rows = db.session.scalars(select(Participation).where(Participation.rdv_id == self.rdv))
        found = {row.id: (row.statut.value, row.version) for row in rows}
        assert found == {self.rows[who]: (status, self.model.version[who]) for who, status in self.model.status.items()}
        assert rdv.version >= self.seen_version
        self.seen_version = rdv.version
        db.session.rollback()


@pytest.fixture
def machine(app: Flask, base: Base) -> Iterator[type[Seats]]:
    Seats.app, Seats.base = app, base
    yield Seats


def bounded(examples: int, steps: int = 25, **options: Any) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        suppress_health_check=list(HealthCheck),
        **options,
    )


def test_the_seats_of_the_site_are_those_of_the_model(machine: type[Seats], base: Base) -> None:
    run_state_machine_as_test(machine, settings=bounded(30 if base.dialect == "sqlite" else 6))


@pytest.mark.volume
def test_the_seats_of_the_site_are_those_of_the_model_for_long(machine: type[Seats], base: Base) -> None:
    run_state_machine_as_test(machine, settings=bounded(400 if base.dialect == "sqlite" else 100, 50))


def absent_frees_a_seat(before: Statut | None, after: Statut) -> int:
    seats = (Statut.INSCRIT, Statut.PRESENT)
    return int(after in seats) - int(before in seats)


def there_is_always_room(*_: object, **__: object) -> bool:
    return False


def everything_is_allowed(*_: object, **__: object) -> None:
    return None


@pytest.mark.parametrize("base", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("name", "mutant"),
    [
        ("seat_delta", absent_frees_a_seat),
        ("check_seat", there_is_always_room),
        ("check_transition", everything_is_allowed),
    ],
)
def test_a_broken_door_is_found(
    machine: type[Seats], monkeypatch: pytest.MonkeyPatch, name: str, mutant: Callable[..., object]
) -> None:
    """What proves that the machine looks: the same site with one of its rules wrong."""
    monkeypatch.setattr(booking, name, mutant)
    with pytest.raises((AssertionError, IntegrityError)):
        run_state_machine_as_test(machine, settings=bounded(60, phases=[Phase.generate]))
