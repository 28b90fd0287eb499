"""A workshop with one person booked, the messages about it as people get them, and the snapshots that keep them.

UPDATE_SNAPSHOTS=1 writes the snapshots again.
"""

import os
import pathlib
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask

from tests import factories as make
from webapp.clock import utcnow
from webapp.domain import sms
from webapp.domain.events import Event
from webapp.extensions import db
from webapp.jobs import messages
from webapp.models import Agent, Canal, EtatNotification, Participation
from webapp.notifications.base import emit
from webapp.notifications.compose import compose
from webapp.notifications.outgoing import Outgoing
from webapp.queries import notifications as queries
from webapp.services.transaction import transaction

SNAPSHOTS = pathlib.Path(__file__).parent / "snapshots"
START = datetime(2026, 3, 3, 13, tzinfo=UTC)
NOW = datetime(2026, 2, 20, 9, tzinfo=UTC)
LONG = "Atelier numérique : mes démarches en ligne, pas à pas, avec un conseiller"
PUBLIC_URL = "https://rdv.departement-drome.fr"


@pytest.fixture(name="base", params=["sqlite"])
def one_base(request: pytest.FixtureRequest):
    """Words do not depend on the database."""
    found = request.getfixturevalue("sqlite_base")
    found.empty()
    return found


@pytest.fixture(autouse=True)
def words_context(app: Flask):
    app.config["PUBLIC_URL"] = PUBLIC_URL
    with time_machine.travel(NOW, tick=False), app.app_context():
        yield


def scene(**motif_fields: object) -> tuple[Participation, Agent]:
    """Yasmina, booked with Nadia's workshop."""
    org = make.organisation(
        name="Département de la Drôme",
        slug="drome",
        email="accueil@drome.exemple.fr",
        phone_hours="du lundi au vendredi, de 9 h à 17 h",
    )
    service = make.service(org)
    motif = make.motif(
        service,
        **{
            "name": "Information collective RSA – parcours accompagné",
            "nom_sms": "Mes droits au RSA",
            "nom_courriel": "Mes droits au RSA : comprendre et agir",
            "instructions_apres": "Apportez votre attestation CAF.\nArrivez dix minutes avant.\n\nUn café vous attend.",
            "avertissement_annulation": "Sans nouvelles de vous, la place sera perdue pour quelqu’un d’autre.",
            **motif_fields,
        },
    )
    agent = make.agent(service, email="nadia@drome.exemple.fr")
    place = make.lieu(org, name="Maison des solidarités de Valmont")
    rdv = make.rdv(motif, starts_at=START, lieu=place, salle=make.salle(place), intitule="Groupe du mardi")
    rdv.agents.append(agent)
    yasmina = make.usager(org, first_name="Yasmina", email="yasmina@exemple.fr", phone="+33639980001")
    seat = make.participation(rdv, yasmina, lien_nonce="nonce-of-the-snapshots", inscrit_le=NOW - timedelta(hours=1))
    db.session.commit()
    return seat, agent


def messages_of(what: Event, *queues: str) -> list[Outgoing]:
    """What leaves for that event, composed as the worker does."""
    with transaction():
        emit(what)
    for queue in queues or ("default", "urgent"):
        claim = messages.take(queue)
        if claim.ids:
            break
    batch = queries.load_batch(claim.ids, claim.until)
    composed = [compose(row, batch, utcnow()) for row in batch.notifications]
    assert all(isinstance(message, Outgoing) for message in composed), composed
    for row_id in claim.ids:  # or the next message to the same person would wait for this one
        messages.record(row_id, claim.until, etat=EtatNotification.ENVOYEE)
    return composed


def shown(message: Outgoing) -> str:
    """A message as a reviewer reads it."""
    if message.canal is Canal.SMS:
        weight = sms.measure(message.text)
        head = f"SMS à {message.to}, de {message.sender} · {weight.alphabet.value}, {weight.units} unités, "
        return f"{head}{weight.segments} segment(s)\n\n{message.text}\n"
    text = f"Courriel à {message.to}, de {message.sender}, réponse à {message.reply_to}\nObjet : {message.subject}\n\n"
    text += message.text
    if message.ics:
        text += "\n--- rendez-vous.ics\n" + message.ics.decode().replace("\r\n ", "").replace("\r\n", "\n")
    return text


def check(name: str, text: str) -> None:
    """The same words as in the snapshot."""
    path = SNAPSHOTS / name
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.exists(), f"no snapshot {name}: run with UPDATE_SNAPSHOTS=1 and read it"
    assert text == path.read_text()


def messages_left(*queues: str) -> list[Outgoing]:
    """What leaves now of all that is promised, composed as the worker does; what is no longer true is left out."""
    found: list[Outgoing] = []
    for queue in queues or ("urgent", "default", "mass"):
        while (claim := messages.take(queue)).ids:
            batch = queries.load_batch(claim.ids, claim.until)
            for row in batch.notifications:
                message = compose(row, batch, utcnow())
                if isinstance(message, Outgoing):
                    found.append(message)
                    messages.record(row.id, claim.until, etat=EtatNotification.ENVOYEE, envoyee_le=utcnow())
                else:
                    messages.record(row.id, claim.until, etat=EtatNotification.IGNOREE, erreur="plus vrai")
    return found
