"""What is written down about what happens: no personal link, no personal data."""

import logging

import pytest

from tests.databases import Base, build, forget_connections
from webapp import log
from webapp.config import ConfigError

TOKEN = "abcdefghij0123456789-_"


@pytest.mark.parametrize("path", [f"/p/{TOKEN}", f"/p/{TOKEN}/desistement", f"/agent/mot-de-passe/{TOKEN}"])
def test_personal_links_are_cut_short(path: str) -> None:
    assert TOKEN not in log.without_secrets(f"GET {path} 200")


def test_an_error_in_json_carries_its_trace_on_one_line_and_no_link() -> None:
    try:
        raise ValueError(f"/p/{TOKEN}")
    except ValueError:
        import sys

        record = logging.LogRecord("webapp", logging.ERROR, "x", 1, "échec", None, sys.exc_info())
    line = log._Json().format(record)
    assert "\n" not in line and "ValueError" in line and TOKEN not in line


def test_sql_errors_hide_what_people_typed(sqlite_base: Base) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import OperationalError

    from webapp.extensions import db

    app = build(sqlite_base.url)
    with app.app_context(), pytest.raises(OperationalError) as caught:
        db.session.execute(text("SELECT * FROM personne WHERE nom = :nom"), {"nom": "Yasmina Amrani"})
    forget_connections(app)
    assert "Yasmina" not in str(caught.value)


def test_sentry_without_its_package_stops_the_start(sqlite_base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    real = builtins.__import__

    def without(name: str, *args: object) -> object:
        if name == "sentry_sdk":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match="sentry-sdk"):
        build(sqlite_base.url, SENTRY_DSN="https://cle@sentry.exemple.fr/1")
