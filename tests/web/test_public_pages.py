"""Lists and pages of the public side: what they show, to whom, in how many statements."""

from datetime import timedelta

import pytest
from flask import Flask

from tests import factories
from tests.pages import PageClient
from tests.visitors import another, book, change, fill_up, motif_address, session, slug, statements
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar
from webapp.extensions import db
from webapp.models import Rdv

DAY = timedelta(days=1)


def test_nothing_to_book_says_so(client: PageClient, app: Flask) -> None:
    page = client.get("/")
    assert page.status == 200 and page.has("Aucune date n’est ouverte pour le moment")


def test_only_what_can_be_booked_now(client: PageClient, app: Flask) -> None:
    now = utcnow()
    shown = session(app, motif_name="Atelier ouvert")
    session(app, motif_name="Atelier complet", capacite_propre=1)
    session(app, motif_name="Atelier trop tôt", starts_at=now + 100 * DAY)
    session(app, motif_name="Atelier trop tard", starts_at=now + DAY / 100)
    session(app, motif_name="Atelier annulé", cancelled_at=now)
    session(app, motif_name="Atelier archivé", motif_archived_at=now)
    session(app, motif_name="Atelier invisible", motif_visibilite="invisible")
    session(app, motif_name="Atelier individuel", motif_type="individuel")
    session(app, motif_name="Atelier sur invitation", motif_reservable_par="invites")
    session(app, motif_name="Atelier fermé par la séance", reservable_par="agents")
    session(app, motif_name="Atelier ouvert par la séance", motif_reservable_par="agents", reservable_par="tous")
    session(app, motif_name="Café libre", motif_reservable_par="entree_libre", motif_capacite_max=None)
    with app.app_context():
        full = db.session.query(Rdv).filter(Rdv.capacite_propre == 1).one()
        factories.full(full)
        db.session.commit()
    page = client.get("/")
    names = {node.text() for node in page.select("main h3")}
    assert names == {"Atelier ouvert", "Atelier ouvert par la séance", "Café libre"}
    assert page.has("Entrée libre") and page.has("Sans inscription : venez directement.")
    change(app, shown, starts_at=now - DAY, ends_at=now)
    assert "Atelier ouvert" not in {node.text() for node in client.get("/").select("main h3")}


def test_a_plage_opens_what_its_motif_keeps_closed(client: PageClient, app: Flask) -> None:
    rdv_id = session(app, motif_reservable_par="agents")
    with app.app_context():
        rdv = db.session.get_one(Rdv, rdv_id)
        plage = factories.plage(rdv.motif, [], reservable_par=ReservablePar.TOUS)
        rdv.plage_ouverture, rdv.occurrence_le = plage, plage.first_day
        db.session.commit()
    assert client.get("/").has("Mes droits au RSA")
    assert book(client, rdv_id).h1 == "Votre place est réservée"
    change(app, rdv_id, reservable_par="agents")  # and the session closes what its plage opens
    assert client.get(f"/rdv/{rdv_id}").status == 404


def test_organisations_are_told_apart(client: PageClient, app: Flask) -> None:
    first = session(app, org_name="Maison de Valmont", motif_name="Atelier A")
    session(app, org_name="Maison de Beaulieu", motif_name="Atelier B")
    page = client.get("/")
    assert [node.text() for node in page.select("main h2")] == ["Maison de Beaulieu", "Maison de Valmont"]
    page = page.link("Maison de Valmont")
    assert page.url == f"/o/{slug(app, first)}" and page.has("Atelier A") and not page.has("Atelier B")
    assert client.get("/o/inconnue").status == 404
    assert client.get("/mentions-legales").has("Maison de Beaulieu")


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("quoi=rsa", {"Mes droits au RSA"}),
        ("quoi=DROITS+rsa", {"Mes droits au RSA"}),
        ("quoi=eveil", {"L’Éveil de bébé"}),
        ("quoi=insertion", {"Mes droits au RSA", "L’Éveil de bébé"}),
        ("quoi=roits", {"Mes droits au RSA"}),
        ("quoi=oits", set()),
        ("quoi=eveil+saint-etienne", {"L’Éveil de bébé"}),
        ("quoi=26990", {"Mes droits au RSA"}),
        ("ou=saint+etienne", {"L’Éveil de bébé"}),
        ("ou=SAINT-ÉTIENNE", {"L’Éveil de bébé"}),
        ("ou=269", {"Mes droits au RSA"}),
        ("ou=26+990", {"Mes droits au RSA"}),
        ("ou=42000&quoi=rsa", set()),
        ("ou=%3Cscript%3E", set()),
        ("quoi=++&ou=", {"Mes droits au RSA", "L’Éveil de bébé"}),
    ],
)
def test_search_by_words_and_by_place(client: PageClient, app: Flask, search: str, found: set[str]) -> None:
    session(app)
    other = session(app, motif_name="L’Éveil de bébé")
    with app.app_context():
        lieu = db.session.get_one(Rdv, other).lieu
        assert lieu
        lieu.city, lieu.postal_code = "Saint-Étienne-de-la-Brèche", "42000"
        db.session.commit()
    page = client.get(f"/?{search}")
    assert {node.text() for node in page.select("main h3")} == found
    if not found:
        assert page.has("Aucun atelier ne correspond") and page.link("Voir tous les ateliers").url == "/"


def test_the_next_date_is_where_one_searched(client: PageClient, app: Flask) -> None:
    rdv_id = session(app)
    with app.app_context():
        rdv = db.session.get_one(Rdv, rdv_id)
        there = factories.lieu(rdv.organisation, name="Centre social", city="Montferrier", postal_code="26992")
        factories.rdv(rdv.motif, starts_at=utcnow() + 20 * DAY, lieu_id=there.id)
        db.session.commit()
    page = client.get("/")
    assert not page.has("Centre social") and page.has("1 autre date")
    page = client.get("/?ou=montferrier")
    assert page.has("Centre social") and not page.has("autre date")


def test_a_motif_by_month_and_by_place(client: PageClient, app: Flask) -> None:
    rdv_id = session(app, starts_at=utcnow() + 2 * DAY)
    address = motif_address(app, rdv_id)
    with app.app_context():
        rdv = db.session.get_one(Rdv, rdv_id)
        there = factories.lieu(rdv.organisation, name="Centre social")
        for week in range(1, 13):
            factories.rdv(rdv.motif, starts_at=utcnow() + 2 * DAY + week * 7 * DAY, lieu_id=there.id)
        db.session.commit()
    page = client.get(address)
    assert len(page.select("[data-jauge]")) == 10 and len(page.select("main h2")) >= 3
    assert page.select('[hx-sse\\:connect^="/flux?rdv="]')
    page = page.link("Voir les dates suivantes (3)")
    assert len(page.select("[data-jauge]")) == 3 and "page 2" in page.title
    page = client.get(address).form(css="form.filters").submit(lieu=str(there_id(app)))
    assert len(page.select("[data-jauge]")) == 10 and not page.select(f"#jauge-{rdv_id}")
    assert page.select("option[selected]")[0].text().startswith("Centre social")
    for odd in ("?page=99", "?page=-1", "?page=x", "?lieu=x", "?lieu=999"):
        assert client.get(address + odd).status == 200


def there_id(app: Flask) -> int:
    with app.app_context():
        return db.session.query(Rdv).order_by(Rdv.id.desc()).first().lieu_id  # type: ignore[union-attr, return-value]


def test_a_motif_says_what_is_full_and_hides_what_is_not_open(client: PageClient, app: Flask) -> None:
    rdv_id = session(app)
    far, closed = another(app, rdv_id, starts_at=utcnow() + 200 * DAY), another(app, rdv_id, reservable_par="agents")
    gone = another(app, rdv_id, cancelled_at=utcnow())
    fill_up(app, rdv_id)
    page = client.get(motif_address(app, rdv_id))
    assert page.has("Complet") and page.has("12 sur 12")
    for hidden in (far, closed, gone):
        assert f"/rdv/{hidden}" not in page.html


def test_a_motif_without_dates_says_so(client: PageClient, app: Flask) -> None:
    rdv_id = session(app, starts_at=utcnow() - 3 * DAY)
    page = client.get(motif_address(app, rdv_id))
    assert page.status == 200 and page.has("Aucune date n’est ouverte pour le moment")
    change(app, rdv_id, motif_reservable_par="agents")
    assert client.get(motif_address(app, rdv_id)).status == 404


def test_pages_take_few_statements_whatever_the_crowd(client: PageClient, app: Flask) -> None:
    rdv_id = session(app, starts_at=utcnow() + 2 * DAY, motif_capacite_max=40)

    def cost() -> dict[str, int]:
        found = {}
        for address in (
            "/",
            "/?quoi=rsa&ou=valmont",
            f"/o/{slug(app, rdv_id)}",
            motif_address(app, rdv_id),
            f"/rdv/{rdv_id}",
        ):
            with statements(app) as seen:
                assert client.get(address).status == 200
            found[address] = len(seen)
        return found

    alone = cost()
    with app.app_context():
        rdv = db.session.get_one(Rdv, rdv_id)
        sessions = [
            rdv,
            *(factories.rdv(rdv.motif, starts_at=rdv.starts_at + n * DAY, lieu_id=rdv.lieu_id) for n in range(1, 20)),
        ]
        for one in sessions:
            for _ in range(30):
                factories.participation(one)
        for n in range(5):
            factories.rdv(factories.motif(rdv.motif.service, name=f"Atelier {n}"), lieu_id=rdv.lieu_id)
        db.session.commit()
    assert cost() == alone
    assert max(alone.values()) <= 10


def test_overseas_dates_are_the_wall_clock_s_there(client: PageClient, app: Flask) -> None:
    start = utcnow().replace(hour=12, minute=0, second=0, microsecond=0) + 10 * DAY
    rdv_id = session(app, starts_at=start, org_timezone="Indian/Reunion")
    assert client.get(f"/rdv/{rdv_id}").has("de 16 h à 18 h")


def test_a_session_s_own_words_win(client: PageClient, app: Flask) -> None:
    rdv_id = session(app, motif_instructions_avant="Celles du motif.", intitule="Séance en langue des signes")
    assert client.get(f"/rdv/{rdv_id}").has("Celles du motif.")
    change(app, rdv_id, instructions_avant="Les siennes.\n<b>gras</b>")
    page = client.get(f"/rdv/{rdv_id}")
    assert page.has("Les siennes.") and not page.has("Celles du motif.") and page.has("Séance en langue des signes")
    assert "<b>gras" not in page.html


def test_a_past_session_keeps_the_names_it_had(client: PageClient, app: Flask) -> None:
    now = utcnow()
    frozen = {"motif": "Ancien nom", "lieu": "Ancien lieu", "adresse": "1 rue Vieille", "instructions_apres": ""}
    rdv_id = session(app, starts_at=now - DAY, fige=frozen)
    assert client.get(f"/rdv/{rdv_id}").h1 == "Ancien nom"


def test_the_map_is_a_link_that_tells_nothing(client: PageClient, app: Flask) -> None:
    page = client.get(f"/rdv/{session(app)}")
    (link,) = page.select('a[href^="https://www.openstreetmap.org/search?query=3+rue+des+Lilas"]')
    assert link.attributes["rel"] == "noreferrer"


def test_theme_is_cached_by_its_colour(client: PageClient, app: Flask) -> None:
    rdv_id = session(app, org_colour="#7a1fa2")
    page = client.get(f"/rdv/{rdv_id}")
    (sheet,) = page.select('link[href*="theme.css"]')
    answer = client.get(sheet.attributes["href"] or "")
    assert answer.headers["Content-Type"].startswith("text/css") and "--accent:#7a1fa2" in answer.html
    assert "immutable" in answer.headers["Cache-Control"] and "Set-Cookie" not in answer.headers
    assert "immutable" not in client.get(f"/o/{slug(app, rdv_id)}/theme.css?v=autre").headers["Cache-Control"]


@pytest.mark.parametrize("address", ["/accessibilite", "/donnees-personnelles", "/mentions-legales"])
def test_what_every_public_site_owes(client: PageClient, app: Flask, address: str) -> None:
    assert client.get(address).status == 200  # before any organisation
    session(app)
    page = client.get(address)
    assert page.has("04 75 99 01 00") and page.title.count("·") == 1


def test_entree_libre_says_to_come(client: PageClient, app: Flask) -> None:
    rdv_id = session(app, motif_reservable_par="entree_libre", motif_capacite_max=None)
    page = client.get(f"/rdv/{rdv_id}")
    assert page.has("Entrée libre, sans inscription") and page.has("Venez directement") and not page.select("main form")
    assert client.get(f"/rdv/{rdv_id}/inscription").location == f"/rdv/{rdv_id}"
    assert client.get(motif_address(app, rdv_id)).has("Voir le")


def test_at_a_distance_the_link_comes_with_the_place(client: PageClient, app: Flask) -> None:
    rdv_id = session(app, lieu_id=None, motif_location_type="visio", lien_visio="https://visio.exemple.fr/salle")
    assert "visio.exemple.fr" not in client.get(f"/rdv/{rdv_id}").html
    assert client.get("/").has("En visioconférence")
    assert book(client, rdv_id).select('a[href="https://visio.exemple.fr/salle"]')
