"""Whatever happens between two deliveries, each person is told from what they know to what is, once, or not at all."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests import factories as make
from tests.databases import Base
from webapp.clock import utcnow
from webapp.extensions import db
from webapp.jobs import messages
from webapp.models import EtatNotification, Notification, Participation
from webapp.notifications.compose import Ignored, compose
from webapp.notifications.content import ou_et_quand
from webapp.notifications.outgoing import Outgoing
from webapp.queries import notifications as queries
from webapp.services.rdvs import OuEtQuand, move_rdv

NOW = datetime(2026, 2, 20, 9, tzinfo=UTC)
START = datetime(2026, 3, 3, 13, tzinfo=UTC)


@pytest.fixture(name="base")
def _base(sqlite_base: Base) -> Base:
    sqlite_base.empty()
    return sqlite_base


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("move"), st.integers(0, 3), st.booleans()),
        st.just(("deliver", 0, True)),
        st.just(("fail", 0, True)),
    ),
    max_size=9,
)


@settings(max_examples=60)
@given(actions=ACTIONS)
def test_people_are_told_from_what_they_know(app: Flask, base: Base, actions: list[tuple[str, int, bool]]) -> None:
    base.empty()
    with app.app_context(), time_machine.travel(NOW, tick=False) as clock:
        service = make.service()
        agent = make.agent(service)
        places = [make.lieu(service.organisation, name=f"Lieu {n}") for n in range(2)]
        rdv = make.rdv(make.motif(service), starts_at=START, lieu=places[0])
        seat = make.participation(rdv)
        lieux = [lieu.id for lieu in places]
        db.session.commit()
        rdv_id, seat_id, agent_id = rdv.id, seat.id, agent.id
        knows, silent = ou_et_quand(rdv), False
        for what, where, told in [*actions, ("deliver", 0, True)]:
            clock.shift(1)
            if what == "move":
                starts = START + timedelta(days=where // 2)
                to = OuEtQuand(starts, starts + timedelta(hours=2), lieux[where % 2], None)
                changed = move_rdv(rdv_id, to, agent=db.session.get(type(agent), agent_id), prevenir=told)
                silent = silent or (changed and not told)
                continue
            knows, silent = deliver(seat_id, knows, silent, fails=what == "fail")
        row = db.session.get(Participation, seat_id)
        assert row is not None
        if not silent:
            waiting = db.session.scalars(
                select(Notification.id).where(Notification.etat == EtatNotification.A_ENVOYER)
            ).all()
            assert not waiting
            assert knows == ou_et_quand(row.rdv)


def deliver(seat_id: int, knows: dict[str, str], silent: bool, *, fails: bool) -> tuple[dict[str, str], bool]:
    """One delivery of what waits; a failed one puts it off. Answers what the person knows, and whether a change was
    kept from them on purpose."""
    said = []
    while (claim := messages.take("default")).ids:
        batch = queries.load_batch(claim.ids, claim.until)
        for row in batch.notifications:
            message = compose(row, batch, utcnow())
            if isinstance(message, Ignored):
                messages.record(row.id, claim.until, etat=EtatNotification.IGNOREE, erreur=message.reason)
            elif fails:
                messages.record(row.id, claim.until, etat=EtatNotification.A_ENVOYER, a_envoyer_le=utcnow())
            else:
                assert isinstance(message, Outgoing)
                said.append(dict(queries.known_before(row, batch.history[queries.reader_key(row)]) or {}))
                messages.record(
                    row.id, claim.until, etat=EtatNotification.ENVOYEE, envoyee_le=utcnow(), dit=message.dit
                )
        if fails:
            break
    assert len(said) <= 1, "told twice of one change"
    seat = db.session.get(Participation, seat_id)
    assert seat is not None
    now = ou_et_quand(seat.rdv)
    db.session.rollback()
    if said:
        if not silent:
            assert said == [knows]
        return now, False
    return knows, silent
