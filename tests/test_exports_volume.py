"""A long file at its real size: 200,000 participations, rows per second, memory, and a truthful progress."""

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import insert, select

from tests import factories as make
from webapp.clock import utcnow
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.jobs import exports as jobs
from webapp.models import EtatExport, Export, ExportMorceau, FormatExport, GenreExport, Participation, Rdv, Usager
from webapp.queries.exports import Choix
from webapp.services import exports as service

pytestmark = pytest.mark.volume

SESSIONS, PEOPLE = 10_000, 20
STATUTS = (Statut.PRESENT, Statut.ABSENT, Statut.EXCUSE, Statut.ANNULE)
AT_LEAST = {FormatExport.CSV: 5_000, FormatExport.XLSX: 1_500}
"""Rows per second."""
GROWTH_KB = 60 * 1024


def peak_kb() -> int:
    """The most memory this process has held since `forget_peak`."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text()).group(1))  # type: ignore[union-attr]


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def many(app: Flask) -> Choix:
    """Three years of sessions, each with its people."""
    agent = make.agent(make.service(), "référent")
    motif = make.motif(agent.services[0], capacite_max=PEOPLE)
    now = utcnow()
    people = [{"first_name": "Zoé", "last_name": f"N{n}", "cree_le": now} for n in range(2000)]
    db.session.execute(insert(Usager), people)
    db.session.commit()
    usagers = db.session.scalars(select(Usager.id).order_by(Usager.id)).all()
    for start in range(0, SESSIONS, 500):
        rdvs = []
        for n in range(start, start + 500):
            at = now - timedelta(hours=2 + n * 2)
            rdvs.append({
                "organisation_id": motif.organisation_id, "motif_id": motif.id, "starts_at": at,
                "ends_at": at + timedelta(hours=1), "capacite_max": PEOPLE, "places_prises": PEOPLE // 2,
                "fige": {"motif": "Mes droits au RSA", "lieu": "Maison des solidarités", "salle": ""},
            })  # fmt: skip
        ids = db.session.scalars(insert(Rdv).returning(Rdv.id), rdvs).all()
        db.session.execute(
            insert(Participation),
            [
                {
                    "rdv_id": rdv_id, "statut": STATUTS[n % 4],
                    "usager_id": usagers[(place * PEOPLE + n) % len(usagers)],
                    "inscrit_le": now - timedelta(days=900), "statut_le": now, "statut_par": Acteur.USAGER,
                    "origine": Acteur.USAGER, "cree_le": now,
                    "lien_nonce": f"{rdv_id}-{n}", "lien_hash": f"{rdv_id}-{n}",
                }
                for place, rdv_id in enumerate(ids)
                for n in range(PEOPLE)
            ],
        )  # fmt: skip
        db.session.commit()
    return Choix(services=(motif.service_id,))


@pytest.fixture
def agent_and_choice(app: Flask) -> Iterator[tuple[int, Choix]]:
    with app.app_context():
        choix = many(app)
        yield choix.services[0], choix  # type: ignore[index]


def test_two_hundred_thousand_rows(
    app: Flask, agent_and_choice: tuple[int, Choix], monkeypatch: pytest.MonkeyPatch
) -> None:
    from webapp.models import Agent

    _, choix = agent_and_choice
    agent = db.session.scalars(select(Agent)).one()
    seen: list[int] = []
    advance = jobs._advance

    def noted(export_id: int, attempt: int, done: int) -> None:
        advance(export_id, attempt, done)
        seen.append(done)

    monkeypatch.setattr(jobs, "_advance", noted)
    for format, wanted in AT_LEAST.items():
        agent = db.session.get_one(Agent, agent.id)
        export = service.ask(GenreExport.STATISTIQUES, format, choix, agent=agent, envoi=format.value)
        export_id = export.id
        seen.clear()
        forget_peak()
        before, began = peak_kb(), time.process_time()
        assert jobs.produce(export_id)
        took, grew = time.process_time() - began, peak_kb() - before
        found = db.session.get_one(Export, export_id)
        assert (found.etat, found.total) == (EtatExport.PRET, SESSIONS * PEOPLE)
        assert seen == sorted(seen) and len(set(seen)) > 50
        rate = found.total / took
        dialect = db.engine.dialect.name
        size = found.taille >> 20
        print(f"\n{dialect} {format}: {rate:,.0f} rows/s of processor, +{grew // 1024} MB, {size} MB of file")
        assert rate >= wanted
        assert grew < GROWTH_KB
        first = db.session.scalar(select(ExportMorceau.contenu).where(ExportMorceau.export_id == export_id).limit(1))
        assert first and len(first) <= jobs.PIECE
