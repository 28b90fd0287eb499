"""Many sessions at once: what is done to each, who is told, and how many statements it takes."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from tests import factories
from tests.services.test_plages import NOW, TUESDAYS, Place, sessions, statements
from webapp.domain.errors import Interdit, Introuvable, Perime, Refus
from webapp.domain.events import Minimum
from webapp.domain.participation import Acteur, Statut
from webapp.domain.recurrence import Frequency, Recurrence
from webapp.domain.serie import Choix, Decision, Sort, shown
from webapp.extensions import db
from webapp.models import Agent, Journal, Notification, Participation, PlageOuverture
from webapp.notifications.base import emit
from webapp.services.booking import change_statut
from webapp.services.checks import broken
from webapp.services.plages import Accord, extend_horizons, save_plage
from webapp.services.rdvs import OuEtQuand, cancel_rdv, move_rdv
from webapp.services.series import PlanPerime
from webapp.services.suites import (
    Portee,
    cancel_rdvs,
    preview_cancel,
    preview_plage,
    preview_stop,
    split_plage,
    stop_plage,
)

WEEKLY = Recurrence(Frequency.WEEKLY, weekdays=(1,), count=3)
MOVE = Accord(Choix(Decision.DEPLACER, Decision.ANNULER))
STOP = Accord(Choix(sans_date=Decision.ANNULER))


@pytest.fixture(autouse=True)
def now(app: Flask) -> Iterator[Any]:
    """A quiet Sunday; `now.move_to(…)` goes elsewhere."""
    with app.app_context(), time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def crowded(count: int, people: int, place: Place | None = None) -> tuple[Place, PlageOuverture]:
    """A weekly plage of `count` sessions with that many people in each."""
    place = place or Place(delai_max_jours=720)
    place.motif.capacite_max = max(12, people)
    db.session.commit()
    plage = place.save(recurrence=Recurrence(Frequency.WEEKLY, weekdays=(1,), count=count)).plage
    for rdv in sessions(plage):
        for n in range(people):
            factories.participation(rdv, factories.usager(place.org, email=f"u{n}.{rdv.id}@exemple.fr"))
    db.session.commit()
    return place, plage


def told() -> dict[tuple[int, int], int]:
    """(session, reader) → how many messages by text; everybody here has both."""
    rows = db.session.execute(
        select(Notification.rdv_id, Notification.destinataire_id, func.count())
        .where(Notification.destinataire_type == "usager", Notification.canal == "sms")
        .group_by(Notification.rdv_id, Notification.destinataire_id)
    )
    return {(rdv_id, who): count for rdv_id, who, count in rows}


# --- how many statements ----------------------------------------------------------------------------------------------


def changing(place: Place, plage: PlageOuverture, count: int) -> None:
    recurrence = Recurrence(Frequency.WEEKLY, weekdays=(1,), count=count)
    data = place.data(recurrence=recurrence, start_time=time(9), end_time=time(12))
    save_plage(plage.id, data, place.agent, accord=MOVE)


def splitting(place: Place, plage: PlageOuverture, count: int) -> None:
    recurrence = Recurrence(Frequency.WEEKLY, weekdays=(1,), count=count - 1)
    data = place.data(recurrence=recurrence, first_day=date(2026, 12, 8), start_time=time(9), end_time=time(12))
    split_plage(plage.id, date(2026, 12, 8), data, place.agent, accord=MOVE)


def stopping(place: Place, plage: PlageOuverture, count: int) -> None:
    stop_plage(plage.id, Portee.TOUTES, date(2026, 12, 1), place.agent, accord=STOP)


def cancelling(place: Place, plage: PlageOuverture, count: int) -> None:
    cancel_rdvs([rdv.id for rdv in sessions(plage)], place.agent, accord=STOP)


@pytest.mark.parametrize("work", [changing, splitting, stopping, cancelling])
def test_statements_do_not_grow_with_sessions_nor_people(work: Any) -> None:
    counts = []
    for count, people in ((5, 1), (50, 3)):
        place, plage = crowded(count, people)
        db.session.expire_all()
        agent = db.session.get_one(Agent, place.agent.id)
        place.agent = agent
        db.session.commit()
        with statements() as seen:
            work(place, plage, count)
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 45
    assert db.session.scalar(select(func.count()).select_from(Notification)) >= 50 * 3
    assert list(broken()) == []


# --- stopping ---------------------------------------------------------------------------------------------------------


def test_a_stop_cancels_who_was_booked_and_tells_each_once_for_each_session() -> None:
    place, plage = crowded(6, 2)
    regular = factories.usager(place.org)
    for rdv in sessions(plage)[2:4]:
        factories.participation(rdv, regular)
    db.session.commit()
    done = stop_plage(plage.id, Portee.SUIVANTES, date(2026, 12, 15), place.agent, accord=STOP)
    assert (done.annulees, done.retirees, done.gardees) == (4, 0, 0)
    rows = sessions(plage)
    assert [bool(rdv.cancelled_at) for rdv in rows] == [False] * 2 + [True] * 4
    seats = {(p.rdv_id, p.usager_id) for p in db.session.query(Participation).filter_by(statut=Statut.ANNULE)}
    assert told() == dict.fromkeys(seats, 1) and len(seats) == 10
    assert plage.rrule.endswith("UNTIL=20261214") and extend_horizons() == 0
    again = stop_plage(plage.id, Portee.SUIVANTES, date(2026, 12, 15), place.agent, accord=STOP)
    assert not again.changee and told() == dict.fromkeys(seats, 1)
    assert list(broken()) == []


def test_a_stop_takes_moved_and_kept_sessions_along_but_never_past_ones_nor_who_is_there(now: Any) -> None:
    place, plage = crowded(6, 1)
    first, second, third = sessions(plage)[:3]
    here = OuEtQuand.of(third)
    move_rdv(
        third.id,
        OuEtQuand(here.starts_at.replace(hour=8), here.ends_at, here.lieu_id, here.salle_id),
        agent=place.agent,
        prevenir=False,
    )
    now.move_to(datetime(2026, 12, 8, 8, tzinfo=UTC))  # the second session's day, before it starts
    row = db.session.scalars(select(Participation).where(Participation.rdv_id == second.id)).one()
    change_statut(row.id, Statut.PRESENT, by=Acteur.AGENT, agent=place.agent)
    done = stop_plage(plage.id, Portee.TOUTES, date(2026, 12, 8), place.agent, accord=STOP)
    assert (done.annulees, done.gardees) == (4, 1)
    states = [(bool(rdv.cancelled_at), rdv.detache) for rdv in sessions(plage)]
    assert states == [(False, False), (False, True), (True, True), (True, False), (True, False), (True, False)]
    assert first.cancelled_at is None and list(broken()) == []


def test_a_plage_that_never_began_and_a_single_date_stop_too() -> None:
    place = Place()
    for number, fields in enumerate(({}, {"recurrence": Recurrence()}, {"recurrence": replace(WEEKLY, weekdays=(3,))})):
        plage = place.save(title=f"plage {number}", **fields).plage
        stop_plage(plage.id, Portee.TOUTES, date(2026, 11, 22), place.agent)
        assert sessions(plage) == [] and extend_horizons() == 0, fields
        assert not stop_plage(plage.id, Portee.TOUTES, date(2026, 11, 22), place.agent).changee


def test_one_date_out_leaves_the_others_alone() -> None:
    place, plage = crowded(4, 1)
    done = stop_plage(plage.id, Portee.UNE, date(2026, 12, 8), place.agent, accord=STOP)
    assert (done.annulees, plage.excluded) == (1, ["2026-12-08"])
    assert [bool(rdv.cancelled_at) for rdv in sessions(plage)] == [False, True, False, False]


def test_an_empty_date_goes_although_agents_were_told_of_it() -> None:
    """An alert about a session nobody booked stands in the outbox, sent or not."""
    place, plage = crowded(4, 0)
    first, *_ = sessions(plage)
    emit(Minimum(rdv_id=first.id, starts_at_utc=first.starts_at.isoformat()))
    db.session.commit()
    stop_plage(plage.id, Portee.UNE, first.occurrence_le, place.agent)
    assert len(sessions(plage)) == 3
    assert db.session.scalars(select(Notification.rdv_id)).all() == [None]


# --- splitting --------------------------------------------------------------------------------------------------------


def test_what_follows_goes_on_with_its_people_and_what_was_stays(now: Any) -> None:
    place, plage = crowded(8, 1)
    ids = [rdv.id for rdv in sessions(plage)]
    cancel_rdv(ids[5], agent=place.agent, prevenir=False)
    now.move_to(datetime(2026, 12, 9, 9, tzinfo=UTC))
    data = place.data(first_day=date(2026, 12, 15), recurrence=TUESDAYS, start_time=time(9), end_time=time(10))
    done = split_plage(plage.id, date(2026, 12, 15), data, place.agent, accord=MOVE)
    new = done.plage
    assert new.id != plage.id and (done.deplacees, done.creees) == (5, 5)
    assert [rdv.id for rdv in sessions(plage)] == ids[:2]
    follow = sessions(new)
    assert [rdv.id for rdv in follow][:6] == ids[2:] and len(follow) == 11
    assert {rdv.starts_at.hour for rdv in follow if not rdv.cancelled_at} == {8}
    assert set(told().values()) == {1} and len(told()) == 5
    assert extend_horizons() == 0 and list(broken()) == []
    again = split_plage(plage.id, date(2026, 12, 15), data, place.agent, version=1, accord=MOVE)
    assert again.plage.id == new.id and not again.changee and len(told()) == 5


def test_a_session_moved_into_the_past_is_not_held_again(now: Any) -> None:
    """It was held earlier than planned: the plage it was held in keeps it, the new one does not make it again."""
    place, plage = crowded(4, 1)
    third = sessions(plage)[2]
    to = OuEtQuand(
        datetime(2026, 12, 3, 13, tzinfo=UTC), datetime(2026, 12, 3, 15, tzinfo=UTC), third.lieu_id, third.salle_id
    )
    move_rdv(third.id, to, agent=place.agent, prevenir=False)
    now.move_to(datetime(2026, 12, 4, 9, tzinfo=UTC))
    data = place.data(first_day=date(2026, 12, 8), start_time=time(9), end_time=time(10))
    new = split_plage(plage.id, date(2026, 12, 8), data, place.agent, accord=MOVE).plage
    assert third.id in [rdv.id for rdv in sessions(plage)]
    assert date(2026, 12, 15) not in [rdv.occurrence_le for rdv in sessions(new)]
    assert extend_horizons() == 0 and list(broken()) == []


def test_the_rest_cannot_begin_before_its_day_nor_change_its_motif() -> None:
    place, plage = crowded(4, 0)
    other = factories.motif(place.service)
    db.session.commit()
    with pytest.raises(Refus, match="La suite commence le 8 décembre 2026"):
        split_plage(plage.id, date(2026, 12, 8), place.data(first_day=date(2026, 12, 1)), place.agent)
    with pytest.raises(Refus, match="garde le motif"):
        split_plage(plage.id, date(2026, 12, 8), place.data(motif_id=other.id, start_time=time(9)), place.agent)
    assert len(sessions(plage)) == 4


# --- what was read, and by whom ---------------------------------------------------------------------------------------


def test_a_plan_that_is_no_longer_what_was_read_is_refused_and_writes_nothing() -> None:
    place, plage = crowded(4, 1)
    data = place.data(recurrence=Recurrence(Frequency.WEEKLY, weekdays=(1,), count=4), start_time=time(9))
    read = shown(preview_plage(plage, data, Choix()).etapes)
    stop = shown(preview_stop(plage, Portee.TOUTES, date(2026, 12, 1), Choix()).etapes)
    ids = [rdv.id for rdv in sessions(plage)]
    some = shown(preview_cancel(ids, Choix()).etapes)
    assert len(read) == len(stop) == len(some) == 4
    factories.participation(sessions(plage)[1])
    db.session.commit()
    version = plage.version
    for act in (
        lambda: save_plage(plage.id, data, place.agent, accord=Accord(MOVE.choix, attendu=read)),
        lambda: split_plage(plage.id, date(2026, 12, 1), data, place.agent, accord=Accord(MOVE.choix, attendu=read)),
        lambda: stop_plage(plage.id, Portee.TOUTES, date(2026, 12, 1), place.agent, accord=Accord(attendu=stop)),
        lambda: cancel_rdvs(ids, place.agent, accord=Accord(STOP.choix, attendu=some)),
    ):
        with pytest.raises(PlanPerime):
            act()
    db.session.expire_all()
    assert plage.version == version and told() == {} and {r.starts_at.hour for r in sessions(plage)} == {13}
    assert db.session.query(PlageOuverture).count() == 1


def test_a_colleague_who_saved_meanwhile_is_not_overwritten() -> None:
    place, plage = crowded(4, 0)
    save_plage(plage.id, place.data(capacite_max=5), place.agent, version=1)
    for act in (
        lambda: split_plage(plage.id, date(2026, 12, 8), place.data(start_time=time(9)), place.agent, version=1),
        lambda: stop_plage(plage.id, Portee.TOUTES, date(2026, 12, 1), place.agent, version=1),
    ):
        with pytest.raises(Perime):
            act()


def test_the_rights_are_those_of_the_plage_and_of_each_session() -> None:
    place, plage = crowded(3, 1)
    reception, stranger = factories.agent(place.service, "accueil"), factories.agent(factories.service(place.org))
    looks = factories.agent(place.service, droits=[])
    db.session.commit()
    ids = [rdv.id for rdv in sessions(plage)]
    for agent, error in ((reception, Interdit), (stranger, Introuvable)):
        with pytest.raises(error):
            stop_plage(plage.id, Portee.TOUTES, date(2026, 12, 1), agent, accord=STOP)
        with pytest.raises(error):
            split_plage(plage.id, date(2026, 12, 8), place.data(start_time=time(9)), agent)
    for agent in (looks, stranger):
        with pytest.raises((Interdit, Introuvable)):
            cancel_rdvs(ids, agent, accord=STOP)
    assert told() == {} and cancel_rdvs(ids, reception, accord=STOP).count(Sort.ANNULEE) == 3


def test_the_journal_says_from_what_to_what_without_a_name() -> None:
    place, plage = crowded(3, 1)
    data = place.data(recurrence=WEEKLY, start_time=time(9), capacite_max=9)
    save_plage(plage.id, data, place.agent, accord=MOVE)
    (line,) = db.session.scalars(select(Journal).where(Journal.action == "plage_modifiee"))
    assert line.details == {
        "changements": {"start_time": {"de": "14:00", "a": "09:00"}, "capacite_max": {"de": None, "a": 9}},
        "deplacees": 3,
    }
    moves = db.session.scalars(select(Journal).where(Journal.action == "modification")).all()
    assert {line.rdv_id for line in moves} == {rdv.id for rdv in sessions(plage)}
    assert all(line.details["prevenir"] for line in moves)
    save_plage(plage.id, data, place.agent)
    assert len(db.session.scalars(select(Journal).where(Journal.action == "plage_modifiee")).all()) == 1


# --- clocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("timezone", ["Europe/Paris", "America/Martinique", "Indian/Reunion"])
def test_a_weekly_hour_stays_on_the_clock_through_both_changes_of_hour(timezone: str, now: Any) -> None:
    """Created, moved and split across the last Sundays of October and March."""
    now.move_to(datetime(2026, 10, 1, 9, tzinfo=UTC))
    place = Place(timezone=timezone, delai_max_jours=400)
    weekly = Recurrence(Frequency.WEEKLY, weekdays=(1,), count=30)
    plage = place.save(recurrence=weekly, first_day=date(2026, 10, 6)).plage
    for rdv in sessions(plage):
        factories.participation(rdv)
    db.session.commit()

    def clock(of: PlageOuverture) -> set[tuple[time, time]]:
        zone = ZoneInfo(timezone)
        return {(r.starts_at.astimezone(zone).time(), r.ends_at.astimezone(zone).time()) for r in sessions(of)}

    assert clock(plage) == {(time(14), time(16))}
    offsets = {rdv.starts_at.hour for rdv in sessions(plage)}
    assert len(offsets) == (2 if timezone == "Europe/Paris" else 1)
    data = place.data(recurrence=weekly, first_day=date(2026, 10, 6), start_time=time(10), end_time=time(11))
    assert save_plage(plage.id, data, place.agent, accord=MOVE).deplacees == 30
    assert clock(plage) == {(time(10), time(11))}
    rule = Recurrence(Frequency.WEEKLY, weekdays=(1,), until=date(2027, 4, 13))
    follow = place.data(recurrence=rule, first_day=date(2026, 10, 20), start_time=time(14), end_time=time(16))
    new = split_plage(plage.id, date(2026, 10, 20), follow, place.agent, accord=Accord(Choix(Decision.DEPLACER))).plage
    kept = [rdv for rdv in sessions(new) if rdv.detache]  # booked, after the last day of the new rule
    assert clock(plage) == {(time(10), time(11))} and len(kept) == 2
    assert clock(new) == {(time(14), time(16)), (time(10), time(11))} and len(sessions(new)) == 28
    assert list(broken()) == []
