"""Migrations: one head, up and down on both databases, and the tables they make are the models'."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import flask_migrate
import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask

from tests import factories as make
from tests.databases import Base, build, forget_connections
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur
from webapp.domain.waitlist import EtatAttente
from webapp.engine import WRITING, tables_made_again
from webapp.extensions import db
from webapp.models import Rdv
from webapp.services.booking import book_seat
from webapp.services.checks import broken
from webapp.services.plages import materialise


@pytest.fixture
def apart(base: Base) -> Iterator[Flask]:
    """An application on a database of the test's own: the others' stays migrated."""
    app = build(base.another())
    with app.app_context():
        yield app
    forget_connections(app)


def differences() -> list[object]:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _: kind != "table" or name in db.metadata.tables,
            },
        )
        return list(compare_metadata(context, db.metadata))


def tables() -> list[sqlalchemy.Table]:
    """The tables as they are in the database, whatever the models say; what is referred to comes first."""
    found = sqlalchemy.MetaData()
    found.reflect(db.engine)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def stored() -> dict[str, list[dict[str, Any]]]:
    """Every row of every table."""
    with db.engine.connect() as connection:
        return {
            table.name: [
                dict(row) for row in connection.execute(table.select().order_by(*table.primary_key)).mappings()
            ]
            for table in tables()
        }


@contextmanager
def written() -> Iterator[sqlalchemy.Connection]:
    """A transaction below the models."""
    with db.engine.connect().execution_options(**WRITING[db.engine.dialect.name]) as connection:
        yield connection
        connection.commit()


def differing(before: dict[str, list[dict[str, Any]]], after: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The tables both have whose rows are not the same any more, in the columns both have."""
    found = {}
    for table in before.keys() & after.keys():
        old, new = before[table], after[table]
        same = len(old) == len(new) and all(
            was[column] == now[column] for was, now in zip(old, new, strict=True) for column in was.keys() & now.keys()
        )
        if not same:
            found[table] = (old, new)
    return found


def lived_in() -> None:
    """An organisation whose agents have a plage and its sessions, one of them booked: people, messages, a journal."""
    org = make.organisation()
    motif, place = make.motif(make.service(org)), make.lieu(org)
    plage = make.plage(motif, [make.agent(motif.service), make.agent(motif.service)], lieu_id=place.id)
    make.rdv(motif, agents=[make.agent(motif.service)])
    db.session.commit()
    materialise(plage.id)
    session = db.session.scalars(sqlalchemy.select(Rdv.id).where(Rdv.plage_ouverture_id == plage.id)).one()
    for n, name in enumerate(("Martin", "Caron")):
        who = Identity("Élodie", name, f"+3363998000{n}", f"{name.lower()}@exemple.fr")
        book_seat(session, who, by=Acteur.USAGER, envoi=name)
    assert list(broken()) == []
    db.session.remove()


def test_there_is_one_head(apart: Flask) -> None:
    script = ScriptDirectory(apart.extensions["migrate"].directory)
    assert len(script.get_heads()) == 1


def test_migrations_make_the_models_tables(apart: Flask) -> None:
    assert differences() == []


def test_down_leaves_nothing_and_up_comes_back(apart: Flask) -> None:
    flask_migrate.downgrade(revision="base")
    assert set(sqlalchemy.inspect(db.engine).get_table_names()) <= {"alembic_version"}
    flask_migrate.upgrade()
    assert differences() == []


@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.volume)])
def test_nothing_is_lost_on_the_way(apart: Flask, times: int) -> None:
    """SQLite drops the table it changes: what refers to it must neither refuse nor be emptied."""
    lived_in()
    assert all(
        stored()[table]
        for table in ("rdvs", "rdv_agents", "plage_agents", "participations", "notifications", "journal", "envois")
    )
    for _ in range(times):
        before = stored()
        for revision in ("0009", "0008", "0007", "0006", "0005", "0004"):
            flask_migrate.downgrade(revision=revision)
            assert (revision, differing(before, stored())) == (revision, {})
        released = stored()
        for revision in ("0005", "0006", "0007", "0008", "0009", "head"):
            flask_migrate.upgrade(revision=revision)
            assert (revision, differing(released, stored())) == (revision, {})
        assert (differences(), list(broken())) == ([], [])
        db.session.remove()


@pytest.mark.parametrize("revision", ["0004", pytest.param("0005", marks=pytest.mark.volume)])
def test_a_database_made_by_an_older_site_keeps_all_it_has(apart: Flask, revision: str) -> None:
    """The older tables are made empty, then filled: only the way up is at stake, in one run as `flask db upgrade`."""
    lived_in()
    everything = stored()
    with written() as connection:
        for table in reversed(tables()):
            connection.execute(table.delete())
    flask_migrate.downgrade(revision=revision)
    with written() as connection:
        for table in tables():
            for row in everything[table.name]:
                connection.execute(table.insert(), {name: row[name] for name in table.columns.keys() & row.keys()})
    before = stored()
    assert differing(everything, before) == {}
    flask_migrate.upgrade()
    assert differing(before, stored()) == {}
    assert (differences(), list(broken())) == ([], [])


def test_seats_offered_are_free_again_without_the_list(apart: Flask) -> None:
    rdv = make.rdv(make.motif(liste_attente=True))
    make.attente(rdv, etat=EtatAttente.PROPOSEE)
    db.session.commit()
    db.session.remove()
    flask_migrate.downgrade(revision="0008")
    assert [row["places_proposees"] for row in stored()["rdvs"]] == [0]
    flask_migrate.upgrade()
    assert list(broken()) == []


def test_what_would_refer_to_nothing_undoes_the_migration(sqlite_base: Base) -> None:
    """Foreign keys are off while tables are made again (SQLite alone needs it), and looked at before the commit."""
    app = build(sqlite_base.another())
    with app.app_context():
        lived_in()
        before = stored()
        with (
            db.engine.connect().execution_options(**WRITING["sqlite"]) as connection,
            pytest.raises(RuntimeError, match=r"participations -> rdvs"),
            tables_made_again(connection),
        ):
            connection.execute(sqlalchemy.text("DELETE FROM rdvs"))
        assert stored() == before
        with db.engine.connect() as connection:  # the same one, lent again
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    forget_connections(app)


def test_names_end_where_a_line_ends_in_what_was_searched_before(apart: Flask) -> None:
    make.usager(make.organisation(), first_name="Zoé", last_name="Ünal", phone="+33639987766", email="z@exemple.fr")
    db.session.commit()
    db.session.remove()
    for revision, text in (("0002", "unal zoe unal 0639987766 z@exemple.fr"), ("0003", None)):
        (flask_migrate.downgrade if text else flask_migrate.upgrade)(revision=revision)
        with db.engine.connect() as connection:
            found = connection.scalar(sqlalchemy.text("SELECT recherche FROM usagers"))
        assert found == (text or "unal zoe unal\n0639987766 z@exemple.fr")


def test_what_the_database_carries_it_refuses(apart: Flask) -> None:
    """Checks and unique keys are in the database, not only in Python."""
    rdv = make.rdv()
    make.participation(rdv, (person := make.usager(rdv.organisation_id)))
    db.session.commit()
    now = rdv.starts_at.isoformat()
    for statement in (
        f"UPDATE rdvs SET places_prises = -1 WHERE id = {rdv.id}",
        f"UPDATE rdvs SET capacite_max = 0 WHERE id = {rdv.id}",
        f"UPDATE rdvs SET ends_at = starts_at WHERE id = {rdv.id}",
        f"UPDATE rdvs SET plage_ouverture_id = NULL, occurrence_le = '2026-01-01' WHERE id = {rdv.id}",
        f"UPDATE motifs SET capacite_max = NULL WHERE id = {rdv.motif_id}",
        f"UPDATE motifs SET reservable_par = 'personne' WHERE id = {rdv.motif_id}",
        "UPDATE participations SET statut = 'perdu'",
        "INSERT INTO participations (rdv_id, usager_id, statut, version, rdv_version, inscrit_le, statut_le,"
        " statut_par, origine, raison, prevenir, rappeler, lien_nonce, lien_hash, cree_le)"
        f" VALUES ({rdv.id}, {person.id}, 'inscrit', 1, 1, '{now}', '{now}',"
        f" 'usager', 'usager', '', true, true, 'n', 'h', '{now}')",
        f"INSERT INTO usager_cles (organisation_id, cle, usager_id) SELECT organisation_id, cle, usager_id"
        f" FROM usager_cles WHERE usager_id = {person.id}",
    ):
        with pytest.raises(sqlalchemy.exc.IntegrityError):
            db.session.execute(sqlalchemy.text(statement))
        db.session.rollback()
