"""A session moved, its people written to, a note kept: what each page says, refuses and does without JavaScript."""

from datetime import datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from tests.desk import Desk, desk, sound, today, told
from tests.pages import Page, PageClient
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import (
    Canal,
    EtatNotification,
    Journal,
    Message,
    Notification,
    Participation,
    PlageOuverture,
    Rdv,
    Salle,
    TypeLieu,
)
from webapp.services.plages import materialise


@pytest.fixture
def made(app: Flask) -> Desk:
    """A session in ten days, somewhere, with three people: a mobile; a mobile and an e-mail; nothing at all."""
    made = desk(app)
    with app.app_context():
        rdv = db.session.get(Rdv, made.rdv)
        rdv.lieu = make.lieu(rdv.organisation, name="Maison des Tilleuls")
        make.salle(make.lieu(rdv.organisation, name="Centre social"), name="Grande salle")
        second, third = (db.session.get(Participation, place).usager for place in made.places[1:])
        second.email, third.phone = "deux@exemple.fr", None
        db.session.commit()
    return made


def move(client: PageClient, made: Desk, **changes: str) -> Page:
    """Send the page's own form, with these changes."""
    form = client.get(f"/agent/rdv/{made.rdv}/modification").form("/modification")
    return form.submit(**changes, follow=False)


def wall(made: Desk) -> datetime:
    return made.session().starts_at.astimezone(ZoneInfo("Europe/Paris"))


def test_the_page_says_who_will_be_told_and_whom_to_call(made: Desk) -> None:
    page = made.log_in().get(f"/agent/rdv/{made.rdv}/modification")
    assert page.has("3 personnes : 2 SMS, 1 courriel, 1 à appeler")
    assert page.has("NOM002 Prénom2")
    assert page.form("/modification").values["jour"] == [f"{wall(made):%Y-%m-%d}"]


def test_the_page_promises_no_more_texts_than_can_leave_today(made: Desk) -> None:
    with made.app.app_context():
        db.session.get(Rdv, made.rdv).organisation.budget_sms_jour = 0
        db.session.commit()
    client = made.log_in()
    for path in ("modification", "annulation", "message"):
        page = client.get(f"/agent/rdv/{made.rdv}/{path}")
        assert page.has("3 personnes : 1 courriel, 2 à appeler"), page.text


def test_moving_a_session_tells_each_person_once(made: Desk) -> None:
    client = made.log_in()
    later = wall(made) + timedelta(days=1)
    done = move(client, made, jour=f"{later:%Y-%m-%d}", endroit=f"s{_room(made)}")
    assert (done.status, done.location) == (303, f"/agent/rdv/{made.rdv}")
    rdv = made.session()
    assert rdv.starts_at.astimezone(ZoneInfo("Europe/Paris")) == later
    assert sorted(n.canal for n in told(made, "modification")) == ["courriel", "sms", "sms"]
    assert all(n.avant["lieu"] == "Maison des Tilleuls" for n in told(made, "modification"))
    page = client.get(f"/agent/rdv/{made.rdv}")
    assert page.has("La séance est modifiée : 2 SMS, 1 courriel partent, 1 personne à appeler.")
    assert page.has("Centre social") and page.has("Nadia")
    assert page.has("a changé la date ou le lieu.")
    assert sound(made)


def _room(made: Desk) -> int:
    with made.app.app_context():
        return db.session.scalar(select(Salle.id).where(Salle.name == "Grande salle"))


def test_the_same_form_sent_twice_moves_and_tells_once(made: Desk) -> None:
    client = made.log_in()
    form = client.get(f"/agent/rdv/{made.rdv}/modification").form("/modification")
    fin = f"{made.session().ends_at.astimezone(ZoneInfo('Europe/Paris')) + timedelta(minutes=15):%H:%M}"
    assert [form.submit(fin=fin, follow=False).status for _ in range(2)] == [303, 303]
    assert len(told(made, "modification")) == 3


def test_nothing_changed_tells_nobody(made: Desk) -> None:
    assert move(made.log_in(), made).status == 303
    assert told(made, "modification") == []
    with made.app.app_context():
        assert db.session.scalars(select(Journal.action)).all() == []


def test_without_a_word_the_journal_says_so(made: Desk) -> None:
    later = wall(made) + timedelta(days=1)
    form = made.log_in().get(f"/agent/rdv/{made.rdv}/modification").form("/modification")
    values = {name: value[-1] for name, value in form.values.items()} | {"jour": f"{later:%Y-%m-%d}", "prevenir": "0"}
    client = made.log_in()
    token = client.get(f"/agent/rdv/{made.rdv}/modification").form("/modification").values["csrf_token"][0]
    assert client.post(form.action, data=values | {"csrf_token": token}).status == 303
    assert told(made, "modification") == []
    page = client.get(f"/agent/rdv/{made.rdv}")
    assert page.has("a changé la date ou le lieu, sans prévenir.")
    assert page.has("La séance est modifiée : personne n’est prévenu.")


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"fin": "08:00", "debut": "09:00"}, 422, "L’heure de fin doit être après l’heure de début."),
        ({"jour": ""}, 422, "Indiquez la date."),
        ({"jour": "2020-01-01"}, 409, "Cette date est passée : choisissez-en une à venir."),
        ({"jour": "2090-01-01"}, 409, "Cette date est trop loin : deux ans au plus."),
        ({"endroit": ""}, 422, "Choisissez un lieu."),
        ({"endroit": "l999999"}, 422, "Choisissez une des réponses proposées."),
    ],
)
def test_what_can_not_be_is_said_and_nothing_typed_is_lost(
    made: Desk, changes: dict[str, str], status: int, words: str
) -> None:
    client = made.log_in()
    form = client.get(f"/agent/rdv/{made.rdv}/modification").form("/modification")
    values = {name: value[-1] for name, value in form.values.items()} | changes
    page = client.post(form.action, data=values)
    assert (page.status, page.has(words)) == (status, True), page.text
    if "fin" in changes:
        assert page.form("/modification").values["fin"] == ["08:00"]
    assert told(made, "modification") == []


def test_a_colleague_changed_it_meanwhile(made: Desk) -> None:
    client, other = made.log_in(), made.log_in("référent")
    form = client.get(f"/agent/rdv/{made.rdv}/modification").form("/modification")
    later = wall(made) + timedelta(days=1)
    assert move(other, made, jour=f"{later:%Y-%m-%d}").status == 303
    page = form.submit(endroit=f"s{_room(made)}", follow=False)
    assert page.status == 409
    assert page.has("La date ou le lieu vient de changer")
    assert page.has("Maintenant : ") and page.has(f"{later.day}") and page.has("Maison des Tilleuls.")
    shown = page.form("/modification")
    assert shown.values["jour"] == [f"{later:%Y-%m-%d}"] and shown.values["endroit"] == [f"s{_room(made)}"]
    assert shown.submit(follow=False).status == 303
    assert len(told(made, "modification")) == 6
    assert wall(made) == later and made.session().salle_id == _room(made)


def test_a_room_too_small_is_said_once_and_chosen_all_the_same(made: Desk) -> None:
    with made.app.app_context():
        small = db.session.get(Salle, _room(made))
        small.capacite = 2
        db.session.commit()
    client = made.log_in()
    page = move(client, made, endroit=f"s{_room(made)}")
    assert page.status == 409 and page.has("Grande salle : 2 places. Cette séance : 3 personnes inscrites.")
    assert told(made, "modification") == []
    form = page.form("/modification")
    assert form.submit(follow=False).status == 409
    values = {name: value[-1] for name, value in form.values.items()} | {"quand_meme": str(_room(made))}
    assert client.post(form.action, data=values).status == 303
    assert made.session().salle_id == _room(made)
    assert move(client, made, fin="23:30").status == 303  # it is there already


def test_what_began_or_is_cancelled_does_not_move(app: Flask) -> None:
    begun = desk(app, starts_at=today())
    page = begun.log_in().get(f"/agent/rdv/{begun.rdv}/modification")
    assert page.has("Elle ne se déplace plus.")
    assert not begun.log_in().get(f"/agent/rdv/{begun.rdv}").has("Changer la date ou le lieu")


def test_a_sheet_open_elsewhere_says_that_its_session_moved(made: Desk) -> None:
    client, other = made.log_in(), made.log_in("référent")
    shown = client.get(f"/agent/rdv/{made.rdv}")
    state = {node.attributes["name"]: node.attributes["value"] for node in shown.select("#etat input")}
    later = wall(made) + timedelta(days=1)
    assert move(other, made, jour=f"{later:%Y-%m-%d}").status == 303
    part = client.get(f"/agent/rdv/{made.rdv}/lignes", query_string=state, htmx=True)
    assert part.has("La date ou le lieu de cette séance vient de changer. Recharger la page")
    again = {node.attributes["name"]: node.attributes["value"] for node in part.select("#etat input")}
    assert client.get(f"/agent/rdv/{made.rdv}/lignes", query_string=again, htmx=True).status == 204


def test_a_video_session_changes_its_link(app: Flask) -> None:
    made = desk(app, location_type=TypeLieu.VISIO)
    with app.app_context():
        db.session.get(Rdv, made.rdv).lien_visio = "https://visio.exemple.fr/a"
        db.session.commit()
    client = made.log_in()
    assert move(client, made, lien_visio="pas une adresse").status == 422
    assert move(client, made, lien_visio="https://visio.exemple.fr/b").status == 303
    assert made.session().lien_visio == "https://visio.exemple.fr/b"


def test_a_moved_occurrence_leaves_its_plage_and_is_not_made_again(app: Flask) -> None:
    with app.app_context():
        service = make.service()
        agent = make.agent(service, "référent")
        lieu = make.lieu(service.organisation)
        plage = make.plage(make.motif(service), [agent], lieu=lieu)
        db.session.commit()
        assert materialise(plage.id) == 1
        rdv = db.session.scalars(select(Rdv)).one()
        made = Desk(app, rdv=rdv.id, emails={"agent": agent.email})
    later = wall(made) + timedelta(days=3)
    assert move(made.log_in(), made, jour=f"{later:%Y-%m-%d}").status == 303
    with app.app_context():
        assert made.session().detache
        assert materialise(db.session.scalar(select(PlageOuverture.id))) == 0


@pytest.mark.parametrize("path", ["modification", "message"])
def test_who_may_not_sees_nothing(made: Desk, path: str) -> None:
    for who in ("voisin", "étranger"):
        assert made.log_in(who).get(f"/agent/rdv/{made.rdv}/{path}").status == 404
    if path == "message":
        page = made.log_in("accueil").get(f"/agent/rdv/{made.rdv}/message")
        assert page.status == 403
        assert page.has("envoyer des messages")


# --- writing -------------------------------------------------------------------------------------------------------


def write(client: PageClient, made: Desk, statuts: tuple[str, ...], canaux: tuple[str, ...], corps: str) -> Page:
    form = client.get(f"/agent/rdv/{made.rdv}/message").form("/message")
    values = [(name, value[-1]) for name, value in form.values.items() if name not in ("statuts", "canaux", "corps")]
    values += [("statuts", s) for s in statuts] + [("canaux", c) for c in canaux] + [("corps", corps)]
    return client.post(form.action, data=urlencode(values), content_type="application/x-www-form-urlencoded")


def test_the_preview_says_what_leaves_and_to_how_many(made: Desk) -> None:
    client = made.log_in()
    form = client.get(f"/agent/rdv/{made.rdv}/message").form("/message")
    page = form.submit(button="Voir ce qui partira", corps="Le parking est fermé.")
    assert page.status == 200
    assert page.has("3 personnes : 2 SMS, 1 courriel, 1 à appeler")
    assert page.has("Le parking est fermé.")
    assert page.has("En tout, 2 SMS facturés.")
    assert page.has("Un message à propos de : ") and page.has("Nous vous écrivons à propos de ce rendez-vous.")
    assert told(made, "message") == []


def test_the_preview_says_what_is_missing_or_too_long(made: Desk) -> None:
    client = made.log_in()
    form = client.get(f"/agent/rdv/{made.rdv}/message").form("/message")
    values = {name: value[-1] for name, value in form.values.items() if name != "canaux"} | {"apercu": "1"}
    page = client.post(form.action, data=values | {"corps": "Long. " * 200})
    assert page.status == 200 and page.has("Choisissez le SMS, le courriel, ou les deux.")
    assert page.has("1000 caractères au plus, il y en a 199 de trop.") and not page.has("ne recevront rien")


def test_each_person_is_written_to_once(made: Desk) -> None:
    client = made.log_in()
    form = client.get(f"/agent/rdv/{made.rdv}/message").form("/message")
    for _ in range(2):  # the same form sent twice
        assert form.submit(corps="Le parking est fermé.", follow=False).status == 303
    found = told(made, "message")
    assert sorted(n.canal for n in found) == ["courriel", "sms", "sms"]
    with made.app.app_context():
        assert db.session.scalars(select(Message.corps)).all() == ["Le parking est fermé."]
    assert client.get(f"/agent/rdv/{made.rdv}").has("a écrit à 3 personnes.")


def test_only_the_chosen_statuses_and_channels(made: Desk) -> None:
    with made.app.app_context():
        db.session.get(Participation, made.places[1]).statut = Statut.EXCUSE
        db.session.commit()
    client = made.log_in()
    assert write(client, made, ("excuse",), ("courriel",), "À bientôt").status == 303
    (one,) = told(made, "message")
    assert (one.canal, one.participation_ids) == (Canal.COURRIEL, [made.places[1]])


@pytest.mark.parametrize(
    ("statuts", "canaux", "corps", "words"),
    [
        ((), ("sms",), "Bonjour", "Choisissez au moins un groupe de personnes."),
        (("inscrit",), (), "Bonjour", "Choisissez le SMS, le courriel, ou les deux."),
        (("inscrit",), ("sms",), "  ", "Écrivez votre message."),
        (("inscrit",), ("sms",), "Long. " * 90, "Ce message est trop long pour un SMS"),
        (("inscrit",), ("courriel",), "Long. " * 300, "1000 caractères au plus."),
        (("zzz",), ("sms",), "Bonjour", "Choisissez"),
    ],
)
def test_what_is_missing_is_said(
    made: Desk, statuts: tuple[str, ...], canaux: tuple[str, ...], corps: str, words: str
) -> None:
    page = write(made.log_in(), made, statuts, canaux, corps)
    assert (page.status, page.has(words)) == (422, True), page.text
    assert told(made, "message") == []


def test_after_the_start_people_can_still_be_written_to(app: Flask) -> None:
    made = desk(app, starts_at=today())
    assert write(made.log_in(), made, ("inscrit",), ("sms",), "Merci d’être venus").status == 303
    assert len(told(made, "message")) == 3


def test_the_only_group_is_ticked_at_first(app: Flask) -> None:
    made, page = desk(app, people=2, starts_at=today()), "/agent/rdv/{}/message"
    for place, ticked in zip(made.places, (["inscrit"], ["present"]), strict=True):
        with app.app_context():
            db.session.get(Participation, place).statut = Statut.PRESENT
            db.session.commit()
        form = made.log_in().get(page.format(made.rdv)).form("/message")
        assert form.values["statuts"] == ticked
    assert form.submit(button="Voir ce qui partira", statuts=[]).has("Choisissez à qui écrire.")


def test_nobody_to_write_to(app: Flask) -> None:
    made = desk(app, people=0)
    assert made.log_in().get(f"/agent/rdv/{made.rdv}/message").has("Personne à qui écrire")
    assert not made.log_in().get(f"/agent/rdv/{made.rdv}").has("Prévenir les participants")


# --- the note ------------------------------------------------------------------------------------------------------


def test_a_note_tells_nobody(made: Desk) -> None:
    client = made.log_in()
    form = client.get(f"/agent/rdv/{made.rdv}").form(f"/agent/rdv/{made.rdv}/note")
    assert form.submit(note="Prévoir 12 chaises <b>").status == 200
    assert made.session().note == "Prévoir 12 chaises <b>"
    assert client.get(f"/agent/rdv/{made.rdv}").has("Prévoir 12 chaises <b>")
    with made.app.app_context():
        assert db.session.scalars(select(Notification)).all() == []
        assert db.session.scalars(select(Journal.action)).all() == ["note"]
    page = form.submit(note="x" * 501)
    assert page.status == 422 and page.has("C’est trop long : 500 caractères au plus.")
    assert page.form("/note").values["note"] == ["x" * 501]


def test_two_agents_who_write_a_note_lose_none(made: Desk) -> None:
    client, other = made.log_in(), made.log_in("référent")
    here = f"/agent/rdv/{made.rdv}"
    mine, theirs = (who.get(here).form(f"{here}/note") for who in (client, other))
    assert theirs.submit(note="Apporter le vidéoprojecteur").status == 200
    page = mine.submit(note="Prévoir 12 chaises")
    assert page.status == 409 and page.has("Un collègue vient d’écrire une autre note")
    assert page.has("Apporter le vidéoprojecteur") and made.session().note == "Apporter le vidéoprojecteur"
    form = page.form("/note")
    assert form.values["note"] == ["Prévoir 12 chaises"]
    assert form.submit(note="Apporter le vidéoprojecteur, prévoir 12 chaises").status == 200
    assert made.session().note == "Apporter le vidéoprojecteur, prévoir 12 chaises"
    assert theirs.submit(note=made.session().note).status == 200  # the same words are no conflict


# --- how far messages are ------------------------------------------------------------------------------------------


def test_the_sheet_says_how_far_the_messages_to_many_are(made: Desk) -> None:
    client = made.log_in()
    later = wall(made) + timedelta(days=1)
    move(client, made, jour=f"{later:%Y-%m-%d}")
    page = client.get(f"/agent/rdv/{made.rdv}")
    assert page.has("0 sur 3 envoyé, les autres partent.")
    (bar,) = page.select("#departs progress")
    assert (bar.attributes["value"], bar.attributes["max"]) == ("0", "3")
    with made.app.app_context():
        rows = db.session.scalars(select(Notification).where(Notification.event == "modification")).all()
        for row, etat in zip(rows, (EtatNotification.ENVOYEE, EtatNotification.ECHEC), strict=False):
            row.etat = etat
        db.session.commit()
    part = client.get(f"/agent/rdv/{made.rdv}/envoi", htmx=True)
    assert part.has("1 sur 3 envoyé, les autres partent.") and part.has("1 est en échec")
    with made.app.app_context():
        db.session.execute(Notification.__table__.update().values(etat="envoyee"))
        db.session.commit()
    done = client.get(f"/agent/rdv/{made.rdv}/envoi", htmx=True)
    assert done.has("Envoyés : changement à ") and done.has("(3).") and not done.select(".notice")
    assert "hx-get" not in done.text
    assert made.log_in("voisin").get(f"/agent/rdv/{made.rdv}/envoi").status == 404
