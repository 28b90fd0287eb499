"""« Corriger mes coordonnées »: for these places at once, for the file after a code sent to its old contact."""

import re
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from tests.pages import Page, PageClient
from tests.visitors import PERSON, another, book, links_of, session
from webapp import links
from webapp.clock import utcnow
from webapp.domain.contacts import identity_keys
from webapp.extensions import db
from webapp.jobs.messages import deliver
from webapp.models import Acces, Journal, Notification, Participation, Usage, Usager, UsagerCle
from webapp.services.checks import broken

NEW = {"telephone": "06 39 98 55 55", "courriel": "nouvelle@exemple.fr"}


@pytest.fixture
def rdv_id(app: Flask) -> int:
    return session(app)


@pytest.fixture
def token(client: PageClient, app: Flask, rdv_id: int) -> str:
    book(client, rdv_id)
    return links_of(app)[0]


def correct(client: PageClient, token: str, **fields: str) -> Page:
    page = client.get(f"/p/{token}").link("Corriger mes coordonnées")
    return page.form(css="form:has([name=telephone])").submit({**NEW, **fields})


def person(app: Flask) -> tuple[str | None, str | None]:
    with app.app_context():
        found = db.session.scalars(select(Usager).order_by(Usager.id)).first()
        assert found is not None
        return found.phone, found.email


def code_sent(app: Flask) -> str:
    with app.app_context():
        demande = db.session.scalars(select(Acces).order_by(Acces.id.desc())).first()
        assert demande is not None and demande.usage is Usage.CONTACT
        return links.code(demande.lien_nonce)


def ask(page: Page, par: str = "sms") -> Page:
    return page.form(css="form:has([name=par])").submit(par=par)


def test_a_new_contact_serves_this_place_only_and_the_old_one_is_told(
    client: PageClient, app: Flask, rdv_id: int, token: str
) -> None:
    other = another(app, rdv_id)
    book(client, other)
    page = correct(client.another(), token)
    assert page.has("iront à vos nouvelles coordonnées") and page.has("06 •• •• •• 55")
    assert person(app) == ("+33639981278", "elodie@exemple.fr")
    with app.app_context():
        rows = db.session.scalars(select(Participation).order_by(Participation.id)).all()
        assert [(one.telephone, one.courriel) for one in rows] == [
            ("+33639985555", "nouvelle@exemple.fr"),
            (None, None),
        ]
        told = db.session.execute(
            select(Notification.canal, Notification.adresse).where(Notification.event == "contact_modifie")
        ).all()
        assert {(canal.value, to) for canal, to in told} == {("sms", "+33639981278"), ("courriel", "elodie@exemple.fr")}
        line = db.session.scalars(select(Journal).where(Journal.action == "contact")).one()
        assert line.details == {}
        assert list(broken()) == []


def test_the_file_changes_after_the_code_sent_to_the_old_contact(
    client: PageClient, app: Flask, rdv_id: int, token: str
) -> None:
    visitor = client.another()
    page = correct(visitor, token)
    assert page.has("Et pour la suite") and page.has("06 •• •• •• 78") and page.has("e••••@exemple.fr")
    page = ask(page)
    assert page.has("Le code reçu") and page.has("06 •• •• •• 78")
    wrong = page.form(css="form:has([name=code])").submit(code="000000")
    assert wrong.status == 422 and "n’est pas le bon" in wrong.errors["code"] and person(app)[0] == "+33639981278"
    code = code_sent(app)
    page = wrong.form(css="form:has([name=code])").submit(code=f"{code[:3]} {code[3:]}")
    assert page.url == f"/p/{token}" and page.has("vos prochains messages aussi")
    assert person(app) == ("+33639985555", "nouvelle@exemple.fr")
    with app.app_context():
        place = db.session.scalars(select(Participation)).one()
        assert (place.telephone, place.courriel) == (None, None)
        keys = set(db.session.scalars(select(UsagerCle.cle)))
        assert set(identity_keys("Élodie", "N’Diaye", None, "+33639985555", "nouvelle@exemple.fr")) <= keys
        told = db.session.scalars(select(Notification.adresse).where(Notification.changement.startswith("fiche"))).all()
        assert set(told) == {"+33639981278", "elodie@exemple.fr"}
        assert list(broken()) == []
    book(client.another(), rdv_id, **NEW)  # known by the new contact from now on
    with app.app_context():
        assert len(db.session.scalars(select(Usager)).all()) == 1


def test_a_code_opens_nothing_else_nor_elsewhere(client: PageClient, app: Flask, token: str) -> None:
    visitor, other = client.another(), client.another()
    ask(correct(visitor, token))
    code = code_sent(app)
    page = other.get(f"/p/{token}/contact")  # another browser, that did not ask
    csrf = page.form(css="form:has([name=telephone])").values["csrf_token"][0]
    assert other.post(f"/p/{token}/contact", data={"csrf_token": csrf, "code": code}).status == 409
    # The code of a file is not one of « mes rendez-vous », even in the browser that asked.
    page = visitor.get("/mes-rendez-vous").form("/mes-rendez-vous").submit(contact=PERSON["telephone"])
    page = page.form(css="form:has([name=code])").submit(code=code)
    assert page.status in (409, 422) and not page.has("À venir")
    assert person(app)[0] == "+33639981278"
    with app.app_context():
        nonce = db.session.scalars(select(Acces).where(Acces.usage == Usage.CONTACT)).one().lien_nonce
        token = links.token(links.ACCES, nonce)
    assert visitor.get(f"/mes-rendez-vous/{token}").status == 404


def test_a_code_ends(client: PageClient, app: Flask, token: str) -> None:
    page = ask(correct(client, token))
    code = code_sent(app)
    form = page.form(css="form:has([name=code])")
    with time_machine.travel(utcnow() + timedelta(minutes=11), tick=False):
        late = form.submit(code=code)
    assert late.status == 409 and late.has("n’est plus valable") and person(app)[0] == "+33639981278"
    page = ask(client.get(f"/p/{token}/contact"), "courriel")
    form = page.form(css="form:has([name=code])")
    for _ in range(5):
        form.submit(code="000000")
    assert form.submit(code=code_sent(app)).status == 409 and person(app)[0] == "+33639981278"


def test_errors_and_what_changes_nothing(client: PageClient, app: Flask, token: str) -> None:
    page = correct(client, token, telephone="06 39", courriel="nouvelle@")
    assert (
        page.status == 422
        and set(page.errors) == {"telephone", "courriel"}
        and page.select('#telephone[value="06 39"]')
    )
    page = correct(client, token, telephone="", courriel="")
    assert page.status == 422 and "nouveau numéro ou une nouvelle adresse" in page.errors["telephone"]
    page = correct(client, token, telephone=PERSON["telephone"], courriel="")
    assert page.has("Ce sont déjà les coordonnées") and not page.select("form:has([name=par])")
    with app.app_context():
        assert db.session.scalars(select(Notification).where(Notification.event == "contact_modifie")).all() == []


def test_the_household_of_the_link_is_corrected_together(client: PageClient, app: Flask, rdv_id: int) -> None:
    form = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription")
    data = {**{name: values[0] for name, values in form.values.items()}, **PERSON}
    data |= {"pour": "moi_et_proches", "accompagnants-0-prenom": "Léa"}
    assert client.post(form.action, data=data).status == 303
    visitor, token = client.another(), links_of(app)[1]
    page = ask(correct(visitor, token))
    page.form(css="form:has([name=code])").submit(code=code_sent(app))
    assert person(app) == ("+33639985555", "nouvelle@exemple.fr")
    page = visitor.get(f"/p/{token}")
    assert page.has("Rendez-vous pour Élodie et Léa") and page.has("06 •• •• •• 55")
    with app.app_context():
        told = db.session.scalars(select(Notification).where(Notification.event == "contact_modifie")).all()
        assert len(told) == 4  # for the place then the file, by each channel: not once for each of them
        keys = set(db.session.scalars(select(UsagerCle.cle)))
        assert set(identity_keys("Léa", "N’Diaye", None, "+33639985555", None)) <= keys


def test_who_is_known_by_that_contact_already_is_not_told_apart(client: PageClient, app: Flask, rdv_id: int) -> None:
    """A stranger books with somebody's name and their own number, then says their number is that person's."""
    book(client, rdv_id, telephone="06 39 98 44 44", courriel="")
    with app.app_context():
        place = db.session.scalars(select(Participation)).one()
        make.usager(place.rdv.organisation_id, first_name="Élodie", last_name="N’Diaye", phone="+33639985555")
        db.session.commit()
    token = links_of(app)[0]
    page = ask(correct(client, token, courriel=""))
    page = page.form(css="form:has([name=code])").submit(code=code_sent(app))
    assert page.has("vos prochains messages aussi")  # the same answer
    with app.app_context():
        assert sorted(db.session.scalars(select(Usager.phone))) == ["+33639984444", "+33639985555"]
        line = db.session.scalars(select(Journal).where(Journal.action == "contact_fiche")).one()
        assert line.details == {"double": True}
        assert list(broken()) == []


def test_nothing_to_correct_once_it_is_over(client: PageClient, app: Flask, token: str) -> None:
    form = client.get(f"/p/{token}/contact").form(css="form:has([name=telephone])")
    with app.app_context():
        rdv = db.session.scalars(select(Participation)).one().rdv
        rdv.cancelled_at = utcnow()
        db.session.commit()
    assert client.get(f"/p/{token}/contact").location == f"/p/{token}"
    assert form.submit(NEW).status == 409
    assert client.get("/p/aaaaaaaaaaaaaaaaaaaaaa/contact").status == 404


def test_the_message_holds_a_code_and_no_link(client: PageClient, app: Flask, token: str) -> None:
    ask(correct(client, token), "courriel")
    code = code_sent(app)
    with app.app_context():
        deliver("urgent")
        row = db.session.scalars(select(Notification).where(Notification.event == "acces")).one()
        assert row.objet == "Votre code pour changer vos coordonnées"
        assert "[code]" in row.corps and code not in row.corps and not re.search(r"/mes-rendez-vous/|/p/", row.corps)


def test_a_landline_alone_is_said_to_receive_nothing(client: PageClient, app: Flask, rdv_id: int) -> None:
    book(client, rdv_id, courriel="")
    page = correct(client, links_of(app, rdv_id)[0], telephone="04 75 99 01 97", courriel="")
    assert page.has("un téléphone fixe ne reçoit pas nos messages")
