"""What operators type."""

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from tests.desk import sqlite_only  # noqa: F401
from webapp.extensions import db
from webapp.models import Agent


@pytest.fixture
def slug(app: Flask) -> str:
    """An organisation with two services."""
    with app.app_context():
        org = make.organisation()
        for name in ("Insertion", "PMI"):
            make.service(org, name=name, short_name=name)
        db.session.commit()
        return org.slug


def create(app: Flask, slug: str, *options: str) -> Result:
    password = ["--mot-de-passe", make.PASSWORD]
    with app.app_context():
        return app.test_cli_runner().invoke(
            args=["agent", "create", slug, "nadia@mds.exemple.fr", "Nadia", "Kaci", *password, *options]
        )


def given(app: Flask) -> set[str | None]:
    """The services that agent has rights in; None: all of them."""
    with app.app_context():
        agent = db.session.scalars(select(Agent)).one()
        names = {service.id: service.name for service in agent.organisation.services}
        return {names.get(grant.service_id) for grant in agent.droits}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "services"),
    [
        (["--preset", "référent", "--service", "PMI"], {"PMI"}),
        (["--preset", "agent"], {"Insertion", "PMI"}),
        (["--preset", "accueil"], {None}),
        (["--preset", "admin"], {None}),
    ],
)
def test_an_agent_gets_a_preset_s_rights_where_it_was_said(
    app: Flask, slug: str, options: list[str], services: set[str | None]
) -> None:
    result = create(app, slug, *options)
    assert result.exit_code == 0, result.output
    assert given(app) == services


@pytest.mark.parametrize("preset", ["accueil", "admin"])
def test_a_preset_for_all_services_is_not_given_for_one(app: Flask, slug: str, preset: str) -> None:
    result = create(app, slug, "--preset", preset, "--service", "PMI")
    assert result.exit_code == 1 and f"« {preset} » vaut pour tous les services" in result.output
    with app.app_context():
        assert db.session.scalars(select(Agent)).all() == []


def test_an_unknown_service_is_refused_with_those_there_are(app: Flask, slug: str) -> None:
    result = create(app, slug, "--service", "Voirie")
    assert result.exit_code == 1 and "Insertion, PMI" in result.output
