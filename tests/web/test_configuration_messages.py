"""What became of messages, as an admin sees it: what waits, what failed, day by day; and how messages are set."""

import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, select

from tests.databases import statements
from tests.desk import Desk, desk
from tests.noise import noise
from tests.pages import Page
from webapp.clock import utcnow
from webapp.domain.dates import local
from webapp.extensions import db
from webapp.models import Canal, CompteurSms, EtatNotification, Journal, Notification, Organisation, Rdv
from webapp.notifications.base import Notice
from webapp.web.envois import MESSAGES, masked, without_contacts

PAGE = "/configuration/messages"
SENT, FAILED, LEFT_OUT, TO_SEND = (
    EtatNotification.ENVOYEE,
    EtatNotification.ECHEC,
    EtatNotification.IGNOREE,
    EtatNotification.A_ENVOYER,
)


@pytest.fixture
def made(app: Flask) -> Desk:
    return desk(app, people=1)


def row(made: Desk, etat: EtatNotification = SENT, *, rdv: int | None = None, **fields: Any) -> dict[str, Any]:
    """One message of the desk's organisation, written now."""
    session = made.session(rdv or made.rdv)
    now = fields.pop("now", utcnow())
    defaults = {
        "organisation_id": session.organisation_id,
        "event": "inscription",
        "sujet_type": "participation",
        "sujet_id": 1,
        "changement": uuid.uuid4().hex,
        "canal": Canal.SMS,
        "destinataire_type": "usager",
        "destinataire_id": 1,
        "rdv_id": session.id,
        "participation_ids": [],
        "etat": etat,
        "prevue_le": now,
        "a_envoyer_le": now,
        "cree_le": now,
        "cle_envoi": uuid.uuid4().hex,
        "adresse": "+33639981278",
        "corps": "Bonjour, [lien personnel]",
        "segments": 1,
        "envoyee_le": now if etat is SENT else None,
        "erreur": "" if etat is SENT else "Numéro refusé",
        "tentatives": 1,
    }
    return {**defaults, **fields}


def write(made: Desk, *rows: dict[str, Any]) -> list[int]:
    with made.app.app_context():
        ids = list(db.session.scalars(insert(Notification).returning(Notification.id), list(rows)))
        db.session.commit()
        return ids


def state(made: Desk, message_id: int) -> Notification:
    with made.app.app_context():
        found = db.session.get(Notification, message_id)
        assert found is not None
        return found


def cells(page: Page, table: int = 0) -> dict[str, list[str]]:
    """Row heading → its numbers, of one table of the page."""
    rows = page.select("table")[table].css("tbody tr")
    return {" ".join(r.css("th")[0].text().split()): [td.text() for td in r.css("td")] for r in rows}


def test_the_page_says_what_waits_what_failed_and_counts(made: Desk) -> None:
    write(
        made,
        row(made, segments=2),
        row(made, event="rappel"),
        row(made, canal=Canal.COURRIEL, adresse="marie@exemple.fr", segments=None),
        row(made, LEFT_OUT, erreur="La personne a prévenu."),
        row(made, FAILED, erreur="Boîte de marie.durand@exemple.fr pleine (SMTP 552)", segments=3),
        row(made, TO_SEND, prevue_le=utcnow() - timedelta(hours=2), erreur=""),
    )
    page = made.log_in("admin").get(PAGE)
    assert page.h1 == "Messages" and page.has("1 SMS depuis le")
    assert page.has("1 message n’est pas parti") and page.has("Boîte de m••••@exemple.fr pleine (SMTP 552)")
    assert "marie" not in page.html and "39981278" not in page.html and page.has("06 •• •• •• 78")
    assert cells(page) == {
        "Confirmation par SMS": ["1", "1", "1", "1", "2"],
        "Confirmation par courriel": ["1", "0", "0", "0", "–"],
        "Rappel par SMS": ["1", "0", "0", "0", "1"],
        "Total": ["3", "1", "1", "1", "3"],
    }
    assert page.has("[lien personnel]") and page.select(f'a[href="/agent/rdv/{made.rdv}"]')


def test_nothing_yet(made: Desk) -> None:
    page = made.log_in("admin").get(PAGE)
    assert page.has("Rien n’attend") and page.has("Aucun message en échec") and page.has("Aucun message pour l’instant")


@pytest.mark.parametrize("address", [PAGE, f"{PAGE}/attente", f"{PAGE}/reglages"])
@pytest.mark.parametrize("who", ["agent", "référent"])
def test_without_the_right_it_is_named(made: Desk, address: str, who: str) -> None:
    page = made.log_in(who).get(address)
    assert page.status == 403 and page.has("configurer l’organisation")
    home = made.log_in(who).get("/configuration/")
    assert not home.select(f'a[href="{PAGE}"]')


def test_another_organisation_sees_and_touches_nothing(made: Desk) -> None:
    (lost,) = write(made, row(made, FAILED))
    stranger = made.log_in("étranger")
    page = stranger.get(PAGE)
    assert page.has("Aucun message pour l’instant") and page.has("Aucun message en échec")
    token = stranger.get(f"{PAGE}/reglages").form().values["csrf_token"][0]
    assert stranger.post(f"{PAGE}/{lost}/nouvel-essai", data={"csrf_token": token}).status == 404
    assert stranger.post(f"{PAGE}/nouvel-essai", data={"csrf_token": token}, follow=True).has("Rien à renvoyer")
    assert state(made, lost).etat is FAILED


def test_one_is_sent_again_once(made: Desk) -> None:
    old = utcnow() - timedelta(days=2)
    lost, other = write(made, row(made, FAILED, now=old, tentatives=7), row(made, FAILED))
    client = made.log_in("admin")
    form = client.get(f"{PAGE}?canal=sms").form(f"/{lost}/nouvel-essai")
    assert form.submit().has("1 message repart")
    again = form.submit(follow=False)
    assert (again.status, again.location) == (303, f"{PAGE}?canal=sms")
    found = state(made, lost)
    assert (found.etat, found.tentatives) == (TO_SEND, 0) and found.prevue_le > old
    assert state(made, other).etat is FAILED
    with made.app.app_context():
        (line,) = db.session.scalars(select(Journal).where(Journal.action == "nouvel_essai"))
        assert line.details == {"messages": 1} and line.agent_id and line.rdv_id == made.rdv
    assert client.get(f"/agent/rdv/{made.rdv}").has("a demandé un nouvel essai pour 1 message en échec")


def test_all_failures_go_again_and_what_left_is_never_touched(made: Desk) -> None:
    lost = write(made, *(row(made, FAILED) for _ in range(12)))
    others = write(made, row(made), row(made, LEFT_OUT), row(made, FAILED, now=utcnow() - timedelta(days=40)))
    client = made.log_in("admin")
    page = client.get(PAGE)
    assert page.has("12 messages ne sont pas partis") and page.has("Voir les 12 messages en échec")
    assert page.form("/messages/nouvel-essai").submit().has("12 messages repartent")
    assert {state(made, one).etat for one in lost} == {TO_SEND}
    assert [state(made, one).etat for one in others] == [SENT, LEFT_OUT, FAILED]


def test_the_next_run_sends_them(app: Flask, made: Desk, valkey: Any) -> None:
    """The queue is told after the commit."""
    write(made, row(made, FAILED, file="mass"))
    made.log_in("admin").get(PAGE).form("/messages/nouvel-essai").submit()
    import redis

    with redis.Redis.from_url(valkey.url) as client:
        assert client.exists("rdv:reveil:mass")


def test_filters_are_in_the_address(made: Desk) -> None:
    yesterday = utcnow() - timedelta(days=1)
    write(
        made,
        row(made, event="rappel"),
        row(made, canal=Canal.COURRIEL, adresse="a@b.fr", segments=None),
        row(made, now=yesterday, corps="Texte d’hier"),
        row(made, now=utcnow() - timedelta(days=20), corps="Texte ancien"),
    )
    client = made.log_in("admin")
    form = client.get(PAGE).form(f"{PAGE}#jours")
    page = form.submit(evenement="rappel", canal="sms")
    assert "evenement=rappel" in page.url and list(cells(page)) == ["Rappel par SMS", "Total"]
    assert len(page.select(".envoi")) == 1
    with made.app.app_context():
        day = local(yesterday, "Europe/Paris").date()
    page = client.get(f"{PAGE}?jour={day}")
    assert len(page.select(".envoi")) == 1 and page.has("Texte d’hier")
    assert len(client.get(f"{PAGE}?jours=30").select(".envoi")) == 4
    assert len(client.get(f"{PAGE}?etat=echec").select(".envoi")) == 0
    for nonsense in ("jours=99&jour=hier", "jour=0001-01-01", "canal=pigeon&etat=perdu&evenement=x&avant=z"):
        assert len(client.get(f"{PAGE}?{nonsense}").select(".envoi")) == 3


def test_fifty_at_a_time(made: Desk) -> None:
    moment = utcnow() - timedelta(hours=1)  # all at once: the ids decide
    write(made, *(row(made, now=moment, corps=f"n° {number}.") for number in range(120)))
    client = made.log_in("admin")
    seen, page = [], client.get(PAGE)
    while True:
        seen += [one.text() for one in page.select(".envoi .preview .pre")]
        if not page.select('a[rel="next"]'):
            break
        page = page.link("Plus anciens")
    assert seen == [f"n° {number}." for number in reversed(range(120))]
    assert page.link("Les plus récents").has("n° 119.")


def test_the_number_of_statements_does_not_depend_on_the_messages(made: Desk) -> None:
    client = made.log_in("admin")

    def count() -> int:
        with made.app.app_context(), statements() as seen:
            assert client.get(f"{PAGE}?jours=30").status == 200
        return len(seen)

    empty = count()
    write(made, *(row(made, [SENT, FAILED, TO_SEND][n % 3], event=["rappel", "message"][n % 2]) for n in range(90)))
    assert count() == empty <= 9


def test_what_waits_refreshes_alone(made: Desk) -> None:
    client = made.log_in("admin")
    write(made, row(made, TO_SEND, canal=Canal.COURRIEL, now=utcnow() + timedelta(hours=9)))
    part = client.get(f"{PAGE}/attente", htmx=True)
    assert not part.whole and part.has("1 courriel pour plus tard")
    assert client.get(f"{PAGE}/attente").h1 == "Messages qui attendent"


def test_every_event_has_its_words() -> None:
    assert set(Notice.by_name) <= set(MESSAGES)


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("550 <jean.petit@exemple.fr>: inconnu", "550 <j••••@exemple.fr>: inconnu"),
        ("numéro +33639981278 refusé", "numéro •••• refusé"),
        ("numéro 06 39 98 12 78 refusé", "numéro •••• refusé"),
        ("SMS refusé par l’opérateur (HTTP 400)", "SMS refusé par l’opérateur (HTTP 400)"),
    ],
)
def test_a_reason_names_nobody(reason: str, shown: str) -> None:
    assert without_contacts(reason) == shown
    assert masked("") == "" and masked("marie@exemple.fr") == "m••••@exemple.fr"


# --- settings ------------------------------------------------------------------------------------------------------


def organisation(made: Desk) -> Organisation:
    with made.app.app_context():
        rdv = db.session.get(Rdv, made.rdv)
        return rdv.organisation


def test_settings_are_saved_and_journaled(made: Desk) -> None:
    client = made.log_in("admin")
    with made.app.app_context():
        org = organisation(made)
        day = local(utcnow(), org.timezone).date()
        db.session.add(CompteurSms(cle=f"organisation:{org.id}", jour=day, nombre=42))
        db.session.commit()
    page = client.get(f"{PAGE}/reglages")
    assert page.has("42 SMS partis sur 500")
    form = page.form()
    typed = {
        "confirmation_sms": "sous_48h",
        "budget_sms_jour": "0",
        "sms_sender": "Valmont26",
        "nom_neutre": "rendez-vous au centre social",
    }
    for _ in range(2):
        page = form.submit(typed)
        assert page.status == 200 and page.has("sont enregistrés")
    found = organisation(made)
    assert (found.confirmation_sms, found.budget_sms_jour, found.sms_sender, found.nom_neutre) == (
        "sous_48h",
        0,
        "Valmont26",
        "rendez-vous au centre social",
    )
    with made.app.app_context():
        (line,) = db.session.scalars(select(Journal).where(Journal.action == "reglages_messages"))
        assert line.details["changements"]["budget_sms_jour"] == {"de": 500, "a": 0}
        assert set(line.details["changements"]) == set(typed)


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("budget_sms_jour", "-1", "entre 0 et"),
        ("budget_sms_jour", "beaucoup", "nombre entier"),
        ("budget_sms_jour", "", "nombre entier"),
        ("sms_sender", "Maison été", "sans accent"),
        ("sms_sender", "MaisonDeValmont", "celui-ci en a 15"),
        ("sms_sender", "36179", "au moins une lettre"),
        ("nom_neutre", "  ", "que les personnes liront"),
        ("nom_neutre", "x" * 81, "80 caractères au plus"),
        ("confirmation_sms", "jamais", "Choisissez"),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_the_reason(made: Desk, field: str, typed: str, said: str) -> None:
    page = made.log_in("admin").get(f"{PAGE}/reglages").form().submit({field: typed})
    assert page.status == 422 and said in page.errors[field]
    assert organisation(made).budget_sms_jour == 500


@pytest.fixture
def many(made: Desk) -> Desk:
    """A hundred thousand messages over a month, one in two thousand failed."""
    base, now = row(made), utcnow()
    with made.app.app_context():
        for start in range(0, 100_000, 10_000):
            rows = [
                {
                    **base,
                    "etat": FAILED if n % 2000 == 1999 else LEFT_OUT if n % 20 == 18 else SENT,
                    "event": ["rappel", "inscription", "annulation", "message"][n % 4],
                    "canal": [Canal.SMS, Canal.COURRIEL][n % 2],
                    "cle_envoi": str(n),
                    "changement": str(n),
                    "cree_le": now - timedelta(seconds=25 * n),
                }
                for n in range(start, start + 10_000)
            ]
            db.session.execute(insert(Notification.__table__), rows)
        db.session.commit()
    return made


@pytest.mark.volume
def test_a_hundred_thousand_messages(many: Desk) -> None:
    """0.1 to 0.3 s on the machine that measured it."""
    client = many.log_in("admin")
    client.get(PAGE)
    for address in (PAGE, f"{PAGE}?jours=30", f"{PAGE}?jours=30&etat=echec", f"{PAGE}?canal=sms&evenement=rappel"):
        began = time.monotonic()
        assert client.get(address).status == 200
        assert time.monotonic() - began < 2 * noise()
