"""A session's agents change alone, and survive its plage; its date and place still follow it."""

from collections.abc import Iterator
from datetime import UTC, datetime, time
from typing import Any

import pytest
import time_machine
from flask import Flask

from tests import factories
from tests.services.test_plages import Place, sessions
from webapp.domain.errors import Interdit, Introuvable, Perime, Refus
from webapp.extensions import db
from webapp.models import Agent, Journal, Notification, PlageOuverture, Rdv
from webapp.services.animation import agents_cle, change_agents
from webapp.services.rdvs import cancel_rdv

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)  # a Sunday


class Series(Place):
    """Every Tuesday, held by the référent; Paul and Zoé work in the service too."""

    def __init__(self) -> None:
        super().__init__()
        self.paul: Agent = factories.agent(self.service, first_name="Paul")
        self.zoe: Agent = factories.agent(self.service, first_name="Zoé")
        db.session.commit()
        self.plage: PlageOuverture = self.save().plage

    def sessions(self) -> list[Rdv]:
        db.session.expire_all()
        return sessions(self.plage)


@pytest.fixture
def series(app: Flask) -> Iterator[Series]:
    with app.app_context(), time_machine.travel(NOW, tick=False):
        yield Series()


def who(rdv: Rdv) -> set[int]:
    return {agent.id for agent in rdv.agents}


def test_agents_changed_alone_survive_the_plage_and_nothing_else_does(series: Series) -> None:
    first, second, *_ = series.sessions()
    assert change_agents(first.id, [series.paul.id], agent=series.agent)
    series.save(series.plage, agent_ids=(series.agent.id, series.zoe.id), start_time=time(10))
    first, second, *_ = series.sessions()
    assert who(first) == {series.paul.id} and who(second) == {series.agent.id, series.zoe.id}
    assert first.starts_at == datetime(2026, 12, 1, 9, tzinfo=UTC) and not first.detache  # 10:00: it follows
    assert first.agents_propres and not second.agents_propres


def test_the_plages_own_agents_again_and_it_follows_again(series: Series) -> None:
    rdv = series.sessions()[0]
    change_agents(rdv.id, [series.paul.id, series.agent.id], agent=series.agent)
    assert change_agents(rdv.id, [series.agent.id], agent=series.agent)
    assert not series.sessions()[0].agents_propres
    series.save(series.plage, agent_ids=(series.agent.id, series.zoe.id))
    assert who(series.sessions()[0]) == {series.agent.id, series.zoe.id}


def test_an_empty_session_with_its_own_agents_still_goes_with_its_day(series: Series) -> None:
    rdv = series.sessions()[0]
    change_agents(rdv.id, [series.paul.id], agent=series.agent)
    saved = series.save(series.plage, excluded=(rdv.occurrence_le,))
    assert saved.retirees == 1 and rdv.id not in {one.id for one in series.sessions()}


def test_it_is_said_in_the_journal_and_to_nobody(series: Series) -> None:
    rdv = series.sessions()[0]
    factories.participation(rdv)
    db.session.commit()
    version = rdv.version
    assert change_agents(rdv.id, [series.paul.id], agent=series.agent)
    assert not change_agents(rdv.id, [series.paul.id], agent=series.agent)  # a double click
    db.session.expire_all()
    assert rdv.version == version + 1
    (line,) = db.session.query(Journal).filter_by(rdv_id=rdv.id)
    assert line.action == "agents_changes"
    assert line.details == {"de": {"agent_ids": [series.agent.id]}, "a": {"agent_ids": [series.paul.id]}}
    assert db.session.query(Notification).count() == 0


def test_what_one_may_not_do(series: Series) -> None:
    rdv, later, *_ = series.sessions()
    other = factories.agent(factories.service(series.org, name="PMI"))
    closed = factories.agent(series.service, actif=False)
    looks = factories.agent(series.service, "agent")
    looks.droits = [right for right in looks.droits if right.droit == "voir"]
    db.session.commit()
    before = agents_cle(rdv)
    for chosen in ([], [other.id], [closed.id], [series.paul.id, other.id]):
        with pytest.raises(Refus):
            change_agents(rdv.id, chosen, agent=series.agent)
    with pytest.raises(Interdit):
        change_agents(rdv.id, [series.paul.id], agent=looks)
    with pytest.raises(Introuvable):
        change_agents(rdv.id, [other.id], agent=other)
    assert agents_cle(series.sessions()[0]) == before
    change_agents(rdv.id, [series.paul.id], agent=series.agent)
    with pytest.raises(Perime):
        change_agents(rdv.id, [series.zoe.id], agent=series.agent, connu=before)
    cancel_rdv(rdv.id, agent=series.agent)
    with pytest.raises(Refus, match="annulée"):
        change_agents(rdv.id, [series.zoe.id], agent=series.agent)
    with time_machine.travel(later.starts_at, tick=False), pytest.raises(Refus, match="commencé"):
        change_agents(later.id, [series.zoe.id], agent=series.agent)


def test_who_left_the_service_may_stay_where_they_are(series: Series) -> None:
    rdv = series.sessions()[0]
    change_agents(rdv.id, [series.paul.id], agent=series.agent)
    series.paul.services = []
    db.session.commit()
    assert change_agents(rdv.id, [series.paul.id, series.zoe.id], agent=series.agent)
    assert who(series.sessions()[0]) == {series.paul.id, series.zoe.id}
    with pytest.raises(Refus):
        change_agents(series.sessions()[1].id, [series.paul.id], agent=series.agent)


def test_a_session_without_a_plage_has_agents_of_its_own_anyway(series: Series) -> None:
    rdv: Any = factories.rdv(series.motif, agents=[series.agent])
    db.session.commit()
    assert change_agents(rdv.id, [series.paul.id], agent=series.agent)
    assert who(rdv) == {series.paul.id} and not rdv.agents_propres
