"""Long files: claimed once, taken up again, whole, told to who asked and read by nobody else."""

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from tests import factories as make
from webapp.clock import utcnow
from webapp.extensions import db
from webapp.jobs import exports as jobs
from webapp.jobs import messages
from webapp.models import Agent, EtatExport, Export, ExportMorceau, FormatExport, GenreExport, Notification
from webapp.queries import exports as queries
from webapp.queries.exports import Choix
from webapp.queries.exports_demandes import pieces
from webapp.services import exports as service

MakeApp = Callable[..., Flask]


def asked(people: int = 7, **fields: object) -> Export:
    """An agent who may export, a session with people, and the file they asked for."""
    rdv = make.rdv(make.motif(capacite_max=40))
    for _ in range(people):
        make.participation(rdv)
    agent = make.agent(rdv.motif.service, "référent")
    db.session.commit()
    choix = Choix(services=(rdv.motif.service_id,))
    return service.ask(GenreExport.STATISTIQUES, FormatExport.CSV, choix, agent=agent, envoi="un", **fields)  # type: ignore[arg-type]


def test_a_file_is_written_kept_in_pieces_and_announced(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "PIECE", 700)
    monkeypatch.setattr(queries, "PEOPLE_AT_ONCE", 3)
    with app.app_context():
        export = asked()
        assert (export.etat, export.total, export.faits) == (EtatExport.A_FAIRE, 7, 0)
        assert jobs.produce(export.id)
        assert not jobs.produce(export.id)  # twice writes once
        export = db.session.get_one(Export, export.id)
        content = b"".join(pieces(export.id))
        assert (export.etat, export.total, export.faits, export.taille) == (EtatExport.PRET, 7, 7, len(content))
        assert content.decode("utf-8-sig").count("\r\n") == 8
        assert db.session.scalar(select(func.count()).select_from(ExportMorceau)) > 2
        told = db.session.scalars(select(Notification).where(Notification.event == "export_pret")).one()
        assert told.destinataire_id == export.agent_id


def test_a_dead_worker_s_file_is_taken_up_three_times_at_most(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with app.app_context():
        export = asked()

        def die(*_: object) -> None:
            raise SystemExit

        monkeypatch.setattr(jobs, "let_messages_go", die)
        for attempt in (1, 2, 3):
            with pytest.raises(SystemExit):
                jobs.produce(export.id)
            assert jobs.resume_due() == 0  # its claim holds
            db.session.execute(update(Export).values(claimed_until=utcnow() - timedelta(seconds=1)))
            db.session.commit()
            assert db.session.get_one(Export, export.id).tentatives == attempt
            if attempt == 1:
                assert jobs.resume_due() == 1
        assert jobs.resume_due() == 0
        assert db.session.get_one(Export, export.id).etat is EtatExport.ECHEC


def test_a_run_that_was_overtaken_writes_nothing_more(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with app.app_context():
        export = asked()

        def overtake() -> None:
            monkeypatch.setattr(jobs, "let_messages_go", lambda: None)
            db.session.execute(update(Export).values(claimed_until=utcnow() - timedelta(seconds=1)))
            db.session.commit()
            assert jobs.produce(export.id)

        monkeypatch.setattr(jobs, "let_messages_go", overtake)
        assert not jobs.produce(export.id)
        found = db.session.get_one(Export, export.id)
        assert (found.etat, found.tentatives) == (EtatExport.PRET, 2)
        assert len(b"".join(pieces(export.id))) == found.taille


@pytest.mark.parametrize("gone", ["deleted", "right"])
def test_what_is_no_longer_wanted_or_allowed_is_not_written(app: Flask, gone: str) -> None:
    with app.app_context():
        export = asked()
        if gone == "deleted":
            service.forget(export)
        else:
            agent = db.session.get_one(Agent, export.agent_id)
            agent.droits.clear()
            db.session.commit()
        assert not jobs.produce(export.id)
        assert db.session.scalar(select(func.count()).select_from(ExportMorceau)) == 0
        assert db.session.scalars(select(Export.etat)).all() == ([] if gone == "deleted" else [EtatExport.ECHEC])


def test_the_same_form_is_one_file_and_three_wait_at_most(app: Flask) -> None:
    with app.app_context():
        export = asked()
        agent = db.session.get_one(Agent, export.agent_id)
        choix = Choix.read(export.choix)

        def ask(envoi: str) -> int:
            return service.ask(export.genre, export.format, choix, agent=agent, envoi=envoi).id

        assert ask("un") == export.id
        assert len({ask("deux"), ask("trois")}) == 2
        with pytest.raises(service.Refus):
            ask("quatre")
        assert db.session.scalar(select(func.count()).select_from(Export)) == 3


def test_files_go_after_seven_days(app: Flask) -> None:
    with app.app_context():
        export = asked()
        jobs.produce(export.id)
        made = db.session.get_one(Export, export.id).cree_le
        assert service.purge(made + timedelta(days=6, hours=23)) == 0
        assert service.purge(made + timedelta(days=7, minutes=1)) == 1
        assert db.session.scalar(select(func.count()).select_from(ExportMorceau)) == 0


def test_a_message_that_is_due_leaves_before_the_next_page(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with app.app_context():
        export = asked()
        delivered: list[str] = []
        monkeypatch.setattr(messages.queries, "due_files", lambda now: ["urgent", "mass"])
        monkeypatch.setattr(messages, "deliver", delivered.append)
        assert jobs.produce(export.id)
        assert delivered and set(delivered) == {"urgent"}


def test_a_real_worker_writes_it_and_the_mail_leaves(app: Flask) -> None:
    """Through Redis and RQ's own process: what `ask` hints is run."""
    from rq import Queue, SimpleWorker

    from webapp.jobs.worker import connection

    with app.app_context():
        export = asked()
        client = connection(app.config["REDIS_URL"])
        queue = Queue("mass", connection=client)
        deadline = time.monotonic() + 20
        while not queue.job_ids and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(queue.job_ids) == 1
        SimpleWorker([queue], connection=client).work(burst=True, logging_level="WARNING")
        assert db.session.get_one(Export, export.id).etat is EtatExport.PRET
        client.close()
