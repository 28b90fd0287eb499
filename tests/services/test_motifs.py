"""Motifs: what may be set, by whom, and what their coming sessions take from them."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from tests import factories
from tests.services.test_plages import NOW, Place, book, sessions, statements
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar
from webapp.domain.errors import Interdit, Introuvable, Refus
from webapp.domain.participation import Acteur, Statut
from webapp.domain.recurrence import Frequency, Recurrence
from webapp.domain.serie import Choix
from webapp.extensions import db
from webapp.models import Journal, Motif, Rdv, TypeLieu, TypeMotif, ouverture
from webapp.services.attente import leave
from webapp.services.booking import change_statut
from webapp.services.motifs import save_motif, set_archived
from webapp.services.rdvs import cancel_rdv
from webapp.services.suites import preview_plage, split_plage


@pytest.fixture(autouse=True)
def application_context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def test_a_new_motif_is_collective_and_written_in_the_journal() -> None:
    place = Place()
    made = save_motif(None, {"service_id": place.service.id, "name": "Couture", "capacite_max": 8}, place.agent)
    assert (made.type, made.organisation_id, made.reservable_par) == (
        TypeMotif.COLLECTIF,
        place.org.id,
        ReservablePar.TOUS,
    )
    line = db.session.scalars(select(Journal).where(Journal.sujet_type == "motif")).one()
    assert (line.action, line.agent_id, sorted(line.details["champs"])) == (
        "motif_cree",
        place.agent.id,
        ["capacite_max", "name"],
    )


def test_the_journal_says_what_changed_from_what_to_what_and_nothing_when_nothing_did() -> None:
    place = Place()
    save_motif(place.motif.id, {"name": "Couture", "capacite_max": 12, "rappels": [24]}, place.agent)
    save_motif(place.motif.id, {"name": "Couture", "capacite_max": 12, "rappels": [24]}, place.agent)
    line = db.session.scalars(select(Journal).where(Journal.sujet_type == "motif")).one()
    assert (line.action, line.details) == (
        "motif_modifie",
        {"changements": {"name": {"de": "Mes droits au RSA", "a": "Couture"}, "rappels": {"de": [48], "a": [24]}}},
    )


def test_what_does_not_hold_together_is_refused() -> None:
    place = Place()
    for data, words in (
        ({"name": ""}, "Donnez un nom"),
        ({"capacite_max": None}, "nécessaire, sauf en entrée libre"),
        ({"capacite_max": 0}, "au moins une place"),
        ({"capacite_min": 13}, "dépasse la capacité"),
    ):
        with pytest.raises(Refus, match=words):
            save_motif(place.motif.id, data, place.agent)
    with pytest.raises(ValueError, match="not settings"):
        save_motif(place.motif.id, {"type": TypeMotif.INDIVIDUEL}, place.agent)
    assert db.session.get(Motif, place.motif.id, populate_existing=True).capacite_max == 12
    save_motif(place.motif.id, {"capacite_max": None, "reservable_par": ReservablePar.ENTREE_LIBRE}, place.agent)


def test_the_kind_of_place_freezes_with_the_first_session() -> None:
    place = Place()
    save_motif(place.motif.id, {"location_type": TypeLieu.VISIO}, place.agent)
    save_motif(place.motif.id, {"location_type": TypeLieu.SUR_PLACE}, place.agent)
    factories.rdv(place.motif)
    db.session.commit()
    with pytest.raises(Refus, match="ne change plus"):
        save_motif(place.motif.id, {"location_type": TypeLieu.VISIO}, place.agent)


def test_only_coming_sessions_without_a_capacity_of_their_own_follow() -> None:
    place = Place()
    coming, own = factories.rdv(place.motif), factories.rdv(place.motif, capacite_propre=5)
    past = factories.rdv(place.motif, starts_at=utcnow() - timedelta(days=2))
    gone = factories.rdv(place.motif)
    db.session.commit()
    cancel_rdv(gone.id, agent=place.agent, prevenir=False)
    save_motif(place.motif.id, {"capacite_max": 20}, place.agent)
    db.session.expire_all()
    assert [r.capacite_max for r in (coming, own, past, gone)] == [20, 5, 12, 12]
    assert (coming.version, own.version, past.version) == (2, 1, 1)


def test_a_capacity_that_an_opened_plage_inherits_can_not_go_away() -> None:
    place = Place()
    plage = place.save(reservable_par=ReservablePar.TOUS).plage
    with pytest.raises(Refus, match="une plage ouvre ce motif"):
        save_motif(place.motif.id, {"capacite_max": None, "reservable_par": ReservablePar.ENTREE_LIBRE}, place.agent)
    assert {r.capacite_max for r in sessions(plage)} == {12}


@time_machine.travel(NOW, tick=False)
def test_a_session_with_people_does_not_become_a_free_entry() -> None:
    place = Place()
    plage = place.save().plage
    booked, awaited = sessions(plage)[1:3]
    seat = book(booked)
    entry = factories.attente(awaited)
    db.session.commit()
    free = {"reservable_par": ReservablePar.ENTREE_LIBRE}
    everywhere = (
        lambda: place.save(plage, **free),
        lambda: split_plage(plage.id, date(2026, 12, 8), place.data(first_day=date(2026, 12, 8), **free), place.agent),
        lambda: preview_plage(plage, place.data(**free), Choix()),
        lambda: save_motif(place.motif.id, free, place.agent),
    )
    for save in everywhere:
        with pytest.raises(Refus, match="sont inscrites : la séance du 8 décembre 2026 ne devient pas"):
            save()
    change_statut(seat.id, Statut.EXCUSE, by=Acteur.USAGER)
    for save in everywhere:
        with pytest.raises(Refus, match="attendent une place : la séance du 15 décembre 2026 ne devient pas"):
            save()
    assert {r.capacite_max for r in sessions(plage)} == {12}
    leave(entry.id)
    book(booked)
    booked.reservable_par = ReservablePar.TOUS  # says it for itself
    db.session.commit()
    save_motif(place.motif.id, free, place.agent)
    place.save(plage, **free)
    assert [r.capacite_max for r in sessions(plage)][:3] == [None, 12, None]


def test_rights() -> None:
    place = Place()
    colleague = factories.agent(place.service)
    stranger = factories.agent(factories.service(place.org, name="PMI"), "référent")
    abroad = factories.agent(factories.service(), "admin")
    db.session.commit()
    new: dict[str, Any] = {"service_id": place.service.id, "name": "Couture", "capacite_max": 8}
    for agent, error in ((colleague, Interdit), (stranger, Introuvable), (abroad, Introuvable)):
        for attempt in (
            lambda who: save_motif(None, new, who),
            lambda who: save_motif(place.motif.id, {"name": "Autre"}, who),
            lambda who: set_archived(place.motif.id, True, who),
        ):
            with pytest.raises(error):
                attempt(agent)
    assert db.session.scalars(select(Motif.name)).all() == [place.motif.name]


def test_archived_its_sessions_stay_but_are_booked_no_more() -> None:
    place = Place()
    rdv = factories.rdv(place.motif)
    db.session.commit()
    set_archived(place.motif.id, True, place.agent)
    assert "plus proposé" in str(ouverture(rdv).refusal(utcnow()))
    set_archived(place.motif.id, False, place.agent)
    assert ouverture(rdv).refusal(utcnow()) is None


def test_a_hundred_sessions_follow_in_a_bounded_number_of_statements() -> None:
    place = Place(delai_max_jours=720)
    place.save(recurrence=Recurrence(Frequency.WEEKLY, weekdays=(1,), count=100))
    db.session.expire_all()
    with statements() as seen:
        save_motif(place.motif.id, {"capacite_max": 9}, place.agent)
    assert len(seen) <= 16
    assert set(db.session.scalars(select(Rdv.capacite_max).where(Rdv.starts_at > utcnow()))) == {9}
    lines = db.session.scalars(select(Journal).where(Journal.action == "capacite")).all()
    assert len({line.rdv_id for line in lines}) == len(lines) == 100
    assert [line.details for line in lines[:1]] == [{"de": 12, "a": 9}]
