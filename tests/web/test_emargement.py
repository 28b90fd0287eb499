"""The sign-in sheet as a printer gets it: what is written, where, and that nothing is cut; and who may print it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pypdfium2
import pytest
import segno
from flask import Flask

from tests import factories as make
from tests.databases import statements
from tests.desk import Desk, desk, order, sqlite_only, today  # noqa: F401
from webapp.clock import utcnow
from webapp.domain.participation import Statut
from webapp.exports.ecritures import drawable, joined, visual
from webapp.exports.emargement import BOTTOM, COLUMNS, HEIGHT, POINT, SIDE, TOP, WIDTH, Feuille, Ligne, pdf
from webapp.extensions import db
from webapp.models import Rdv

SIXTY = "BERTHELOT-DESGRANGES DE LA TOUR D’AUVERGNE Marie-Antoinette"
ADDRESS = "https://rdv.exemple.fr/agent/rdv/12345"
NAME_LEFT = SIDE + COLUMNS[0][1]
NAME_RIGHT = NAME_LEFT + COLUMNS[1][1]


def sheet(lines: list[Ligne], places: int | None, **fields: str) -> Feuille:
    said = {
        "organisation": "Maison des solidarités de Valmont", "titre": "Mes droits au RSA", "intitule": "",
        "quand": "mardi 1er décembre 2026, 14 h à 16 h", "lieu": "Salle Simone-Veil", "agents": "Nadia K.",
        "adresse": ADDRESS, **fields,
    }  # fmt: skip
    return Feuille(lignes=lines, places=places, **said)


def printed(*sheets: Feuille) -> pypdfium2.PdfDocument:
    return pypdfium2.PdfDocument(
        pdf(sheets, "Émargement", imprimee="Imprimée aujourd’hui", moment=datetime(2026, 12, 1, tzinfo=UTC))
    )


def read(document: pypdfium2.PdfDocument) -> list[str]:
    """The words of each page."""
    return [page.get_textpage().get_text_range().replace("\r\n", "\n") for page in document]


def boxes(page: pypdfium2.PdfPage) -> list[tuple[str, float, float, float, float]]:
    """(character, left, top, right, bottom) in millimetres from the top left corner of the page."""
    text = page.get_textpage()
    found = []
    for index in range(text.count_chars()):
        char = text.get_text_range(index, 1)
        if char.strip():
            left, bottom, right, top = (value * POINT for value in text.get_charbox(index))
            found.append((char, left, HEIGHT - top, right, HEIGHT - bottom))
    return found


def rules(page: pypdfium2.PdfPage) -> list[tuple[float, float]]:
    """(top, bottom) of the cells of names, in order."""
    found = []
    for item in page.get_objects([pypdfium2.raw.FPDF_PAGEOBJ_PATH]):
        left, bottom, right, top = (value * POINT for value in item.get_bounds())
        if abs(left - NAME_LEFT) < 0.5 and abs(right - NAME_RIGHT) < 0.5:
            found.append((HEIGHT - top, HEIGHT - bottom))
    return sorted(found)


@pytest.mark.parametrize(("people", "places", "pages"), [(12, 12, 2), (12, 30, 3), (200, 200, 18), (0, None, 1)])
def test_nothing_is_cut(people: int, places: int | None, pages: int) -> None:
    names = [
        Ligne(f"{SIXTY} {number}", "proche de AMRANI Samir" if number % 3 == 0 else "") for number in range(people)
    ]
    names[-1:] = [Ligne("W" * 80 + " " + "M" * 80, f"proche de {'W' * 80} {'M' * 80}")] if names else []
    document = printed(sheet(names, places, titre=f"Mes droits au RSA : {'W' * 60}", intitule="Séance de rattrapage"))
    said = read(document)
    assert len(said) == pages
    for number, (page, words) in enumerate(zip(document, said, strict=True), 1):
        assert f"page {number}/{pages}" in words
        assert "Nom et prénom" in words and "Arrivée" in words and "Signature" in words
        assert [round(size * POINT) for size in page.get_size()] == [WIDTH, HEIGHT]
        cells = rules(page)
        for char, left, top, right, bottom in boxes(page):
            assert left >= SIDE - 0.5 and right <= WIDTH - SIDE + 0.5, (char, left, right)
            assert top >= TOP - 0.5 and bottom <= HEIGHT - BOTTOM + 10, (char, top, bottom)
            row = [cell for cell in cells if cell[0] <= (top + bottom) / 2 <= cell[1]]
            if row and left >= NAME_LEFT:  # in the table: under its heading, or in its own row of the names
                assert row[0][0] <= top and bottom <= row[0][1], (char, top, bottom, row)
                assert right <= NAME_RIGHT or row[0] == cells[0], (char, right)
        for above, below in pairwise(cells):
            assert abs(above[1] - below[0]) < 0.5  # rows follow each other
        assert cells[-1][1] <= HEIGHT - BOTTOM + 0.5
    whole = re.sub(r"\s", "", "".join(said)).replace("\ufffe", "-")  # how pdfium reads a hyphen that ends a line
    for one in names:
        assert re.sub(r"\s", "", one.nom) in whole
    rows = sum(len(rules(page)) - 1 for page in document)
    assert rows == (max(places, people) if places is not None else 17)


def test_every_alphabet_is_drawn_and_what_is_no_letter_does_no_harm() -> None:
    names = ["ÇELİK Şeyma", "NGUYỄN Thị Hồng", "ПЕТРЕНКО Олександр", "ΠΑΠΑΔΟΠΟΥΛΟΥ Ελένη", "ŁUKASIEWICZ Ærø", "כהן דוד"]
    document = printed(sheet([Ligne(name) for name in [*names, "LE GOFF 👩‍🦽Anaïs 🇫🇷", "王 Ming", "بن علي محمد"]], 9))
    (words,) = read(document)
    for name in names:
        assert name in words or name[::-1] in words
    assert "LE GOFF Anaïs\n" in words and "□ Ming" in words


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("محمد", "ﻣﺤﻤﺪ"),  # initial, medial, medial, final
        ("سلام", "ﺳﻼﻡ"),  # lam and alef are one sign, after which nothing is tied
        ("دار", "ﺩﺍﺭ"),  # letters that never tie to the next
        ("مُحَمَّد", "ﻣُﺤَﻤَّﺪ"),  # vowel signs part nothing
        ("پژمان", "ﭘﮋﻣﺎﻥ"),  # Persian
        ("Yasmina", "Yasmina"),
    ],
)
def test_arabic_letters_are_tied(text: str, drawn: str) -> None:
    assert joined(text) == drawn


def test_right_to_left_runs_right_to_left_inside_a_line() -> None:
    assert visual("ALAOUI دار Karim") == "ALAOUI ﺭﺍﺩ Karim"
    assert drawable("e\u0301te\u0301 \u200b x", {ord(c) for c in "été x"}) == "été x"


def test_the_code_is_that_of_the_sheet() -> None:
    """Each module of the QR code is black or white as it should."""
    document = printed(sheet([], 12))
    picture = document[0].render(scale=4).to_pil().convert("L")
    matrix = segno.make(ADDRESS, error="m", micro=False).matrix
    scale, left, size = 4 / POINT, WIDTH - SIDE - 26, 26 / len(matrix)
    for row, line in enumerate(matrix):
        for column, module in enumerate(line):
            x, y = left + (column + 0.5) * size, TOP + (row + 0.5) * size
            assert (picture.getpixel((round(x * scale), round(y * scale))) < 128) == bool(module)
    assert pypdfium2.raw.FPDFLink_GetLinkAtPoint(document[0], (left + 13) / POINT, (HEIGHT - TOP - 13) / POINT)


@pytest.fixture
def made(app: Flask) -> Desk:
    return desk(app, people=3, starts_at=today(2))


def test_the_sheet_of_a_session(made: Desk) -> None:
    with made.app.app_context():
        rdv = db.session.get(Rdv, made.rdv)
        parent = make.usager(rdv.organisation_id, first_name="Zoé", last_name="Élan", phone="+33639980001")
        make.participation(rdv, parent)
        child = make.usager(rdv.organisation_id, first_name="Léo", last_name="Élan", phone=None)
        child.responsable_id = parent.id
        make.participation(rdv, child, Statut.PRESENT)
        for statut in (Statut.EXCUSE, Statut.ANNULE):
            make.participation(rdv, make.usager(rdv.organisation_id, last_name=f"Parti {statut}"), statut)
        rdv.motif.name = "Mes droits : l’été « RSA »"
        db.session.commit()
    client = made.log_in()
    page = client.get(f"/agent/rdv/{made.rdv}")
    answer = client.get(str(page.select("a[href$='emargement.pdf']")[0].attributes["href"])).answer
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert answer.headers["Cache-Control"] == "no-store"
    day = made.session().starts_at.astimezone().date().year
    disposition = answer.headers["Content-Disposition"]
    assert re.fullmatch(rf'inline; filename="emargement-{day}-\d\d-\d\d-mes-droits-l-ete-rsa\.pdf"', disposition)
    document = pypdfium2.PdfDocument(answer.data)
    assert document.get_metadata_value("Title").startswith("Émargement, Mes droits : l’été « RSA », ")
    assert b"/Lang (fr-FR)" in answer.data
    (words,) = read(document)
    names = [line for line in order(page) if "PARTI" not in line]
    assert names == sorted(names, key=words.index) and len(names) == 5
    assert "proche de ÉLAN Zoé" in words and "PARTI" not in words
    assert "06 39" not in words and "+33" not in words and "3 NOM000" in words and "\n12\n" in words


def test_a_day_is_one_file_in_as_many_statements_whatever_its_length(made: Desk) -> None:
    client, counts = made.log_in(), []
    jour = (utcnow() + timedelta(days=5)).date().isoformat()
    at_noon = datetime.fromisoformat(f"{jour}T10:00:00+00:00")
    for many in (1, 8):
        with made.app.app_context():
            rdv = db.session.get(Rdv, made.rdv)
            for number in range(many):
                more = make.rdv(rdv.motif, starts_at=at_noon + timedelta(minutes=number), agents=list(rdv.agents))
                for _ in range(3):
                    make.participation(more)
            make.rdv(rdv.motif, starts_at=at_noon, cancelled_at=utcnow())
            make.rdv(db.session.get(Rdv, made.elsewhere).motif, starts_at=at_noon, intitule="D’un autre service")
            db.session.commit()
        with made.app.app_context(), statements() as seen:
            answer = client.get(f"/agent/emargement.pdf?jour={jour}").answer
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 6
    said = read(pypdfium2.PdfDocument(answer.data))
    assert len(said) == 9 and all("page 1/1" in words for words in said)
    assert not any("D’un autre service" in words for words in said)
    mine = client.get(f"/agent/emargement.pdf?jour={jour}&qui=moi", follow=True)
    assert mine.url == "/agent/?qui=moi" and mine.has("Aucune séance à imprimer")
    assert [client.get(f"/agent/emargement.pdf?jour={bad}").status for bad in ("", "hier", "9999-12-31")] == [404] * 3


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda rdv: setattr(rdv, "cancelled_at", utcnow()), 409),
        (lambda rdv: setattr(rdv, "capacite_max", None), 200),
    ],
)
def test_cancelled_or_open_to_all(made: Desk, change: Callable[[Rdv], None], status: int) -> None:
    with made.app.app_context():
        change(db.session.get(Rdv, made.rdv))
        db.session.commit()
    page = made.log_in().get(f"/agent/rdv/{made.rdv}/emargement.pdf")
    assert page.status == status
    if status == 200:
        assert "Entrée libre" in read(pypdfium2.PdfDocument(page.answer.data))[0]
    else:
        assert page.has("Cette séance est annulée")
