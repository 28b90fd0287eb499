"""docs/qui-est-prevenu.md, line by line: the real services, a real SMTP server, a real SMS provider, both databases."""

import pathlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from tests.notifications import cases_attente, cases_foyer, cases_invitations, cases_lots, cases_series
from tests.notifications.cases import CONTACTS, Received, World, say, travelling
from tests.servers import SmsSink, SmtpSink
from webapp.extensions import db

SENTENCES_OF = (cases_attente, cases_foyer, cases_invitations, cases_lots, cases_series)
"""Where the language goes on, beside `cases`."""
PAGE = pathlib.Path(__file__).parents[2] / "docs" / "qui-est-prevenu.md"
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
CASES = ROW.findall(PAGE.read_text())
MESSAGE = re.compile(r"(?:(\d) )?(SMS|courriel)s?((?: (?:sans )?« [^»]* »)*)")
QUOTE = re.compile(r"(sans )?« ([^»]*) »")


@pytest.fixture
def world(kept_app: Callable[..., Flask], sms: SmsSink, smtp: SmtpSink) -> Iterator[World]:
    app = kept_app(SMS_URL=sms.url, MAIL_SERVER=smtp.host, MAIL_PORT=smtp.port)
    with travelling() as clock, app.app_context():
        found = World(sms, smtp, clock)
        found.build()
        yield found
        db.session.remove()


def every_case() -> Iterator[Any]:
    """Each line on SQLite, one in four on PostgreSQL too; the rest of those with what is long."""
    for case in CASES:
        yield pytest.param("sqlite", *case, id=f"sqlite-{case[0]}")
        marks = [] if int(case[0]) % 4 == 0 else [pytest.mark.volume]
        yield pytest.param("postgresql", *case, id=f"postgresql-{case[0]}", marks=marks)


def parts(text: str) -> list[str]:
    return [] if text == "–" else text.split(" ; ")


@pytest.mark.parametrize(("base", "number", "given", "when", "then"), [*every_case()], indirect=["base"])
def test_who_is_told(world: World, number: str, given: str, when: str, then: str) -> None:
    for fact in parts(given):
        say(world, fact)
    for phase in when.split(" ; plus tard, "):
        world.forget()
        for action in phase.split(" puis "):
            world.clock.shift(1)
            if action.startswith("on arrive"):
                world.clock.shift(-1)
            say(world, action)
        world.deliver()
    compare(world.received(), "" if then == "personne" else then)


def compare(received: list[Received], then: str) -> None:
    """Exactly these people, by exactly these means, with these words."""
    wanted: Counter[tuple[str, str]] = Counter()
    quotes = []
    for part in filter(None, then.split(" ; ")):
        who, _, means = part.partition(" : ")
        assert who in {*CONTACTS, "autre numéro", "Nadia", "Paul", "Alice", "Claire"}, who
        found = MESSAGE.findall(means)
        assert found, f"no message in: {part}"
        for count, canal, said in found:
            wanted[who, canal] += int(count or 1)
            quotes += [(who, canal, bool(without), text) for without, text in QUOTE.findall(said)]
    assert Counter((m.qui, m.canal) for m in received) == wanted, received
    for who, canal, without, text in quotes:
        for message in (m for m in received if (m.qui, m.canal) == (who, canal)):
            assert (text in message.text) is not without, message.text


def test_the_page_has_its_cases() -> None:
    assert len(CASES) >= 100
    assert [int(case[0]) for case in CASES] == list(range(1, len(CASES) + 1))


def test_a_wrong_line_is_found_wrong() -> None:
    received = [Received("Karim", "SMS", "Rappel : Mes droits au RSA")]
    compare(received, "Karim : SMS « Rappel » sans « Annulé »")
    for wrong in (
        "",
        "Karim : courriel",
        "Rose : SMS",
        "Karim : 2 SMS",
        "Karim : SMS « Annulé »",
        "Karim : SMS sans « RSA »",
    ):
        with pytest.raises(AssertionError):
            compare(received, wrong)
