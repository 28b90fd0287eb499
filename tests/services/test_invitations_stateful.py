"""Invitations used, given back, withdrawn and sent again in any order: the site agrees with a model a page long."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
import time_machine
from flask import Flask
from hypothesis import Phase
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

from tests import factories as make
from tests.databases import Base
from tests.services.test_booking_stateful import bounded
from webapp.domain.capacity import ReservablePar
from webapp.domain.errors import AutreSeance, Complet, DomainError, Introuvable, Refus
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import Agent, Motif, Participation
from webapp.queries import invitations as queries
from webapp.services import booking, invitations
from webapp.services.checks import broken

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
SESSIONS, PEOPLE = range(3), range(2)
WHO, WHERE = st.sampled_from(PEOPLE), st.sampled_from(SESSIONS)


@dataclass
class Model:
    """Rule 8 for invitations: who holds a seat in which of three sessions to come, and by what."""

    capacity: int
    valid: set[int] = field(default_factory=set)
    status: dict[tuple[int, int], str] = field(default_factory=dict)
    by_invitation: dict[tuple[int, int], bool] = field(default_factory=dict)

    def seats(self, who: int) -> list[int]:
        return [s for s in SESSIONS if self.status.get((who, s)) == "inscrit"]

    def full(self, where: int) -> bool:
        return sum(self.status.get((who, where)) == "inscrit" for who in PEOPLE) >= self.capacity

    def choose(self, who: int, where: int, change: bool) -> type[DomainError] | None:
        here, others = where in self.seats(who), [s for s in self.seats(who) if s != where]
        if self.full(where) and not here:
            return Complet
        if who not in self.valid:
            return Introuvable
        if others and not change:
            return AutreSeance
        if not here:
            self.status[who, where], self.by_invitation[who, where] = "inscrit", True
            if others:
                self.status[who, max(others)] = "excuse"
        return None

    def come_back(self, who: int, where: int) -> type[DomainError] | None:
        if (self.by_invitation[who, where] or who in self.valid) and self.seats(who):
            return Refus
        if self.full(where):
            return Complet
        self.status[who, where] = "inscrit"
        return None

    def given(self, who: int, where: int) -> type[DomainError] | None:
        """By an agent, who may give several."""
        if where in self.seats(who):
            return None
        if self.full(where):
            return Complet
        self.status[who, where], self.by_invitation[who, where] = "inscrit", False
        return None


class Invited(RuleBasedStateMachine):
    base: ClassVar[Base]
    app: ClassVar[Flask]

    def __init__(self) -> None:
        super().__init__()
        self.context = self.app.app_context()
        self.context.push()
        self.clock = time_machine.travel(NOW, tick=False)
        self.now = self.clock.start()
        self.forms = 0

    def teardown(self) -> None:
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

    @initialize(capacity=st.integers(1, 2))
    def open(self, capacity: int) -> None:
        motif = make.motif(reservable_par=ReservablePar.INVITES, capacite_max=capacity)
        self.motif, self.agent = motif.id, make.agent(motif.service).id
        self.rdvs = [make.rdv(motif, starts_at=NOW + timedelta(days=5 + n)).id for n in SESSIONS]
        self.people = [make.usager(motif.organisation_id).id for _ in PEOPLE]
        db.session.commit()
        self.model = Model(capacity)
        for who in PEOPLE:
            self.invite(who)

    def same(self, expected: type[DomainError] | None, action: Callable[[], Any]) -> None:
        """The site refuses what the model refuses, for the same reason."""
        try:
            action()
        except DomainError as refusal:
            assert type(refusal) is expected, f"{refusal!r} instead of {expected}"
            return
        assert expected is None, f"{expected} was expected"

    def form(self) -> str:
        self.now.shift(timedelta(seconds=1))
        self.forms += 1
        return f"f{self.forms}"

    def row(self, who: int) -> Any:
        return queries.held(self.motif, self.people[who])

    def place(self, who: int, where: int) -> int:
        here = Participation.rdv_id == self.rdvs[where], Participation.usager_id == self.people[who]
        return db.session.scalars(select(Participation.id).where(*here)).one()

    def known(self) -> list[tuple[int, int]]:
        return sorted(self.model.status)

    @rule(who=WHO)
    def invite(self, who: int) -> None:
        expected = Refus if self.model.seats(who) else None
        envoi, motif = self.form(), db.session.get_one(Motif, self.motif)
        agent = db.session.get_one(Agent, self.agent)
        self.same(expected, lambda: invitations.invite(self.people[who], motif, agent, envoi=envoi))
        if expected is None:
            self.model.valid.add(who)

    @rule(who=WHO)
    def withdraw(self, who: int) -> None:
        invitations.withdraw(self.row(who).id, db.session.get_one(Agent, self.agent))
        self.model.valid.discard(who)

    @rule(who=WHO, where=WHERE, change=st.booleans())
    def choose(self, who: int, where: int, change: bool) -> None:
        expected, row_id, envoi = self.model.choose(who, where, change), self.row(who).id, self.form()
        self.same(
            expected,
            lambda: booking.book_seat(
                self.rdvs[where],
                None,
                by=Acteur.USAGER,
                envoi=envoi,
                usager_id=self.people[who],
                invitation_id=row_id,
                changer=change,
            ),
        )

    @rule(who=WHO, where=WHERE)
    def given_by_an_agent(self, who: int, where: int) -> None:
        expected, envoi, agent = self.model.given(who, where), self.form(), db.session.get_one(Agent, self.agent)
        self.same(
            expected,
            lambda: booking.book_seat(
                self.rdvs[where], None, by=Acteur.AGENT, envoi=envoi, agent=agent, usager_id=self.people[who]
            ),
        )

    @precondition(lambda self: self.model.status)
    @rule(data=st.data())
    def give_back(self, data: Any) -> None:
        who, where = data.draw(st.sampled_from(self.known()))
        self.form()
        booking.change_statut(self.place(who, where), Statut.EXCUSE, by=Acteur.USAGER)
        self.model.status[who, where] = "excuse"

    @precondition(lambda self: "excuse" in self.model.status.values())
    @rule(data=st.data())
    def come_back(self, data: Any) -> None:
        who, where = data.draw(st.sampled_from([at for at in self.known() if self.model.status[at] == "excuse"]))
        self.form()
        place = self.place(who, where)
        expected = self.model.come_back(who, where)
        self.same(expected, lambda: booking.change_statut(place, Statut.INSCRIT, by=Acteur.USAGER))

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "model"):
            return
        db.session.rollback()
        db.session.expire_all()
        found = {
            (self.people.index(row.usager_id), self.rdvs.index(row.rdv_id)): row.statut.value
            for row in db.session.scalars(select(Participation))
        }
        assert found == self.model.status
        db.session.rollback()


@pytest.fixture
def machine(app: Flask, base: Base) -> Iterator[type[Invited]]:
    Invited.app, Invited.base = app, base
    yield Invited


def test_the_site_uses_invitations_as_the_model_does(machine: type[Invited], base: Base) -> None:
    run_state_machine_as_test(machine, settings=bounded(25 if base.dialect == "sqlite" else 5))


@pytest.mark.volume
def test_the_site_uses_invitations_as_the_model_does_for_long(machine: type[Invited], base: Base) -> None:
    run_state_machine_as_test(machine, settings=bounded(300 if base.dialect == "sqlite" else 80, 50))


@pytest.mark.parametrize("base", ["sqlite"], indirect=True)
@pytest.mark.parametrize("rule_gone", ["use", "check_only_seat"])
def test_a_rule_that_is_gone_is_found(machine: type[Invited], monkeypatch: pytest.MonkeyPatch, rule_gone: str) -> None:
    """What proves that the machine looks."""
    monkeypatch.setattr(invitations, rule_gone, lambda *_args, **_options: None)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=bounded(60, phases=[Phase.generate]))
