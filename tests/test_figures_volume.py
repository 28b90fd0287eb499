"""Exports and statistics at their real size: rows per second, memory, a truthful progress; pages that do not slow."""

import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from tests.desk import inside
from tests.history import fill
from tests.noise import noise
from tests.pages import PageClient
from tests.servers import Site
from webapp.clock import utcnow
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.jobs import exports as jobs
from webapp.jobs.statistiques import count_due
from webapp.models import Agent, EtatExport, Export, ExportMorceau, FormatExport, GenreExport, Participation
from webapp.queries import statistiques as queries
from webapp.queries.exports import Choix
from webapp.services import exports as service
from webapp.services.booking import change_statut

pytestmark = pytest.mark.volume

AT_LEAST = {FormatExport.CSV: 5_000, FormatExport.XLSX: 1_500}
"""Rows per second."""
GROWTH_KB = 60 * 1024
PAGE_SECONDS = 0.2


def peak_kb() -> int:
    """The most memory this process has held since `forget_peak`."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text()).group(1))  # type: ignore[union-attr]


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def test_two_hundred_thousand_rows(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with app.app_context():
        agent = make.agent(make.service(), "référent")
        fill([make.motif(agent.services[0], capacite_max=20)], 10_000, 20)
        agent_id, choix = agent.id, Choix(services=(agent.services[0].id,))
        seen: list[int] = []
        advance = jobs._advance

        def noted(export_id: int, attempt: int, done: int) -> None:
            advance(export_id, attempt, done)
            seen.append(done)

        monkeypatch.setattr(jobs, "_advance", noted)
        for format, wanted in AT_LEAST.items():
            agent = db.session.get_one(Agent, agent_id)
            export_id = service.ask(GenreExport.STATISTIQUES, format, choix, agent=agent, envoi=format.value).id
            seen.clear()
            forget_peak()
            before, began = peak_kb(), time.process_time()
            assert jobs.produce(export_id)
            took, grew = time.process_time() - began, peak_kb() - before
            found = db.session.get_one(Export, export_id)
            assert (found.etat, found.total) == (EtatExport.PRET, 200_000)
            assert seen == sorted(seen) and len(set(seen)) > 50
            rate, size = found.total / took, found.taille >> 20
            print(f"\n{db.engine.dialect.name} {format}: {rate:,.0f} rows/s, +{grew // 1024} MB, a file of {size} MB")
            assert rate >= wanted and grew < GROWTH_KB
            pieces = select(ExportMorceau.contenu).where(ExportMorceau.export_id == export_id)
            first = db.session.scalar(pieces.limit(1))
            assert first and len(first) <= jobs.PIECE


def test_three_years_of_figures(app: Flask) -> None:
    """50,000 sessions, 600,000 participations: no page reads them, one correction counts one month again."""
    with app.app_context():
        service_ = make.service()
        agent = make.agent(service_, "admin")
        motifs = [make.motif(service_, name=f"Atelier {n}", capacite_max=12) for n in range(10)]
        fill(motifs, 50_000, 12)
        began = time.process_time()
        assert count_due() >= 36
        print(f"\n{db.engine.dialect.name}: counted in {time.process_time() - began:.0f} s of processor")
        email, agent_id, org = agent.email, agent.id, service_.organisation_id
        ever = queries.Choix(utcnow().date().replace(year=2000, day=1), utcnow().date())
        total = queries.by_month(org, ever)
        assert sum(figures.seances for _, figures in total) == 50_000
        assert sum(figures.inscriptions for _, figures in total) == 600_000
        place = db.session.scalars(select(Participation.id).where(Participation.statut == Statut.ABSENT).limit(1)).one()
        change_statut(place, Statut.PRESENT, by=Acteur.AGENT, agent=db.session.get_one(Agent, agent_id))
        began = time.process_time()
        assert count_due() <= 2
        print(f"one correction: {time.process_time() - began:.1f} s")
    client = inside(PageClient(app), email)

    def cost(ask: Callable[[], object]) -> float:
        took = []
        for _ in range(7):
            began = time.process_time()
            ask()
            took.append(time.process_time() - began)
        return statistics.median(took)

    for address in ("/agent/statistiques", "/agent/statistiques?de=2020-01", "/statistiques"):
        with app.app_context():
            one = cost(lambda address=address: client.flask.get(address))  # type: ignore[misc]
        print(f"{address}: {one * 1000:.0f} ms")
        assert one < PAGE_SECONDS


@pytest.mark.parametrize("base", ["postgresql"], indirect=True)
def test_pages_are_unharmed_while_a_long_file_is_written(app: Flask, live_server: Callable[..., Site]) -> None:
    """A real worker writes 200,000 rows, real web processes answer people meanwhile, on the same processors."""
    site = live_server()
    with app.app_context():
        service_ = make.service()
        agent = make.agent(service_, "référent")
        motif = make.motif(service_, capacite_max=20)
        make.rdv(motif)
        fill([motif], 10_000, 20)
        address, choix = f"{site.url}/o/{motif.organisation.slug}", Choix(services=(service_.id,))
        pool = urllib3.PoolManager()

        def ask() -> float:
            began = time.perf_counter()
            answer = pool.request("GET", address)
            assert answer.status == 200
            return time.perf_counter() - began

        def p95(several: list[float]) -> float:
            return sorted(several)[int(len(several) * 0.95)]

        for _ in range(50):
            ask()
        alone = p95([ask() for _ in range(300)])
        export_id = service.ask(GenreExport.STATISTIQUES, FormatExport.XLSX, choix, agent=agent, envoi="x").id
        written: list[float] = []
        seen: list[int] = []
        etat = EtatExport.A_FAIRE
        until = time.monotonic() + 300
        while etat is not EtatExport.PRET and time.monotonic() < until:
            written += [ask() for _ in range(20)]
            etat, done = db.session.execute(select(Export.etat, Export.faits).where(Export.id == export_id)).one()
            db.session.rollback()
            seen.append(done)
        assert etat is EtatExport.PRET
        assert seen == sorted(seen) and len(set(seen)) > 10
        slow = p95(written)
        print(f"\np95: {alone * 1000:.1f} ms alone, {slow * 1000:.1f} ms while it is written, {len(written)} pages")
        assert slow < 3 * noise() * alone
