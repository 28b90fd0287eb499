"""The first page of agents: what is left to do, counted as its lists are, and kept or not by a decision."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from tests.databases import statements
from tests.desk import Desk, desk, sound, sqlite_only, tap, today  # noqa: F401
from tests.pages import Page, PageClient
from webapp.clock import utcnow
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.jobs import alerts
from webapp.models import Agent, Canal, EtatNotification, Journal, Motif, Notification, Rdv
from webapp.services.rdvs import OuEtQuand, move_rdv


def failed(rdv: Rdv, **fields: object) -> None:
    place = make.participation(rdv)
    db.session.add(
        Notification(
            organisation_id=rdv.organisation_id, event="rappel", sujet_type="participation", sujet_id=place.id,
            changement="1", canal=Canal.SMS, destinataire_type="usager", destinataire_id=place.usager_id, rdv_id=rdv.id,
            cle_envoi=f"essai-{place.id}", prevue_le=utcnow(), a_envoyer_le=utcnow(), etat=EtatNotification.ECHEC,
            participation_ids=[place.id], erreur="refusé pour +33 6 39 98 55 01", **fields,
        )
    )  # fmt: skip


def fill(motif: Motif, agents: list[Agent], times: int = 1) -> None:
    """So many of each thing that waits for an agent in that service, and one of each that does not."""
    soon, past = today(20), today(-30)
    motif.capacite_min, motif.liste_attente = 3, True
    for number in range(times):
        ended = make.rdv(motif, starts_at=past - timedelta(minutes=number), agents=agents)
        make.participation(ended)
        make.rdv(motif, starts_at=soon + timedelta(minutes=number), agents=agents)  # nobody
        full = make.full(make.rdv(motif, starts_at=soon, capacite_propre=4, agents=agents))
        make.attente(full)
        failed(make.rdv(motif, starts_at=today(300 + number), agents=agents))
    make.participation(make.rdv(motif, starts_at=past, agents=agents), statut=Statut.PRESENT)
    make.participation(make.rdv(motif, starts_at=past, agents=agents, cancelled_at=utcnow()))
    make.rdv(motif, starts_at=soon, cancelled_at=utcnow(), agents=agents)
    make.attente(make.full(make.rdv(motif, starts_at=today(200), capacite_propre=3, agents=agents)))  # not soon


COUNTED = {
    "renseigner": "séances à renseigner",
    "minimum": "séances sous leur minimum",
    "attente": "listes d’attente à regarder",
    "echecs": "messages en échec",
}


@pytest.fixture
def made(app: Flask) -> Desk:
    made = desk(app, people=3, starts_at=today(400))
    with app.app_context():
        mine, other = (db.session.get(Rdv, one).motif for one in (made.rdv, made.elsewhere))
        me = db.session.scalar(select(Agent).where(Agent.email == made.emails["agent"]))
        fill(mine, [me], 2)
        fill(mine, [], 7)
        fill(other, [], 1)
        fill(db.session.get(Rdv, made.abroad).motif, [], 1)
        db.session.commit()
    return made


def numbers(page: Page) -> dict[str, int]:
    """List → its number on the first page."""
    found = {}
    for link in page.select("#compteurs a"):
        key = re.search(r"quoi=(\w+)", str(link.attributes["href"]))[1]
        found[key] = int(re.match(r"\d+", link.text().strip())[0])
    return found


def listed(client: PageClient, page: Page, key: str) -> int:
    """How many things the list has that a number leads to, all its pages followed."""
    href = next(str(a.attributes["href"]) for a in page.select("#compteurs a") if f"quoi={key}" in a.attributes["href"])
    page, count = client.get(href), 0
    while True:
        count += len(page.select("main .cards > li"))
        after = page.select("a[rel=next]")
        if not after:
            return count
        page = client.get(str(after[0].attributes["href"]))


@pytest.mark.parametrize(
    ("who", "qui", "each"), [("agent", "", 9), ("agent", "moi", 2), ("voisin", "", 1), ("accueil", "", 10)]
)
def test_each_number_equals_the_list_it_leads_to(
    made: Desk, monkeypatch: pytest.MonkeyPatch, who: str, qui: str, each: int
) -> None:
    monkeypatch.setattr("webapp.web.agent.a_faire.BY_PAGE", 4)
    client = made.log_in(who)
    page = client.get(f"/agent/?qui={qui}" if qui else "/agent/")
    assert numbers(page) == dict.fromkeys(COUNTED, each)
    for key, words in COUNTED.items():
        assert listed(client, page, key) == each
        assert f"{each} {words}" in client.get(f"/agent/a-faire?quoi={key}&qui={qui}").h1 or each == 1
        shown = page.select(f"#liste-{key} .cards > li")
        assert len(shown) == min(each, 6) and bool(page.select(f"#liste-{key} a[href*='a-faire']")) == (each > 6)
    assert "39 98" not in page.html  # whom to call is on the sheet, for who may see it


def test_nothing_to_do_says_so(app: Flask) -> None:
    client = desk(app).log_in()
    page = client.get("/agent/")
    assert numbers(page) == {} and page.has("Rien d’autre n’attend")
    assert client.get("/agent/a-faire?quoi=echecs").has("Tout est fait")
    assert client.get("/agent/a-faire?quoi=rien").status == 404


def test_to_note_shrinks_as_it_is_filled_while_the_page_is_open(app: Flask) -> None:
    made = desk(app, people=2, starts_at=today(-3))
    client = made.log_in()
    page = client.get("/agent/")
    assert page.has("2 personnes à noter")
    ask = str(page.select("[data-sonde]")[0].attributes["hx-get"])
    assert f"rdv={made.rdv}" in str(page.select("#flux")[0].attributes["hx-sse:connect"])
    tap(client, made, 0, Statut.PRESENT)
    assert client.get(ask, htmx=True).has("1 personne à noter")
    tap(client, made, 1, Statut.ABSENT)
    left = client.get(ask, htmx=True)
    assert not left.has("à noter") and left.has("Rien d’autre n’attend")


def test_a_session_kept_is_not_asked_about_again(app: Flask) -> None:
    made = desk(app, people=1, starts_at=today(20), capacite_min=4)
    client = made.log_in()
    page = client.get("/agent/")
    assert page.has("1 personne inscrite, minimum 4")
    assert page.link("L’annuler").h1.startswith("Annuler l’atelier")
    form = page.form(f"/rdv/{made.rdv}/maintien")
    done = form.submit()
    assert done.url == "/agent/" and done.has("La séance est maintenue") and numbers(done) == {}
    form.submit()  # a second click
    with app.app_context():
        assert alerts.under_minimum() == 0
        lines = list(db.session.scalars(select(Journal).where(Journal.action == "maintien")))
        assert [(line.rdv_id, line.agent_id is not None) for line in lines] == [(made.rdv, True)]
    assert client.get(f"/agent/rdv/{made.rdv}").has("a maintenu la séance malgré le peu d’inscrits")
    with app.app_context():
        rdv = db.session.get(Rdv, made.rdv)
        later = OuEtQuand(today(30), today(31), make.lieu(rdv.organisation).id, None)
        db.session.commit()
        move_rdv(rdv.id, later, agent=rdv.motif.service and db.session.scalar(select(Agent)))
    assert numbers(client.get("/agent/")) == {"minimum": 1}  # another day: another question
    assert sound(made)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"starts_at": today(-1)}, "a commencé"),
        ({"cancelled_at": today(-1)}, "est annulée"),
        ({"places_prises": 4}, "assez d’inscrits"),
    ],
)
def test_what_is_not_to_be_decided_is_refused(app: Flask, change: dict[str, object], words: str) -> None:
    made = desk(app, people=1, starts_at=today(20), capacite_min=4)
    client = made.log_in()
    form = client.get("/agent/").form(f"/rdv/{made.rdv}/maintien")
    with app.app_context():
        for name, value in change.items():
            setattr(db.session.get(Rdv, made.rdv), name, value)
        db.session.commit()
    refused = form.submit(follow=False)
    assert refused.status == 409 and refused.has(words)
    assert made.session().maintenu_pour is None


def test_who_only_looks_is_not_asked_to_decide(app: Flask) -> None:
    made = desk(app, people=1, starts_at=today(20), capacite_min=4)
    with app.app_context():
        me = db.session.scalar(select(Agent).where(Agent.email == made.emails["agent"]))
        me.droits = [one for one in me.droits if one.droit == "voir"]
        db.session.commit()
    page = made.log_in().get("/agent/")
    assert numbers(page) == {"minimum": 1} and not page.select("form[action$=maintien]")


def test_what_is_left_to_do_takes_as_many_statements_whatever_its_size(app: Flask) -> None:
    made = desk(app, people=1, starts_at=today(2))
    client, counts = made.log_in(), []
    for times in (1, 20):
        with app.app_context():
            fill(db.session.get(Rdv, made.rdv).motif, [], times)
            db.session.commit()
        with app.app_context(), statements() as seen:
            assert client.get("/agent/").status == 200
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 12, counts
