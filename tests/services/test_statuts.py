"""What the sheet does to many at once, on real databases: one transaction, one line each, nothing counted twice."""

import threading
from collections.abc import Callable

from flask import Flask
from sqlalchemy import func, select

from tests.desk import Desk, desk, sound, today
from webapp.domain.capacity import ReservablePar
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import Agent, Journal
from webapp.services import statuts
from webapp.services.booking import change_statut


def together(app: Flask, *jobs: Callable[[Agent], object]) -> None:
    """Each in a thread, as another agent of the service."""

    def run(job: Callable[[Agent], object], email: str) -> None:
        with app.app_context():
            job(db.session.scalars(select(Agent).where(Agent.email == email)).one())
            db.session.remove()

    with app.app_context():
        emails = db.session.scalars(select(Agent.email).order_by(Agent.id)).all()
        db.session.remove()
    threads = [threading.Thread(target=run, args=each) for each in zip(jobs, emails, strict=False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def lines(made: Desk, action: str) -> int:
    with made.app.app_context():
        return db.session.scalar(select(func.count()).where(Journal.action == action)) or 0


def test_two_agents_note_everybody_at_once(app: Flask) -> None:
    """Each person is noted once; whoever comes second finds nobody left."""
    made = desk(app, people=8, starts_at=today())
    found: list[int] = []
    everybody = lambda agent: found.append(len(statuts.move_all(made.rdv, Statut.PRESENT, agent=agent)))  # noqa: E731
    together(app, everybody, everybody, everybody)
    assert sorted(found) == [0, 0, 8]
    assert lines(made, "statut") == 8 and made.session().version == 9 and sound(made)


def test_all_are_taken_back_in_one_go(app: Flask) -> None:
    made = desk(app, people=8, starts_at=today())
    with app.app_context():
        agent = db.session.scalars(select(Agent)).first()
        assert agent is not None
        rows = statuts.move_all(made.rdv, Statut.PRESENT, agent=agent)
        lot = rows[0].rdv_version
        change_statut(made.places[3], Statut.ABSENT, by=Acteur.AGENT)
        assert len(statuts.take_back_all(made.rdv, lot, agent=agent)) == 7
        assert statuts.take_back_all(made.rdv, lot, agent=agent) == []
    found = [made.place(n).statut for n in range(8)]
    assert found == [Statut.INSCRIT] * 3 + [Statut.ABSENT] + [Statut.INSCRIT] * 4 and sound(made)


def test_the_same_form_counts_once_and_different_ones_each(app: Flask) -> None:
    made = desk(app, people=0, reservable_par=ReservablePar.ENTREE_LIBRE, capacite_max=None, starts_at=today())
    same = lambda agent: statuts.count_people(made.rdv, 1, agent=agent, envoi="un seul")  # noqa: E731
    together(app, same, same, same)
    assert made.session().presents_anonymes == 1
    together(app, *(lambda agent, n=n: statuts.count_people(made.rdv, 1, agent=agent, envoi=f"{n}") for n in range(3)))
    assert made.session().presents_anonymes == 4 and lines(made, "comptage") == 4 and sound(made)
