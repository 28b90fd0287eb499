"""A plage becomes its sessions, keeps them in line, and never loses or silently moves what people booked."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from flask import Flask
from sqlalchemy import event, select

from tests import factories
from webapp.domain.capacity import ReservablePar
from webapp.domain.errors import Interdit, Introuvable, Perime, Refus
from webapp.domain.participation import Acteur, Statut
from webapp.domain.recurrence import Frequency, Recurrence, RecurrenceError
from webapp.extensions import db
from webapp.models import Agent, Motif, Participation, PlageOuverture, Rdv, TypeLieu, ouverture
from webapp.services.booking import change_statut
from webapp.services.motifs import save_motif, set_archived
from webapp.services.plages import PlageData, extend_horizons, materialise, save_plage
from webapp.services.rdvs import cancel_rdv

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)  # a Sunday
TUESDAYS = Recurrence(Frequency.WEEKLY, weekdays=(1,), until=date(2027, 2, 23))


class Place:
    """One organisation with a service, a motif of 12 seats, a room and an agent who manages the plages."""

    def __init__(self, timezone: str = "Europe/Paris", preset: str = "référent", **motif: Any) -> None:
        self.org = factories.organisation(timezone=timezone)
        self.service = factories.service(self.org)
        self.motif: Motif = factories.motif(self.service, **motif)
        self.lieu = factories.lieu(self.org)
        self.salle = factories.salle(self.lieu)
        self.agent: Agent = factories.agent(self.service, preset)
        db.session.commit()

    def data(self, **fields: Any) -> PlageData:
        values: dict[str, Any] = {
            "motif_id": self.motif.id,
            "agent_ids": (self.agent.id,),
            "first_day": date(2026, 12, 1),
            "start_time": time(14),
            "end_time": time(16),
            "lieu_id": self.lieu.id,
            "salle_id": self.salle.id,
            "recurrence": TUESDAYS,
        }
        return PlageData(**{**values, **fields})

    def save(self, plage: PlageOuverture | None = None, **fields: Any) -> Any:
        return save_plage(plage.id if plage else None, self.data(**fields), self.agent)


@pytest.fixture(autouse=True)
def now(app: Flask) -> Iterator[Any]:
    """An application context, on the same quiet Sunday for every test; `now.move_to(…)` goes elsewhere."""
    with app.app_context(), time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every SQL statement sent meanwhile (a batch is one)."""
    seen: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("PRAGMA"):
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", count)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", count)


def sessions(plage: PlageOuverture) -> list[Rdv]:
    return list(
        db.session.scalars(select(Rdv).where(Rdv.plage_ouverture_id == plage.id).order_by(Rdv.occurrence_le, Rdv.id))
    )


def snapshot(plage: PlageOuverture) -> list[tuple[Any, ...]]:
    db.session.expire_all()
    return [
        (r.id, r.occurrence_le, r.starts_at, r.ends_at, r.lieu_id, r.salle_id, r.capacite_max, r.detache, r.version)
        for r in sessions(plage)
    ]


def book(rdv: Rdv) -> Participation:
    row: Participation = factories.participation(rdv)
    db.session.commit()
    return row


# --- becoming sessions ------------------------------------------------------------------------------------------------


def test_saving_creates_the_sessions_up_to_the_end() -> None:
    place = Place()
    saved = place.save()
    rows = sessions(saved.plage)
    assert saved.creees == len(rows) == 13
    assert rows[0].starts_at == datetime(2026, 12, 1, 13, tzinfo=UTC)
    assert rows[-1].occurrence_le == date(2027, 2, 23)
    assert {(r.capacite_max, r.lieu_id, r.salle_id, r.version) for r in rows} == {
        (12, place.lieu.id, place.salle.id, 1)
    }
    assert all(r.agents == [place.agent] for r in rows)


def test_an_endless_plage_reaches_six_months_or_the_booking_delay_at_most_two_years() -> None:
    endless = Recurrence(Frequency.WEEKLY, weekdays=(1,))
    for delay, last in ((92, date(2027, 5, 18)), (365, date(2027, 11, 16)), (2000, date(2028, 11, 21))):
        place = Place(delai_max_jours=delay)
        assert sessions(place.save(recurrence=endless).plage)[-1].occurrence_le == last


def test_past_days_and_the_hours_already_begun_are_left_out(now: Any) -> None:
    place = Place()
    now.move_to(datetime(2026, 12, 8, 13, 30, tzinfo=UTC))  # 14:30: today's session has begun
    assert sessions(place.save().plage)[0].occurrence_le == date(2026, 12, 15)


def test_skipped_dates_make_no_session() -> None:
    plage = Place().save(excluded=(date(2026, 12, 22), date(2026, 12, 29))).plage
    assert [r.occurrence_le.day for r in sessions(plage)][:5] == [1, 8, 15, 5, 12]


def test_materialising_again_changes_nothing() -> None:
    plage = Place().save().plage
    before = snapshot(plage)
    assert materialise(plage.id) == extend_horizons() == 0
    assert snapshot(plage) == before


def test_moved_and_cancelled_sessions_are_not_made_again() -> None:
    place = Place()
    plage = place.save().plage
    moved, cancelled = sessions(plage)[:2]
    moved.starts_at += timedelta(days=2)
    moved.ends_at += timedelta(days=2)
    moved.detache = True
    db.session.commit()
    cancel_rdv(cancelled.id, agent=place.agent, raison="", prevenir=False)
    before = snapshot(plage)
    assert materialise(plage.id) == extend_horizons() == 0
    assert snapshot(plage) == before


def test_the_horizon_advances_with_the_days(now: Any) -> None:
    plage = Place().save(recurrence=Recurrence(Frequency.WEEKLY, weekdays=(1,))).plage
    before = snapshot(plage)
    now.move_to(NOW + timedelta(days=14))
    assert extend_horizons() == 2
    assert snapshot(plage)[: len(before)] == before
    assert extend_horizons() == 0


def test_a_single_day_beyond_the_horizon_comes_in_its_time(now: Any) -> None:
    plage = Place().save(recurrence=Recurrence(), first_day=date(2027, 9, 14)).plage
    assert sessions(plage) == []
    now.move_to(datetime(2027, 4, 1, 9, tzinfo=UTC))
    assert extend_horizons() == 1


def test_an_archived_motif_gets_no_new_session(now: Any) -> None:
    place = Place()
    plage = place.save(recurrence=Recurrence(Frequency.WEEKLY, weekdays=(1,))).plage
    set_archived(place.motif.id, True, place.agent)
    now.move_to(NOW + timedelta(days=30))
    assert extend_horizons() == materialise(plage.id) == 0
    with pytest.raises(Refus, match="archivé"):
        place.save()


@pytest.mark.parametrize(
    ("timezone", "winter", "summer"),
    [
        ("Europe/Paris", 13, 12),
        ("America/Martinique", 18, 18),
        ("Indian/Reunion", 10, 10),
    ],
)
def test_two_o_clock_stays_two_o_clock(timezone: str, winter: int, summer: int, now: Any) -> None:
    now.move_to(datetime(2026, 10, 1, 9, tzinfo=UTC))
    place = Place(timezone, delai_max_jours=300)
    plage = place.save(
        first_day=date(2026, 10, 6), recurrence=Recurrence(Frequency.WEEKLY, weekdays=(1,), until=date(2027, 4, 27))
    ).plage
    rows = {r.occurrence_le: r for r in sessions(plage)}
    assert {r.starts_at.astimezone(ZoneInfo(timezone)).time() for r in rows.values()} == {time(14)}
    assert {r.ends_at - r.starts_at for r in rows.values()} == {timedelta(hours=2)}
    # Clocks in Paris change on 25 October 2026 and 28 March 2027.
    hours = {day: rows[day].starts_at.hour for day in map(date.fromisoformat, ("2026-10-20", "2026-10-27"))}
    assert list(hours.values()) == [summer, winter]
    hours = {day: rows[day].starts_at.hour for day in map(date.fromisoformat, ("2027-03-23", "2027-03-30"))}
    assert list(hours.values()) == [winter, summer]


def test_a_time_that_a_clock_change_skips_moves_whole(now: Any) -> None:
    now.move_to(datetime(2027, 3, 1, 9, tzinfo=UTC))
    place = Place()
    plage = place.save(
        first_day=date(2027, 3, 28), start_time=time(2, 30), end_time=time(4), recurrence=Recurrence()
    ).plage
    (rdv,) = sessions(plage)
    assert rdv.starts_at == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)  # 3:30 in summer time
    assert rdv.ends_at - rdv.starts_at == timedelta(hours=1, minutes=30)


# --- what sessions inherit --------------------------------------------------------------------------------------------


def test_the_plage_decides_the_capacity_then_its_motif() -> None:
    place = Place()
    plage = place.save(capacite_max=8).plage
    assert {r.capacite_max for r in sessions(plage)} == {8}
    save_motif(place.motif.id, {"capacite_max": 20}, place.agent)
    assert {r.capacite_max for r in sessions(plage)} == {8}
    place.save(plage, capacite_max=None)
    assert {r.capacite_max for r in sessions(plage)} == {20}
    save_motif(place.motif.id, {"capacite_max": 15}, place.agent)
    assert {r.capacite_max for r in sessions(plage)} == {15}


def test_a_plage_opens_what_its_motif_keeps_closed_and_closes_what_it_opens() -> None:
    place = Place(reservable_par=ReservablePar.AGENTS)
    plage = place.save(reservable_par=ReservablePar.TOUS).plage
    assert ouverture(sessions(plage)[0]).public()
    save_motif(place.motif.id, {"reservable_par": ReservablePar.TOUS}, place.agent)
    place.save(plage, reservable_par=ReservablePar.AGENTS)
    assert not ouverture(sessions(plage)[0]).public()


def test_free_entry_has_no_capacity_until_the_plage_opens_booking() -> None:
    place = Place(reservable_par=ReservablePar.ENTREE_LIBRE, capacite_max=None)
    plage = place.save().plage
    assert {r.capacite_max for r in sessions(plage)} == {None}
    with pytest.raises(Refus, match="capacité"):
        place.save(plage, reservable_par=ReservablePar.TOUS)
    place.save(plage, reservable_par=ReservablePar.TOUS, capacite_max=6)
    assert {r.capacite_max for r in sessions(plage)} == {6}


def test_lowering_the_capacity_under_the_seats_taken_is_said_and_removes_nobody() -> None:
    place = Place()
    plage = place.save().plage
    rdv = sessions(plage)[0]
    for _ in range(3):
        book(rdv)
    assert place.save(plage, capacite_max=2).depassees == 1
    assert (sessions(plage)[0].places_prises, sessions(plage)[0].capacite_max) == (3, 2)


def test_a_new_agent_joins_every_coming_session() -> None:
    place = Place()
    plage = place.save().plage
    other = factories.agent(place.service)
    db.session.commit()
    place.save(plage, agent_ids=(place.agent.id, other.id))
    db.session.expire_all()
    assert all({a.id for a in r.agents} == {place.agent.id, other.id} for r in sessions(plage))


# --- changing ---------------------------------------------------------------------------------------------------------


def test_empty_sessions_follow_and_booked_ones_keep_date_and_place() -> None:
    place = Place()
    plage = place.save().plage
    booked = sessions(plage)[2]
    book(booked)
    kept = (booked.starts_at, booked.ends_at, booked.lieu_id, booked.salle_id)
    elsewhere = factories.lieu(place.org, name="Centre social")
    db.session.commit()
    saved = place.save(plage, start_time=time(9), end_time=time(11), lieu_id=elsewhere.id, salle_id=None)
    assert (saved.creees, saved.retirees, saved.gardees) == (0, 0, 1)
    db.session.expire_all()
    for rdv in sessions(plage):
        if rdv.id == booked.id:
            assert rdv.detache and (rdv.starts_at, rdv.ends_at, rdv.lieu_id, rdv.salle_id) == kept
        else:
            local = rdv.starts_at.astimezone(ZoneInfo("Europe/Paris"))
            assert (local.time(), rdv.lieu_id, rdv.salle_id) == (time(9), elsewhere.id, None)


def test_days_that_go_away_take_empty_sessions_with_them_only() -> None:
    place = Place()
    plage = place.save().plage
    gone, booked = sessions(plage)[1:3]
    book(booked)
    saved = place.save(plage, excluded=(gone.occurrence_le, booked.occurrence_le))
    assert (saved.retirees, saved.gardees) == (1, 1)
    assert gone.id not in [r.id for r in sessions(plage)]
    assert db.session.get(Rdv, booked.id, populate_existing=True).detache
    assert materialise(plage.id) == 0


def test_who_came_back_from_an_excuse_still_finds_the_session() -> None:
    """A session people gave up is not an empty one: their links still lead to it."""
    place = Place()
    plage = place.save().plage
    rdv = sessions(plage)[1]
    row = book(rdv)
    change_statut(row.id, Statut.EXCUSE, by=Acteur.USAGER, prevenir=False)
    place.save(plage, excluded=(rdv.occurrence_le,))
    assert db.session.get(Rdv, rdv.id, populate_existing=True).detache
    assert change_statut(row.id, Statut.INSCRIT, by=Acteur.USAGER, prevenir=False).occupe


def test_a_shorter_horizon_detaches_nothing() -> None:
    place = Place(delai_max_jours=600)
    plage = place.save(recurrence=Recurrence(Frequency.WEEKLY, weekdays=(1,))).plage
    last = sessions(plage)[-1]
    book(last)
    count = len(sessions(plage))
    save_motif(place.motif.id, {"delai_max_jours": 31}, place.agent)
    saved = place.save(plage, recurrence=Recurrence(Frequency.WEEKLY, weekdays=(1,)), title="Le mardi")
    assert (saved.retirees, saved.gardees, len(sessions(plage))) == (0, 0, count)


def test_past_and_cancelled_sessions_never_change(now: Any) -> None:
    place = Place()
    plage = place.save().plage
    past, cancelled = sessions(plage)[:2]
    cancel_rdv(cancelled.id, agent=place.agent, raison="", prevenir=False)
    now.move_to(datetime(2026, 12, 3, 9, tzinfo=UTC))
    before = snapshot(plage)[:2]
    place.save(plage, capacite_max=5, start_time=time(10), end_time=time(12))
    assert snapshot(plage)[:2] == before
    assert [r.id for r in sessions(plage)[:2]] == [past.id, cancelled.id]


def test_a_colleague_who_saved_meanwhile_is_not_overwritten() -> None:
    place = Place()
    plage = place.save().plage
    place.save(plage, capacite_max=5)
    with pytest.raises(Perime):
        save_plage(plage.id, place.data(capacite_max=9), place.agent, version=1)
    assert db.session.get(PlageOuverture, plage.id, populate_existing=True).capacite_max == 5


def test_a_hundred_sessions_change_in_a_bounded_number_of_statements() -> None:
    place = Place(delai_max_jours=720)
    weekly = Recurrence(Frequency.WEEKLY, weekdays=(1,), count=100)
    with statements() as creating:
        plage = place.save(recurrence=weekly).plage
    assert len(sessions(plage)) == 100 and len(creating) <= 30
    for rdv in sessions(plage)[::2]:
        factories.participation(rdv)
    other = factories.agent(place.service)
    db.session.commit()
    db.session.expire_all()
    plage_id, agent, data = plage.id, db.session.get(Agent, place.agent.id), place.data(recurrence=weekly)
    with statements() as changing:
        save_plage(
            plage_id, replace(data, start_time=time(9), end_time=time(12), agent_ids=(agent.id, other.id)), agent
        )
    assert len(changing) <= 35
    with statements() as removing:
        save_plage(plage_id, replace(data, recurrence=Recurrence(Frequency.WEEKLY, weekdays=(1,), count=3)), agent)
    assert len(removing) <= 35


# --- what is refused --------------------------------------------------------------------------------------------------


def test_what_does_not_hold_together_is_refused_with_its_reason() -> None:
    place = Place()
    stranger = factories.agent(factories.service(place.org, name="PMI"))
    far = factories.lieu(factories.organisation())
    closed = factories.lieu(place.org, enabled=False)
    room = factories.salle(factories.lieu(place.org))
    db.session.commit()
    for fields, words in (
        ({"agent_ids": (place.agent.id, stranger.id)}, "service du motif"),
        ({"agent_ids": ()}, "au moins un agent"),
        ({"end_time": time(14)}, "après l’heure de début"),
        ({"lieu_id": None, "salle_id": None}, "Choisissez un lieu"),
        ({"lieu_id": far.id, "salle_id": None}, "organisation"),
        ({"lieu_id": closed.id, "salle_id": None}, "plus proposé"),
        ({"salle_id": room.id}, "pas dans ce lieu"),
        ({"capacite_max": 0}, "au moins une place"),
    ):
        with pytest.raises(Refus, match=words):
            place.save(**fields)
    with pytest.raises(RecurrenceError, match="avant le premier jour"):
        place.save(recurrence=replace(TUESDAYS, until=date(2026, 1, 1)))
    assert db.session.scalars(select(PlageOuverture)).all() == []


def test_a_visio_needs_a_web_address_and_has_no_room() -> None:
    place = Place(location_type=TypeLieu.VISIO)
    for bad in ("", "javascript:alert(1)", "visio.exemple.fr/salle"):
        with pytest.raises(Refus, match="visioconférence"):
            place.save(lien_visio=bad)
    plage = place.save(lien_visio="https://visio.exemple.fr/salle").plage
    assert (plage.lieu_id, plage.salle_id) == (None, None)
    assert {r.lien_visio for r in sessions(plage)} == {"https://visio.exemple.fr/salle"}


def test_one_s_own_plages_need_oneself_among_the_agents() -> None:
    place = Place(preset="agent")
    colleague = factories.agent(place.service)
    db.session.commit()
    plage = place.save().plage
    for target in (None, plage):
        with pytest.raises(Refus, match="restez parmi les agents"):
            place.save(target, agent_ids=(colleague.id,))
    theirs = save_plage(None, place.data(agent_ids=(colleague.id,)), colleague).plage
    with pytest.raises(Interdit, match="toutes les plages"):
        place.save(theirs, agent_ids=(colleague.id, place.agent.id))


def test_another_service_is_unknown_and_reception_has_no_right() -> None:
    place = Place()
    plage = place.save().plage
    stranger = factories.agent(factories.service(place.org, name="PMI"), "référent")
    reception = factories.agent(place.service, "accueil")
    db.session.commit()
    for target in (None, plage.id):
        with pytest.raises(Introuvable):
            save_plage(target, place.data(), stranger)
        with pytest.raises(Interdit):
            save_plage(target, place.data(), reception)
