"""Migrations: one head, up and down on both databases, and the tables they make are the models'."""

from collections.abc import Iterator

import flask_migrate
import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask

from tests.databases import Base, build, forget_connections
from webapp.extensions import db


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


def test_names_end_where_a_line_ends_in_what_was_searched_before(apart: Flask) -> None:
    from tests import factories as make

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
    from tests import factories as make

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
