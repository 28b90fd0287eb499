"""The agenda: a day, a week, a month; mine, a colleague's, a service's; what stands where, and for whom."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask

from tests import factories as make
from tests.databases import statements
from tests.desk import sqlite_only  # noqa: F401
from tests.pages import Page, PageClient, words
from tests.web.test_plages_pages import NOW, Office, log_in
from webapp.domain.droits import Droit
from webapp.extensions import db
from webapp.models import DroitAgent, Rdv
from webapp.services import plages as plages_service

AGENDA = "/agent/agenda"
WEEKLY = "FREQ=WEEKLY;INTERVAL=1;BYDAY="
PARIS = "Europe/Paris"


def utc(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type, misc]


TUESDAY = utc(2026, 12, 1, 13)  # 14:00 in Paris


@pytest.fixture(name="office")
def on_a_sunday(app: Flask, client: PageClient) -> Iterator[Office]:
    """November 29th 2026; the agent is a référent of one service."""
    with app.app_context(), time_machine.travel(NOW, tick=False):
        yield Office(client)


def session(office: Office, *agents: Any, **fields: Any) -> int:
    rdv = make.rdv(
        fields.pop("motif", office.motif), **{"starts_at": TUESDAY, "agents": list(agents) or [office.agent], **fields}
    )
    db.session.commit()
    return rdv.id


def blocs(page: Page) -> dict[str, list[str]]:
    """Day → the words of what it shows, in order."""
    found = {}
    for day in page.select("section.jour"):
        title = words(day.css_first("h2").text())
        found[title] = [words(bloc.text(separator=" ")) for bloc in day.css(".bloc")]
    return found


def sheets(page: Page) -> list[int]:
    """The sessions that are shown, in order."""
    links = [str(a.attributes["href"]) for a in page.select(".bloc a, .liste a")]
    return [int(found[1]) for link in links if (found := re.fullmatch(r"/agent/rdv/(\d+)", link))]


def test_my_week_from_monday_to_sunday_with_gauges_in_words(office: Office) -> None:
    rdv = session(office, lieu=office.lieu, salle=office.salle, intitule="Spécial jeunes")
    db.session.get_one(Rdv, rdv).places_prises = 9
    db.session.commit()
    page = office.client.get(f"{AGENDA}?jour=2026-12-03")
    assert page.h1 == "Semaine du 30 novembre au 6 décembre 2026" and page.title.startswith("Mon agenda, semaine")
    days = blocs(page)
    assert [day.split()[0] for day in days] == [
        "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche",
    ]  # fmt: skip
    assert [bool(found) for found in days.values()] == [False, True] + 5 * [False]
    words_of_it = days["mardi 1er décembre"][0].replace("\xa0", " ")
    for part in ("14 h à 16 h", "Mes droits au RSA : Spécial jeunes", "9 places prises sur 12, 3 libres", "9/12"):
        assert part in words_of_it
    assert "Salle Simone-Veil" in words_of_it and "avec Hélène M." in words_of_it
    assert page.select("nav.main a")[1].attributes == {"href": AGENDA, "aria-current": "page"}
    assert page.link("mardi 1er décembre").h1 == "Mardi 1er\xa0décembre 2026"
    assert page.link("suivante").h1 == "Semaine du 7 décembre au 13 décembre 2026"
    assert page.link("précédente").h1 == "Semaine du 23 novembre au 29 novembre 2026"
    page = page.link("suivante")
    assert page.has("Aucune séance cette semaine.") and not page.select(".bloc")
    assert page.link("Liste").h1 == "Décembre 2026"


def test_what_overlaps_is_side_by_side_and_everything_is_on_one_scale(office: Office) -> None:
    """One begins at 7 in the morning, the others at 14:00, 14:00 and 15:00; the day is two columns wide."""
    session(office, starts_at=TUESDAY.replace(hour=6))
    session(office)
    session(office, starts_at=TUESDAY, hours=1)
    session(office, starts_at=TUESDAY.replace(hour=14))
    page = office.client.get(f"{AGENDA}?jour=2026-12-01&vue=jour")
    [day] = page.select("section.jour")
    assert "k2" in str(day.attributes["class"]).split()
    assert [words(one.text()) for one in page.select(".axe span")][:2] == ["7 h", "8 h"]
    where = [" ".join(str(one.attributes["class"]).split()[2:6]) for one in day.css(".bloc")]
    assert where == ["q1 h8 c1 l2", "q29 h4 c2 l1", "q29 h8 c1 l1", "q33 h8 c2 l1"]


def test_states_are_said(office: Office) -> None:
    past = session(office, starts_at=NOW - timedelta(days=2))
    make.participation(db.session.get_one(Rdv, past))
    session(office, starts_at=NOW - timedelta(days=2, hours=-3))
    session(office, starts_at=NOW - timedelta(days=3), cancelled_at=NOW - timedelta(days=4))
    full = session(office, starts_at=NOW + timedelta(hours=1), hours=1)
    db.session.get_one(Rdv, full).places_prises = 13
    db.session.commit()
    found = [" ".join(one) for one in blocs(office.client.get(AGENDA)).values() if one]
    assert "annulée" in found[0] and "Séance annulée".lower() in found[0]
    assert "À renseigner" in found[1] and "Clos" in found[1]
    assert "13/12 surnombre" in found[2] and "1 de plus que la capacité" in found[2]


def test_whose_agenda_and_filters_stay_in_the_address(office: Office) -> None:
    paul = make.agent(office.service, first_name="Paul", last_name="Roy")
    other_motif, other_lieu = (
        make.motif(office.service, name="Premier emploi"),
        make.lieu(office.org, name="Médiathèque"),
    )
    mine = session(office)
    his = session(office, paul, starts_at=TUESDAY + timedelta(hours=3))
    both = session(
        office, paul, office.agent, starts_at=TUESDAY + timedelta(days=1), motif=other_motif, lieu=other_lieu
    )
    at = f"{AGENDA}?jour=2026-12-01"
    for query, expected in {
        "": [mine, both],
        "&qui=moi": [mine, both],
        f"&qui={office.agent.id}": [mine, both],
        f"&qui={paul.id}": [his, both],
        "&qui=tous": [mine, his, both],
        f"&service={office.service.id}": [mine, his, both],
        f"&qui=tous&motif={other_motif.id}": [both],
        f"&qui=tous&lieu={other_lieu.id}": [both],
        f"&qui=moi&lieu={office.lieu.id}": [],
        "&qui=n'importe&vue=autre&motif=x": [mine, both],  # as if nothing were said
    }.items():
        assert sheets(office.client.get(at + query)) == expected, query
    page = office.client.get(f"{at}&qui=tous").form("/agenda").submit(motif=other_motif.id, qui=paul.id)
    assert page.has("Agenda de Paul Roy · Premier emploi") and sheets(page) == [both]
    page = page.link("suivante").link("précédente").link("Jour").link("suivant").link("Semaine")
    assert page.has("Agenda de Paul Roy · Premier emploi") and sheets(page) == [both]
    assert sheets(page.link("Liste")) == [both]


def test_outside_my_services_nothing_is_shown_nor_said_to_exist(office: Office) -> None:
    """Another service's session, motif, agent; another organisation's place; mine where I no longer work."""
    pmi = make.service(office.org, name="PMI")
    stranger, motif = make.agent(pmi, first_name="Inès", last_name="Cachée"), make.motif(pmi, name="Bébés nageurs")
    hidden = session(office, stranger, office.agent, motif=motif)
    make.absence(stranger, first_day=date(2026, 12, 1), last_day=date(2026, 12, 1))
    abroad = make.lieu(make.organisation())
    db.session.commit()
    page = office.client.get(f"{AGENDA}?jour=2026-12-01&qui=tous")
    assert (
        not page.select(".bloc, .absence") and not page.has("Bébés") and not page.has("Cachée") and not page.has("PMI")
    )
    for query in (f"qui={stranger.id}", f"service={pmi.id}", f"motif={motif.id}", f"lieu={abroad.id}", "qui=999999"):
        there, nowhere = office.client.get(f"{AGENDA}?{query}"), office.client.get("/agent/rdv/999999")
        assert (there.status, there.h1) == (nowhere.status, nowhere.h1) == (404, nowhere.h1), query
    assert office.client.get(f"/agent/agenda/jauges?rdv={hidden}").html == ""
    admin = make.agent(office.service, "admin")
    db.session.commit()
    everything = log_in(office.client.another(), admin)
    assert everything.get(f"{AGENDA}?jour=2026-12-01&service={pmi.id}").has("Bébés nageurs")


def test_plages_stand_behind_and_say_where_their_session_went(office: Office) -> None:
    plage = make.plage(
        office.motif,
        [office.agent],
        title="RSA du mardi",
        rrule=WEEKLY + "TU",
        first_day=date(2026, 12, 1),
        excluded=["2026-12-15"],
    )
    plages_service.materialise(plage.id)
    db.session.commit()
    week = office.client.get(f"{AGENDA}?jour=2026-12-01")
    assert len(week.select(".fond")) == 1 and len(week.select(".bloc")) == 1  # the session hides nothing to say
    first = db.session.get_one(Rdv, sheets(week)[0])
    first.starts_at, first.ends_at, first.detache = (
        TUESDAY + timedelta(days=2),
        TUESDAY + timedelta(days=2, hours=2),
        True,
    )
    db.session.commit()
    days = blocs(office.client.get(f"{AGENDA}?jour=2026-12-01"))
    assert "séance déplacée au jeudi 3 décembre, 14" in days["mardi 1er décembre"][0] and days["jeudi 3 décembre"]
    assert not office.client.get(f"{AGENDA}?jour=2026-12-15").select(".bloc, .fond")  # a date taken out
    far = office.client.get(f"{AGENDA}?jour=2028-12-26")
    assert far.has("Plage : RSA du mardi") and far.has("pas encore de séance à cette date")


def test_absences_of_days_and_of_hours_with_their_title_for_who_may(office: Office) -> None:
    paul = make.agent(office.service, first_name="Paul", last_name="Roy")
    make.absence(office.agent, first_day=date(2026, 12, 1), last_day=date(2026, 12, 3), title="Congés")
    night = {"first_day": date(2026, 12, 1), "last_day": date(2026, 12, 2), "start_time": time(22), "end_time": time(6)}
    make.absence(paul, title="Nuit blanche", **night)
    often = {"first_day": date(2026, 11, 26), "last_day": date(2026, 11, 26), "rrule": WEEKLY + "TH"}
    make.absence(paul, title="Médecin", start_time=time(10), end_time=time(12), **often)
    db.session.commit()
    page = office.client.get(f"{AGENDA}?jour=2026-12-01&qui=tous")
    whole = [words(one.text()) for one in page.select(".entete .absence")]
    assert whole == ["Mon absence, Congés"] * 3
    days = {day: found for day, found in blocs(page).items() if found}
    assert list(days) == ["mardi 1er décembre", "mercredi 2 décembre", "jeudi 3 décembre"]
    assert "Absence : Paul R." in days["mardi 1er décembre"][0] and "Nuit blanche" in days["mardi 1er décembre"][0]
    assert "(suite)" in days["mercredi 2 décembre"][0] and "Médecin" in days["jeudi 3 décembre"][0]
    plain = log_in(office.client.another(), make_plain(office))
    page = plain.get(f"{AGENDA}?jour=2026-12-01&qui=tous")
    assert page.has("Absence : Paul R.") and not page.has("Médecin") and not page.has("Congés")
    assert page.link("Liste").has("Paul R., le jeudi 3 décembre")


def make_plain(office: Office) -> Any:
    """Somebody who only looks."""
    looks = [DroitAgent(organisation_id=office.org.id, service_id=office.service.id, droit=Droit.VOIR)]
    agent = make.agent(office.service, droits=looks)
    db.session.commit()
    return agent


@pytest.mark.parametrize(
    ("tz", "starts_at", "day", "hours", "holiday"),
    [
        (PARIS, utc(2026, 10, 25, 23, 30), "2026-10-26", "0 h 30 à 1 h", ""),
        (PARIS, utc(2026, 10, 25, 9), "2026-10-25", "10 h à 10 h 30", ""),
        (PARIS, utc(2027, 3, 28, 21, 45), "2027-03-28", "23 h 45 à 0 h 15 (lundi 29 mars)", ""),
        (PARIS, utc(2027, 3, 28, 22, 15), "2027-03-29", "0 h 15 à 0 h 45", "Lundi de Pâques"),
        ("Indian/Reunion", utc(2026, 12, 19, 20, 30), "2026-12-20", "0 h 30 à 1 h", "Abolition"),
        ("America/Martinique", utc(2027, 1, 2, 3), "2027-01-01", "23 h à 23 h 30", "Jour de l’an"),
    ],
)  # fmt: skip
def test_days_are_the_organisations(
    office: Office, tz: str, starts_at: datetime, day: str, hours: str, holiday: str
) -> None:
    """The weeks clocks change, overseas, and the public holidays of that part of France."""
    office.org.timezone = tz
    rdv = session(office, starts_at=starts_at, hours=0.5)
    page = office.client.get(f"{AGENDA}?jour={day}&vue=jour")
    assert sheets(page) == [rdv] and page.has(hours)
    said = [words(one.text()) for one in page.select(".entete p")]
    assert [one.partition(holiday)[0] for one in said] == (["Férié : "] if holiday else [])
    assert rdv in sheets(office.client.get(f"{AGENDA}?jour={day}"))
    assert rdv in sheets(office.client.get(f"{AGENDA}?jour={day}&vue=liste"))


def test_a_month_in_lines_with_its_counts(office: Office) -> None:
    for n in range(3):
        session(office, starts_at=TUESDAY + timedelta(days=n))
    session(office, starts_at=TUESDAY + timedelta(days=40))
    session(office, starts_at=TUESDAY + timedelta(days=3), cancelled_at=NOW)
    full = db.session.get_one(Rdv, session(office, starts_at=TUESDAY + timedelta(days=5)))
    full.places_prises = 12
    db.session.commit()
    page = office.client.get(f"{AGENDA}?vue=liste&jour=2026-12-15&qui=tous")
    assert words(page.select("#compte")[0].text()) == "5 séances, 12 places prises sur 48 · 1 complète · 1 annulée"
    assert len(page.select("tbody tr")) == 5 and len(page.select("table")) == 1
    assert page.link("précédent").h1 == "Novembre 2026" and page.link("suivant").h1 == "Janvier 2027"
    assert office.client.get(f"{AGENDA}?vue=liste&jour=2027-03-01").has("Aucune séance ce mois-ci")


def test_as_many_statements_for_300_sessions_as_for_3(office: Office) -> None:
    """A whole service with plages and absences; at most twenty gauges are followed; more than a column can show is
    counted."""
    team = [make.agent(office.service, first_name=f"A{n}") for n in range(8)]
    for one in team:
        make.absence(
            one, first_day=date(2026, 12, 1), last_day=date(2026, 12, 1), start_time=time(9), end_time=time(10)
        )

    def counted(query: str) -> tuple[int, Page]:
        with statements() as seen:
            page = office.client.get(f"{AGENDA}?qui=tous&jour=2026-12-01&{query}")
        return len(seen), page

    def sessions(number: int) -> None:
        plage = make.plage(office.motif, team[:1], first_day=date(2026, 12, 2))
        for n in range(number):
            rdv = make.rdv(
                office.motif, starts_at=TUESDAY + timedelta(days=n % 5, hours=n // 5 % 6 - 5), agents=team[n % 8 :]
            )
            rdv.lieu, rdv.salle = office.lieu, office.salle
        rdv.plage_ouverture, rdv.occurrence_le = plage, plage.first_day
        db.session.commit()

    sessions(3)
    few = {vue: counted(f"vue={vue}")[0] for vue in ("semaine", "jour", "liste")}
    sessions(297)
    many = {vue: counted(f"vue={vue}") for vue in ("semaine", "jour", "liste")}
    assert {vue: count for vue, (count, _) in many.items()} == few and max(few.values()) <= 16
    week, month = many["semaine"][1], many["liste"][1]
    followed = str(week.select("#flux")[0].attributes["hx-sse:connect"])
    assert followed.count("rdv=") == 20
    assert len(sheets(week)) == 300 and len(sheets(month)) == 200 and len(sheets(month.link("Suivante"))) == 100


def test_gauges_are_asked_again_one_by_one(office: Office) -> None:
    rdv = session(office)
    page = office.client.get(f"{AGENDA}/jauges?rdv={rdv}&rdv=999999", htmx=True)
    assert f'hx-target="#jauge-{rdv}"' in page.html and page.has("0/12") and "999999" not in page.html
    assert office.client.get(f"{AGENDA}?jour=2026-12-01").select(f"#jauge-{rdv}")


def test_a_new_session_takes_the_day_that_is_shown(office: Office) -> None:
    page = office.client.get(f"{AGENDA}?jour=2026-12-02&vue=jour").link("Nouvelle séance")
    assert page.select("[name=jour]")[0].attributes["value"] == "2026-12-02"
    assert not log_in(office.client.another(), make_plain(office)).get(AGENDA).has("Nouvelle séance")
