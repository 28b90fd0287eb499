"""The page client refuses what browsers would silently repair, and fills forms as they do."""

import flask
import pytest

from tests.pages import BadPage, PageClient

PAGE = """<!doctype html><html lang="fr"><head><title>Essai</title></head>
<body><main><h1>Essai</h1>{}</main></body></html>"""
FORM = """<form method="post" action="/echo"><input type="hidden" name="csrf_token" value="jeton">
<label for="nom">Nom</label><input id="nom" name="nom" value="Diallo">
<label><input type="checkbox" name="sms" value="1" checked> SMS</label>
<label for="mois">Mois</label><select id="mois" name="mois">
<option>mai</option><option value="6" selected>juin</option></select>
<label for="mot">Mot</label><textarea id="mot" name="mot">
bonjour</textarea><button name="suite" value="oui">Continuer</button></form>"""


def visit(html: str, whole: bool = True) -> PageClient:
    """A client of a site with that one page, which answers posts with what it got."""
    app = flask.Flask("essai")
    app.add_url_rule("/", "page", lambda: PAGE.format(html) if whole else html)

    def echo() -> str:
        got = sorted(flask.request.form.items(multi=True))
        return PAGE.format(f"<p>{got}</p>")

    app.add_url_rule("/echo", "echo", echo, methods=["POST"])
    return PageClient(app)


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ("<p>une <b>phrase</p>", "Unexpected end tag"),
        ("<div><p>fin</div></p>", "Unexpected end tag"),
        ('<p id="a"></p><p id="a"></p>', "there twice"),
        ('<p style="color:red">x</p>', "inline style"),
        ("<script>alert(1)</script>", "inline <script>"),
        ('<button onclick="x()">x</button>', "onclick"),
        ('<a href="javascript:x()">x</a>', "javascript:"),
        ('<input name="nom">', "no label"),
        ("<h1>Deux</h1>", "2 h1"),
        ('<p aria-describedby="absent">x</p>', "leads nowhere"),
    ],
)
def test_a_faulty_page_is_refused(html: str, fault: str) -> None:
    with pytest.raises(BadPage, match=fault):
        visit(html).get("/")


@pytest.mark.parametrize(
    "html",
    [
        '<tr id="ligne-1"><td>Awa</td></tr>',
        '<hx-partial hx-target="#ligne-1"><tr><td>Awa</td></tr></hx-partial><p>dit</p>',
        "<p>seul</p>",
    ],
)
def test_a_fragment_is_checked_where_it_will_live(html: str) -> None:
    assert visit(html, whole=False).get("/").status == 200


def test_a_faulty_fragment_is_refused() -> None:
    with pytest.raises(BadPage):
        visit('<hx-partial hx-target="#a"><tr><td>Awa</tr></p></hx-partial>', whole=False).get("/")


def test_a_form_is_sent_as_a_browser_would() -> None:
    page = visit(FORM).get("/").form("/echo").submit(button="Continuer", nom="Traoré", sms=False)
    assert page.has("('csrf_token', 'jeton'), ('mois', '6'), ('mot', 'bonjour'), ('nom', 'Traoré'), ('suite', 'oui')")


def test_a_field_that_is_not_there_can_not_be_filled() -> None:
    with pytest.raises(AssertionError, match="no field 'prenom'"):
        visit(FORM).get("/").form().submit(prenom="Awa")
