"""What every answer carries: the form that is never lost, errors, headers, compression, static files."""

import gzip

import pytest
from flask import Flask, session
from flask.testing import FlaskClient
from jinja2 import ChoiceLoader, DictLoader
from wtforms import FieldList, FormField, RadioField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

from webapp.domain.capacity import Jauge
from webapp.domain.errors import Complet, Interdit, Occupe
from webapp.extensions import csrf
from webapp.web import errors, htmx, security, static, templating
from webapp.web.csrf import masked_token, unmasked
from webapp.web.forms.base import BaseForm, SubForm
from webapp.web.security import keeps_form

PAGE = """{% extends "layouts/public.html" %}{% block title %}Réserver{% endblock %}{% block content %}<h1>Réserver</h1>
{% block formulaire %}{% from "components/champs.html" import champ, erreurs, envoi, choix %}<div id="formulaire">
{{ erreurs(form) }}<form method="post" novalidate>{{ envoi(form) }}{{ champ(form.nom, "Celui de la pièce d’identité") }}
{{ choix(form.pour) }}</form></div>{% endblock %}{% endblock %}"""


class Companion(SubForm):
    prenom = StringField("Prénom", [DataRequired()])


class BookingForm(BaseForm):
    nom = StringField("Nom", [DataRequired("Écrivez votre nom de famille."), Length(max=5)])
    pour = RadioField(
        "Pour qui ?",
        [DataRequired("Dites pour qui.")],
        choices=[
            SelectChoice("moi", "Moi"),
            SelectChoice("proche", "Un proche"),
        ],
    )
    proches = FieldList(FormField(Companion))


@pytest.fixture
def site() -> Flask:
    """The layers of `web/` that need no database, with one form that keeps what was typed and one that does not."""
    app = Flask("webapp", static_folder="static")
    app.config.update(
        SECRET_KEY="a key for the tests", MODE="demo", HTMX_SOURCE="cdn", PUBLIC_URL="https://rdv.exemple.fr",
        WTF_CSRF_CHECK_DEFAULT=False, PROPAGATE_EXCEPTIONS=False,
    )  # fmt: skip
    csrf.init_app(app)
    for module in (static, templating, htmx, security, errors):
        module.init_app(app)
    app.jinja_loader = ChoiceLoader([app.jinja_loader, DictLoader({"booking.html": PAGE})])  # type: ignore[list-item]

    @app.route("/booking", methods=["GET", "POST"])
    @keeps_form
    def booking() -> object:
        form = BookingForm()
        if form.validate_on_submit():
            if form.nom.data == "plein":
                return errors.refused(Complet("Cette séance est maintenant complète."), "booking.html", form=form)
            return htmx.go_to("/fait")
        return htmx.respond("booking.html", "formulaire", form=form)

    @app.post("/plain")
    def plain() -> str:
        return "fait"

    @app.get("/broken")
    @app.get("/api/v1/broken")
    def broken() -> str:
        raise RuntimeError("secret detail")

    @app.get("/busy")
    def busy() -> str:
        raise Occupe

    @app.get("/forbidden")
    def forbidden() -> str:
        raise Interdit("gerer_rdv", "gérer les rendez-vous", ["Nadia K."])

    @app.get("/p/<token>")
    def personal(token: str) -> str:
        return "x" * 2000

    return app


@pytest.fixture
def visitor(site: Flask) -> FlaskClient:
    return site.test_client()


def token(visitor: FlaskClient) -> str:
    page = visitor.get("/booking").text
    return page.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]


def test_a_stale_form_comes_back_filled(visitor: FlaskClient) -> None:
    answer = visitor.post("/booking", data={"nom": "Diallo", "pour": "moi", "csrf_token": "old", "envoi": "abc"})
    assert answer.status_code == 419
    assert 'value="Diallo"' in answer.text and "Rien n’est perdu\u00a0: vérifiez et validez à nouveau." in answer.text
    assert 'name="envoi" value="abc"' in answer.text
    assert "<title>Erreur : Réserver · " in answer.text


def test_other_posts_without_a_token_are_refused(visitor: FlaskClient) -> None:
    answer = visitor.post("/plain")
    assert answer.status_code == 419 and "rien n’a été enregistré" in answer.text


def test_a_post_from_another_site_is_refused_even_with_the_token(visitor: FlaskClient) -> None:
    data = {"csrf_token": token(visitor)}
    assert visitor.post("/plain", data=data, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 419
    assert visitor.post("/plain", data=data, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_the_token_never_reads_twice_alike_and_is_still_good(site: Flask, visitor: FlaskClient) -> None:
    first, second = token(visitor), token(visitor)
    assert first != second
    for value in (first, second):
        assert visitor.post("/plain", data={"csrf_token": value}).status_code == 200
    assert visitor.post("/plain", data={"csrf_token": "m.not base 64"}).status_code == 419
    with site.test_request_context():
        assert unmasked(masked_token()).startswith(unmasked(masked_token()).split(".")[0])
        assert session["csrf_token"] not in masked_token()


def test_errors_are_beside_the_field_and_on_top(visitor: FlaskClient) -> None:
    answer = visitor.post("/booking", data={"nom": "", "csrf_token": token(visitor)})
    assert answer.status_code == 422
    page = answer.text
    assert "Il reste 2 points à corriger" in page
    assert (
        '<a href="#nom">Écrivez votre nom de famille.</a>' in page and '<a href="#pour-0">Dites pour qui.</a>' in page
    )
    assert 'aria-describedby="nom-aide nom-erreur-1"' in page and 'aria-invalid="true"' in page


def test_the_summary_reaches_fields_of_a_list(site: Flask) -> None:
    data = {"nom": "Diallo", "pour": "moi", "proches-0-prenom": ""}
    with site.test_request_context("/booking", method="POST", data=data):
        form = BookingForm(meta={"csrf": False})
        assert not form.validate()
        assert form.problems == [
            ("nom", "C’est trop long : 5 caractères au plus."),
            ("proches-0-prenom", "Remplissez ce champ."),
        ]


def test_a_refusal_keeps_what_was_typed(visitor: FlaskClient) -> None:
    answer = visitor.post("/booking", data={"nom": "plein", "pour": "moi", "csrf_token": token(visitor)})
    assert answer.status_code == 409
    assert "Cette séance est maintenant complète." in answer.text and 'value="plein"' in answer.text


def test_htmx_gets_the_block_and_its_title(visitor: FlaskClient) -> None:
    answer = visitor.post("/booking", data={"csrf_token": token(visitor)}, headers={"HX-Request": "true"})
    assert answer.status_code == 422
    assert answer.text.startswith("<title>Erreur : Réserver</title>") and "<html" not in answer.text
    assert "HX-Request" in answer.headers["Vary"]
    whole = visitor.get("/booking", headers={"HX-Request": "true", "HX-Request-Type": "full"})
    assert "<html" in whole.text


def test_htmx_is_told_where_to_go(visitor: FlaskClient) -> None:
    data = {"nom": "Awa", "pour": "moi", "csrf_token": token(visitor)}
    assert visitor.post("/booking", data=data).status_code == 303
    assert visitor.post("/booking", data=data, headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/fait"


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/nowhere", 404, "n’existe pas ou n’existe plus"),
        ("/broken", 500, "Le problème vient de notre côté"),
        ("/forbidden", 403, "Nadia K."),
        ("/busy", 503, "Rien n’est perdu"),
    ],
)
def test_an_error_is_a_page_and_a_fragment(visitor: FlaskClient, address: str, status: int, words: str) -> None:
    page = visitor.get(address)
    assert page.status_code == status and words in page.text and "<h1" in page.text
    assert "secret detail" not in page.text
    fragment = visitor.get(address, headers={"HX-Request": "true"})
    assert fragment.status_code == status and words in fragment.text and "<html" not in fragment.text
    assert fragment.headers["HX-Retarget"] == "#avis"
    assert ("Retry-After" in page.headers) == (status == 503)


def test_programs_get_a_problem(visitor: FlaskClient) -> None:
    answer = visitor.get("/api/v1/broken")
    assert answer.mimetype == "application/problem+json"
    assert answer.get_json()["status"] == 500


def test_the_headers(visitor: FlaskClient) -> None:
    page = visitor.get("/booking")
    policy = page.headers["Content-Security-Policy"]
    assert "unsafe" not in policy and "https://cdn.jsdelivr.net/npm/htmx.org@4.0.1/dist/htmx.min.js" in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Strict-Transport-Security"]
    assert page.headers["Cache-Control"] == "no-store"  # it holds a session's token
    assert "style=" not in page.text and "<script>" not in page.text
    personal = visitor.get("/p/abc")
    assert personal.headers["Referrer-Policy"] == "no-referrer" and personal.headers["Cache-Control"] == "no-store"


def test_pages_are_compressed(visitor: FlaskClient) -> None:
    answer = visitor.get("/p/abc", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip" and gzip.decompress(answer.data) == b"x" * 2000
    assert "Content-Encoding" not in visitor.get("/p/abc").headers


def test_static_files_last_for_ever_under_their_digest(site: Flask, visitor: FlaskClient) -> None:
    with site.test_request_context():
        address = static.static_url("css/app.css")
    answer = visitor.get(address, headers={"Accept-Encoding": "br, gzip"})
    assert answer.headers["Content-Encoding"] == "br" and "immutable" in answer.headers["Cache-Control"]
    assert len(answer.data) < 8000 and "Set-Cookie" not in answer.headers and "Cookie" not in answer.headers["Vary"]
    assert visitor.get("/static/css/app.css").headers["Cache-Control"] == "no-cache"
    etag = visitor.get("/static/css/app.css").headers["ETag"]
    assert visitor.get("/static/css/app.css", headers={"If-None-Match": etag}).status_code == 304
    assert visitor.get("/static/../config.py").status_code == 404
    assert visitor.get("/static/nothing.css").status_code == 404


def test_the_gauge_says_its_numbers_and_its_sentence(site: Flask) -> None:
    with site.test_request_context():
        gauge = htmx.macro_html("components/jauge.html", "jauge", Jauge(12, 12, 9, 1, 2))
        agents = htmx.macro_html("components/jauge.html", "jauge_agent", Jauge(12, 12, 13))
        partial = htmx.partial("#jauge-12", gauge)
    assert (
        'data-rdv="12" data-capacite="12" data-prises="9" data-proposees="1" data-libres="2" data-attente="2"' in gauge
    )
    assert "<b>Plus que 2 places</b>" in gauge and "style=" not in gauge and "hx-" not in gauge
    assert agents.count('class="over"') == 1 and "13 places prises sur 12" in agents
    assert partial.startswith('<hx-partial hx-target="#jauge-12" hx-swap="outerMorph"><div id="jauge-12"')


@pytest.mark.parametrize(
    ("prises", "attente", "beside"),
    [(5, 0, "5 sur 5"), (5, 2, "5 sur 5 · 2 personnes en attente"), (12, 0, ""), (12, 1, "1 personne en attente")],
)
def test_the_public_does_not_read_that_agents_went_over_the_capacity(prises: int, attente: int, beside: str) -> None:
    gauge = Jauge(12, 5, prises, 0, attente)
    assert (gauge.phrase, gauge.sur) == ("Complet", beside)
    assert gauge.phrase_agent == f"{prises} places prises sur 5"


@pytest.mark.parametrize(
    ("typed", "set_"),
    [
        (
            "Complet : appelez le 04 75 99 01 00 !",
            "Complet\u00a0: appelez le 04\u00a075\u00a099\u00a001\u00a000\u00a0!",
        ),
        ("« Présent » se note", "«\u00a0Présent\u00a0» se note"),
        ("à 14:00, voir https://exemple.fr", "à 14:00, voir https://exemple.fr"),
    ],
)
def test_no_line_starts_with_a_colon(typed: str, set_: str) -> None:
    assert templating.typo(typed) == set_
