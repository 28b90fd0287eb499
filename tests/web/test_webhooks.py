"""Webhooks as who manages integrations makes them, tries them, reads what became of them; and the documented check."""

import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from tests.desk import Desk, desk, sqlite_only  # noqa: F401
from tests.pages import PageClient
from tests.receivers import Receiver, says
from webapp.clock import utcnow
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.jobs import webhooks as jobs
from webapp.models import EtatEnvoi, Journal, Organisation, Webhook, WebhookEnvoi
from webapp.services.booking import change_statuts

PAGE = "/configuration/webhooks"
GUIDE = pathlib.Path(__file__).parents[2] / "docs/webhooks.md"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().listening() as found:
        yield found


@pytest.fixture
def made(app: Flask) -> Desk:
    """Where this machine may be told, as in a demonstration."""
    app.config["DEMO"] = True
    return desk(app, people=1)


@pytest.fixture
def admin(made: Desk) -> PageClient:
    return made.log_in("admin")


def created(admin: PageClient, url: str, **fields: Any) -> str:
    """A webhook made by its form; its secret."""
    page = admin.get(f"{PAGE}/nouveau").form(css="main form").submit(url=url, description="Logiciel", **fields)
    assert page.status == 200 and page.h1 == "Le webhook est créé"
    return str(page.select("#secret")[0].attributes["value"])


def hook(made: Desk) -> Webhook:
    with made.app.app_context():
        return db.session.scalars(select(Webhook)).one()


def documented() -> Any:
    """The check as docs/webhooks.md gives it, run as it is written there."""
    names: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.S)[0], names)
    return names["verify"]


def test_from_the_form_to_a_signed_event_that_the_guide_can_check(
    made: Desk, admin: PageClient, receiver: Receiver
) -> None:
    assert admin.get("/configuration/integrations").link("Voir les webhooks").has("Aucun webhook")
    secret = created(admin, receiver.url)
    page = admin.get(f"{PAGE}/{hook(made).id}")
    assert secret not in admin.get(PAGE).text and secret not in page.text
    assert page.form(f"{PAGE}/{hook(made).id}/essai").submit().has("le serveur a répondu 200")
    change_status(made, Statut.EXCUSE)
    with made.app.app_context():
        assert jobs.deliver() == 1
    verify, (test, told) = documented(), receiver.posts
    assert test.headers["X-RDV-Event"] == "test"
    assert json.loads(told.body)["participation"]["statut"] == "excuse"
    signature = told.headers["X-RDV-Signature"]
    assert verify(secret, signature, told.body)
    now = utcnow().timestamp()
    for wrong in (
        verify("another", signature, told.body),
        verify(secret, signature, told.body + b" "),
        verify(secret, signature, told.body, now + 400),
        verify(secret, signature.replace("t=", "t=1"), told.body),
        verify(secret, "", told.body),
    ):
        assert not wrong


def change_status(made: Desk, statut: Statut) -> None:
    with made.app.app_context():
        change_statuts([made.places[0]], statut, by=Acteur.USAGER)


def test_what_was_answered_is_shown_as_text_and_told_again(made: Desk, admin: PageClient, receiver: Receiver) -> None:
    receiver.answer = says(500, b"<script>alert(1)</script>")
    created(admin, receiver.url)
    change_status(made, Statut.EXCUSE)
    with made.app.app_context():
        jobs.deliver()
        row = db.session.scalars(select(WebhookEnvoi)).one()
        row.etat = EtatEnvoi.ECHEC
        db.session.commit()
        number, key = row.id, row.cle
    page = admin.get(f"{PAGE}/{hook(made).id}")
    assert page.has("<script>alert(1)</script>") and page.has("Le serveur a répondu 500") and page.has("réponse 500")
    again = page.form(f"{PAGE}/envois/{number}/nouvel-envoi")
    assert again.submit().has("L’événement repart")
    assert again.submit().has("Il était déjà en attente")
    receiver.answer = None
    with made.app.app_context():
        assert jobs.deliver() == 1
    assert [post.headers["X-RDV-Delivery"] for post in receiver.posts] == [key, key]
    assert admin.get(f"{PAGE}/{hook(made).id}?etat=echec").has("Aucun envoi")
    assert admin.get(f"{PAGE}/{hook(made).id}?etat=rien&avant=x").has("reçu")


def test_it_is_changed_switched_off_given_another_secret_deleted(made: Desk, admin: PageClient) -> None:
    old = created(admin, "https://recoit.exemple.fr/a", evenements=["rdv.cree"])
    here = f"{PAGE}/{hook(made).id}"
    form = admin.get(f"{here}/modification").form(css="main form")
    assert form.submit(url="https://recoit.exemple.fr/b").has("Le webhook est enregistré")
    assert form.submit(url="https://recoit.exemple.fr/c").status == 409  # a page that shows what is no more
    change_status(made, Statut.EXCUSE)
    replace = admin.get(f"{here}/secret").form(css="main form")
    new = str(replace.submit().select("#secret")[0].attributes["value"])
    assert new != old and replace.submit().h1 == "Ce webhook a changé entre-temps"
    for label, words, on in (("Désactiver", "désactivé", False), ("Activer", "actif", True)):
        button = admin.get(here).form(f"{here}/etat")
        assert button.submit(button=label).has(words)
        with made.app.app_context():
            listens = db.session.scalars(select(Organisation.webhooks_actifs).order_by(Organisation.id)).first()
            assert listens is on
    assert admin.get(f"{here}/suppression").form(css="main form").submit().h1 == "Webhooks"
    assert admin.get(here).status == 404
    with made.app.app_context():
        assert db.session.scalars(select(WebhookEnvoi)).all() == []  # it was for sessions made alone
        lines = db.session.scalars(select(Journal.action).where(Journal.sujet_type == "webhook").order_by(Journal.id))
        assert [line.removeprefix("webhook_") for line in lines] == [
            "cree", "modifie", "secret", "desactive", "active", "supprime",
        ]  # fmt: skip
    assert admin.get("/configuration/journal?quoi=integrations").has("a supprimé le webhook « Logiciel »")


def test_the_same_form_twice_makes_one(made: Desk, admin: PageClient) -> None:
    form = admin.get(f"{PAGE}/nouveau").form(css="main form").fill(url="https://recoit.exemple.fr/")
    assert form.submit().h1 == "Le webhook est créé"
    assert form.submit().h1 == "Ce webhook est déjà créé"
    hook(made)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"url": ""}, 422),
        ({"url": "https://recoit.exemple.fr/", "evenements": []}, 422),
        ({"url": "https://recoit.exemple.fr/", "evenements": ["test"]}, 422),
        ({"url": "https://" + "a" * 600}, 422),
        ({"url": "http://recoit.exemple.fr/"}, 409),
        ({"url": "https://10.0.0.1/"}, 409),
        ({"url": "https://moi:secret@recoit.exemple.fr/"}, 409),
        ({"url": "https://recoit.exemple.fr/", "service": "99999"}, 422),
    ],
)
def test_what_is_refused_comes_back_filled(made: Desk, admin: PageClient, fields: dict[str, Any], status: int) -> None:
    page = admin.get(f"{PAGE}/nouveau").form(css="main form").submit(description="Gardé", **fields)
    assert page.status == status and page.select("#erreurs")
    assert page.select("#description")[0].attributes["value"] == "Gardé"
    with made.app.app_context():
        assert db.session.scalars(select(Webhook)).all() == []


def test_in_production_this_machine_is_refused(app: Flask) -> None:
    made = desk(app)
    page = made.log_in("admin").get(f"{PAGE}/nouveau").form(css="main form").submit(url="http://localhost:5000/")
    assert page.status == 409 and page.has("commence par https://")


def test_another_organisation_sees_nothing_of_it(made: Desk) -> None:
    with made.app.app_context():
        org = db.session.scalars(select(Organisation).order_by(Organisation.id)).first()
        assert org is not None
        mine = make.webhook(org)
        row = make.webhook_envoi(mine)
        ids = mine.id, row.id
        db.session.commit()
    stranger = made.log_in("étranger")
    assert not stranger.get(PAGE).has("Logiciel métier")
    assert stranger.get(f"{PAGE}/{ids[0]}").status == 404
    token = stranger.get(PAGE).select("input[name=csrf_token]")[0].attributes["value"]
    for path in (f"{PAGE}/{ids[0]}/essai", f"{PAGE}/{ids[0]}/etat", f"{PAGE}/envois/{ids[1]}/nouvel-envoi"):
        assert stranger.post(path, data={"csrf_token": token}).status == 404
