"""What has no button is refused all the same, with the reason, and changes nothing (docs/domain.md rules 8 and 19)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from tests.pages import Page, PageClient
from tests.visitors import PERSON, book, change, counts, fill_up, links_of, motif_address, session, slug
from webapp.clock import utcnow
from webapp.domain.errors import Occupe
from webapp.extensions import db
from webapp.queries import usagers as people
from webapp.web.public import inscription

HOUR = timedelta(hours=1)


@pytest.fixture
def rdv_id(app: Flask) -> int:
    return session(app)


def posted(client: PageClient, rdv_id: int, before: Callable[[], None] = lambda: None) -> Page:
    """A form opened while it was possible, sent once it is not."""
    form = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription")
    before()
    return form.submit(PERSON, follow=False)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (lambda: {"cancelled_at": utcnow()}, "annulée"),
        (lambda: {"starts_at": utcnow() - HOUR, "ends_at": utcnow() + HOUR}, "déjà commencé"),
        (lambda: {"starts_at": utcnow() + HOUR / 6, "ends_at": utcnow() + HOUR}, "commence bientôt"),
        (lambda: {"motif_archived_at": utcnow()}, "plus proposé"),
        (lambda: {"motif_delai_max_jours": 5}, "pas encore ouverte"),
        (lambda: {"reservable_par": "entree_libre"}, "entrée libre"),
    ],
)
def test_a_late_form_is_refused_with_the_reason(
    client: PageClient, app: Flask, rdv_id: int, fields: Callable[[], dict[str, object]], sentence: str
) -> None:
    page = posted(client, rdv_id, lambda: change(app, rdv_id, **fields()))
    assert page.status == 409 and page.has(sentence) and page.select('#nom[value="N’Diaye"]')
    assert counts(app) == (0, 0, 0)


def test_a_session_that_moved_meanwhile_is_shown_before_it_is_booked(
    client: PageClient, app: Flask, rdv_id: int
) -> None:
    starts = utcnow() + timedelta(days=20)
    page = posted(client, rdv_id, lambda: change(app, rdv_id, starts_at=starts, ends_at=starts + HOUR))
    assert page.status == 409 and page.has("La date ou le lieu de cette séance vient de changer.")
    assert page.select('#nom[value="N’Diaye"]')
    assert counts(app) == (0, 0, 0)
    assert page.form("/inscription").submit(follow=False).status == 303  # knowing it now
    assert counts(app) == (1, 1, 1)


HIDDEN = [
    {"reservable_par": "agents"},
    {"reservable_par": "invites"},
    {"motif_reservable_par": "agents"},
    {"motif_visibilite": "invisible"},
    {"motif_type": "individuel"},
]


@pytest.mark.parametrize("fields", HIDDEN)
def test_what_is_not_public_does_not_exist(
    client: PageClient, app: Flask, rdv_id: int, fields: dict[str, object]
) -> None:
    book(client, rdv_id)
    before, other = counts(app), client.another()
    page = posted(other, rdv_id, lambda: change(app, rdv_id, **fields))
    unknown = other.get("/rdv/999999")
    assert page.status == unknown.status == 404 and page.text == unknown.text
    for address in ("", "/inscription", "/confirmation", "/jauge", "/rendez-vous.ics"):
        answer = other.get(f"/rdv/{rdv_id}{address}")
        assert answer.status == 404 and answer.text == unknown.text, address
    assert other.get(f"/flux/rdv/{rdv_id}").status == 404 and other.get(f"/flux?rdv={rdv_id}").status == 404
    assert not other.get("/").has("Mes droits au RSA") and not other.get(f"/o/{slug(app, rdv_id)}").has("Mes droits")
    assert not other.get(motif_address(app, rdv_id)).select(f'a[href="/rdv/{rdv_id}"]')
    assert counts(app) == before
    assert client.get(f"/p/{links_of(app)[0]}").has("Nous vous attendons")  # who has a place keeps its link


def test_who_comes_after_the_last_seat_does_not_read_that_some_are_left(
    client: PageClient, app: Flask, rdv_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = people.room_and_person

    def filled_meanwhile(*asked: Any) -> tuple[int, bool]:
        monkeypatch.undo()
        db.session.commit()
        fill_up(app, rdv_id)
        return look(*asked)

    monkeypatch.setattr(people, "room_and_person", filled_meanwhile)
    page = posted(client, rdv_id)
    assert page.status == 409 and page.has("maintenant complète") and page.has("12 sur 12"), page.text


def test_a_full_session_is_refused(client: PageClient, app: Flask, rdv_id: int) -> None:
    page = posted(client, rdv_id, lambda: fill_up(app, rdv_id))
    assert page.status == 409 and counts(app) == (12, 12, 12)


def test_a_form_goes_only_where_it_was_made_for(client: PageClient, app: Flask, rdv_id: int) -> None:
    elsewhere = session(app, reservable_par="agents")
    form = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription")
    form.action = f"/rdv/{elsewhere}/inscription"
    assert form.submit(PERSON).status == 404
    assert counts(app) == (0, 0, 0)
    org, other = slug(app, rdv_id), motif_address(app, elsewhere).rpartition("/")[2]
    assert client.get(f"/o/{org}/motifs/{other}").status == 404  # another organisation's motif under this one's name


def test_a_post_without_the_page_s_token_writes_nothing(client: PageClient, app: Flask, rdv_id: int) -> None:
    book(client, rdv_id)
    (token,), before = links_of(app), counts(app)
    assert client.post(f"/rdv/{rdv_id}/inscription", data={**PERSON, "nom": "Autre"}).status == 419
    assert client.post(f"/p/{token}/desistement").status == 419
    assert client.post(f"/p/{token}/reinscription").status == 419
    assert client.post(f"/rdv/{rdv_id}/confirmation").status == 419
    assert counts(app) == before


@pytest.mark.parametrize("token", ["x", "A" * 22, "A" * 200, "é" * 22, "../../etc", "%00"])
def test_an_unknown_link_is_an_unknown_page(client: PageClient, app: Flask, rdv_id: int, token: str) -> None:
    for address in ("", "/desistement", "/rendez-vous.ics"):
        assert client.get(f"/p/{token}{address}").status == 404


def test_an_altered_link_opens_nothing(client: PageClient, app: Flask, rdv_id: int) -> None:
    book(client, rdv_id)
    (token,) = links_of(app)
    altered = ("B" if token[0] != "B" else "C") + token[1:]
    form = client.get(f"/p/{token}/desistement").form("/desistement")
    form.action = f"/p/{altered}/desistement"
    assert form.submit().status == 404 and client.get(f"/p/{token.lower()}").status == 404
    assert counts(app) == (1, 1, 1)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"cancelled_at": utcnow()}, "annulée"),
        ({"starts_at": utcnow() - HOUR, "ends_at": utcnow() + HOUR}, "déjà commencé"),
    ],
)
def test_excusing_oneself_too_late(
    client: PageClient, app: Flask, rdv_id: int, fields: dict[str, object], sentence: str
) -> None:
    book(client, rdv_id)
    (token,) = links_of(app)
    form = client.get(f"/p/{token}/desistement").form("/desistement")
    change(app, rdv_id, **fields)
    page = form.submit()
    assert page.status == 409 and page.title.startswith("Erreur") and page.has(sentence)
    assert counts(app) == (1, 1, 1)
    assert client.get(f"/p/{token}/desistement").location == f"/p/{token}"


def test_nobody_comes_back_to_a_full_session(client: PageClient, app: Flask, rdv_id: int) -> None:
    book(client, rdv_id)
    (token,) = links_of(app)
    page = client.get(f"/p/{token}/desistement").form("/desistement").submit()
    form = page.form("/reinscription")
    fill_up(app, rdv_id)
    page = form.submit()
    assert page.status == 409 and page.has("complète")
    assert counts(app)[2] == 12
    assert not client.get(f"/p/{token}").select('form[action$="/reinscription"]')


def test_excusing_oneself_twice_is_once(client: PageClient, app: Flask, rdv_id: int) -> None:
    book(client, rdv_id)
    form = client.get(f"/p/{links_of(app)[0]}/desistement").form("/desistement")
    assert form.submit().status == form.submit().status == 200
    assert counts(app) == (1, 1, 0)


def test_one_link_never_shows_the_others(client: PageClient, app: Flask, rdv_id: int) -> None:
    book(client, rdv_id)
    book(client.another(), rdv_id, prenom="Bertrand", nom="Quéméner", telephone="0639981299", courriel="b@exemple.fr")
    first, second = links_of(app)
    page = client.get(f"/p/{first}")
    assert page.has("Élodie") and second not in page.html
    for word in ("Bertrand", "Quéméner", "39981299", "b@exemple.fr"):
        assert word not in page.html


def test_when_the_row_is_held_the_form_is_kept(
    client: PageClient, app: Flask, rdv_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object, **__: object) -> None:
        raise Occupe

    monkeypatch.setattr(inscription, "book_seat", busy)
    page = posted(client, rdv_id)
    assert page.status == 503 and int(page.headers["Retry-After"]) > 0 and page.select('#nom[value="N’Diaye"]')


def test_one_address_is_slowed_down_and_loses_nothing(make_app: Callable[..., Flask]) -> None:
    app = make_app(RATE_LIMITS="on")
    rdv_id = session(app, capacite_propre=200, org_envois_par_contact=1000)
    client = PageClient(app)
    form = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription")
    statuses = [form.submit(PERSON, follow=False).status for _ in range(60)]
    assert set(statuses) == {303}
    page = form.submit({**PERSON, "nom": "Nouveau"})
    assert page.status == 429 and page.headers["Retry-After"] and page.select('#nom[value="Nouveau"]')
    assert counts(app) == (1, 1, 1)
    assert client.get("/").status == 200
