"""Absences are noted by who may; a session they leave without anybody is shown, and never touched by itself."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask

from tests import factories
from tests.services.test_plages import statements
from webapp.clock import utcnow
from webapp.domain.droits import Droit
from webapp.domain.errors import Interdit, Introuvable, Perime, Refus
from webapp.domain.recurrence import Frequency, Recurrence
from webapp.extensions import db
from webapp.models import Absence, Agent, DroitAgent, Journal, Notification, Rdv
from webapp.queries.absences import Touchee, touched
from webapp.services.absences import AbsenceData, delete_absence, save_absence
from webapp.services.animation import replace_agent
from webapp.services.rdvs import cancel_rdv

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)  # a Sunday
TUESDAY = date(2026, 12, 1)
MONDAYS = Recurrence(Frequency.WEEKLY, weekdays=(0,))


class Team:
    """A service with a motif and three agents: Nadia and Paul are « agent », Hélène is « référent »."""

    def __init__(self, timezone: str = "Europe/Paris") -> None:
        self.org = factories.organisation(timezone=timezone)
        self.service = factories.service(self.org)
        self.motif = factories.motif(self.service)
        self.nadia: Agent = factories.agent(self.service, first_name="Nadia", last_name="Kaci")
        self.paul: Agent = factories.agent(self.service, first_name="Paul", last_name="Roy")
        self.helene: Agent = factories.agent(self.service, "référent", first_name="Hélène", last_name="Marchand")
        db.session.commit()

    def session(self, *agents: Agent, starts_at: datetime | None = None, **fields: Any) -> Rdv:
        """Tuesday 1 December, 14:00 to 16:00 in Paris."""
        rdv = factories.rdv(
            fields.pop("motif", self.motif),
            starts_at=starts_at or datetime(2026, 12, 1, 13, tzinfo=UTC),
            agents=list(agents),
            **fields,
        )
        db.session.commit()
        return rdv

    def absent(self, agent: Agent, by: Agent | None = None, **fields: Any) -> Absence:
        values = {"agent_id": agent.id, "first_day": TUESDAY, "last_day": TUESDAY, **fields}
        return save_absence(None, AbsenceData(**values), by or agent)[0]


@pytest.fixture(autouse=True)
def sunday(app: Flask) -> Iterator[Any]:
    with app.app_context(), time_machine.travel(NOW, tick=False):
        yield


def seen(absence: Absence) -> list[Touchee]:
    return touched(absence, None, utcnow())


def alone(absence: Absence) -> list[int]:
    return [one.rdv.id for one in seen(absence) if not one.restent]


@pytest.mark.parametrize(
    ("fields", "hit"),
    [
        ({}, True),
        ({"start_time": time(9), "end_time": time(12)}, False),
        ({"start_time": time(9), "end_time": time(14)}, False),  # back when it begins
        ({"start_time": time(15), "end_time": time(18)}, True),
        ({"first_day": TUESDAY - timedelta(days=3), "last_day": TUESDAY + timedelta(days=3)}, True),
        ({"last_day": date(2026, 12, 3), "start_time": time(16), "end_time": time(12)}, False),
        ({"first_day": date(2026, 11, 30), "start_time": time(18), "end_time": time(14, 30)}, True),
        ({"first_day": date(2026, 12, 2), "last_day": date(2026, 12, 2)}, False),
        ({"first_day": date(2026, 11, 24), "last_day": date(2026, 11, 24), "recurrence": MONDAYS}, False),
        ({"recurrence": Recurrence(Frequency.WEEKLY, weekdays=(1,))}, True),
        ({"recurrence": Recurrence(Frequency.MONTHLY, month_day=1), "first_day": date(2026, 11, 1),
          "last_day": date(2026, 11, 1)}, True),
    ],
)  # fmt: skip
def test_which_sessions_an_absence_is_about(fields: dict[str, Any], hit: bool) -> None:
    team = Team()
    rdv = team.session(team.nadia)
    assert alone(team.absent(team.nadia, **fields)) == ([rdv.id] if hit else [])


@pytest.mark.parametrize(
    ("tz", "starts_at"),
    [
        ("Europe/Paris", datetime(2026, 12, 1, 22, 30, tzinfo=UTC)),  # 23:30 there
        ("America/Martinique", datetime(2026, 12, 2, 2, tzinfo=UTC)),  # 22:00 the day before
        ("Indian/Reunion", datetime(2026, 11, 30, 21, tzinfo=UTC)),  # 1:00 the day after
    ],
)
def test_a_day_is_that_of_the_organisation(tz: str, starts_at: datetime) -> None:
    team = Team(tz)
    rdv = team.session(team.nadia, starts_at=starts_at, hours=0.5)
    assert alone(team.absent(team.nadia)) == [rdv.id]
    assert alone(team.absent(team.nadia, first_day=date(2026, 11, 30), last_day=date(2026, 11, 30))) == []


def test_who_remains_is_at_work_and_not_absent_too() -> None:
    team = Team()
    kept = team.session(team.nadia, team.paul)
    away = team.session(team.nadia, team.helene, starts_at=datetime(2026, 12, 1, 8, tzinfo=UTC))
    team.absent(team.helene)
    gone = factories.agent(team.service, actif=False)
    left = team.session(team.nadia, gone, starts_at=datetime(2026, 12, 1, 16, tzinfo=UTC))
    found = {one.rdv.id: [agent.id for agent in one.restent] for one in seen(team.absent(team.nadia))}
    assert found == {kept.id: [team.paul.id], away.id: [], left.id: []}


def test_past_and_cancelled_sessions_are_nobodys_concern() -> None:
    team = Team()
    team.session(team.nadia, starts_at=NOW - timedelta(hours=1))
    cancelled = team.session(team.nadia)
    cancel_rdv(cancelled.id, agent=team.nadia)
    team.session(team.paul)
    assert seen(team.absent(team.nadia, first_day=date(2026, 11, 1))) == []


def test_those_who_could_hold_it_free_ones_first() -> None:
    team = Team()
    rdv = team.session(team.nadia)
    busy = team.session(team.paul, starts_at=datetime(2026, 12, 1, 14, tzinfo=UTC))
    other = factories.agent(factories.service(team.org, name="PMI"))
    db.session.commit()
    away = factories.agent(team.service, first_name="Zoé", last_name="Absente")
    db.session.commit()
    team.absent(away)
    (one,) = seen(team.absent(team.nadia))
    could = [(r.agent.id, r.prise and (r.prise.rdv.id if r.prise.rdv else "absence")) for r in one.remplacants]
    assert could == [(team.helene.id, None), (away.id, "absence"), (team.paul.id, busy.id)]
    assert other.id not in {agent_id for agent_id, _ in could} and one.rdv.id == rdv.id


def test_saving_changes_no_session_and_tells_nobody() -> None:
    team = Team()
    rdv = team.session(team.nadia)
    factories.participation(rdv)
    db.session.commit()
    team.absent(team.nadia)
    db.session.expire_all()
    assert (rdv.cancelled_at, rdv.version, [a.id for a in rdv.agents]) == (None, 1, [team.nadia.id])
    assert db.session.query(Notification).count() == 0


def test_somebody_else_takes_the_sessions_chosen_all_or_none() -> None:
    team = Team()
    first, second = team.session(team.nadia), team.session(team.nadia, starts_at=datetime(2026, 12, 1, 8, tzinfo=UTC))
    absence = team.absent(team.nadia)
    stranger = factories.agent(factories.service(team.org))
    db.session.commit()
    with pytest.raises(Refus, match="service du motif"):
        replace_agent(team.nadia.id, {first.id: team.paul.id, second.id: stranger.id}, agent=team.helene)
    assert alone(absence) == [second.id, first.id]
    assert replace_agent(team.nadia.id, {first.id: team.paul.id, second.id: team.helene.id}, agent=team.helene) == 2
    db.session.expire_all()
    assert ([a.id for a in first.agents], [a.id for a in second.agents]) == ([team.paul.id], [team.helene.id])
    assert replace_agent(team.nadia.id, {first.id: team.helene.id}, agent=team.helene) == 0  # Nadia no longer holds it
    line = db.session.query(Journal).filter_by(action="agents_changes", rdv_id=first.id).one()
    assert line.details == {"de": {"agent_ids": [team.nadia.id]}, "a": {"agent_ids": [team.paul.id]}}
    assert seen(absence) == []


def test_the_questions_asked_do_not_grow_with_the_sessions() -> None:
    team = Team()
    counts = []
    for many in (1, 40):
        for day in range(many):
            team.session(team.nadia, starts_at=datetime(2026, 12, 2, 8, tzinfo=UTC) + timedelta(days=day + 2 * many))
        absence = team.absent(team.nadia, last_day=date(2027, 11, 1), title=str(many))
        db.session.expire_all()
        with statements() as seen_sql:
            assert len(seen(absence)) >= many
        counts.append(len(seen_sql))
    assert counts[0] == counts[1] and counts[0] <= 16, counts


def test_the_same_form_twice_is_one_absence_and_a_change_is_one_line() -> None:
    team = Team()
    first = team.absent(team.nadia, title="Congés")
    assert team.absent(team.nadia, title="Congés").id == first.id
    data = AbsenceData(team.nadia.id, TUESDAY, TUESDAY + timedelta(days=1), title="Congés")
    assert [save_absence(first.id, data, team.nadia, version=1)[1] for _ in range(2)] == [True, False]
    with pytest.raises(Perime):
        save_absence(first.id, AbsenceData(team.nadia.id, TUESDAY, TUESDAY), team.nadia, version=1)
    delete_absence(first.id, team.helene)
    assert db.session.query(Absence).count() == 0
    lines = db.session.query(Journal).order_by(Journal.id).all()
    assert [(line.action, line.agent_id) for line in lines] == [
        ("absence_creee", team.nadia.id),
        ("absence_modifiee", team.nadia.id),
        ("absence_supprimee", team.helene.id),
    ]
    assert lines[1].details == {"changements": {"last_day": {"de": "2026-12-01", "a": "2026-12-02"}}}
    assert {(line.sujet_type, line.sujet_id) for line in lines} == {("absence", team.nadia.id)}
    assert "Congés" not in repr([line.details for line in lines])  # why somebody is away dies with the absence


def test_whose_absences_one_may_note() -> None:
    team = Team()
    team.absent(team.paul, by=team.helene)
    with pytest.raises(Interdit) as refused:
        team.absent(team.paul, by=team.nadia)
    assert refused.value.right is Droit.GERER_ABSENCES
    neighbour = factories.agent(factories.service(team.org, name="PMI"), "référent")
    stranger = factories.agent(factories.service(factories.organisation()), "admin")
    everywhere = factories.agent(team.service, services=[])
    db.session.commit()
    for who in (neighbour, stranger):
        with pytest.raises(Introuvable):
            team.absent(team.paul, by=who)
    # Somebody of no service in particular: for who manages absences in all of them.
    with pytest.raises(Interdit):
        team.absent(everywhere, by=team.helene)
    admin = factories.agent(team.service, "admin")
    db.session.commit()
    team.absent(everywhere, by=admin)
    both = factories.agent(team.service, services=[team.service, neighbour.services[0]])
    db.session.commit()
    team.absent(both, by=neighbour)
    assert db.session.query(Absence).count() == 3


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"last_day": date(2026, 11, 30)}, "premier ou après"),
        ({"last_day": date(2027, 12, 2)}, "un an au plus"),
        ({"start_time": time(14)}, "deux heures"),
        ({"start_time": time(14), "end_time": time(14)}, "après l’heure de début"),
        ({"first_day": date(2032, 1, 1), "last_day": date(2032, 1, 1)}, "plus de 5 ans"),
    ],
)
def test_an_absence_nobody_can_have_is_refused(fields: dict[str, Any], words: str) -> None:
    team = Team()
    with pytest.raises(Refus, match=words):
        team.absent(team.nadia, **fields)
    assert db.session.query(Absence).count() == 0


def test_handing_over_needs_the_right_on_each_session() -> None:
    team = Team()
    rdv = team.session(team.nadia)
    looks = factories.agent(team.service, droits=[])
    looks.droits = [DroitAgent(organisation_id=team.org.id, service_id=team.service.id, droit=Droit.GERER_ABSENCES)]
    db.session.commit()
    team.absent(team.nadia, by=looks)
    with pytest.raises(Interdit):
        replace_agent(team.nadia.id, {rdv.id: team.paul.id}, agent=looks)
    db.session.expire_all()
    assert [agent.id for agent in rdv.agents] == [team.nadia.id]


@pytest.mark.parametrize(
    ("fields", "over"),
    [
        ({"first_day": date(2026, 11, 21), "last_day": date(2026, 11, 21)}, True),
        ({"first_day": date(2026, 11, 21), "last_day": date(2026, 11, 22)}, False),
        ({"first_day": date(2026, 11, 22), "last_day": date(2026, 11, 22), "start_time": time(8), "end_time": time(10)},
         True),
        ({"first_day": date(2020, 1, 6), "last_day": date(2020, 1, 6), "recurrence": MONDAYS}, False),
        ({"first_day": date(2026, 11, 2), "last_day": date(2026, 11, 2),
          "recurrence": Recurrence(Frequency.WEEKLY, weekdays=(0,), until=date(2026, 11, 20))}, True),
        ({"first_day": date(2026, 11, 2), "last_day": date(2026, 11, 5),
          "recurrence": Recurrence(Frequency.WEEKLY, weekdays=(0,), until=date(2026, 11, 20))}, False),
        ({"first_day": date(2026, 11, 2), "last_day": date(2026, 11, 2),
          "recurrence": Recurrence(Frequency.WEEKLY, weekdays=(0,), count=3)}, True),
        ({"first_day": date(2026, 11, 2), "last_day": date(2026, 11, 2),
          "recurrence": Recurrence(Frequency.MONTHLY, 52, month_day=2, count=2)}, False),
    ],
)  # fmt: skip
def test_when_an_absence_is_over(fields: dict[str, Any], over: bool) -> None:
    team = Team()
    assert team.absent(team.nadia, **fields).over(NOW, "Europe/Paris") is over
