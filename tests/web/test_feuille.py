"""The signed sheet typed in: everybody in the order of the paper, one save, nothing of a colleague lost."""

import re

import pypdfium2
import pytest
from flask import Flask
from sqlalchemy import func, select

from tests import factories as make
from tests.databases import statements
from tests.desk import Desk, desk, sound, sqlite_only, tap, today, told  # noqa: F401
from tests.pages import Form, Page, PageClient
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import Journal, Participation, Rdv


@pytest.fixture
def made(app: Flask) -> Desk:
    """A session that has just begun, with four people and one who had said no."""
    made = desk(app, people=4, starts_at=today(), capacite_max=5)
    with app.app_context():
        rdv = db.session.get(Rdv, made.rdv)
        said_no = make.usager(rdv.organisation_id, last_name="Abel")
        made.places.append(make.participation(rdv, said_no, Statut.EXCUSE).id)
        db.session.commit()
    return made


def opened(client: PageClient, made: Desk, **query: str) -> Page:
    return client.get(f"/agent/rdv/{made.rdv}/pointage", query_string=query)


def mark(form: Form, made: Desk, **marks: str) -> Form:
    """`_0="absent"`: the first person's line."""
    return form.fill({f"statut-{made.places[int(name[1:])]}": value for name, value in marks.items()})


def statuts(made: Desk) -> list[str]:
    return [made.place(n).statut.value for n in range(len(made.places))]


def marked(page: Page) -> list[str]:
    return [str(one.attributes["value"]) for one in page.select("[data-ligne] input[checked]")]


def test_the_lines_are_those_of_the_paper_marked_as_they_are(made: Desk) -> None:
    client = made.log_in()
    tap(client, made, 1, Statut.PRESENT)
    page = client.get(f"/agent/rdv/{made.rdv}").link("Saisir la feuille")
    lines = [re.sub(r"\s+", " ", one.text()).strip() for one in page.select("[data-ligne] legend")]
    assert lines[:4] == [f"{n + 1}. NOM{n:03} Prénom{n}" for n in range(4)] and lines[4].startswith("ABEL")
    assert marked(page) == ["inscrit", "present", "inscrit", "inscrit", "excuse"]
    paper = pypdfium2.PdfDocument(client.get(f"/agent/rdv/{made.rdv}/emargement.pdf").answer.data)
    words = paper[0].get_textpage().get_text_range().splitlines()
    assert [line for line in words if re.match(r"\d+ NOM", line)] == [line.replace(".", "", 1) for line in lines[:4]]


def test_one_save_notes_them_all_and_again_nothing_more(made: Desk) -> None:
    client = made.log_in()
    form = mark(opened(client, made, reste="present").form("/pointage"), made, _2="absent", _3="excuse", _4="present")
    done = form.submit()
    assert done.has("5 personnes notées.") and statuts(made) == ["present", "present", "absent", "excuse", "present"]
    version = made.session().version
    assert form.submit().has("Rien n’a changé.") and made.session().version == version
    with made.app.app_context():
        assert db.session.scalar(select(func.count()).where(Journal.action == "statut")) == 5
    assert made.session().places_prises == 4 and sound(made) and told(made, "desistement") == []
    page = opened(client, made)  # who was noted excused since the start keeps their number
    assert page.select("[data-ligne] legend")[3].text().strip().startswith("4.")


def test_all_present_but(made: Desk) -> None:
    client = made.log_in()
    page = opened(client, made).link("Tous présents, sauf…")
    assert marked(page) == ["present"] * 4 + ["excuse"] and statuts(made)[0] == "inscrit"
    assert marked(page.link("Tous absents, sauf…")) == ["absent"] * 4 + ["excuse"]
    assert marked(page.link("Comme c’est noté")) == ["inscrit"] * 4 + ["excuse"]


def test_what_a_colleague_changed_is_shown_and_the_rest_is_saved(made: Desk) -> None:
    client, colleague = made.log_in(), made.log_in("référent")
    form = mark(opened(client, made).form("/pointage"), made, _0="present", _1="present", _2="absent")
    tap(colleague, made, 1, Statut.EXCUSE)  # asked otherwise here: shown, asked again
    tap(colleague, made, 2, Statut.ABSENT)  # the same as here
    tap(colleague, made, 3, Statut.PRESENT)  # not touched here
    page = form.submit()
    assert page.status == 409 and page.title.startswith("Erreur : ")
    assert statuts(made)[:4] == ["present", "excuse", "absent", "present"]
    assert page.has("1 personne notée") and page.has("1 ligne n’est pas enregistrée")
    assert page.has("Prénom1 Nom001 vient de passer à « Excusé »") and page.has("n’a pas été enregistré")
    assert page.select(f"#erreurs a[href='#ligne-{made.places[1]}']")
    assert marked(page)[:4] == ["present", "excuse", "absent", "present"]
    done = mark(page.form("/pointage"), made, _1="present").submit()
    assert done.status == 200 and statuts(made)[1] == "present" and sound(made)


def test_who_came_without_booking_is_added_by_name(made: Desk) -> None:
    client = made.log_in()
    form = opened(client, made).form("/pointage")
    form.fill(
        {"venues-0-prenom": "Awa", "venues-0-nom": "Diallo", "venues-1-prenom": "prénom2", "venues-1-nom": "NOM002"}
    )
    page = form.submit()
    assert page.status == 409 and page.has("1 personne notée") and page.has("déjà sur la feuille")
    again = page.form("/pointage")
    assert again.values["venues-0-nom"] == [""] and again.values["venues-1-nom"] == ["NOM002"]
    form.values["venues-1-nom"] = form.values["venues-1-prenom"] = [""]
    form.submit()  # the first form, sent again
    with made.app.app_context():
        rows = db.session.scalars(select(Participation).where(Participation.rdv_id == made.rdv)).all()
        assert len(rows) == 6 and {p.statut for p in rows if p.usager.last_name == "Diallo"} == {Statut.PRESENT}
    assert told(made, "inscription") == [] and sound(made)
    full = again.fill(
        {"venues-0-prenom": "Léo", "venues-0-nom": "Roy", "venues-1-prenom": "", "venues-1-nom": ""}
    ).submit()
    assert full.status == 409 and full.has("complète") and full.form("/pointage").values["venues-0-nom"] == ["Roy"]
    half = again.fill({"venues-0-prenom": "Léo", "venues-0-nom": ""})
    half = mark(half, made, _0="absent").submit()
    assert half.status == 422 and "venues-0-nom" in half.errors and marked(half)[1] == "absent"


def test_a_page_left_open_too_long_keeps_the_marks(made: Desk) -> None:
    form = mark(opened(made.log_in(), made).form("/pointage"), made, _0="present", _2="absent")
    form.values["csrf_token"] = ["périmé"]
    page = form.submit()
    assert page.status == 419 and marked(page)[:4] == ["present", "inscrit", "absent", "inscrit"]
    assert statuts(made)[0] == "inscrit"


@pytest.mark.parametrize("sent", [{"statut": "annule"}, {"statut": "x"}, {"connu": "x y"}, {"connu": ""}])
def test_what_no_line_says_is_nothing(made: Desk, sent: dict[str, str]) -> None:
    form = mark(opened(made.log_in(), made).form("/pointage"), made, _0="present")
    for name, value in sent.items():
        form.values[f"{name}-{made.places[0]}"] = [value]
    form.submit()
    assert statuts(made)[0] == "inscrit"


@pytest.mark.parametrize(
    ("hours", "motif", "status", "words"),
    [(30, {}, 200, "à partir du jour de l’atelier"), (-1, {"cancelled_at": today()}, 409, "annulée")],
)
def test_when_there_is_nothing_to_type_in(
    app: Flask, hours: float, motif: dict[str, object], status: int, words: str
) -> None:
    made = desk(app, starts_at=today(hours))
    with app.app_context():
        for name, value in motif.items():
            setattr(db.session.get(Rdv, made.rdv), name, value)
        db.session.commit()
    client = made.log_in()
    page = opened(client, made)
    assert page.status == status and page.has(words) and not page.select("[data-ligne]")
    token = str(client.get("/agent/").select("input[name=csrf_token]")[0].attributes["value"])
    data = {"csrf_token": token, f"statut-{made.places[0]}": "excuse", f"connu-{made.places[0]}": "1 inscrit"}
    assert client.post(f"/agent/rdv/{made.rdv}/pointage", data=data).status == status
    assert statuts(made)[0] == "inscrit"


def test_a_hundred_lines_take_as_many_statements_as_ten(app: Flask) -> None:
    made = desk(app, people=2, starts_at=today(), capacite_max=500)
    client, reads = made.log_in(), []
    for more in (8, 90):
        with app.app_context():
            rdv = db.session.get(Rdv, made.rdv)
            made.places += [make.participation(rdv).id for _ in range(more)]
            db.session.commit()
        with app.app_context(), statements() as seen:
            page = opened(client, made, reste="present")
        reads.append(len(seen))
    assert reads[0] == reads[1] <= 8
    assert page.form("/pointage").submit().has("100 personnes notées.")


def test_a_version_nobody_was_shown_changes_nothing(made: Desk) -> None:
    form = mark(opened(made.log_in(), made).form("/pointage"), made, _0="present")
    for known in ("9" * 5000 + " inscrit", "٣ inscrit", "² inscrit", " inscrit"):
        assert form.submit(**{f"connu-{made.places[0]}": known}).has("Rien n’a changé.")
    assert statuts(made)[0] == "inscrit"
