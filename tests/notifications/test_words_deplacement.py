"""The words that tell somebody, and the agents, of another session: compared with snapshots a reviewer reads."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from tests import factories as make
from tests.databases import Base
from tests.notifications.scene import NOW, check, messages_left, scene, shown
from webapp.domain import sms
from webapp.extensions import db
from webapp.models import Agent, Canal, Discretion, Motif, Participation
from webapp.services.deplacements import move_places


@pytest.fixture(name="base")
def _base(sqlite_base: Base) -> Base:
    sqlite_base.empty()
    return sqlite_base


@pytest.fixture(autouse=True)
def in_context(app: Flask) -> Iterator[None]:
    with app.app_context(), time_machine.travel(NOW, tick=False):
        yield


def moved(seat: Participation, agent: Agent, motif: Motif | None = None) -> list[str]:
    """Two days later at 10:00, in the social centre; somebody else holds it."""
    rdv = seat.rdv
    where = make.lieu(rdv.organisation, name="Centre social Les Lilas", address="8 place du Marché")
    starts = rdv.starts_at + timedelta(days=2, hours=-4)
    other = make.agent(rdv.motif.service, first_name="Paul", email="paul@mds.exemple.fr")
    there = make.rdv(motif or rdv.motif, starts_at=starts, lieu=where, agents=[other])
    author = make.agent(rdv.motif.service)
    db.session.commit()
    (new,) = move_places([seat.id], there.id, agent=author)
    new.lien_nonce = "nonce-of-the-snapshots"
    db.session.commit()
    found = messages_left()
    texts = [m.text for m in found if m.canal is Canal.SMS]
    assert [sms.measure(text).segments for text in texts] <= [2]
    return [shown(message) for message in found]


@pytest.mark.parametrize("discretion", list(Discretion))
def test_the_words_of_another_session(discretion: Discretion) -> None:
    seat, agent = scene(discretion=discretion)
    seat.lien_nonce, seat.lien_hash = "another", "another"
    check(f"deplacement-{discretion}.txt", "\n==========\n\n".join(moved(seat, agent)))


def test_the_words_of_another_workshop() -> None:
    seat, agent = scene()
    seat.lien_nonce, seat.lien_hash = "another", "another"
    other = make.motif(seat.rdv.motif.service, name="Construire mon projet")
    found = moved(seat, agent, other)
    assert any("Avant : " in text for text in found)
