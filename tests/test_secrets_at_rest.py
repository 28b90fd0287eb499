"""Secrets in the database: read again by who sealed them, by nobody else."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from tests.desk import sqlite_only  # noqa: F401
from webapp.clock import utcnow
from webapp.secrets_at_rest import seal, unseal


def test_a_secret_is_read_again_for_the_same_purpose_under_the_same_key(app: Flask) -> None:
    with app.app_context():
        sealed = seal("second_facteur 1", "GEZDGNBV")
        assert "GEZDGNBV" not in sealed and seal("second_facteur 1", "GEZDGNBV") != sealed
        assert unseal("second_facteur 1", sealed) == "GEZDGNBV"
        assert unseal("second_facteur 2", sealed) is None  # moved to somebody else's row
        assert unseal("second_facteur 1", sealed[:-8] + "AAAAAAA=") is None
        assert unseal("second_facteur 1", "") is None and unseal("second_facteur 1", "é") is None


@pytest.mark.parametrize(("key", "read"), [("SECRET_KEY", "GEZDGNBV"), ("LINK_KEY", None)])
def test_what_another_key_does(app: Flask, monkeypatch: pytest.MonkeyPatch, key: str, read: str | None) -> None:
    with app.app_context():
        sealed = seal("webhook 1", "GEZDGNBV")
        monkeypatch.setitem(app.config, key, "une autre clef, assez longue")
        assert unseal("webhook 1", sealed) == read


def test_what_is_sealed_for_a_time_ends(app: Flask) -> None:
    with app.app_context(), time_machine.travel(utcnow(), tick=False) as clock:
        sealed = seal("page", "x")
        clock.shift(timedelta(seconds=600))
        assert unseal("page", sealed, within=600) == "x"
        clock.shift(timedelta(seconds=1))
        assert unseal("page", sealed, within=600) is None
