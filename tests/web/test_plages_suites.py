"""Changing, splitting, stopping a plage, cancelling several sessions: read first, decided, told once, found again."""

import threading
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from tests import factories
from tests.pages import Page, PageClient
from tests.web.test_plages_pages import NOUVELLE, NOW, Office, log_in, sunday  # noqa: F401
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import Journal, Notification, Participation, PlageOuverture, Rdv

PEOPLE = ({"email": "awa@exemple.fr"}, {}, {"phone": None, "email": "rose@exemple.fr"}, {"phone": "+33475990100"})
"""By both, by text, by mail, by nothing but a call."""


@pytest.fixture
def office(client: PageClient) -> Office:
    return Office(client)


class Series:
    """A plage of thirteen Tuesdays; four people in the second session, one of them in the fourth too."""

    def __init__(self, office: Office) -> None:
        office.create()
        self.office, self.client, self.id = office, office.client, office.plage().id
        rdvs = self.rdvs()
        self.booked, self.other = rdvs[1], rdvs[3]
        self.people = [factories.usager(office.org, **fields) for fields in PEOPLE]
        for person in self.people:
            factories.participation(self.booked, person)
        factories.participation(self.other, self.people[0])
        db.session.commit()
        self.booked_id, self.other_id = self.booked.id, self.other.id
        self.address = f"/agent/plages/{self.id}"

    def rdvs(self, plage_id: int | None = None) -> list[Rdv]:
        db.session.rollback()
        db.session.expire_all()
        mine = Rdv.plage_ouverture_id == (plage_id or self.id)
        return list(db.session.scalars(select(Rdv).where(mine).order_by(Rdv.occurrence_le)))

    def rdv(self, rdv_id: int) -> Rdv:
        db.session.rollback()
        return db.session.get_one(Rdv, rdv_id, populate_existing=True)

    def typed(self, **fields: Any) -> Page:
        """The form of the plage, sent once."""
        return self.client.get(self.address).form(f"/plages/{self.id}").submit(button="Enregistrer", **fields)

    def earlier(self) -> Page:
        return self.typed(start_time="09:00", end_time="11:00")

    def book(self, rdv_id: int) -> None:
        """Somebody else takes a place, in a session of the database of their own."""

        def somebody() -> None:
            with self.client.app.app_context(), time_machine.travel(NOW, tick=False):
                factories.participation(db.session.get_one(Rdv, rdv_id))
                db.session.commit()
                db.session.remove()

        db.session.rollback()
        visitor = threading.Thread(target=somebody)
        visitor.start()
        visitor.join()

    def told(self) -> list[tuple[str, int, str]]:
        db.session.rollback()
        rows = db.session.query(Notification).filter_by(destinataire_type="usager").order_by(Notification.id)
        return sorted((row.event, row.rdv_id or 0, row.canal.value) for row in rows)


@pytest.fixture
def series(office: Office) -> Series:
    return Series(office)


def test_what_concerns_people_is_read_first_with_who_receives_what(series: Series) -> None:
    page = series.earlier()
    assert page.status == 200 and page.h1 == "Qui est concerné\u00a0?" and not page.title.startswith("Erreur")
    assert page.has("2 séances où des personnes sont inscrites changeraient")
    assert page.has("mardi 8 décembre 2026, 14 h à 16 h") and page.has("→ 9 h à 11 h")
    assert page.has("4 personnes inscrites") and page.has("1 personne inscrite")
    assert page.has("11 séances sans inscrit suivent")
    assert page.has("4 personnes : 3 SMS, 3 courriels, 1 à appeler") and page.has("04 75 99 01 00")
    assert series.rdv(series.booked_id).starts_at.hour == 13 and series.told() == []


def test_moved_and_told_once_each_what_was_and_what_is(series: Series) -> None:
    page = series.earlier().form(series.address).submit(button="Enregistrer")
    assert page.has("2 séances réservées déplacées.") and page.has("3 SMS, 3 courriels partent, 1 personne à appeler.")
    assert {rdv.starts_at.hour for rdv in series.rdvs()} == {8} and not any(rdv.detache for rdv in series.rdvs())
    assert series.told() == [
        ("modification", series.booked_id, "courriel"),
        ("modification", series.booked_id, "courriel"),
        ("modification", series.booked_id, "sms"),
        ("modification", series.booked_id, "sms"),
        ("modification", series.other_id, "courriel"),
        ("modification", series.other_id, "sms"),
    ]
    assert page.has("Changement : 0 sur 6 envoyé") and page.has("1 personne à appeler")
    calls = page.link("1 personne à appeler")
    assert (
        calls.h1 == "Personnes à appeler" and calls.has("04 75 99 01 00") and calls.has("Désormais : mardi 8 décembre")
    )
    assert series.client.get(f"{series.address}/envoi", htmx=True).has("0 sur 6")


def test_kept_with_an_exception_that_moves_and_nobody_told(series: Series) -> None:
    form = series.earlier().form(series.address)
    fields = {f"seance-{series.other_id}": "deplacer"}
    page = form.submit({**fields, "ou_quand": "garder", "prevenir": "0"}, button="Enregistrer")
    assert page.has("1 séance réservée déplacée. Une séance où des personnes sont inscrites garde")
    assert page.has("Personne n’est prévenu.") and series.told() == []
    kept, moved = series.rdv(series.booked_id), series.rdv(series.other_id)
    assert kept.starts_at.hour == 13 and kept.detache and moved.starts_at.hour == 8 and not moved.detache
    assert not page.select(f'a[href="{series.address}/appels"]')  # nobody was to be told


def test_a_date_that_goes_away_is_kept_or_cancelled(series: Series) -> None:
    page = series.typed(sauts="08/12/2026, 22/12/2026")
    assert page.has("2 séances réservées perdent leur date") and page.has("personne n’est à prévenir")
    form = page.form(series.address).fill({"sans_date": "annuler", f"seance-{series.other_id}": "garder"})
    again = form.submit(button="Recompter")
    assert again.has("4 personnes : 2 SMS, 2 courriels, 1 à appeler")
    assert again.form(series.address).values["sans_date"] == ["annuler"]
    page = again.form(series.address).submit(raison="Salle fermée", button="Enregistrer")
    assert page.has("1 séance annulée. Une séance où des personnes sont inscrites garde")
    gone, kept = series.rdv(series.booked_id), series.rdv(series.other_id)
    assert gone.cancelled_reason == "Salle fermée" and kept.detache and kept.cancelled_at is None
    assert {event for event, _, _ in series.told()} == {"annulation"}


def test_nothing_typed_is_lost_on_the_way_back(series: Series) -> None:
    page = series.typed(start_time="09:00", end_time="11:00", title="Le matin", instructions_apres="Une\npièce")
    back = page.form(series.address).submit(button="Corriger encore")
    form = back.form(f"/plages/{series.id}")
    assert back.status == 200 and form.values["title"] == ["Le matin"] and form.values["start_time"] == ["09:00"]
    assert form.values["jours"] == ["1"] and "pièce" in form.values["instructions_apres"][0]


def test_without_people_concerned_it_saves_at_once_and_says_what_it_did(series: Series) -> None:
    page = series.typed(sauts="15/12/2026", title="Le mardi")
    assert page.has("Plage enregistrée : 1 séance sans inscrit retirée.")
    assert series.typed().has("Rien n’a changé.")


def test_somebody_booked_meanwhile_is_seen_before_anything_is_done(series: Series) -> None:
    form = series.earlier().form(series.address)
    series.book(series.booked_id)
    series.book(series.rdvs()[5].id)
    page = form.submit(button="Enregistrer")
    assert page.status == 409 and page.has("Une inscription ou une séance a changé entre-temps")
    assert [tag.text() for tag in page.select(".people .tag")] == ["vient de changer"] * 2
    assert page.has("5 personnes inscrites") and page.has("3 séances où des personnes")
    assert series.rdv(series.booked_id).starts_at.hour == 13 and series.told() == []
    assert page.form(series.address).submit(button="Enregistrer").has("3 séances réservées déplacées")


def test_somebody_booked_while_nothing_was_to_be_read(series: Series, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody was concerned when the form was sent; somebody is, once it is our turn to write."""
    from webapp.web.agent import changement

    free = series.rdvs()[2].id
    preview = changement.preview_plage

    def then_somebody_books(*args: Any, **options: Any) -> Any:
        found = preview(*args, **options)
        monkeypatch.undo()
        series.book(free)
        return found

    monkeypatch.setattr(changement, "preview_plage", then_somebody_books)
    page = series.typed(sauts="15/12/2026")
    assert page.status == 409 and page.has("1 séance réservée perd sa date")
    assert free in [rdv.id for rdv in series.rdvs()]


def test_the_same_yes_twice_tells_once(series: Series) -> None:
    values = series.earlier().form(series.address).values
    first, second = (series.client.post(series.address, data=values) for _ in range(2))
    assert (first.status, second.status) == (303, 303) and len(series.told()) == 6


def test_fewer_places_than_people_is_read_and_removes_nobody(series: Series) -> None:
    page = series.typed(capacite_max="3")
    assert page.has("1 séance aurait plus d’inscrits que de places") and page.has("4 inscrits pour 3 places")
    assert not page.select("input[name=prevenir]")
    page = page.form(series.address).submit(button="Enregistrer")
    assert page.has("1 séance compte déjà plus d’inscrits") and series.rdv(series.booked_id).places_prises == 4


def test_the_rest_of_a_series_goes_on_otherwise(series: Series) -> None:
    page = series.client.get(series.address).form("/suite").submit(depuis="2026-12-15", button="Changer celle-ci")
    assert page.has("À partir du mardi 15 décembre 2026")
    form = page.form("/suite")
    assert form.values["first_day"] == ["2026-12-15"]
    page = form.submit(start_time="09:00", end_time="11:00", button="Enregistrer la suite")
    assert page.has("la suite devient une nouvelle plage") and page.has("1 séance où des personnes")
    page = page.form("/suite").submit(button="Enregistrer")
    assert page.has("La suite est une nouvelle plage : 1 séance réservée déplacée. 1 SMS, 1 courriel partent.")
    new_id = int(page.url.rpartition("/")[2])
    before, after = series.rdvs(), series.rdvs(new_id)
    assert [rdv.occurrence_le for rdv in before] == [date(2026, 12, 1), date(2026, 12, 8)]
    assert (
        len(after) == 11 and {rdv.starts_at.hour for rdv in after} == {8} and series.other_id in [r.id for r in after]
    )
    assert series.rdv(series.booked_id).starts_at.hour == 13
    old = db.session.get_one(PlageOuverture, series.id)
    assert old.rrule.endswith("UNTIL=20261214") and page.has("Changement : 0 sur 2")
    journal = series.client.get("/configuration/journal?quoi=plages")
    assert journal.has(
        "a changé la suite d’une plage d’ouverture de « Mes droits au RSA », à partir du 15 décembre 2026"
    )
    assert journal.has("De : 09:00 au lieu de : 14:00")


def test_the_first_session_is_the_whole_plage(series: Series) -> None:
    page = series.client.get(f"{series.address}/suite?depuis=2026-12-01")
    assert page.status == 200 and page.has("C’est la plage entière que vous changez")
    assert page.select(f'form[action="{series.address}"]')


def test_one_date_taken_out(series: Series) -> None:
    page = series.client.get(f"{series.address}/arret?depuis=2026-12-15")
    assert page.h1 == "Retirer une date" and page.has("1 séance sans inscrit est retirée")
    page = page.form(f"/plages/{series.id}/arret", css='form[method="post"]').submit(button="Oui, retirer cette date")
    assert page.has("La date est retirée : 1 séance sans inscrit retirée.")
    assert "2026-12-15" in series.office.plage().excluded and len(series.rdvs()) == 12
    assert series.client.get("/configuration/journal").has("a retiré une date d’une plage d’ouverture")


def test_a_plage_stopped_from_a_date_cancels_and_tells(series: Series) -> None:
    page = series.client.get(f"{series.address}/arret?depuis=2026-12-08&portee=suivantes")
    assert page.has("2 séances réservées") and page.has("4 personnes : 3 SMS, 3 courriels, 1 à appeler")
    form = page.form("/arret", css='form[method="post"]')
    values = dict(form.values)
    page = form.submit(raison="Travaux", button="Oui, arrêter la plage")
    assert page.has("La plage est arrêtée : 2 séances annulées, 10 séances sans inscrit retirées.")
    assert page.has("3 SMS, 3 courriels partent, 1 personne à appeler.")
    assert {p.statut for p in db.session.query(Participation).populate_existing()} == {Statut.ANNULE}
    assert page.has("Annulation : 0 sur 6") and page.link("1 personne à appeler").has("Annulée")
    again = series.client.post(f"{series.address}/arret", data=values)
    assert again.status == 303 and len(series.told()) == 6
    lines = db.session.query(Journal).filter_by(action="plage_arretee").all()
    assert len(lines) == 1 and lines[0].details["annulees"] == 2
    assert series.client.get("/configuration/journal").has("a arrêté une plage d’ouverture de « Mes droits au RSA »")


def test_a_whole_plage_is_stopped_but_for_one_session(series: Series) -> None:
    form = series.client.get(f"{series.address}/arret").form("/arret", css='form[method="post"]')
    page = form.submit({f"seance-{series.booked_id}": "garder", "prevenir": "0"}, button="Oui")
    assert page.has("1 séance annulée, 11 séances sans inscrit retirées, 1 séance gardée à part")
    kept = series.rdv(series.booked_id)
    assert kept.detache and kept.cancelled_at is None and series.told() == []


def test_who_booked_meanwhile_stops_the_stop(series: Series) -> None:
    form = series.client.get(f"{series.address}/arret").form("/arret", css='form[method="post"]')
    series.book(series.rdvs()[6].id)
    page = form.submit(button="Oui")
    assert page.status == 409 and page.has("3 séances réservées") and page.has("vient de changer")
    assert len(series.rdvs()) == 13 and series.told() == []


def test_a_plage_is_duplicated_without_its_people_nor_its_dates(series: Series) -> None:
    page = series.client.get(series.address).link("Dupliquer cette plage")
    form = page.form("/nouvelle")
    assert form.values["motif_id"] == [str(series.office.motif.id)] and form.values["first_day"] == [""]
    assert (form.values["start_time"], form.values["jours"], form.values["sauts"]) == (["14:00"], ["1"], [""])
    page = form.submit(first_day="2026-12-02", jours=[2], button="Créer la plage")
    assert page.has("13 séances créées") or page.has("12 séances créées")
    db.session.rollback()
    assert db.session.query(PlageOuverture).count() == 2 and db.session.query(Participation).count() == 5


def test_who_only_waits_is_read_about_and_told(series: Series) -> None:
    alone = series.rdvs()[5]
    factories.attente(alone, series.people[0])
    factories.attente(alone, series.people[2])
    db.session.commit()
    alone_id = alone.id
    page = series.earlier()
    assert page.has("3 séances où des personnes sont inscrites ou attendent changeraient")
    assert page.has("2 personnes attendent") and page.has("10 séances sans inscrit suivent")
    page = page.form(series.address).submit(button="Enregistrer")
    assert page.has("3 séances réservées déplacées.") and series.rdv(alone_id).starts_at.hour == 8
    assert [told for told in series.told() if told[1] == alone_id] == [
        ("modification", alone_id, "courriel"),
        ("modification", alone_id, "courriel"),
        ("modification", alone_id, "sms"),
    ]
    page = series.client.get(f"/agent/seances/annulation?rdv={alone_id}")
    assert page.has("2 personnes attendent") and page.has("2 personnes : 1 SMS, 2 courriels")
    assert not page.has("personne n’est à prévenir")
    page = page.form("/seances/annulation").submit(button="Oui, annuler")
    assert page.has("1 SMS, 2 courriels partent")
    assert len([told for told in series.told() if told[:2] == ("annulation", alone_id)]) == 3


# --- several sessions, of any plage ---------------------------------------------------------------------------------


def test_several_sessions_are_cancelled_and_followed(series: Series) -> None:
    apart = factories.rdv(series.office.motif, agents=[])
    factories.participation(apart, series.people[1])
    db.session.commit()
    address = f"/agent/seances/annulation?rdv={series.booked_id}&rdv={series.other_id}&rdv={apart.id}"
    page = series.client.get(address)
    assert page.h1 == "Annuler ces séances\u00a0?" and page.has("4 personnes : 4 SMS, 3 courriels, 1 à appeler")
    page = page.form("/seances/annulation").submit({f"seance-{series.other_id}": "garder"}, button="Oui, annuler")
    assert page.has("2 séances sont annulées : 3 SMS, 2 courriels partent, 1 personne à appeler.")
    assert page.has("Annulation : 0 sur 5") and page.has("04 75 99 01 00")
    assert series.rdv(apart.id).cancelled_at and series.rdv(series.booked_id).cancelled_at
    kept = series.rdv(series.other_id)
    assert kept.cancelled_at is None and not kept.detache
    page = series.client.get(address)
    assert page.has("2 séances ont déjà commencé ou sont déjà annulées")


def test_a_list_holds_only_sessions_one_may_cancel(series: Series) -> None:
    elsewhere = factories.rdv(factories.motif(factories.service(series.office.org, name="PMI")))
    db.session.commit()
    for query in ("", f"?rdv={series.booked_id}&rdv={elsewhere.id}", "?rdv=99999"):
        for page in ("annulation", "suivi", "envoi"):
            assert series.client.get(f"/agent/seances/{page}{query}").status == 404, (page, query)


# --- rights -----------------------------------------------------------------------------------------------------------


def test_one_s_own_plage_is_managed_with_the_right_on_one_s_own(client: PageClient) -> None:
    series = Series(Office(client, "agent"))
    for path in ("", "/suite?depuis=2026-12-15", "/arret", "/envoi", "/appels"):
        assert client.get(f"{series.address}{path}").status == 200, path
    page = series.earlier().form(series.address).submit(button="Enregistrer")
    assert page.has("2 séances réservées déplacées")
    page = client.get(f"{series.address}/arret").form("/arret", css='form[method="post"]').submit(button="Oui")
    assert page.has("La plage est arrêtée")
    colleague = factories.agent(series.office.service)
    theirs = factories.plage(series.office.motif, [colleague], lieu=series.office.lieu)
    db.session.commit()
    for path in ("", "/suite?depuis=2026-12-15", "/arret", "/envoi", "/appels"):
        assert client.get(f"/agent/plages/{theirs.id}{path}").status == 403, path
    assert client.get(f"{NOUVELLE}?copie={theirs.id}").status == 403


def test_who_looks_only_sees_no_way_to_change_the_rest(series: Series) -> None:
    sheet = series.client.get(f"/agent/rdv/{series.booked_id}")
    assert sheet.has("Cette séance et toutes les suivantes") and sheet.link("les changer").status == 200
    reception = factories.agent(series.office.service, "accueil")
    db.session.commit()
    other = log_in(PageClient(series.client.app), reception)
    assert not other.get(f"/agent/rdv/{series.booked_id}").has("toutes les suivantes")


def test_hours_stay_those_of_the_wall_clock(series: Series) -> None:
    """Shown and moved across the change of hour."""
    page = series.typed(jusqua="2027-04-27")
    assert page.has("séances créées")
    hours = {rdv.starts_at.astimezone(UTC).hour for rdv in series.rdvs()}
    assert hours == {13, 12} and series.rdvs()[-1].starts_at == datetime(2027, 4, 27, 12, tzinfo=UTC)
    assert series.office.plage().start_time == time(14)
