"""A session's agents change alone, and survive its plage; its date and place still follow it."""

import threading
from collections.abc import Callable, Iterator
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
from webapp.services.animation import agents_cle, change_agents, replace_agent
from webapp.services.checks import broken
from webapp.services.plages import save_plage
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


def test_a_plage_that_takes_the_agents_a_session_had_alone_has_it_follow_again(series: Series) -> None:
    rdv = series.sessions()[0]
    change_agents(rdv.id, [series.paul.id, series.agent.id], agent=series.agent)
    series.save(series.plage, agent_ids=(series.agent.id, series.zoe.id))
    assert series.sessions()[0].agents_propres
    series.save(series.plage, agent_ids=(series.agent.id, series.paul.id))
    assert not any(rdv.agents_propres for rdv in series.sessions())
    series.save(series.plage, agent_ids=(series.agent.id,))
    assert all(who(rdv) == {series.agent.id} for rdv in series.sessions())


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


def test_agents_and_their_plage_change_at_once_without_blocking_each_other(app: Flask, series: Series) -> None:
    """Opposite orders of the same sessions: everybody gets through, and what was changed alone stays."""
    ids = [rdv.id for rdv in series.sessions()][:6]
    holder, paul, zoe, plage_id = series.agent.id, series.paul.id, series.zoe.id, series.plage.id
    data = [series.data(start_time=time(hour)) for hour in (9, 10, 11)]
    db.session.commit()
    failures: list[BaseException] = []

    def hand(work: Callable[[int, Agent], Any]) -> threading.Thread:
        def run() -> None:
            with app.app_context():
                agent = db.session.get_one(Agent, holder)
                for turn in range(6):
                    try:
                        work(turn, agent)
                    except BaseException as error:
                        failures.append(error)

        return threading.Thread(target=run)

    def swap(first: int, second: int, order: list[int]) -> Callable[[int, Agent], Any]:
        def work(turn: int, agent: Agent) -> None:
            one, other = (first, second) if turn % 2 else (second, first)
            replace_agent(one, dict.fromkeys(order, other), agent=agent)

        return work

    hands = [
        hand(swap(holder, paul, ids)),
        hand(swap(holder, zoe, ids[::-1])),
        hand(lambda turn, agent: change_agents(ids[turn], [paul, zoe], agent=agent)),
        hand(lambda turn, agent: save_plage(plage_id, data[turn % 3], agent)),
    ]
    for one in hands:
        one.start()
    for one in hands:
        one.join(60)
    assert failures == []
    for rdv in series.sessions():
        own = who(rdv) != {holder}
        assert rdv.agents and rdv.agents_propres is own
    assert list(broken()) == []
