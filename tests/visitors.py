"""People who book online, for tests of the public side."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from sqlalchemy import event, func, select

from tests import factories
from tests.pages import Page, PageClient
from webapp import links
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import Organisation, Participation, Rdv, Usager
from webapp.services.booking import change_statut

PERSON = {"prenom": "Élodie", "nom": "N’Diaye", "telephone": "06 39 98 12 78", "courriel": "elodie@exemple.fr"}


def session(app: Flask, **fields: object) -> int:
    """A public session in ten days; fields of the motif start with `motif_`, of the organisation with `org_`."""
    of_motif = {name[6:]: value for name, value in fields.items() if name.startswith("motif_")}
    of_org = {name[4:]: value for name, value in fields.items() if name.startswith("org_")}
    own = {name: value for name, value in fields.items() if not name.startswith(("motif_", "org_"))}
    with app.app_context():
        org = factories.organisation(**of_org)
        motif = factories.motif(factories.service(org), **of_motif)
        rdv = factories.rdv(motif, **{"lieu_id": factories.lieu(org).id, **own})  # type: ignore[arg-type]
        db.session.commit()
        return rdv.id


def another(app: Flask, rdv_id: int, **fields: object) -> int:
    """One more session of the same motif, in ten days unless said otherwise."""
    with app.app_context():
        rdv = db.session.get_one(Rdv, rdv_id)
        other = factories.rdv(rdv.motif, **{"lieu_id": rdv.lieu_id, **fields})  # type: ignore[arg-type]
        db.session.commit()
        return other.id


def change(app: Flask, rdv_id: int, **fields: object) -> None:
    """Set columns of a session (`motif_…` of its motif) behind the site's back."""
    with app.app_context():
        rdv = db.session.get_one(Rdv, rdv_id)
        for name, value in fields.items():
            row, column = (rdv.motif, name[6:]) if name.startswith("motif_") else (rdv, name)
            setattr(row, column, value)
        db.session.commit()


def fill_up(app: Flask, rdv_id: int) -> None:
    """Take every seat that is left."""
    with app.app_context():
        factories.full(db.session.get_one(Rdv, rdv_id))
        db.session.commit()


def book(client: PageClient, rdv_id: int, **fields: str) -> Page:
    """Open the form of that session, fill it and send it."""
    return client.get(f"/rdv/{rdv_id}/inscription").form("/inscription").submit({**PERSON, **fields})


def free(app: Flask, rdv_id: int) -> None:
    """The one person who has a place gives it back."""
    with app.app_context():
        place = db.session.scalars(select(Participation).where(Participation.rdv_id == rdv_id)).one()
        change_statut(place.id, Statut.EXCUSE, by=Acteur.USAGER)


def counts(app: Flask) -> tuple[int, int, int]:
    """People, places, seats taken."""
    with app.app_context():
        return (
            db.session.scalar(select(func.count()).select_from(Usager)) or 0,
            db.session.scalar(select(func.count()).select_from(Participation)) or 0,
            db.session.scalar(select(func.sum(Rdv.places_prises))) or 0,
        )


def links_of(app: Flask, rdv_id: int | None = None) -> list[str]:
    """The personal links, oldest first: nothing of the site shows them, only messages."""
    with app.app_context():
        question = select(Participation.lien_nonce).order_by(Participation.id)
        if rdv_id:
            question = question.where(Participation.rdv_id == rdv_id)
        return [links.token(links.PARTICIPATION, nonce) for nonce in db.session.scalars(question)]


def slug(app: Flask, rdv_id: int) -> str:
    with app.app_context():
        return db.session.get_one(Organisation, db.session.get_one(Rdv, rdv_id).organisation_id).slug


def motif_address(app: Flask, rdv_id: int) -> str:
    """The page of that session's motif."""
    with app.app_context():
        rdv = db.session.get_one(Rdv, rdv_id)
        return f"/o/{rdv.organisation.slug}/motifs/{rdv.motif_id}"


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """The SQL statements sent meanwhile; BEGIN and COMMIT are not counted."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.split()[0] in {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}:
            seen.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)
