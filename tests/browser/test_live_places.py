"""What hangs on the last seat: the way to book goes and comes back on pages that are open."""

from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests import factories as make
from tests.pages import PageClient
from tests.servers import Site
from tests.visitors import book, free, motif_address, session
from webapp.extensions import db
from webapp.models import Rdv
from webapp.services.rdvs import cancel_rdv


@pytest.mark.parametrize("base", ["postgresql"], indirect=True)
def test_the_button_goes_when_the_last_seat_does_and_comes_back(
    app: Flask, live_server: Callable[..., Site], window: Callable[..., Page]
) -> None:
    rdv_id = session(app, capacite_propre=1)
    address = motif_address(app, rdv_id)
    site = live_server(processes=("web",))
    watcher, dates = window(site.url), window(site.url)
    for page, shown in ((watcher, f"/rdv/{rdv_id}"), (dates, address)):
        with page.expect_response(lambda answer: "/flux" in answer.url):
            page.goto(shown)
    book(PageClient(app), rdv_id)
    expect(watcher.locator(f"#reserver-{rdv_id}")).to_have_text("Cette séance est maintenant complète.")
    expect(dates.locator(f"#suite-{rdv_id}")).to_contain_text("Voir la séance")
    free(app, rdv_id)
    expect(watcher.get_by_role("link", name="Réserver ma place")).to_be_visible()
    expect(dates.locator(f"#suite-{rdv_id}")).to_contain_text("Réserver le")
    with app.app_context():
        cancel_rdv(rdv_id, agent=make.agent(db.session.get_one(Rdv, rdv_id).motif.service), raison="", prevenir=False)
    expect(watcher.locator(f"#jauge-{rdv_id}")).to_have_text("Séance annulée")
    expect(watcher.get_by_role("link", name="Réserver ma place")).to_have_count(0)
    expect(watcher.locator("#annonces")).to_have_text("Séance annulée", timeout=10_000)
    expect(dates.locator(f"#suite-{rdv_id}")).to_have_text("Cette séance a été annulée.")
