"""« Comment vous prévenir »: chosen by people, noted by agents, kept where it belongs; out in one click."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from tests.desk import Desk, desk
from tests.pages import Page, PageClient
from webapp import links
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import Canal, EtatNotification, Journal, Notification, Participation, Rdv
from webapp.notifications.people import lecteurs

MOBILE, LANDLINE = "+33639981278", "+33475990199"
WARNING = "Nous ne pourrons plus vous prévenir d’un changement ou d’une annulation."
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def made(app: Flask) -> Desk:
    return desk(app, people=1)


@pytest.fixture
def somebody(made: Desk) -> Callable[..., str]:
    """Adds a person to the session, and gives their link; `place` are the participation's own fields."""

    def add(place: dict[str, Any] | None = None, **fields: Any) -> str:
        with made.app.app_context():
            rdv = db.session.get(Rdv, made.rdv)
            person = make.usager(
                rdv.organisation_id, **{"first_name": "Marie", "phone": MOBILE, "email": "marie@exemple.fr", **fields}
            )
            row = make.participation(rdv, person, **(place or {}))
            db.session.commit()
            made.places.append(row.id)
            return f"/p/{links.token(links.PARTICIPATION, row.lien_nonce)}"

    return add


def reached(made: Desk, position: int = -1) -> tuple[str, str]:
    """The number and the address messages about that place go to."""
    with made.app.app_context():
        place = db.session.get(Participation, made.places[position])
        (reader,) = lecteurs([place])
        return next(iter(reader.adresses[Canal.SMS]), ""), reader.courriel


def kept(made: Desk, position: int = -1) -> tuple[bool, bool, bool, bool]:
    """refus_sms, refus_courriel of the place; notify_by_sms, notify_by_email of the file."""
    with made.app.app_context():
        place = db.session.get(Participation, made.places[position])
        who = place.usager.responsable or place.usager
        return place.refus_sms, place.refus_courriel, who.notify_by_sms, who.notify_by_email


def lines(made: Desk) -> list[dict[str, Any]]:
    with made.app.app_context():
        found = db.session.scalars(select(Journal).where(Journal.action == "canaux").order_by(Journal.id))
        return [{"par": line.acteur.value, **line.details} for line in found]


# --- from the link -------------------------------------------------------------------------------------------------


def test_the_choice_is_kept_in_the_file_and_undone(app: Flask, made: Desk, somebody: Callable[..., str]) -> None:
    link = somebody()
    page = PageClient(app).get(link)
    assert page.has("Comment vous prévenir") and page.has("06 •• •• •• 78") and page.has("m••••@exemple.fr")
    assert page.has(WARNING) and page.has("Ce choix vaut pour tous vos rendez-vous.")
    form = page.form("/canaux")
    assert form.values["sms"] == form.values["courriel"] == ["1"]
    answer = form.submit(courriel=False, follow=False)
    assert (answer.status, answer.location) == (303, link)
    assert kept(made) == (False, False, True, False) and reached(made) == (MOBILE, "")
    page = PageClient(app).get(link).form("/canaux").submit(courriel=True)
    assert page.has("nous vous préviendrons par SMS et par courriel")
    assert kept(made) == (False, False, True, True)
    assert lines(made) == [
        {"par": "usager", "choix": {"courriel": False}, "pour": "fiche"},
        {"par": "usager", "choix": {"courriel": True}, "pour": "fiche"},
    ]


def test_nothing_at_all_is_a_choice(app: Flask, made: Desk, somebody: Callable[..., str]) -> None:
    link = somebody()
    page = PageClient(app).get(link).form("/canaux").submit(sms=False, courriel=False)
    assert page.status == 200 and page.has(f"C’est noté. {WARNING}")
    assert page.has("Vous ne recevez plus rien de nous.") and not page.has("Aucune case cochée ?")
    assert reached(made) == ("", "")
    assert made.log_in().get(f"/agent/rdv/{made.rdv}").has("à appeler")


def test_a_contact_of_its_own_speaks_for_that_place_only(app: Flask, made: Desk, somebody: Callable[..., str]) -> None:
    link = somebody({"courriel": "autre@exemple.fr"}, phone=MOBILE, email="marie@exemple.fr")
    page = PageClient(app).get(link)
    assert page.has("a••••@exemple.fr") and page.has("Ce choix vaut pour ce rendez-vous.")
    page = page.form("/canaux").submit(sms=False, courriel=False)
    assert kept(made) == (True, True, True, True) and reached(made) == ("", "")
    page.form("/canaux").submit(sms=True)
    assert kept(made) == (False, True, True, True) and reached(made) == (MOBILE, "")


def test_it_does_not_accept_what_the_file_refuses(app: Flask, made: Desk, somebody: Callable[..., str]) -> None:
    link = somebody({"courriel": "autre@exemple.fr"}, notify_by_sms=False)
    form = PageClient(app).get(link).form("/canaux")
    assert "sms" not in form.names
    form.values["sms"] = ["1"]
    form.submit()
    assert kept(made) == (False, False, False, True)


def test_a_relative_s_reader_chooses_for_themself(app: Flask, made: Desk, somebody: Callable[..., str]) -> None:
    with made.app.app_context():
        parent = make.usager(db.session.get(Rdv, made.rdv).organisation_id, phone=MOBILE)
        db.session.commit()
        parent_id = parent.id
    link = somebody(responsable_id=parent_id, phone=None, email=None, first_name="Léo")
    page = PageClient(app).get(link)
    assert page.has("06 •• •• •• 78") and "courriel" not in page.form("/canaux").names
    page.form("/canaux").submit(sms=False)
    assert kept(made) == (False, False, False, True)


def test_only_channels_that_exist_are_proposed(app: Flask, made: Desk, somebody: Callable[..., str]) -> None:
    link = somebody(phone=LANDLINE)
    form = PageClient(app).get(link).form("/canaux")
    assert "sms" not in form.names
    form.submit()
    assert kept(made) == (False, False, True, True)  # a box that is not there is no refusal
    assert not PageClient(app).get(somebody(phone=None, email=None)).select("#canaux")


def test_twice_the_same_is_noted_once(app: Flask, made: Desk, somebody: Callable[..., str]) -> None:
    form = PageClient(app).get(somebody()).form("/canaux").fill(sms=False)
    versions = []
    for _ in range(2):
        assert form.submit(follow=False).status == 303
        versions.append(made.place(-1).version)
    assert len(lines(made)) == 1 and versions == [2, 2]


def test_nothing_to_choose_once_removed_or_unknown(app: Flask, made: Desk, somebody: Callable[..., str]) -> None:
    client = PageClient(app)
    token = client.get(somebody()).form("/canaux").values["csrf_token"][0]
    gone = somebody({"statut": Statut.ANNULE})
    assert not client.get(gone).select("#canaux")
    answer = client.post(f"{gone}/canaux", data={"csrf_token": token})
    assert answer.status == 409 and answer.has("n’est plus à venir")
    assert client.post("/p/aaaaaaaaaaaaaaaaaaaaaa/canaux", data={"csrf_token": token}).status == 404
    assert client.post(f"{gone}/canaux", data=ONE_CLICK).status == 419


# --- out of the mails ----------------------------------------------------------------------------------------------


def test_opening_the_link_changes_nothing_the_button_does(app: Flask, made: Desk, somebody: Callable[..., str]) -> None:
    link = somebody()
    page = PageClient(app).get(f"{link}/desabonnement")
    assert page.h1 == "Ne plus recevoir de courriels" and page.has("m••••@exemple.fr")
    assert kept(made) == (False, False, True, True)
    page = page.form().submit()
    assert page.url == link and page.has("nous vous préviendrons par SMS")
    assert kept(made) == (False, False, True, False)
    assert PageClient(app).get(f"{link}/desabonnement").h1 == "Vous ne recevez plus de courriels"


def test_one_click_needs_neither_cookie_nor_token(app: Flask, made: Desk, somebody: Callable[..., str]) -> None:
    """RFC 8058."""
    link = somebody({"courriel": "autre@exemple.fr"})
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        answer = PageClient(app).post(f"{link}/desabonnement", data=ONE_CLICK, content_type=kind)
        assert answer.status == 200 and "Set-Cookie" not in answer.headers
    assert kept(made) == (False, True, True, True) and len(lines(made)) == 1
    assert lines(made)[0] == {"par": "usager", "choix": {"courriel": False}, "pour": "place"}


@pytest.mark.parametrize(
    "sent", [{}, {"List-Unsubscribe": "oui"}, {**ONE_CLICK, "csrf_token": "périmé"}, {**ONE_CLICK, "sms": "1"}]
)
def test_anything_else_needs_the_token(
    app: Flask, made: Desk, somebody: Callable[..., str], sent: dict[str, str]
) -> None:
    link = somebody()
    assert PageClient(app).post(f"{link}/desabonnement", data=sent).status == 419
    assert kept(made) == (False, False, True, True)


def test_one_click_opens_no_other_door(app: Flask, made: Desk, somebody: Callable[..., str]) -> None:
    link = somebody()
    for address in (f"{link}/desistement", f"{link}/reinscription", "/agent/connexion"):
        assert PageClient(app).post(address, data=ONE_CLICK).status == 419
    assert PageClient(app).post("/p/aaaaaaaaaaaaaaaaaaaaaa/desabonnement", data=ONE_CLICK).status == 404


# --- by an agent ---------------------------------------------------------------------------------------------------


def panel(client: PageClient, made: Desk) -> Page:
    """« Note et messages » of the last person."""
    return client.get(f"/agent/rdv/{made.rdv}/participations/{made.places[-1]}/note")


def note(page: Page, made: Desk, position: int = -1, *, htmx: bool = False, **boxes: bool) -> Page:
    return page.form(f"/{made.places[position]}/canaux").submit(dict(boxes), htmx=htmx, follow=False)


def test_an_agent_notes_what_somebody_said(made: Desk, somebody: Callable[..., str]) -> None:
    somebody()
    client = made.log_in()
    page = panel(client, made)
    answer = note(page, made, sms=False, rappels=False)
    assert answer.status == 303 and answer.location.endswith(f"#participation-{made.places[-1]}")
    assert kept(made) == (False, False, False, True) and not made.place(-1).rappeler
    page = client.get(f"/agent/rdv/{made.rdv}")
    assert page.has("Refuse les SMS.") and page.has("Ne veut pas de rappel.")
    assert page.has("plus de SMS, plus de rappels")
    answer = note(panel(client, made), made, htmx=True, sms=True, rappels=True)
    assert answer.status == 200 and f"#participation-{made.places[-1]}" in answer.html
    assert answer.has("choix noté") and len(answer.html.encode()) < 4096
    seen = made.log_in("référent").get(f"/agent/rdv/{made.rdv}/lignes?depuis=1&dernier=99", htmx=True)
    assert seen.has("ligne mise à jour") and "inscription notée" not in seen.html
    assert kept(made) == (False, False, True, True) and made.place(-1).rappeler


def test_an_agent_may_undo_any_refusal(made: Desk, somebody: Callable[..., str]) -> None:
    somebody({"courriel": "autre@exemple.fr", "refus_sms": True}, notify_by_sms=False)
    note(panel(made.log_in(), made), made, sms=True)
    assert kept(made) == (False, False, True, True) and reached(made) == (MOBILE, "autre@exemple.fr")


@pytest.mark.parametrize("htmx", [False, True])
def test_what_a_colleague_did_meanwhile_is_not_overwritten(
    made: Desk, somebody: Callable[..., str], htmx: bool
) -> None:
    somebody()
    page = panel(made.log_in(), made)
    note(panel(made.log_in("référent"), made), made, courriel=False)
    answer = note(page, made, htmx=htmx, sms=False)
    assert answer.status == 409 and answer.has("Quelqu’un vient de changer")
    assert kept(made) == (False, False, True, False)


def test_the_sheet_says_why_somebody_is_not_reached(made: Desk, somebody: Callable[..., str]) -> None:
    somebody(phone=LANDLINE, email=None)
    client = made.log_in()
    page = client.get(f"/agent/rdv/{made.rdv}")
    assert page.has("Pas de SMS : numéro fixe ou étranger.") and page.has("Pas de courriel : aucune adresse.")
    assert not panel(client, made).select("form[action$=canaux]")


def test_the_sheet_says_each_message_in_words(made: Desk, somebody: Callable[..., str]) -> None:
    somebody()
    with made.app.app_context():
        place = db.session.get(Participation, made.places[-1])
        for event, etat, why in (
            ("message", EtatNotification.ENVOYEE, ""),
            ("modification", EtatNotification.ECHEC, "Boîte de marie@exemple.fr pleine"),
        ):
            db.session.add(
                Notification(
                    organisation_id=place.rdv.organisation_id,
                    event=event,
                    sujet_type="rdv",
                    sujet_id=place.rdv_id,
                    changement="v1",
                    canal=Canal.COURRIEL,
                    destinataire_type="usager",
                    destinataire_id=place.usager_id,
                    rdv_id=place.rdv_id,
                    participation_ids=[place.id],
                    etat=etat,
                    prevue_le=place.inscrit_le,
                    a_envoyer_le=place.inscrit_le,
                    envoyee_le=place.inscrit_le,
                    cle_envoi=event,
                    erreur=why,
                )
            )
        db.session.commit()
    page = made.log_in().get(f"/agent/rdv/{made.rdv}")
    assert page.has("Message d’un agent par courriel : envoi le")
    assert page.has("Changement par courriel : échec. Boîte de m••••@exemple.fr pleine")


@pytest.mark.parametrize(("who", "status"), [("voisin", 404), ("étranger", 404)])
def test_other_agents_note_nothing(made: Desk, somebody: Callable[..., str], who: str, status: int) -> None:
    somebody()
    client = made.log_in(who)
    token = client.get("/agent/preferences").form(css="form.card").values["csrf_token"][0]
    address = f"/agent/rdv/{made.rdv}/participations/{made.places[-1]}/canaux"
    assert client.post(address, data={"csrf_token": token}).status == status
    assert kept(made) == (False, False, True, True)


def test_nothing_is_noted_on_a_cancelled_session(made: Desk, somebody: Callable[..., str]) -> None:
    somebody()
    client = made.log_in()
    form = panel(client, made).form("/canaux")
    client.get(f"/agent/rdv/{made.rdv}/annulation").form("/annulation").submit()
    assert form.submit(sms=False, follow=False).status == 409
    assert kept(made) == (False, False, True, True)
