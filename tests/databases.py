"""Migrated databases that are emptied between tests, and the application on them."""

import os
import pathlib
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import flask_migrate
import psycopg
import sqlalchemy
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache

from webapp import create_app
from webapp.extensions import db


class PostgresDatabases:
    """Databases on one PostgreSQL server, made by copying a template and dropped at the end."""

    def __init__(self, url: str) -> None:
        self.url = sqlalchemy.make_url(url).set(drivername="postgresql+psycopg")
        self._made: list[str] = []

    def _admin(self, statement: str) -> None:
        address = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    def create(self, template: str | None = None) -> str:
        """A new database (a copy of `template`, another one's URL): its URL."""
        name = f"rdv_test_{uuid.uuid4().hex[:12]}"
        copied = f' TEMPLATE "{sqlalchemy.make_url(template).database}"' if template else ""
        self._admin(f'CREATE DATABASE "{name}"{copied}')
        self._made.append(name)
        return self.url.set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is connected."""
        name = str(sqlalchemy.make_url(url).database)
        self._admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self._made.remove(name)

    def drop_all(self) -> None:
        """Remove every database made here."""
        for name in list(self._made):
            self.drop(self.url.set(database=name).render_as_string(hide_password=False))


def empty_postgres(url: str) -> None:
    """Empty every table and start its numbers again at 1; the migration number stays.

    Few rows are there: deleting them takes a tenth of what TRUNCATE takes, which makes each table's files anew.
    """
    address = sqlalchemy.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    tables = [f'DELETE FROM "{table.name}"' for table in reversed(db.metadata.sorted_tables)]
    numbers = "SELECT setval(format('%I', sequencename)::regclass, 1, false) FROM pg_sequences WHERE last_value > 0"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("; ".join(["SET lock_timeout = '5s'", *tables, numbers]))  # type: ignore[call-overload]


def settings(database_url: str, **overrides: object) -> dict[str, object]:
    """The configuration of an application under test; `overrides` win."""
    return {
        "MODE": "production",
        "DATABASE_URL": database_url,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SECRET_KEY": "test-secret-key-that-is-long-enough-to-be-accepted",
        "LINK_KEY": "test-link-key-that-is-long-enough-to-be-accepted",
        "PUBLIC_URL": "http://localhost",
        "HTMX_SOURCE": "local",
        "RATE_LIMITS": "off",
        "SMS_URL": "",
        "MAIL_SERVER": "",
        "SENTRY_DSN": "",
        **overrides,
    }


class Compiled(BytecodeCache):
    """Templates, compiled once for all the applications of this process."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], object] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._code.get((bucket.key, bucket.checksum))  # type: ignore[assignment]

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key, bucket.checksum] = bucket.code


COMPILED = Compiled()


def build(database_url: str, **overrides: object) -> Flask:
    """An application under test: what a view raises reaches the test."""
    app = create_app(settings(database_url, **overrides))
    app.testing = True
    app.jinja_env.bytecode_cache = COMPILED
    return app


def migrate(database_url: str) -> None:
    """Bring an empty database to the newest migration."""
    app = build(database_url)
    with app.app_context():
        flask_migrate.upgrade()
    forget_connections(app)  # a database is copied when nobody is connected


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL sent to the current application's database inside the block (BEGIN and COMMIT are not counted)."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    sqlalchemy.event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sqlalchemy.event.remove(db.engine, "before_cursor_execute", note)


def forget_connections(app: Flask) -> None:
    """Close the connections an application keeps, so that its database may be emptied or replaced."""
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


class Base:
    """A migrated database that is emptied between tests. `dialect` is sqlite or postgresql."""

    def __init__(self, dialect: str, url: str, template: str, databases: PostgresDatabases | None) -> None:
        self.dialect = dialect
        self.url = url
        self._template = template
        self._databases = databases

    def empty(self) -> None:
        """Bring it back to what the migrations left. Nobody may be connected any more."""
        if self._databases:
            empty_postgres(self.url)
        else:
            copy_sqlite(self._template, self.url)

    def another(self) -> str:
        """The URL of one more empty database, for a test that needs its own (removed at the end of the run)."""
        if self._databases:
            return self._databases.create(self._template)
        path = pathlib.Path(self.url.removeprefix("sqlite:///"))
        url = f"sqlite:///{path.with_name(f'{os.urandom(6).hex()}.sqlite3')}"
        copy_sqlite(self._template, url)
        return url


def copy_sqlite(source: str, target: str) -> None:
    """Replace a database file, and what SQLite keeps beside it, by a copy."""
    path = target.removeprefix("sqlite:///")
    for suffix in ("-wal", "-shm", "-journal"):
        pathlib.Path(path + suffix).unlink(missing_ok=True)
    shutil.copyfile(source.removeprefix("sqlite:///"), path)
