"""Search: what narrows it, what is full, what its address holds, what it says when nothing fits, and hostile input."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
import time_machine
from flask import Flask

from tests import factories as make
from tests.pages import PageClient
from tests.visitors import another, change, fill_up, motif_address, session, slug, statements
from webapp.extensions import db
from webapp.models import Rdv

NOW = datetime(2026, 11, 4, 9, tzinfo=UTC)  # a Wednesday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def found(client: PageClient, address: str) -> set[str]:
    return {node.text() for node in client.get(address).select("main h3 > a")}


def test_slips_are_forgiven_and_said(client: PageClient, app: Flask) -> None:
    session(app, motif_name="Préparer un entretien d’embauche")
    page = client.get("/?quoi=entretein")
    assert [node.text() for node in page.select("main h3")] == ["Préparer un entretien d’embauche"]
    assert page.has("Nous avons cherché « entretien »") and page.select('#quoi[value="entretein"]')
    assert not client.get("/?quoi=entretien").has("Nous avons cherché")
    page = client.get("/?ou=valmnot")
    assert page.has("1 atelier trouvé") and page.has("Nous avons cherché « valmont »")


@pytest.mark.parametrize(
    "typed", ["st aubin", "Saint-Aubin", "ST. AUBIN DU VALLON", "saint aubim", "26991", "26 99", "vallon"]
)
def test_a_commune_as_it_is_written(client: PageClient, app: Flask, typed: str) -> None:
    rdv_id = session(app)
    with app.app_context():
        rdv = db.session.get_one(Rdv, rdv_id)
        there = make.lieu(rdv.organisation, name="Centre social", city="Saint-Aubin-du-Vallon", postal_code="26991")
        rdv.lieu_id = there.id
        db.session.commit()
    assert found(client, f"/?ou={quote(typed)}") == {"Mes droits au RSA"}


@pytest.mark.parametrize(
    ("start", "week", "month"),
    [
        (datetime(2026, 11, 8, 22, 30, tzinfo=UTC), True, True),  # Sunday 23:30, in Paris
        (datetime(2026, 11, 8, 23, 0, tzinfo=UTC), False, True),  # Monday 0:00
        (datetime(2026, 11, 30, 22, 30, tzinfo=UTC), False, True),
        (datetime(2026, 11, 30, 23, 0, tzinfo=UTC), False, False),
    ],
)
def test_this_week_and_this_month_end_by_the_clock_of_the_place(
    client: PageClient, app: Flask, start: datetime, week: bool, month: bool
) -> None:
    session(app, starts_at=start)
    assert bool(found(client, "/?quand=semaine")) is week
    assert bool(found(client, "/?quand=mois")) is month
    assert found(client, "/?quand=jamais") == {"Mes droits au RSA"}


def test_each_organisation_has_its_own_midnight(client: PageClient, app: Flask) -> None:
    monday = datetime(2026, 11, 9, tzinfo=UTC)
    for hours, zone, name in (
        (-1, "Europe/Paris", "Paris"),
        (-4, "Indian/Reunion", "Réunion"),
        (3, "America/Cayenne", "Guyane"),
    ):
        for side in (-1, 0):
            start = monday + hours * HOUR + side * HOUR / 2
            session(app, org_timezone=zone, motif_name=f"{name} {'avant' if side else 'après'}", starts_at=start)
    assert found(client, "/?quand=semaine") == {"Paris avant", "Réunion avant", "Guyane avant"}


def test_one_service(client: PageClient, app: Flask) -> None:
    rdv_id = session(app)
    with app.app_context():
        rdv = db.session.get_one(Rdv, rdv_id)
        pmi = make.service(rdv.organisation, name="Protection maternelle", short_name="PMI")
        make.rdv(make.motif(pmi, name="L’éveil de bébé"), lieu_id=rdv.lieu_id)
        db.session.commit()
        known, other = pmi.id, rdv.motif.service_id
    page = client.get("/")
    assert [option.text() for option in page.select("#service option")] == [
        "Tous les services", "Protection maternelle", "Service insertion",
    ]  # fmt: skip
    page = page.form(css="form.search").submit(service=str(known))
    assert {node.text() for node in page.select("main h3")} == {"L’éveil de bébé"}
    assert page.select("option[selected]")[0].text() == "Protection maternelle"
    assert found(client, f"/?service={other}&quoi=rsa") == {"Mes droits au RSA"}
    page = client.get(f"/?service={known}&quoi=rsa")
    assert page.has("Aucun atelier ne correspond") and page.link("Dans tous les services").has("Mes droits au RSA")
    assert not client.get(f"/o/{slug(app, session(app))}").select("#service")  # one alone is no choice


def test_what_is_full_says_that_one_can_wait(client: PageClient, app: Flask) -> None:
    waited = session(app, motif_name="Attendu", motif_liste_attente=True, motif_capacite_max=1)
    session_quiet = session(
        app, motif_name="Sans nouvelles", motif_liste_attente=True, motif_visibilite="visible_non_notifie",
        motif_capacite_max=1,
    )  # fmt: skip
    closed = session(app, motif_name="Complet", motif_capacite_max=1)
    for rdv_id in (waited, session_quiet, closed):
        fill_up(app, rdv_id)
    page = client.get("/")
    assert {node.text() for node in page.select("main h3")} == {"Attendu"}
    assert page.has("Toutes les dates sont complètes") and page.has("liste d’attente")
    later = another(app, waited, starts_at=NOW + 20 * DAY)
    page = client.get("/")
    assert page.has("24 novembre 2026") and page.has("Plus qu’une place") and not page.has("liste d’attente")
    assert not page.has("autre date")  # the full one can't be booked
    assert client.get("/?quand=semaine").has("Aucun atelier ne correspond")
    change(app, later, cancelled_at=NOW)
    assert client.get("/").has("Toutes les dates sont complètes")


def test_what_can_be_booked_comes_before_what_is_full(client: PageClient, app: Flask) -> None:
    rdv_id = session(app, motif_name="Plein", motif_liste_attente=True, motif_capacite_max=1, starts_at=NOW + 2 * DAY)
    fill_up(app, rdv_id)
    with app.app_context():
        rdv = db.session.get_one(Rdv, rdv_id)
        make.rdv(make.motif(rdv.motif.service, name="Libre"), starts_at=NOW + 9 * DAY)
        db.session.commit()
    assert [node.text() for node in client.get("/").select("main h3")] == ["Libre", "Plein"]


def test_entree_libre_is_shown_for_what_it_is(client: PageClient, app: Flask) -> None:
    session(app, motif_name="Café", motif_reservable_par="entree_libre", motif_capacite_max=None)
    page = client.get("/?quoi=cafe")
    assert page.has("Entrée libre") and page.has("Sans inscription : venez directement.") and not page.has("places")


def test_an_address_holds_only_what_was_asked(client: PageClient, app: Flask) -> None:
    rdv_id = session(app)

    def canonical(address: str) -> str:
        (link,) = client.get(address).select("link[rel=canonical]")
        return link.attributes["href"] or ""

    root = "http://localhost"
    assert canonical("/") == canonical("/?quoi=&ou=&service=&quand=") == canonical("/?fbclid=x&page=9") == f"{root}/"
    assert canonical("/?quand=mois&ou=++Valmont&quoi=RSA+") == f"{root}/?quoi=RSA&ou=Valmont&quand=mois"
    assert canonical(f"/o/{slug(app, rdv_id)}?quoi=rsa") == f"{root}/o/{slug(app, rdv_id)}?quoi=rsa"
    address = motif_address(app, rdv_id)
    assert canonical(f"{address}?page=1&lieu=") == canonical(f"{address}?page=99") == f"{root}{address}"


def test_nothing_found_says_what_to_give_up_where_else_and_whom_to_call(client: PageClient, app: Flask) -> None:
    rdv_id = session(app)
    with app.app_context():
        rdv = db.session.get_one(Rdv, rdv_id)
        there = make.lieu(rdv.organisation, name="Centre social", city="Montferrier", postal_code="26992")
        make.rdv(make.motif(rdv.motif.service, name="L’éveil de bébé"), lieu_id=there.id)
        db.session.commit()
    page = client.get("/?quoi=bebe&ou=valmont")
    assert page.has("Aucun atelier ne correspond") and page.title.startswith("Aucun atelier trouvé pour « bebe »")
    assert page.select('main a[href="tel:+33475990100"]')
    assert page.link("Ailleurs qu’à « valmont »").url == "/?quoi=bebe"
    assert page.link("Sans « bebe »").has("Mes droits au RSA")
    assert page.link("Voir tous les ateliers").url == "/"
    page = page.link("Montferrier")
    assert page.url == "/?quoi=bebe&ou=Montferrier" and page.has("L’éveil de bébé")
    page = client.get("/?ou=26000")  # the nearest first, by the postal code
    assert page.select(".empty .choix .tap")[0].text() == "Montferrier"
    page = client.get("/?quoi=zzzz&ou=valmont")  # nowhere: no commune has it
    assert not page.select(".empty .choix .tap")
    page = client.get("/?quoi=zzzz")
    assert not page.has("Sans « zzzz »")  # alone, it is « Voir tous les ateliers »


def test_a_search_costs_no_more_statements_than_before(client: PageClient, app: Flask) -> None:
    rdv_id = session(app)

    def cost(address: str) -> int:
        with statements(app) as seen:
            assert client.get(address).status == 200
        return len(seen)

    home = f"/o/{slug(app, rdv_id)}"
    assert [cost("/"), cost("/?quoi=rsa&quand=mois&service=1"), cost("/?quoi=droitz")] == [3, 3, 3]
    assert [cost("/?ou=valmont"), cost("/?quoi=rsa&ou=valmont&quand=mois"), cost(home)] == [4, 4, 4]
    assert cost("/?quoi=zzzz&ou=zzzz") == 6  # and what there is elsewhere


HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' OR 1=1 --", "{{ 7777 * 7777 }}", "%", "_", "\\",
    "🌱👩\u200d👧", "\u202e\u200b\ufeff", "é" * 10_000, "a " * 5_000, "-1", "1e9", "٣", "null", "../../etc/passwd",
    "\r\nSet-Cookie: x=1",
]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_input_is_words_like_others(client: PageClient, app: Flask, value: str) -> None:
    rdv_id = session(app)
    places = {
        "/": ("quoi", "ou", "service", "quand"),
        f"/o/{slug(app, rdv_id)}": ("quoi", "ou", "service", "quand"),
        motif_address(app, rdv_id): ("lieu", "page"),
        "/mes-rendez-vous": ("autre",),
        f"/o/{slug(app, rdv_id)}/theme.css": ("v",),
    }
    for address, names in places.items():
        for name in names:
            page = client.get(f"{address}?{name}={quote(value)}")
            assert page.status == 200, (address, name)
            assert "<script>alert" not in page.html and "<img src=x" not in page.html and "60481729" not in page.html
            assert "x=1" not in page.headers.get("Set-Cookie", "") and len(page.html) < 60_000


def test_a_nul_is_refused_everywhere(client: PageClient, app: Flask) -> None:
    rdv_id = session(app)
    for address in ("/", f"/o/{slug(app, rdv_id)}", motif_address(app, rdv_id), "/statistiques", "/contacts"):
        for name in ("quoi", "ou", "service", "quand", "lieu", "page", "%00"):
            page = client.get(f"{address}?{name}=a%00b")
            assert page.status == 400 and page.h1 == "Demande incomprise"


def test_htmx_gets_the_next_dates_alone(client: PageClient, app: Flask) -> None:
    rdv_id = session(app, starts_at=NOW + 2 * DAY)
    sessions = [rdv_id, *(another(app, rdv_id, starts_at=NOW + (2 + n) * DAY) for n in range(1, 25))]
    address = motif_address(app, rdv_id)
    page = client.get(f"{address}?page=3", htmx=True)
    assert not page.whole and len(page.select("[data-jauge]")) == 5 and page.select("h2[data-focus]")
    assert "Novembre 2026 (suite)" in page.select("h2")[0].text()
    followed = [str(one) for one in sessions[10:25]]
    (stream,) = page.select("[hx-sse\\:connect]")
    assert (stream.attributes["hx-sse:connect"] or "").split("?rdv=")[1].split("&rdv=") == followed
    page = client.get(f"{address}?page=2", htmx=True)
    (more,) = page.select("#dates-suivantes a")
    assert more.attributes["href"] == more.attributes["hx-get"] == f"{address}?page=3"
    assert more.text() == "Voir les dates suivantes (5)"
    assert client.get(f"{address}?page=2").whole and client.get(f"{address}?page=2").headers["Vary"]


def test_what_tells_one_date_from_the_others(client: PageClient, app: Flask) -> None:
    rdv_id = session(app, motif_instructions_avant="Pour tous.", instructions_avant="Apportez\nvotre CV.")
    other = another(app, rdv_id)
    page = client.get(motif_address(app, rdv_id))
    assert page.has("Pour tous.") and page.html.count("Pour cette date") == 1 and page.has("votre CV.")
    assert page.html.count("2\xa0heures") == 2 and page.html.count("Accessible en fauteuil") == 2
    maps = page.select('main li a[href^="https://www.openstreetmap.org/search?query=3+rue+des+Lilas"]')
    assert len(maps) == 2 and {link.attributes["rel"] for link in maps} == {"noreferrer"}
    change(app, other, lieu_id=None)
    assert client.get(motif_address(app, rdv_id)).html.count("Voir sur une carte") == 1


def test_the_organisation_s_page_says_where_it_is(client: PageClient, app: Flask) -> None:
    rdv_id = session(app, org_name="Maison de Valmont", org_colour="#7a1fa2")
    with app.app_context():
        org = db.session.get_one(Rdv, rdv_id).organisation
        make.lieu(org, name="PMI des Tilleuls", phone="+33475990111", pmr="plain-pied")
        make.lieu(org, name="Fermé", enabled=False)
        make.lieu(org, name="Chez quelqu’un", ponctuel=True)
        db.session.commit()
    page = client.get(f"/o/{slug(app, rdv_id)}")
    assert page.h1 == "Maison de Valmont" and page.select('link[href*="theme.css?v=7a1fa2"]')
    assert page.has("PMI des Tilleuls") and page.has("04 75 99 01 11") and page.has("Plain-pied")
    assert not page.has("Fermé") and not page.has("Chez quelqu’un")
    assert page.select('aside a[href="tel:+33475990100"]')


@pytest.mark.parametrize("address", ["/", "/?quoi=Yasmina+0639981278", "/contacts", "/statistiques"])
def test_a_search_never_leaves_with_a_click(client: PageClient, app: Flask, address: str) -> None:
    session(app)
    assert client.get(address).headers["Referrer-Policy"] == "same-origin"
