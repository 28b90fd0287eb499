"""What a public site owes: the truth about accessibility and data, figures of nobody, a number to call."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask

from tests import factories as make
from tests.pages import PageClient
from tests.visitors import book, links_of, motif_address, session, slug, statements
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.jobs.statistiques import count_due
from webapp.services import retention

NOW = datetime(2026, 11, 10, 9, tzinfo=UTC)
DAY = timedelta(days=1)
PAGES = ["/accessibilite", "/donnees-personnelles", "/mentions-legales", "/statistiques", "/contacts"]


@pytest.fixture(autouse=True)
def clock(app: Flask) -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.mark.parametrize("address", PAGES)
def test_before_and_after_anybody_publishes(client: PageClient, app: Flask, address: str) -> None:
    assert client.get(address).status == 200
    session(app)
    page = client.get(address)
    assert page.has("04 75 99 01 00") and page.title.count("·") == 1
    assert {link.attributes["href"] for link in page.select("footer nav a")} >= set(PAGES) - {"/contacts"}


def test_somebody_to_call_on_every_page(client: PageClient, app: Flask) -> None:
    """The organisation of the page, or the list of all of them."""
    rdv_id = session(app)
    book(client, rdv_id)
    (token,) = links_of(app)
    addresses = ["/", "/?quoi=zzz", f"/o/{slug(app, rdv_id)}", motif_address(app, rdv_id), f"/rdv/{rdv_id}"]
    addresses += [f"/rdv/{rdv_id}/inscription", f"/rdv/{rdv_id}/confirmation", f"/p/{token}", f"/p/{token}/desistement"]
    addresses += ["/mes-rendez-vous", *PAGES]
    for address in addresses:
        assert client.get(address).select('a[href="tel:+33475990100"]'), address
    assert client.get("/nulle-part").select('a[href="/contacts"]')
    session(app, org_name="Une autre maison", org_phone="+33475990200")
    for address in ["/", "/?quoi=zzz", "/mes-rendez-vous", *PAGES, "/nulle-part"]:
        assert client.get(address).select('a[href="/contacts"]'), address
    assert client.get("/").select('aside a[href="tel:+33475990200"]')
    page = client.get("/contacts")
    assert page.has("Une autre maison") and page.has("04 75 99 02 00") and page.has("04 75 99 01 00")


def test_many_organisations_are_a_page_of_their_own(client: PageClient, app: Flask) -> None:
    for n in range(7):
        session(app, org_name=f"Maison {n}")
    assert client.get("/").select('aside a[href="/contacts"]') and not client.get("/").select('aside a[href^="tel:"]')
    assert len(client.get("/contacts").select('main a[href^="tel:"]')) == 7


def test_durations_are_those_of_the_retention(client: PageClient, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    session(app, org_retention_mois=17)
    page = client.get("/donnees-personnelles")
    assert page.has("17 mois après votre dernière activité") and page.has("où ils sont partis : 6 mois")
    assert page.has("31 jours") and page.has("2 jours") and page.has("24 heures") and page.has("10 minutes")
    monkeypatch.setattr(retention, "MESSAGES_MONTHS", 9)
    assert client.get("/donnees-personnelles").has("où ils sont partis : 9 mois")
    session(app, org_name="Maison de l’île", org_retention_mois=5)
    assert client.get("/donnees-personnelles").has("Maison de l’île : 5 mois")


def test_legal_mentions_are_those_the_organisation_wrote(client: PageClient, app: Flask) -> None:
    session(app, org_mentions="Hébergeur : <b>ici</b>\n1 rue du Port")
    page = client.get("/mentions-legales")
    assert page.has("1 rue du Port") and "<b>ici" not in page.html and not page.has("ne sont pas encore indiqués")
    session(app)
    assert client.get("/mentions-legales").has("ne sont pas encore indiqués")


# --- figures -----------------------------------------------------------------------------------------------------


def held(app: Flask, days: int, *, taken: int, present: int, sessions: int = 5, **fields: object) -> str:
    """An organisation with that many sessions each; answers its slug."""
    rdv_id = session(app, starts_at=NOW - days * DAY, **fields)
    with app.app_context():
        from webapp.models import Rdv

        first = db.session.get_one(Rdv, rdv_id)
        rows = [first, *(make.rdv(first.motif, starts_at=first.starts_at, hours=n) for n in range(1, sessions))]
        for rdv in rows:
            for n in range(taken):
                make.participation(rdv, statut=Statut.PRESENT if n < present else Statut.ABSENT)
        db.session.commit()
        return first.organisation.slug


def figures(client: PageClient) -> dict[str, list[str]]:
    with client.app.app_context():
        count_due()
    rows = client.get("/statistiques").select("tbody tr")
    return {row.css_first("th").text(): [cell.text() for cell in row.css("td")] for row in rows}


def test_what_was_held_over_twelve_whole_months(client: PageClient, app: Flask) -> None:
    held(app, 40, org_name="Valmont", taken=6, present=4)
    held(app, 5, org_name="Ce mois-ci", taken=6, present=6)
    held(app, 400, org_name="Il y a longtemps", taken=6, present=6)
    held(app, 40, org_name="Annulées", taken=6, present=0, cancelled_at=NOW, sessions=1)
    held(app, 40, org_name="Entrée libre", taken=0, present=0, presents_anonymes=1300, motif_capacite_max=None,
         motif_reservable_par="entree_libre")  # fmt: skip
    none = ["moins de 5", "moins de 5", "non montré"]
    assert figures(client) == {
        "Valmont": ["5", "20", "50 %"],
        "Ce mois-ci": none,
        "Il y a longtemps": none,
        "Annulées": none,
        "Entrée libre": ["5", "1\u202f300", "non montré"],
    }
    assert client.get("/statistiques").has("de novembre 2025 à octobre 2026")


@pytest.mark.parametrize(
    ("sessions", "taken", "present", "shown"),
    [
        (4, 5, 5, ["moins de 5", "20", "non montré"]),
        (5, 1, 0, ["5", "moins de 5", "8 %"]),
        (6, 0, 0, ["6", "moins de 5", "non montré"]),
        (5, 1, 1, ["5", "5", "8 %"]),
    ],
)
def test_nothing_under_five_is_shown(
    client: PageClient, app: Flask, sessions: int, taken: int, present: int, shown: list[str]
) -> None:
    held(app, 40, org_name="Valmont", sessions=sessions, taken=taken, present=present)
    assert figures(client)["Valmont"] == shown


@pytest.mark.parametrize(
    ("now", "months"),
    [
        (datetime(2026, 3, 31, 12, tzinfo=UTC), "de mars 2025 à février 2026"),
        (datetime(2026, 2, 28, 23, 30, tzinfo=UTC), "de mars 2025 à février 2026"),  # March already, in Paris
        (datetime(2026, 1, 1, 0, 30, tzinfo=UTC), "de janvier 2025 à décembre 2025"),
    ],
)
def test_months_end_by_the_clock_of_paris(
    client: PageClient, clock: time_machine.Traveller, now: datetime, months: str
) -> None:
    clock.move_to(now, tick=False)
    assert client.get("/statistiques").has(months)


def test_figures_are_one_statement_whatever_the_history(client: PageClient, app: Flask) -> None:
    held(app, 40, org_name="Valmont", taken=6, present=4)
    with statements(app) as seen:
        assert client.get("/statistiques").status == 200
    assert len(seen) == 2  # and whom to call


def test_the_table_is_read_aloud(client: PageClient, app: Flask) -> None:
    held(app, 40, org_name="Valmont", taken=6, present=4)
    page = client.get("/statistiques")
    assert page.select("table caption") and len(page.select("thead th[scope=col]")) == 4
    assert len(page.select("tbody th[scope=row]")) == 1 and len(page.select("tbody td[data-titre]")) == 3
