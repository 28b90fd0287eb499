"""The journal: everything that changed in the services one may follow, in words, without what must be forgotten."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from tests import factories as make
from tests.databases import statements
from tests.desk import Desk, desk
from tests.pages import Page
from webapp.clock import utcnow
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import Agent, Journal, Motif, Rdv, Usager
from webapp.services import journal
from webapp.services.booking import change_statut
from webapp.services.motifs import save_motif, set_archived
from webapp.services.preferences import save_agent
from webapp.services.rdvs import OuEtQuand, cancel_rdv, move_rdv
from webapp.services.retention import ANONYME
from webapp.web.recit import _PEOPLE, ACTIONS, changes, sentence

PAGE = "/configuration/journal"


@pytest.fixture
def made(app: Flask) -> Desk:
    return desk(app, people=2)


def agent(made: Desk, who: str) -> Agent:
    found = db.session.query(Agent).filter_by(email=made.emails[who]).one()
    return found


def note(made: Desk, action: str, sujet: Any, **fields: Any) -> None:
    """One line, written now or at `quand`."""
    quand = fields.pop("quand", None)
    journal.note(sujet.organisation_id if hasattr(sujet, "organisation_id") else sujet.id, action, sujet, **fields)
    if quand is not None:
        last = db.session.query(Journal.id).order_by(Journal.id.desc()).limit(1).scalar()
        db.session.execute(update(Journal).where(Journal.id == last).values(quand=quand))
    db.session.commit()


def said(page: Page) -> list[str]:
    assert page.status == 200, page.text
    return [" ".join(node.text().split()) for node in page.select("ol.journal > li")]


def test_what_was_done_is_told_with_who_what_and_from_what_to_what(made: Desk) -> None:
    with made.app.app_context():
        boss, rdv = agent(made, "référent"), made.session()
        save_motif(rdv.motif_id, {"name": "Couture", "rappels": [24], "liste_attente": True}, boss)
        set_archived(rdv.motif_id, True, boss)
        set_archived(rdv.motif_id, False, boss)
        change_statut(made.places[0], Statut.EXCUSE, by=Acteur.USAGER)
        change_statut(made.places[1], Statut.ANNULE, by=Acteur.AGENT, agent=boss, prevenir=False)
        rdv = db.session.get(Rdv, made.rdv)
        assert rdv is not None
        where = make.lieu(rdv.organisation, name="Salle des fêtes")
        db.session.commit()
        here = OuEtQuand.of(rdv)
        to = OuEtQuand(here.starts_at + timedelta(days=1), here.ends_at + timedelta(days=1), where.id, None, "")
        move_rdv(rdv.id, to, agent=boss)
        cancel_rdv(rdv.id, agent=boss, prevenir=False)
        who = boss.nom_complet
    page = made.log_in("référent").get(PAGE)
    lines = said(page)
    for words in (
        f"{who} a annulé la séance, sans prévenir. Couture, ",
        f"{who} a changé la date ou le lieu.",
        f"{who} a retiré Prénom1 Nom001, sans prévenir.",
        "Prénom0 Nom000 a prévenu : absence.",
        f"{who} a proposé à nouveau le motif « Couture ».",
        f"{who} a archivé le motif « Couture ».",
        f"{who} a modifié le motif « Couture ».",
    ):
        assert any(words in line for line in lines), (words, lines)
    assert page.has("Lieu : Salle des fêtes au lieu de : rien")
    assert page.has("Nom : Couture au lieu de : Mes droits au RSA")
    assert page.has("Rappels : la veille (24 heures) au lieu de : 2 jours avant (48 heures)")
    assert page.has("Liste d’attente : oui au lieu de : non")
    assert page.select(f'ol.journal a[href="/agent/rdv/{made.rdv}"]')


def test_names_are_looked_up_and_gone_with_the_person(made: Desk) -> None:
    with made.app.app_context():
        change_statut(made.places[0], Statut.EXCUSE, by=Acteur.USAGER)
        assert "Nom000" not in str([line.details for line in db.session.query(Journal)])
        person = made.place().usager_id
        db.session.execute(
            update(Usager)
            .where(Usager.id == person)
            .values(first_name="", last_name=ANONYME, anonymise_le=utcnow(), phone=None)
        )
        db.session.execute(update(Journal).values(details={}))
        db.session.commit()
    page = made.log_in("référent").get(PAGE)
    assert page.has("Anonyme a changé de statut.") and "Nom000" not in page.text


def test_filters_are_kept_in_the_address(made: Desk) -> None:
    with made.app.app_context():
        boss, other = agent(made, "référent"), agent(made, "agent")
        motif = db.session.get(Motif, made.session().motif_id)
        old = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)  # 23:30 in Paris, 1 March
        note(made, "motif_archive", motif, agent=boss, quand=old)
        note(made, "motif_restaure", motif, agent=other, quand=old + timedelta(hours=1))
        note(made, "rdv_cree", db.session.get(Rdv, made.rdv), agent=boss, rdv_id=made.rdv)
        note(made, "inscription", db.session.get(Rdv, made.rdv), by=Acteur.USAGER, rdv_id=made.rdv)
        boss_id = boss.id
    client = made.log_in("référent")

    def count(query: str) -> int:
        return len(said(client.get(f"{PAGE}{query}")))

    assert count("") == count("?du=hier&au=2026-02-31&qui=moi&quoi=rien&avant=x") == 4
    assert count("?au=2026-03-01") == 1 and count("?du=2026-03-02&au=2026-03-02") == 1
    assert count(f"?qui={boss_id}") == 2 and count("?qui=usager") == 1 and count("?qui=systeme") == 0
    assert count("?quoi=motifs") == 2 and count(f"?quoi=motifs&qui={boss_id}") == 1
    assert count("?qui=99999999999999999999") == 4
    page = client.get(f"{PAGE}?du=2026-03-01&quoi=motifs&qui={boss_id}")
    values = page.form(css="main form").values
    assert (values["du"], values["quoi"], values["qui"]) == (["2026-03-01"], ["motifs"], [str(boss_id)])
    assert client.get(f"{PAGE}?qui=systeme").has("Rien ne correspond")


def test_fifty_at_a_time_in_a_constant_number_of_statements(made: Desk) -> None:
    def write(count: int) -> None:
        with made.app.app_context():
            boss, rdv = agent(made, "référent"), db.session.get(Rdv, made.rdv)
            lieu = make.lieu(rdv.organisation)
            moves = {"de": {"lieu_id": None}, "a": {"lieu_id": lieu.id}}
            for number in range(count):
                place = make.participation(rdv)
                note(made, "inscription", place.rdv, agent=boss, rdv_id=made.rdv, numero=number)
                note(made, "modification", rdv, agent=boss, rdv_id=made.rdv, **moves)

    client = made.log_in("référent")
    write(1)
    client.get(PAGE)
    with made.app.app_context(), statements() as few:
        assert len(said(client.get(PAGE))) == 2
    write(29)
    with made.app.app_context(), statements() as many:
        page = client.get(PAGE)
    assert len(said(page)) == 50 and len(many) == len(few)
    rest = page.link("Plus ancien")
    assert len(said(rest)) == 10 and not rest.select('a[rel="next"]')
    assert said(rest.link("Le plus récent")) == said(page)


def test_only_the_services_one_follows_and_never_another_organisation(made: Desk) -> None:
    with made.app.app_context():
        boss, chief, away = agent(made, "référent"), agent(made, "admin"), agent(made, "étranger")
        for rdv_id, who in ((made.rdv, boss), (made.elsewhere, chief), (made.abroad, away)):
            rdv = db.session.get(Rdv, rdv_id)
            note(made, "note", rdv, agent=who, rdv_id=rdv_id)
            note(made, "motif_archive", rdv.motif, agent=who)
        note(made, "organisation_modifiee", chief.organisation, agent=chief)
        note(made, "mot_de_passe_change", agent(made, "voisin"), agent=agent(made, "voisin"))
        save_agent(boss.id, niveau="aucune", recapitulatif=False)  # type: ignore[arg-type]
        voisin = agent(made, "voisin").id
    mine = made.log_in("référent").get(PAGE)
    assert len(said(mine)) == 3 and mine.has("Séances dont prévenir : aucune au lieu de : toutes")
    assert not mine.has("Groupe mère-enfant") and not mine.select(f'#f-qui option[value="{voisin}"]')
    everything = made.log_in("admin").get(PAGE)
    assert len(said(everything)) == 7 and everything.has("Groupe mère-enfant")
    assert len(said(made.log_in("étranger").get(PAGE))) == 2
    for who in ("agent", "accueil", "voisin"):
        client = made.log_in(who)
        page = client.get(PAGE)
        assert page.status == 403 and page.has("voir le journal")
        assert not client.get("/agent/").select('nav a[href="/configuration/"]')
    assert made.log_in("référent").get("/configuration/").link("Journal").status == 200


def test_every_action_that_is_written_has_its_sentence() -> None:
    written: set[str] = set()
    for path in Path("webapp/services").rglob("*.py"):
        source = path.read_text()
        for call in re.findall(r"journal\.note\((.*?)\n?\s*\)\n", source, re.DOTALL):
            written |= set(re.findall(r'"([a-z]+(?:_[a-z]+)*)"(?= if|,| else|$)', call.split("=")[0]))
        written |= set(re.findall(r'"action": "(\w+)"', source))
    assert {"inscription", "statut", "motif_cree", "motif_modifie", "plage_creee"} <= written
    assert written <= set(ACTIONS) | set(_PEOPLE), written - set(ACTIONS) - set(_PEOPLE)
    for action in set(ACTIONS) | set(_PEOPLE):
        for acteur in (Acteur.AGENT, Acteur.SYSTEME, Acteur.USAGER):
            line = Journal(acteur=acteur, action=action, details={})
            words = sentence(line, "Nadia Kaci" if acteur is Acteur.AGENT else "", "quelqu’un")
            assert words.endswith(".") and "{" not in words
    assert sentence(Journal(acteur=Acteur.AGENT, action="chose_faite", details={}), "Nadia", "", "« X »") == (
        "Nadia : chose faite « X »."
    )


def test_long_lists_say_what_came_and_went_and_long_texts_are_cut() -> None:
    rights = {"droits": {"de": list("abcd"), "a": list("abce")}}
    assert changes({"changements": rights}, "Europe/Paris", {}) == [("Droits, en plus ou en moins", "d", "e")]
    text = {"instructions_apres": {"de": "", "a": "x" * 2000}}
    ((_, before, after),) = changes({"changements": text}, "Europe/Paris", {})
    assert before == "rien" and len(after) == 201
    moved = {"de": {"debut": "2026-03-03T13:00:00+00:00"}, "a": {"debut": "2026-03-03T14:00:00+00:00"}}
    ((label, before, after),) = changes(moved, "Europe/Paris", {})
    assert (label, before[-4:], after[-4:]) == ("Début", "14 h".replace(" ", "\xa0"), "15 h".replace(" ", "\xa0"))


def test_a_cancelled_session_says_in_one_sentence_that_its_list_is_closed() -> None:
    line = Journal(acteur=Acteur.AGENT, action="annulation", details={"attente": 2, "prevenir": False})
    assert sentence(line, "Nadia Kaci", "") == (
        "Nadia Kaci a annulé la séance et fermé sa liste d’attente (2 demandes), sans prévenir."
    )
