"""Rules of the house (docs/house.md) that a machine can check: they hold for code nobody has written yet."""

import pathlib
import re
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from dev.processes import procfile
from tests import factories as make
from tests.pages import PageClient
from webapp import links
from webapp.extensions import db
from webapp.models import Canal
from webapp.notifications import wake
from webapp.notifications.base import Notice

ROOT = pathlib.Path(__file__).resolve().parent.parent
CODE = sorted((ROOT / "webapp").rglob("*.py"))
TEMPLATES = sorted((ROOT / "webapp/templates").rglob("*.html"))
PAGES = [path for path in TEMPLATES if "email" not in path.parts]


def lines(pattern: str, paths: list[pathlib.Path], *allowed: str) -> list[str]:
    """Where a pattern stands, outside of the files where it may."""
    found = re.compile(pattern)
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        if not any(str(path.relative_to(ROOT)).startswith(where) for where in allowed)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if found.search(line)
    ]


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        (r"\bos\.environ\b|\bgetenv\(", ["webapp/config.py"]),
        (r"datetime\.now\(|utcnow\(\)\s*->|date\.today\(|\.today\(\)", ["webapp/clock.py"]),
        (r"\.commit\(\)", ["webapp/services/transaction.py", "webapp/jobs/", "webapp/migrations/"]),
        (r"\btransaction\(\)", ["webapp/services/", "webapp/jobs/", "webapp/cli.py"]),
        (r"\b(TODO|FIXME|XXX|NotImplementedError)\b", []),
        (r"except[^:]*:\s*(pass|\.\.\.)\s*$", []),
        (r"HX-[A-Z]", ["webapp/web/htmx.py"]),
        (r"^\s*print\(", []),
    ],
)
def test_some_things_live_in_one_place(pattern: str, allowed: list[str]) -> None:
    assert lines(pattern, CODE, *allowed) == []


def test_every_setting_is_in_the_readme() -> None:
    """One table says what the environment may hold."""
    read = set(re.findall(r'(?:env\.get\(|env, )"([A-Z_]+)"', (ROOT / "webapp/config.py").read_text()))
    table = (ROOT / "README.md").read_text()
    missing = {name for name in read if f"`{name}`" not in table and not name.startswith("MAIL_")}
    assert read >= {"MODE", "DATABASE_URL", "SMS_URL"}
    assert missing == set()


def test_pages_carry_no_inline_style_or_script() -> None:
    """The content security policy forbids them."""
    assert lines(r"\sstyle=|\son\w+=\"|<script(?![^>]*src)|hx-on|\|\s*safe\b|js:", PAGES) == []


def test_the_domain_reads_no_clock() -> None:
    domain = sorted((ROOT / "webapp/domain").rglob("*.py"))
    assert lines(r"\b(now|utcnow|today)\(\)", domain) == []


def test_no_file_outgrows_its_room() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {count}"
        for path in [*CODE, *TEMPLATES, *sorted((ROOT / "tests").rglob("*.py"))]
        if (count := len(path.read_text().splitlines())) > 450 and "migrations" not in path.parts
    ]
    assert long == []


def test_the_worker_of_the_procfile_empties_every_queue() -> None:
    """Queues in the code are those of the worker the Procfile starts."""
    assert procfile()["worker"] == "flask --app wsgi worker"
    worker = (ROOT / "webapp/jobs/worker.py").read_text()
    assert "list(wake.QUEUES)" in worker
    assert {notice.queue for notice in Notice.by_name.values()} <= set(wake.QUEUES)


@pytest.mark.parametrize("event", sorted(Notice.by_name))
def test_every_notification_has_its_words_in_each_channel(event: str) -> None:
    templates, notice = ROOT / "webapp/templates", Notice.by_name[event]
    to_usagers = getattr(notice, "tells_usagers", True)
    folders = [templates / "email" / event] if to_usagers else []
    if getattr(notice, "tells_agents", False):
        folders.append(templates / "email" / event / "agent")
    wanted = [folder / name for folder in folders for name in ("subject.txt", "body.txt", "body.html")]
    if Canal.SMS in notice.channels and to_usagers:
        wanted.append(templates / "sms" / f"{event}.txt")
    assert [str(path) for path in wanted if not path.is_file()] == []


PREVIEWS = {"agent.heritage", "agent.apercu_plage", "configuration.apercu_motif"}
"""What shows something that is being typed: nothing to save, whatever the token."""


ABOUT = {"agent.annulation_seances": "?rdv={rdv_id}"}
"""What an address says after its path, where it is about nothing without."""


def keeping_views(app: Flask) -> Iterator[tuple[str, str]]:
    """Endpoint and rule of every view that is entered with a form whose token is too old."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if "POST" in (rule.methods or ()) and getattr(view, "keeps_form", False):
            yield rule.endpoint, rule.rule


def test_a_stale_form_writes_nothing_anywhere(app: Flask) -> None:
    """Every view that keeps a stale form answers 419, filled, and the database does not move."""
    with app.app_context():
        rdv = make.rdv()
        agent = make.agent(rdv.motif.service, "admin")
        row = make.participation(rdv)
        wait = make.attente(rdv)
        lieu = make.lieu(rdv.organisation)
        salle = make.salle(lieu)
        plage = make.plage(rdv.motif, [agent], lieu=lieu)
        agent.reset_nonce, agent.reset_hash = links.new_link(links.MOT_DE_PASSE)
        agent.reset_expire_le = rdv.starts_at
        tokens = {
            "public": links.token(links.PARTICIPATION, row.lien_nonce),
            "agent": links.token(links.MOT_DE_PASSE, agent.reset_nonce),
        }
        waits = links.token(links.ATTENTE, wait.lien_nonce)
        values = {"rdv_id": rdv.id, "participation_id": row.id, "motif_id": rdv.motif_id, "plage_id": plage.id}
        values["usager_id"] = row.usager_id
        values["absence_id"] = make.absence(agent).id
        values |= {"lieu_id": lieu.id, "salle_id": salle.id, "agent_id": agent.id}
        values["invitation_id"] = make.invitation(rdv.motif, agent=agent).id
        values["export_id"] = make.export(agent).id
        values["jeton_id"] = make.jeton(agent)[0].id
        values["webhook_id"] = make.webhook(rdv.organisation).id
        db.session.commit()
        email = agent.email
    client = PageClient(app)
    client.get("/agent/connexion").form(css="main form").submit(courriel=email, mot_de_passe=make.PASSWORD)
    with app.app_context():
        before = fingerprint()
    views = list(keeping_views(app))
    assert len(views) > 10
    for endpoint, rule in views:
        of_a_wait = "attente" in rule or "proposition" in rule
        token = waits if of_a_wait else tokens.get(endpoint.partition(".")[0], "")
        known = {**values, "token": token} if "token" in rule else values
        address = re.sub(r"<(?:\w+:)?(\w+)>", lambda match, known=known: str(known[match[1]]), rule)  # type: ignore[misc]
        address += ABOUT.get(endpoint, "").format(**values)
        answer = client.post(address, data={"csrf_token": "périmé", "prenom": "Élodie", "courriel": email})
        assert answer.status == 419 or endpoint in PREVIEWS, (endpoint, answer.status)
    with app.app_context():
        assert fingerprint() == before


def fingerprint() -> dict[str, list[tuple[object, ...]]]:
    """Everything the database holds."""
    held = {
        table.name: [tuple(map(str, row)) for row in db.session.execute(select(table).order_by(*table.primary_key))]
        for table in db.metadata.sorted_tables
    }
    db.session.rollback()
    return held


def test_the_proofs_the_reliability_page_names_exist() -> None:
    """docs/fiabilite.md promises nothing without its test."""
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs/fiabilite.md").read_text())
    assert len(named) > 15
    missing = [
        (file, test)
        for file, test in named
        if not (ROOT / file).is_file() or (test and f"def {test}(" not in (ROOT / file).read_text())
    ]
    assert missing == []
