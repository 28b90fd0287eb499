"""The agenda in a browser: what overlaps is side by side, on one scale; a phone has one day under the other; a week is
one landscape page; gauges move by themselves; everything by keyboard, and without JavaScript."""

import io
from collections.abc import Callable
from datetime import date, time, timedelta
from typing import Any

import pypdfium2
from playwright.sync_api import Locator, Page, expect

from tests.browser.stage import HELENE, Stage
from webapp.clock import utcnow
from webapp.domain.dates import local
from webapp.domain.recurrence import to_utc


def far_tuesday() -> date:
    """Twenty weeks away, where the demonstration has nothing at these hours."""
    day = local(utcnow(), "Europe/Paris").date() + timedelta(weeks=20)
    return day - timedelta(days=day.weekday() - 1)


def box(of: Locator) -> dict[str, float]:
    found = of.bounding_box()
    assert found is not None
    return found  # type: ignore[return-value]


def test_a_week_on_a_desk_on_a_phone_and_on_paper(visitor: Callable[..., Page], stage: Stage) -> None:
    day = far_tuesday()
    made = [
        stage.session(starts_at=to_utc(day, time(hour), "Europe/Paris"), hours=hours, intitule=f"Séance {name}")
        for name, hour, hours in (("A", 8, 2), ("B", 9, 2), ("C", 12, 1))
    ]
    page = visitor(agent=HELENE, width=1280, js=False)
    page.goto(f"/agent/agenda?jour={day}")
    a, b, c = (page.locator(".bloc", has_text=f"Séance {name}") for name in "ABC")
    hour = box(a)["height"] / 2
    assert box(b)["x"] >= box(a)["x"] + box(a)["width"] - 1  # side by side
    assert abs(box(b)["y"] - box(a)["y"] - hour) < 3 and abs(box(c)["y"] - box(a)["y"] - 4 * hour) < 6  # one scale
    assert box(c)["width"] > 1.8 * box(a)["width"]  # alone: the whole day
    monday = page.get_by_role("heading", level=2).first
    assert box(monday)["x"] < box(a)["x"] and abs(box(monday)["y"] - box(page.locator("section.jour h2").last)["y"]) < 2
    paper = pypdfium2.PdfDocument(io.BytesIO(page.pdf(prefer_css_page_size=True)))
    width, height = paper[0].get_size()
    assert len(paper) == 1 and width > height
    page.set_viewport_size({"width": 360, "height": 800})
    assert box(a)["x"] == box(b)["x"] == box(c)["x"] and box(a)["y"] < box(b)["y"] < box(c)["y"]
    assert box(a)["width"] > 300
    link = page.get_by_role("link", name="Séance B")
    link.focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Séance C")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.url.endswith(f"/agent/rdv/{made[2]}")


def test_a_gauge_moves_by_itself(visitor: Callable[..., Page], stage: Stage) -> None:
    day = local(utcnow(), "Europe/Paris").date() + timedelta(days=40)
    rdv = stage.session(starts_at=to_utc(day, time(6, 30), "Europe/Paris"))
    page = visitor(agent=HELENE, width=1280)
    with page.expect_response(lambda answer: "/flux" in answer.url and answer.status == 200):
        page.goto(f"/agent/agenda?jour={day}&vue=jour")
    gauge: Any = page.locator(f"#jauge-{rdv}")
    expect(gauge).to_contain_text("0/12")
    other = visitor(agent=HELENE)
    other.goto(f"/rdv/{rdv}/inscription")
    other.locator("[name=prenom]").first.fill("Élodie")
    other.locator("[name=nom]").first.fill("Martin")
    other.locator("[name=telephone]").fill("06 39 98 71 77")
    other.get_by_role("button", name="Réserver ma place").click()
    expect(gauge).to_contain_text("1/12")
    expect(gauge).to_contain_text("1 place prise sur 12, 11 libres")
