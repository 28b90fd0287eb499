"""Plages are set up from pages: what they inherit, their dates in view, what saving did, and only where one may."""

import threading
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
import time_machine
from flask import Flask

from tests import factories
from tests.desk import inside
from tests.pages import Page, PageClient
from webapp.domain.capacity import ReservablePar
from webapp.domain.recurrence import Frequency, Recurrence
from webapp.extensions import db
from webapp.models import Agent, Motif, PlageOuverture, Rdv, TypeLieu
from webapp.services import plages as services
from webapp.web.agent import changement

NOUVELLE = "/agent/plages/nouvelle"
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


class Office:
    """A service with a motif, a room, and an agent logged in with the rights of `preset`."""

    def __init__(self, client: PageClient, preset: str = "référent") -> None:
        self.client = client
        self.org = factories.organisation(name="Maison de Valmont")
        self.service = factories.service(self.org)
        self.motif: Motif = factories.motif(self.service, nom_sms="Atelier RSA", instructions_avant="Pour débuter.")
        self.lieu = factories.lieu(self.org)
        self.salle = factories.salle(self.lieu, capacite=16)
        self.agent: Agent = factories.agent(self.service, preset, first_name="Hélène", last_name="Marchand")
        db.session.commit()
        log_in(client, self.agent)

    def typed(self, **fields: Any) -> dict[str, Any]:
        """Every Tuesday afternoon until the end of February, in the room."""
        return {
            "motif_id": self.motif.id,
            "agent_ids": [self.agent.id],
            "endroit": f"s{self.salle.id}",
            "first_day": "2026-12-01",
            "start_time": "14:00",
            "end_time": "16:00",
            "frequence": "semaines",
            "jours": [1],
            "fin": "date",
            "jusqua": "2027-02-23",
            **fields,
        }

    def create(self, **fields: Any) -> Page:
        form = self.client.get(f"{NOUVELLE}?motif_id={self.motif.id}").form("/nouvelle")
        return form.submit(self.typed(**fields), button="Créer la plage")

    def plage(self) -> PlageOuverture:
        db.session.rollback()  # what we had read may be old
        found: PlageOuverture = db.session.query(PlageOuverture).populate_existing().order_by(PlageOuverture.id).first()
        return found


def log_in(client: PageClient, agent: Agent) -> PageClient:
    return inside(client, agent.email)


@pytest.fixture(autouse=True)
def sunday(app: Flask) -> Any:
    with app.app_context(), time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def office(client: PageClient) -> Office:
    return Office(client)


def test_a_plage_becomes_its_sessions_and_says_how_many(office: Office) -> None:
    page = office.create()
    assert page.status == 200 and page.has("Plage enregistrée : 13 séances créées.")
    plage = office.plage()
    assert page.url == f"/agent/plages/{plage.id}"
    assert (plage.rrule, plage.salle_id, plage.capacite_max) == (
        "FREQ=WEEKLY;INTERVAL=1;BYDAY=TU;UNTIL=20270223",
        office.salle.id,
        None,
    )
    assert db.session.query(Rdv).count() == 13
    listed = office.client.get("/agent/plages")
    assert listed.has("Mes plages") and listed.has("Toutes les semaines, le mardi, jusqu’au 23 février 2027, de 14 h")
    assert listed.has("Hélène M.") and listed.has("mardi 1er décembre")


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"frequence": "une", "fin": "sans"}, ""),
        ({"jours": [], "fin": "sans"}, "FREQ=WEEKLY;INTERVAL=1;BYDAY=TU"),
        ({"jours": [1, 3], "intervalle": "2"}, "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;UNTIL=20270223"),
        ({"frequence": "mois_jour", "fin": "fois", "fois": "5"}, "FREQ=MONTHLY;INTERVAL=1;BYDAY=1TU;COUNT=5"),
        ({"frequence": "mois_jour", "rang": "-1", "jour": "4"}, "FREQ=MONTHLY;INTERVAL=1;BYDAY=-1FR;UNTIL=20270223"),
        ({"frequence": "mois_date", "jour_du_mois": "15"}, "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=15;UNTIL=20270223"),
    ],
)
def test_recurrence_as_people_think_of_it_is_kept_and_shown_again(
    office: Office, fields: dict[str, Any], rule: str
) -> None:
    page = office.create(**fields)
    plage = office.plage()
    assert plage.rrule == rule
    # Saved as it is shown, nothing changes.
    page.form(f"/plages/{plage.id}").submit(button="Enregistrer")
    assert office.plage().rrule == rule


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"agent_ids": []}, "Choisissez au moins un agent"),
        ({"endroit": ""}, "Choisissez un lieu"),
        ({"end_time": "13:00"}, "après l’heure de début"),
        ({"first_day": ""}, "Indiquez le premier jour"),
        ({"jusqua": "2026-11-30"}, "avant le premier jour"),
        ({"jusqua": "2033-01-01"}, "plus de 5 ans"),
        ({"jusqua": ""}, "Indiquez le dernier jour possible"),
        ({"fin": "fois", "fois": "0"}, "de 1 à 500"),
        ({"intervalle": "0"}, "de 1 à 52"),
        ({"capacite_max": "0"}, "entre 1 et 2000"),
        ({"sauts": "25/12/2026, Noël"}, "« Noël » n’est pas une date"),
        ({"nom_sms": "x" * 61}, "60 caractères au plus"),
    ],
)
def test_errors_say_what_to_mend_and_keep_what_was_typed(office: Office, fields: dict[str, Any], words: str) -> None:
    page = office.create(title="Groupe du mardi", **fields)
    assert page.status == 422 and page.title.startswith("Erreur") and page.select("#erreurs li") and page.has(words)
    assert page.form("/nouvelle").values["title"] == ["Groupe du mardi"]
    assert office.plage() is None


def test_what_is_inherited_is_in_view_with_the_way_back(office: Office) -> None:
    page = office.client.get(f"{NOUVELLE}?motif_id={office.motif.id}")
    assert page.has("Hérité du motif : 12.") and page.has("« Atelier RSA »") and page.has("« Pour débuter. »")
    page = office.create(capacite_max="8", reservable_par="agents")
    assert page.has("Propre à cette plage. Videz le champ pour revenir à ce que dit le motif : 12.")
    plage = office.plage()
    assert (plage.capacite_max, plage.reservable_par) == (8, ReservablePar.AGENTS)
    page.form(f"/plages/{plage.id}").submit(button="Enregistrer", capacite_max="", reservable_par="")
    plage = office.plage()
    assert (plage.capacite_max, plage.reservable_par) == (None, None)


def test_choosing_a_motif_brings_its_agents_and_settings(office: Office) -> None:
    pmi = factories.service(office.org, name="PMI")
    visio = factories.motif(office.service, name="En ligne", location_type=TypeLieu.VISIO, capacite_max=30)
    factories.motif(pmi, name="Bébés")
    db.session.commit()
    page = office.client.get(NOUVELLE)
    assert page.has("Choisissez d’abord un motif") and not page.has("Bébés")
    fragment = office.client.get(f"/agent/plages/heritage?pour=motif&motif_id={visio.id}", htmx=True)
    assert fragment.has("Hérité du motif : 30.") and fragment.has("Hélène Marchand")
    assert fragment.select("#lien_visio") and not fragment.select("#endroit")
    # Without JavaScript, a button does it.
    page = page.form("/nouvelle").submit({"motif_id": visio.id, "title": "Le soir"}, button="Actualiser avec ce motif")
    assert page.status == 200 and page.has("Hérité du motif : 30.") and page.select("#lien_visio")
    form = page.form("/nouvelle")
    assert form.values["title"] == ["Le soir"]
    assert form.values["agent_ids"] == [str(office.agent.id)]  # who creates it usually holds it
    typed = {k: v for k, v in office.typed(motif_id=visio.id).items() if k != "endroit"}
    page = form.submit({**typed, "lien_visio": "visio.exemple.fr/soir"}, button="Créer la plage")
    assert page.status == 422 and page.has("Écrivez l’adresse entière")
    page = page.form("/nouvelle").submit(lien_visio="https://visio.exemple.fr/soir", button="Créer la plage")
    assert page.has("13 séances créées")


def test_the_dates_are_in_view_before_anything_is_saved(office: Office) -> None:
    form = office.client.get(f"{NOUVELLE}?motif_id={office.motif.id}").form("/nouvelle").fill(office.typed())
    fragment = office.client.post("/agent/plages/apercu", data=form.values, htmx=True)
    assert "<title" not in fragment.html  # the tab keeps its name
    assert not fragment.whole and fragment.has("13 séances jusqu’au 23 février 2027")
    assert fragment.has("mardi 1er décembre 2026") and fragment.has("et 5 autres")
    form.fill(sauts="08/12/2026\n15/12/2026")
    assert office.client.post("/agent/plages/apercu", data=form.values, htmx=True).has("11 séances")
    form.fill(fin="sans")
    assert office.client.post("/agent/plages/apercu", data=form.values, htmx=True).has("d’ici le 22 mai 2027")
    form.fill(fin="date", jusqua="2026-01-01")
    fragment = office.client.post("/agent/plages/apercu", data=form.values, htmx=True)
    assert fragment.status == 200 and fragment.has("avant le premier jour")
    page = form.submit(button="Actualiser les dates", jusqua="2027-02-23", sauts="")
    assert page.status == 200 and page.has("13 séances jusqu’au 23 février 2027")
    assert office.plage() is None


def test_a_room_proposes_its_capacity_and_a_smaller_one_is_a_warning(office: Office) -> None:
    form = office.client.get(f"{NOUVELLE}?motif_id={office.motif.id}").form("/nouvelle")
    page = form.submit(office.typed(), button="Mettre la capacité de la salle")
    assert page.form("/nouvelle").values["capacite_max"] == ["16"]
    page = page.form("/nouvelle").submit(capacite_max="20", button="Créer la plage")
    assert page.status == 200 and page.has("a 16 places, la plage en propose 20. C’est permis.")


def test_booked_sessions_are_said_before_and_kept_after(office: Office) -> None:
    office.create()
    plage = office.plage()
    rdv = db.session.query(Rdv).filter_by(occurrence_le=date(2026, 12, 8)).one()
    factories.participation(rdv)
    db.session.commit()
    page = office.client.get(f"/agent/plages/{plage.id}")
    assert page.has("1 séance à venir compte déjà des inscrits") and page.has("vous verrez d’abord chaque séance")
    page = page.form(f"/plages/{plage.id}").submit(
        start_time="09:00", end_time="11:00", sauts="15/12/2026", button="Enregistrer"
    )
    assert page.has("Rien n’est encore enregistré") and office.plage().start_time == time(14)
    page = page.form(f"/plages/{plage.id}").submit(ou_quand="garder", button="Enregistrer")
    assert page.has(
        "1 séance sans inscrit retirée. Une séance où des personnes sont inscrites garde sa date et son lieu."
    )
    assert office.plage().start_time == time(9)
    assert db.session.get(Rdv, rdv.id, populate_existing=True).starts_at.hour == 13


def test_two_colleagues_on_the_same_form(office: Office) -> None:
    office.create()
    plage = office.plage()
    first = office.client.get(f"/agent/plages/{plage.id}").form(f"/plages/{plage.id}")
    second = office.client.get(f"/agent/plages/{plage.id}").form(f"/plages/{plage.id}")
    first.submit(capacite_max="5", button="Enregistrer")
    page = second.submit(capacite_max="9", button="Enregistrer")
    assert page.status == 409 and page.has("modifié cette plage entre-temps")
    assert page.form(f"/plages/{plage.id}").values["capacite_max"] == ["9"] and office.plage().capacite_max == 5


def test_a_double_click_makes_one_plage(office: Office) -> None:
    form = office.client.get(f"{NOUVELLE}?motif_id={office.motif.id}").form("/nouvelle").fill(office.typed())
    answers = [office.client.post(NOUVELLE, data=form.values) for _ in range(2)]
    assert [answer.status for answer in answers] == [303, 303] and answers[0].location == answers[1].location
    assert db.session.query(PlageOuverture).count() == 1


def test_a_stale_page_comes_back_filled(office: Office) -> None:
    page = office.create(csrf_token="vieux", title="Groupe du mardi")
    assert page.status == 419 and page.form("/nouvelle").values["title"] == ["Groupe du mardi"]
    assert office.plage() is None


def test_rights_one_s_own_plages_only(client: PageClient) -> None:
    office = Office(client, "agent")
    colleague = factories.agent(office.service, last_name="Perrin")
    theirs = factories.plage(office.motif, [colleague], lieu=office.lieu)
    elsewhere = factories.plage(factories.motif(factories.service(office.org, name="PMI")), [colleague])
    abroad = factories.plage(factories.motif(), [colleague])
    db.session.commit()
    assert office.create().has("13 séances créées")
    page = client.get(f"/agent/plages/{theirs.id}")
    assert page.status == 403 and page.has("gérer toutes les plages d’ouverture")
    assert client.post(f"/agent/plages/apercu?plage={theirs.id}", data=token(client)).status == 403
    for other in (elsewhere, abroad):
        assert client.get(f"/agent/plages/{other.id}").status == 404
    assert client.get(f"{NOUVELLE}?motif_id={elsewhere.motif_id}").status == 200
    forged = client.get(f"{NOUVELLE}?motif_id={office.motif.id}").form("/nouvelle").fill(office.typed()).values
    page = client.post(NOUVELLE, data={**forged, "motif_id": [str(elsewhere.motif_id)]})
    assert page.status == 422 or not page.has("Plage enregistrée")
    page = client.post(NOUVELLE, data={**forged, "agent_ids": [str(colleague.id)]})
    assert page.status == 409 and page.has("restez parmi les agents")
    assert db.session.query(PlageOuverture).count() == 4


def test_reception_sees_plages_and_creates_none(client: PageClient) -> None:
    office = Office(client, "accueil")
    plage = factories.plage(office.motif, [office.agent], lieu=office.lieu)
    db.session.commit()
    page = client.get("/agent/plages")
    assert page.status == 200 and not page.select(f'a[href="{NOUVELLE}"]')
    for address in (NOUVELLE, f"/agent/plages/{plage.id}"):
        assert client.get(address).status == 403
    assert client.get(f"/agent/plages/heritage?motif_id={office.motif.id}", htmx=True).status == 403


def token(client: PageClient) -> dict[str, Any]:
    """The hidden fields of a form of this visitor's."""
    values = client.get(NOUVELLE).form("/nouvelle").values
    return {"csrf_token": values["csrf_token"]}


def test_a_plage_leads_to_its_sessions(office: Office) -> None:
    page = office.create()
    assert [one.attributes["href"] for one in page.select('main a[href="#seances"]')]
    first = page.select("aside li a")[0].attributes["href"]
    listed = office.client.get("/agent/plages")
    assert listed.select(f'td a[href="{page.url}#seances"]')[0].text().startswith("13")
    every = [one.attributes["href"] for one in page.select("aside li a")]
    assert len(set(every)) == len(every) == 13 and len(page.select("aside details li a")) == 1
    assert page.has("1 séance de plus") and not page.has("au fil des semaines")
    assert page.has("0 place prise sur 12") and office.client.get(first).h1 == "Mes droits au RSA"


@pytest.mark.parametrize(("preset", "ticked"), [("agent", True), ("référent", True), ("admin", False)])
def test_who_creates_a_plage_holds_it_unless_they_only_administer(
    client: PageClient, preset: str, ticked: bool
) -> None:
    office = Office(client, preset)
    box = f'input[name="agent_ids"][value="{office.agent.id}"]'
    address = f"{NOUVELLE}?motif_id={office.motif.id}"
    assert bool(client.get(address).select(f"{box}[checked]")) is ticked
    factories.rdv(office.motif, agents=[office.agent])
    db.session.commit()
    assert client.get(address).select(f"{box}[checked]")


def test_answers_that_are_missing_are_said_beside_each(office: Office) -> None:
    page = office.create(agent_ids=[])
    assert page.errors["agent_ids"].endswith("Choisissez au moins un agent.")


def test_a_colleague_who_removes_the_sessions_shown_meanwhile_is_said_not_broken(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal shows the page again, where sessions that were read before are gone."""
    page = office.create()
    plage, agent_id = office.plage().id, office.agent.id
    mondays = services.PlageData(
        office.motif.id, (agent_id,), date(2026, 12, 1), time(14), time(16), lieu_id=office.lieu.id,
        recurrence=Recurrence(Frequency.WEEKLY, weekdays=(0,), count=4),
    )  # fmt: skip

    def colleague() -> None:
        with office.client.app.app_context(), time_machine.travel(NOW, tick=False):
            services.save_plage(plage, mondays, db.session.get_one(Agent, agent_id))
            db.session.remove()

    def meanwhile(*args: Any, **options: Any) -> Any:
        faster = threading.Thread(target=colleague)
        faster.start()
        faster.join()
        return services.save_plage(*args, **options)

    monkeypatch.setattr(changement, "save_plage", meanwhile)
    page = page.form(f"/plages/{plage}").submit(title="Le mardi")
    assert page.status == 409 and page.has("Un collègue a modifié cette plage")
    db.session.rollback()
    shown = {str(link.attributes["href"]) for link in page.select('a[href^="/agent/rdv/"]')}
    assert shown == {f"/agent/rdv/{rdv_id}" for (rdv_id,) in db.session.query(Rdv.id)}


def test_a_change_of_capacity_stands_in_the_journal_of_each_session(office: Office) -> None:
    page = office.create()
    page.form(f"/plages/{office.plage().id}").submit(capacite_max="8")
    rdv = db.session.query(Rdv).order_by(Rdv.id).first()
    assert office.client.get(f"/agent/rdv/{rdv.id}/journal").has(
        "a changé la capacité : 8 places au lieu de 12 places."
    )
