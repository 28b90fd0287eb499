"""What else is on at the same time as the dates of a plage, and public holidays, said beside them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
import time_machine
from flask import Flask

from tests import factories
from tests.pages import Page, PageClient
from tests.services.test_plages import statements
from tests.web.test_plages_pages import NOUVELLE, NOW, Office
from webapp.extensions import db


@pytest.fixture(name="office")
def on_a_sunday(app: Flask, client: PageClient) -> Iterator[Office]:
    with app.app_context(), time_machine.travel(NOW, tick=False):
        yield Office(client)


def typed_dates(office: Office, **fields: Any) -> Page:
    form = office.client.get(f"{NOUVELLE}?motif_id={office.motif.id}").form("/nouvelle").fill(office.typed(**fields))
    return office.client.post("/agent/plages/apercu", data=form.values, htmx=True)


def test_what_else_is_on_is_said_with_the_dates_then_one_may_go_on(office: Office) -> None:
    paul = factories.agent(office.service, first_name="Paul", last_name="Roy")
    held = factories.rdv(office.motif, starts_at=datetime(2026, 12, 8, 14, tzinfo=UTC), agents=[paul])
    cancelled = factories.rdv(office.motif, starts_at=datetime(2026, 12, 1, 14, tzinfo=UTC), agents=[paul])
    cancelled.cancelled_at = NOW
    pmi = factories.motif(factories.service(office.org, name="PMI"), name="Bébés")
    factories.rdv(pmi, starts_at=datetime(2026, 12, 15, 14, 30, tzinfo=UTC), salle_id=office.salle.id)
    factories.rdv(pmi, starts_at=datetime(2026, 12, 22, 15, tzinfo=UTC), salle_id=office.salle.id)  # just after
    factories.absence(office.agent, first_day=date(2026, 12, 29), last_day=date(2027, 1, 5))
    db.session.commit()
    who = {"agent_ids": [office.agent.id, paul.id]}
    page = typed_dates(office, **who)
    assert page.has("Autre chose est prévu en même temps, sur 4 dates")
    said = [node.text().replace("\xa0", " ") for node in page.select("#conflits li")]
    assert said == [
        "mardi 8 décembre 2026 · Paul R. : Mes droits au RSA, de 15 h à 17 h",
        "mardi 15 décembre 2026 · La salle « Salle Simone-Veil » : séance d’un autre service, de 15 h 30 à 17 h 30",
        "mardi 29 décembre 2026 · Hélène M. : absence notée",
        "mardi 5 janvier 2027 · Hélène M. : absence notée",
    ]
    assert not typed_dates(office, agent_ids=[paul.id], endroit=f"l{office.lieu.id}", jusqua="2026-12-01").select(
        "#conflits"
    )
    # Who did not see them is shown them first, everything kept; then the same button goes on.
    page = office.create(title="Groupe", **who)
    assert page.status == 409 and page.title.startswith("Erreur") and office.plage() is None
    assert page.has("validez à nouveau pour passer outre") and len(page.select("#conflits li")) == 4
    factories.rdv(office.motif, starts_at=datetime(2026, 12, 1, 14, tzinfo=UTC), agents=[paul])
    db.session.commit()
    page = page.form("/nouvelle").submit(button="Créer la plage")  # a fifth one came meanwhile
    assert page.status == 409 and len(page.select("#conflits li")) == 5
    page = page.form("/nouvelle").submit(button="Créer la plage")
    assert page.status == 200 and page.has("13 séances créées") and held.id
    # Its own sessions are not in its own way; what was in view when it was opened does not stop it again.
    plage = office.plage()
    opened = office.client.get(f"/agent/plages/{plage.id}")
    assert len(opened.select("#conflits li")) == 5
    page = opened.form(f"/plages/{plage.id}").submit(button="Enregistrer", title="Groupe du soir")
    assert page.status == 200 and office.plage().title == "Groupe du soir"


def test_the_same_questions_are_asked_whatever_the_number_of_dates(office: Office) -> None:
    factories.absence(office.agent, first_day=date(2026, 12, 1), last_day=date(2027, 10, 1))
    db.session.commit()
    counts = []
    for fields in ({"frequence": "une"}, {"jours": list(range(7)), "jusqua": "2027-05-01"}):
        form = office.client.get(f"{NOUVELLE}?motif_id={office.motif.id}").form("/nouvelle")
        values = form.fill(office.typed(**fields)).values
        with statements() as seen:
            page = office.client.post("/agent/plages/apercu", data=values, htmx=True)
        counts.append((len(seen), len(page.select("#conflits li"))))
    (one, first), (many, second) = counts
    assert (first, second) == (1, 9) and one == many, counts


def test_public_holidays_are_proposed_as_dates_to_skip(office: Office) -> None:
    form = office.client.get(f"{NOUVELLE}?motif_id={office.motif.id}").form("/nouvelle")
    page = form.submit(office.typed(jours=[4], sauts="11/12/2026", endroit=""), button="Actualiser les dates")
    assert page.has("2 dates tombent un jour férié : vendredi 25 décembre 2026 (Noël), vendredi 1er janvier 2027")
    page = page.form("/nouvelle").submit(button="Sauter les jours fériés")
    assert page.status == 200 and office.plage() is None
    assert page.form("/nouvelle").values["sauts"][0].split() == ["11/12/2026", "25/12/2026", "01/01/2027"]
    assert not page.has("jour férié :") and not page.has("25 décembre")
    page = page.form("/nouvelle").submit(endroit=f"s{office.salle.id}", button="Créer la plage")
    assert page.has("séances créées") and office.plage().excluded == ["2026-12-11", "2026-12-25", "2027-01-01"]


@pytest.mark.parametrize(
    ("tz", "day", "name"),
    [
        ("America/Martinique", "2027-05-22", "Abolition de l’esclavage"),
        ("Indian/Reunion", "2026-12-20", "Abolition de l’esclavage"),
        ("Europe/Paris", "2026-12-20", ""),
    ],
)
def test_each_part_of_france_has_its_own_days(office: Office, tz: str, day: str, name: str) -> None:
    office.org.timezone = tz
    db.session.commit()
    page = typed_dates(office, frequence="une", first_day=day, fin="sans")
    assert page.has("tombe un jour férié") is bool(name) and page.has(name)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"first_day": "2031-11-23", "jusqua": "2031-12-30"}, "plus de 5 ans"),
        ({"agent_ids": ["999999"]}, "Choisissez des agents en activité du service « Service insertion »"),
    ],
)
def test_forged_or_mistyped_fields_have_a_sentence_of_their_own(office: Office, fields: Any, words: str) -> None:
    page = office.create(**fields)
    assert page.status == 422 and page.has(words) and office.plage() is None


def test_two_motifs_are_one_too_many(office: Office) -> None:
    other = factories.motif(office.service, name="Autre")
    db.session.commit()
    form = office.client.get(f"{NOUVELLE}?motif_id={office.motif.id}").form("/nouvelle").fill(office.typed())
    data = {**form.values, "motif_id": [str(office.motif.id), str(other.id)]}
    page = office.client.post(NOUVELLE, data=data)
    assert page.status == 422 and page.has("Une plage collective a un seul motif") and office.plage() is None
