"""The collective sheet, as agents use it: with and without htmx, on both databases where writing is concerned."""

import re
import threading
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select

from tests import factories as make
from tests.desk import Desk, desk, gauge, order, sound, tap, today, told
from webapp.clock import utcnow
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import Journal, Rdv
from webapp.services.rdvs import cancel_rdv


@pytest.fixture
def made(app: Flask) -> Desk:
    """A session in ten days with three people."""
    return desk(app)


@pytest.fixture
def going_on(app: Flask) -> Desk:
    """A session that has just begun, with three people."""
    return desk(app, starts_at=today())


def test_the_sheet_says_everything_about_its_session(made: Desk) -> None:
    page = made.log_in().get(f"/agent/rdv/{made.rdv}")
    assert page.h1 == "Mes droits au RSA" and page.has("À venir") and page.has("3 places prises sur 12")
    assert order(page) == ["NOM000 Prénom0", "NOM001 Prénom1", "NOM002 Prénom2"]
    assert gauge(page) == "3/12" and len(page.select(".seats .taken")) == 3 and len(page.select(".seats i")) == 12
    assert page.has("Capacité 12 (hérité du motif)")
    pressed = page.select('[aria-pressed="true"]')
    assert [button.attributes["value"] for button in pressed] == ["inscrit"] * 3


def test_names_are_in_french_order_and_who_left_stays_in_place(app: Flask) -> None:
    made = desk(app, people=0)
    with app.app_context():
        rdv = db.session.get(Rdv, made.rdv)
        for last, first, statut in (
            ("Zola", "Anne", Statut.INSCRIT),
            ("Évrard", "Paul", Statut.EXCUSE),
            ("d’Alembert", "Jo", Statut.INSCRIT),
            ("Eymard", "Lou", Statut.ANNULE),
            ("evrard", "Alma", Statut.INSCRIT),
        ):
            make.participation(rdv, make.usager(rdv.organisation_id, first_name=first, last_name=last), statut)
        db.session.commit()
    page = made.log_in().get(f"/agent/rdv/{made.rdv}")
    assert order(page) == ["D’ALEMBERT Jo", "EVRARD Alma", "ÉVRARD Paul", "EYMARD Lou", "ZOLA Anne"]
    assert len(page.select(".person.gone")) == 2


# --- one tap -------------------------------------------------------------------------------------------------------


def test_a_tap_without_htmx_comes_back_to_the_row(going_on: Desk) -> None:
    client = going_on.log_in()
    page = tap(client, going_on, 1, "present")
    assert (page.status, page.location) == (
        303,
        f"/agent/rdv/{going_on.rdv}#participation-{going_on.places[1]}",
    )
    place = going_on.place(1)
    assert place.statut is Statut.PRESENT and place.version == 2 and place.statut_par is Acteur.AGENT
    assert sound(going_on)


def test_a_tap_with_htmx_brings_the_row_the_gauge_and_the_version_only(going_on: Desk) -> None:
    client, place = going_on.log_in(), going_on.places[1]
    page = tap(client, going_on, 1, "absent", htmx=True, depuis="1", dernier=str(going_on.places[-1]))
    assert page.status == 200 and not page.whole and len(page.html.encode()) < 4096
    targets = re.findall(r'<hx-partial hx-target="([^"]+)" hx-swap="([^"]+)"', page.html)
    assert targets == [
        (f"#participation-{place}", "outerMorph"),
        (f"#alerte-{place}", "innerHTML"),
        (f"#jauge-{going_on.rdv}", "outerMorph"),
        ("#etat", "outerMorph"),
        ("#etat-seance", "outerMorph"),
        ("#annonces", "innerHTML"),
    ]
    assert 'name="depuis" value="2"' in page.html and page.has("Prénom1 Nom001 : absence notée")


def test_a_tap_brings_what_the_page_had_missed(going_on: Desk) -> None:
    client, other = going_on.log_in(), going_on.log_in("référent")
    tap(other, going_on, 0, "present")
    page = tap(client, going_on, 1, "present", htmx=True, depuis="1", dernier="999")
    assert [f"participation-{place}" in page.html for place in going_on.places] == [True, True, False]
    assert 'name="depuis" value="3"' in page.html


def test_the_same_tap_twice_changes_nothing_more(going_on: Desk) -> None:
    client = going_on.log_in()
    form = client.get(f"/agent/rdv/{going_on.rdv}").form(f"/{going_on.places[0]}/statut")
    data = {name: values[-1] for name, values in form.values.items()} | {"statut": "present"}
    for _ in range(2):
        assert client.post(form.action, data=data).status == 303
    assert going_on.place().version == 2 and going_on.session().version == 2


@pytest.mark.parametrize("htmx", [False, True])
def test_what_a_colleague_did_meanwhile_is_shown_not_overwritten(going_on: Desk, htmx: bool) -> None:
    client, colleague = going_on.log_in(), going_on.log_in("référent")
    page = client.get(f"/agent/rdv/{going_on.rdv}")
    tap(colleague, going_on, 0, "absent")
    form = page.form(f"/{going_on.places[0]}/statut")
    answer = form.submit(button="Présent", htmx=htmx)
    assert answer.status == 409
    assert answer.has("Prénom0 Nom000 vient de passer à « Absent » (Nadia")
    assert answer.whole is not htmx
    row = answer.select(f"#participation-{going_on.places[0]}")
    assert 'role="alert"' in (row[0].html or "") if row else 'role="alert"' in answer.html
    if not htmx:
        assert answer.title.startswith("Erreur : ")
    assert going_on.place().statut is Statut.ABSENT


@pytest.mark.parametrize(("statut", "words"), [("present", "à partir du jour"), ("absent", "à partir du début")])
def test_too_early_is_refused_with_the_reason(made: Desk, statut: str, words: str) -> None:
    page = tap(made.log_in(), made, 0, statut, htmx=True)
    assert page.status == 409 and page.has(words)
    assert made.place().statut is Statut.INSCRIT


def test_excused_by_an_agent_frees_the_seat_and_tells_that_person_only(made: Desk) -> None:
    page = tap(made.log_in(), made, 2, "excuse", htmx=True)
    assert page.has("2 places prises sur 12")
    assert [n.participation_ids for n in told(made, "desistement")] == [[made.places[2]]]
    assert sound(made)


def test_silence_is_said_in_the_form(made: Desk) -> None:
    client = made.log_in()
    tap(client, made, 0, "excuse", prevenir="0")
    tap(client, made, 1, "excuse", prevenir=["0", "1"])
    assert [n.participation_ids for n in told(made, "desistement")] == [[made.places[1]]]


@pytest.mark.parametrize("statut", ["", "n’importe quoi", "INSCRIT"])
def test_an_unknown_status_is_not_understood(made: Desk, statut: str) -> None:
    assert tap(made.log_in(), made, 0, statut).status == 400
    assert made.place().version == 1


def test_forged_addresses_are_unknown(made: Desk) -> None:
    client = made.log_in("admin")
    token = client.get(f"/agent/rdv/{made.rdv}").form(f"/{made.places[0]}/statut").values["csrf_token"][0]
    data = {"csrf_token": token, "statut": "excuse"}
    pid = made.places[0]
    for rdv in (made.elsewhere, made.abroad, 99999):
        assert client.post(f"/agent/rdv/{rdv}/participations/{pid}/statut", data=data).status == 404
        assert client.get(f"/agent/rdv/{rdv}/participations/{pid}/retrait").status == 404
    assert client.post(f"/agent/rdv/{made.rdv}/participations/99999/statut", data=data).status == 404
    assert made.place().statut is Statut.INSCRIT


@pytest.mark.parametrize("address", ["participations", "participations/{pid}/statut", "annulation"])
def test_every_post_needs_this_sessions_token(made: Desk, address: str) -> None:
    client = made.log_in()
    url = f"/agent/rdv/{made.rdv}/" + address.format(pid=made.places[0])
    for token in ("", "périmé", made.log_in().get(f"/agent/rdv/{made.rdv}/annulation").form().values["csrf_token"][0]):
        page = client.post(url, data={"csrf_token": token, "statut": "annule", "usager_id": "1"})
        assert page.status == 419
    assert made.place().statut is Statut.INSCRIT and made.session().cancelled_at is None


# --- remove --------------------------------------------------------------------------------------------------------


def test_removing_somebody_says_who_is_told_first(made: Desk) -> None:
    client = made.log_in()
    page = client.get(f"/agent/rdv/{made.rdv}").link("Retirer Prénom1 Nom001 de cet atelier")
    assert page.h1 == "Retirer Prénom1 Nom001\u00a0?" and page.has("1 SMS")
    page = page.form("/statut").submit()
    assert page.url == f"/agent/rdv/{made.rdv}" and page.has("place retirée") and page.has("2 places prises sur 12")
    assert [n.participation_ids for n in told(made, "retrait")] == [[made.places[1]]]
    assert made.place(1).statut is Statut.ANNULE and sound(made)


def test_removing_without_telling(made: Desk) -> None:
    page = made.log_in().get(f"/agent/rdv/{made.rdv}/participations/{made.places[1]}/retrait")
    form = page.form("/statut")
    form.values["prevenir"] = ["0"]
    page = form.submit()
    assert page.has("sans prévenir") and told(made, "retrait") == []


def test_somebody_nobody_can_write_to_is_to_be_called(app: Flask) -> None:
    made = desk(app, people=0)
    with app.app_context():
        rdv = db.session.get(Rdv, made.rdv)
        person = make.usager(rdv.organisation_id, first_name="Ali", last_name="Fixe", phone="+33475990199")
        made.places.append(make.participation(rdv, person).id)
        db.session.commit()
    client = made.log_in()
    page = client.get(f"/agent/rdv/{made.rdv}/participations/{made.places[0]}/retrait")
    assert page.has("Personne à appeler") and page.has("04 75 99 01 99")
    assert client.get(f"/agent/rdv/{made.rdv}").has("à appeler")


# --- cancel --------------------------------------------------------------------------------------------------------


def test_cancelling_says_who_will_be_told_then_does_it_once(app: Flask) -> None:
    made = desk(app, people=2)
    with app.app_context():
        rdv = db.session.get(Rdv, made.rdv)
        for fields in ({"email": "a@exemple.fr"}, {"phone": None, "email": "b@exemple.fr"}, {"phone": "+33475990199"}):
            make.participation(rdv, make.usager(rdv.organisation_id, **fields))
        make.participation(rdv, statut=Statut.EXCUSE)
        db.session.commit()
    client = made.log_in()
    page = client.get(f"/agent/rdv/{made.rdv}").link("Annuler l’atelier")
    assert page.has("5 personnes : 3 SMS, 2 courriels, 1 à appeler") and page.has("04 75 99 01 99")
    page = page.form("/annulation").submit(raison="Intervenante malade")
    assert page.url == f"/agent/rdv/{made.rdv}" and page.has("Annulé") and page.has("Intervenante malade")
    assert not page.select("form[action$=statut]") and not page.select("#ajout")
    channels = sorted(n.canal for n in told(made, "annulation"))
    assert channels == ["courriel", "courriel", "sms", "sms", "sms"]
    assert client.get(f"/agent/rdv/{made.rdv}/annulation").status == 303
    assert sound(made)


def test_a_cancelled_session_says_whom_to_call_and_who_was_removed_before(app: Flask) -> None:
    made = desk(app)
    with app.app_context():
        rdv = db.session.get(Rdv, made.rdv)
        made.places.append(make.participation(rdv, make.usager(rdv.organisation_id, phone="+33475990199")).id)
        db.session.commit()
    client = made.log_in()
    tap(client, made, 2, "annule")
    page = client.get(f"/agent/rdv/{made.rdv}/annulation").form("/annulation").submit()
    words = [page.select(f"#participation-{pid} .tag")[0].text() for pid in made.places]
    assert words == ["SMS en cours d’envoi", "SMS en cours d’envoi", "place retirée", "à appeler"]
    said = [page.select(f"#participation-{pid} > p")[0].text() for pid in made.places]
    assert said == ["Séance annulée", "Séance annulée", "Retiré", "Séance annulée"]
    page = client.get(f"/agent/rdv/{made.rdv}/lignes?depuis=1&dernier=99", htmx=True)
    assert '"#annonces" hx-swap="innerHTML">Séance annulée<' in page.html


def test_cancelling_without_telling(made: Desk) -> None:
    form = made.log_in().get(f"/agent/rdv/{made.rdv}/annulation").form("/annulation")
    form.values["prevenir"] = ["0"]
    page = form.submit()
    assert page.has("a annulé la séance, sans prévenir") and told(made, "annulation") == []
    assert page.select(f"#participation-{made.places[0]} .tag")[0].text() == "sans message"


def test_a_session_with_somebody_present_is_not_cancelled(going_on: Desk) -> None:
    client = going_on.log_in()
    page = client.get(f"/agent/rdv/{going_on.rdv}/annulation")
    assert page.has("La séance a commencé") and page.has("Aucun message ne partira")
    tap(client, going_on, 0, "present")
    page = page.form("/annulation").submit(raison="Trop de neige")
    assert page.status == 409 and page.has("déjà noté présent")
    assert page.select("#raison")[0].attributes["value"] == "Trop de neige"
    assert going_on.session().cancelled_at is None


def test_a_session_that_is_over_is_not_cancelled(app: Flask) -> None:
    made = desk(app, starts_at=utcnow() - timedelta(days=2))
    client = made.log_in()
    page = client.get(f"/agent/rdv/{made.rdv}")
    assert page.has("À renseigner") and not page.has("Annuler l’atelier")
    page = client.get(f"/agent/rdv/{made.rdv}/annulation").form("/annulation").submit()
    assert page.status == 409 and made.session().cancelled_at is None


# --- the journal ---------------------------------------------------------------------------------------------------


def test_the_journal_says_who_did_what(going_on: Desk) -> None:
    client = going_on.log_in()
    tap(client, going_on, 0, "present")
    page = client.get(f"/agent/rdv/{going_on.rdv}/journal")
    assert page.h1 == "Journal de la séance" and page.has("a noté Prénom0 Nom000 « Présent »")
    fragment = client.get(f"/agent/rdv/{going_on.rdv}/journal", htmx=True)
    assert not fragment.whole and fragment.has("Prénom0 Nom000")
    with going_on.app.app_context():
        (line,) = db.session.scalars(select(Journal)).all()
        assert "Prénom0" not in str(line.details)


@pytest.mark.parametrize(("hours", "closed"), [(48, ["present", "absent"]), (-0.5, [])])
def test_nobody_looks_ready_to_be_noted_days_ahead(app: Flask, hours: float, closed: list[str]) -> None:
    made = desk(app, starts_at=utcnow() + timedelta(hours=hours))
    page = made.log_in().get(f"/agent/rdv/{made.rdv}")
    buttons = page.select(f"#participation-{made.places[0]} .statuts button")
    assert [one.attributes["value"] for one in buttons if "disabled" in one.attributes] == closed
    assert page.has("se noteront le jour de l’atelier") is bool(closed)


def test_a_session_removed_while_it_is_being_cancelled_is_not_found(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its plage changed meanwhile, and nobody was in it."""
    made = desk(app, people=0)
    form = made.log_in().get(f"/agent/rdv/{made.rdv}/annulation").form("/annulation")

    def colleague() -> None:
        with app.app_context():
            db.session.execute(delete(Rdv).where(Rdv.id == made.rdv))
            db.session.commit()
            db.session.remove()

    def meanwhile(*args: Any, **options: Any) -> Rdv:
        faster = threading.Thread(target=colleague)
        faster.start()
        faster.join()
        return cancel_rdv(*args, **options)

    monkeypatch.setattr("webapp.services.rdvs.cancel_rdv", meanwhile)
    assert form.submit().status == 404
