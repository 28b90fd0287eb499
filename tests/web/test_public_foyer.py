"""Booking for several, without JavaScript: nothing typed is lost, one is asked to check, the link moves each or all."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from tests.pages import Page, PageClient
from tests.visitors import PERSON, another, change, counts, fill_up, links_of, motif_address, session, statements
from webapp.clock import utcnow
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import Participation
from webapp.services.checks import broken

FAMILY = {"pour": "moi_et_proches", "accompagnants-0-prenom": "Léa", "accompagnants-1-prenom": "Tom"}


@pytest.fixture
def rdv_id(app: Flask) -> int:
    return session(app)


def family_form(client: PageClient, rdv_id: int, rows: int = 1) -> Page:
    """The form, once asked for others too, with that many relatives."""
    page = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription").submit(button="Réserver pour un proche")
    for _ in range(rows - 1):
        page = page.form("/inscription").submit(button="Ajouter une personne")
    return page


def filled(client: PageClient, rdv_id: int) -> Page:
    """The page that asks to check three people."""
    return family_form(client, rdv_id, 2).form("/inscription").submit({**PERSON, **FAMILY})


def statuts(app: Flask) -> dict[str, str]:
    with app.app_context():
        return {one.usager.first_name: one.statut.value for one in db.session.scalars(select(Participation))}


def test_three_people_check_and_book(client: PageClient, app: Flask, rdv_id: int) -> None:
    page = filled(client, rdv_id)
    assert page.status == 200 and page.h1 == "Vérifiez avant de réserver" and counts(app) == (0, 0, 0)
    for words in ("3 personnes viennent", "Élodie N’Diaye", "Léa N’Diaye", "Tom N’Diaye", "06 39 98 12 78"):
        assert page.has(words), words
    page = page.form("/inscription").submit(button="Réserver les 3 places")
    assert page.history[0].status == 303 and page.h1 == "Vos places sont réservées"
    assert page.has("Une place chacun pour Élodie, Léa et Tom") and page.has("06 •• •• •• 78")
    assert "/p/" not in page.html and "N’Diaye" not in page.html
    assert counts(app) == (3, 3, 3)
    with app.app_context():
        assert list(broken()) == []


def test_one_relative_needs_no_check(client: PageClient, app: Flask, rdv_id: int) -> None:
    page = family_form(client, rdv_id).form("/inscription")
    page = page.submit({**PERSON, "pour": "proche", "accompagnants-0-prenom": "Léa", "accompagnants-0-nom": "Sow"})
    assert page.h1 == "La place de Léa est réservée" and counts(app) == (2, 1, 1)
    with app.app_context():
        lea = db.session.scalars(select(Participation)).one().usager
        assert (lea.nom_complet, lea.responsable.nom_complet) == ("Léa Sow", "Élodie N’Diaye")


def test_the_buttons_of_the_form_lose_nothing(client: PageClient, app: Flask, rdv_id: int) -> None:
    typed = {**PERSON, "telephone": "06 39"}
    page = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription").submit(typed, button="Réserver pour un proche")
    assert page.status == 200 and page.select('#telephone[value="06 39"]') and not page.errors
    page = page.form("/inscription").submit({"accompagnants-0-prenom": "Léa"}, button="Ajouter une personne")
    page = page.form("/inscription").submit({"accompagnants-1-prenom": "Tom"}, button="Ajouter une personne")
    assert page.select("fieldset[data-focus]") and page.select('[name="accompagnants-0-prenom"][value="Léa"]')
    page = page.form("/inscription").submit({"accompagnants-2-prenom": "Zoé"}, button="Retirer Tom")
    assert [field.attributes["value"] for field in page.select('[name$="-prenom"]')] == ["Léa", "Zoé"]
    assert page.select('#telephone[value="06 39"]') and counts(app) == (0, 0, 0)
    page = page.form("/inscription").submit(button="Réserver pour moi seulement")
    assert page.h1 == "Réserver ma place" and page.select('#nom[value="N’Diaye"]')
    assert page.form("/inscription").submit(PERSON).h1 == "Votre place est réservée"


def test_modifying_after_the_check_loses_nothing(client: PageClient, app: Flask, rdv_id: int) -> None:
    page = filled(client, rdv_id).form("/inscription").submit(button="Modifier")
    assert page.status == 200 and page.select('[name="accompagnants-1-prenom"][value="Tom"]')
    assert page.select('[name="pour"][value="moi_et_proches"][checked]') and counts(app) == (0, 0, 0)
    page = page.form("/inscription").submit({"accompagnants-1-prenom": "Thomas"})
    assert page.has("Thomas N’Diaye")


def test_errors_are_beside_each_relative(client: PageClient, app: Flask) -> None:
    rdv_id = session(app, motif_champs=["telephone", "date_naissance"])
    page = (
        family_form(client, rdv_id, 2)
        .form("/inscription")
        .submit({"prenom": "Élodie", "nom": "N’Diaye", "telephone": "06 39 98 12 78", "accompagnants-0-prenom": "Léa"})
    )
    assert page.status == 422 and page.title.startswith("Erreur")
    assert page.errors["pour"] and page.errors["accompagnants-0-date_naissance"]
    assert "accompagnants-1-prenom" not in page.errors  # a row left empty is nobody
    for field in ("accompagnants-0-date_naissance", "pour-0"):
        assert page.select(f'#erreurs a[href="#{field}"]')
    page = page.form("/inscription").submit(
        {
            "pour": "moi_et_proches",
            "date_naissance": "3/3/1990",
            "accompagnants-0-date_naissance": "4/4/2019",
            "accompagnants-1-prenom": "LEA",
            "accompagnants-1-date_naissance": "4/4/2019",
        }
    )
    assert "déjà dans la liste" in page.errors["accompagnants-1-prenom"]
    page = page.form("/inscription").submit({"accompagnants-1-date_naissance": "5/5/2021"})
    assert page.has("naissance le 04/04/2019") and page.has("3 personnes viennent")


def test_a_program_posts_at_once_and_forged_posts_are_refused(client: PageClient, app: Flask, rdv_id: int) -> None:
    form = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription")
    data = {**{name: values[0] for name, values in form.values.items()}, **PERSON, **FAMILY}
    assert client.post(form.action, data=data).status == 303 and counts(app) == (3, 3, 3)
    assert client.post(form.action, data=data).status == 303 and counts(app) == (3, 3, 3)  # the same form
    many = {f"accompagnants-{n}-prenom": f"Enfant{chr(65 + n)}" for n in range(9)}
    page = client.post(form.action, data={**data, **many, "envoi": "autre"})
    assert page.status == 422 and page.has("6 personnes au plus")
    assert client.post(form.action, data={**data, "pour": "nous"}).status == 422
    nobody = {**data, "pour": "proche", "accompagnants-0-prenom": "", "accompagnants-1-prenom": " "}
    page = client.post(form.action, data=nobody)
    assert page.status == 422 and "prénom de votre proche" in page.errors["accompagnants-0-prenom"]
    assert client.post(form.action, data={**data, "accompagnants-0-nom": "voir http://x.fr"}).status == 422
    assert counts(app) == (3, 3, 3)


def test_a_repeat_is_answered_as_a_first_booking(client: PageClient, app: Flask, rdv_id: int) -> None:
    first = filled(client, rdv_id).form("/inscription").submit(button="Réserver les 3 places")
    again = filled(client.another(), rdv_id).form("/inscription").submit(button="Réserver les 3 places")
    assert again.text == first.text and counts(app) == (3, 3, 3)


def test_too_few_seats_say_how_many_and_carry_what_was_typed(client: PageClient, app: Flask, rdv_id: int) -> None:
    change(app, rdv_id, capacite_propre=5, capacite_max=5)
    small = another(app, rdv_id, starts_at=utcnow() + timedelta(days=11), capacite_propre=2)
    large = another(app, rdv_id, starts_at=utcnow() + timedelta(days=12))
    page = filled(client, rdv_id)
    change(app, rdv_id, capacite_propre=2, capacite_max=2)
    page = page.form("/inscription").submit(button="Réserver les 3 places")
    assert page.status == 409 and page.has("Il ne reste que 2 places à cette séance, et vous en demandez 3")
    assert page.select('[name="accompagnants-1-prenom"][value="Tom"]') and counts(app) == (0, 0, 0)
    assert not page.select(f'form[action="/rdv/{small}/inscription"]')
    page = page.form(f"/rdv/{large}/inscription").submit()
    assert page.url == f"/rdv/{large}/inscription" and page.status == 200 and not page.errors
    assert "Tom" not in page.url and page.select('[name="accompagnants-1-prenom"][value="Tom"]')
    page = page.form("/inscription").submit().form("/inscription").submit(button="Réserver les 3 places")
    assert page.url == f"/rdv/{large}/confirmation" and counts(app)[1] == 3


def test_no_more_rows_than_seats(client: PageClient, app: Flask, rdv_id: int) -> None:
    change(app, rdv_id, capacite_propre=2, capacite_max=2)
    page = family_form(client, rdv_id, 2)
    assert "Ajouter une personne" not in page.text
    change(app, rdv_id, capacite_propre=12, capacite_max=12)
    page = family_form(client, rdv_id, 6)
    assert "Ajouter une personne" not in page.text and page.has("6 personnes au plus")


def test_a_stale_family_form_comes_back_filled(client: PageClient, app: Flask, rdv_id: int) -> None:
    form = family_form(client, rdv_id, 2).form("/inscription")
    form.values["csrf_token"] = ["perimé"]
    page = form.submit({**PERSON, **FAMILY})
    assert page.status == 419 and page.select('[name="accompagnants-1-prenom"][value="Tom"]')
    assert counts(app) == (0, 0, 0)


def test_the_link_says_who_comes_and_moves_each_or_all(client: PageClient, app: Flask, rdv_id: int) -> None:
    filled(client, rdv_id).form("/inscription").submit(button="Réserver les 3 places")
    (token, *_) = links_of(app)
    visitor = client.another()
    page = visitor.get(f"/p/{token}")
    assert page.has("Rendez-vous pour Élodie, Léa et Tom") and page.has("Vos places sont réservées")
    page = page.link("Annuler pour Léa")
    assert [box.attributes["value"] for box in page.select('[name="qui"][checked]')] == [str(ids(app)["Léa"])]
    page = page.form("/desistement").submit(raison="garde d’enfant")
    assert page.has("C’est noté") and statuts(app) == {"Élodie": "inscrit", "Léa": "excuse", "Tom": "inscrit"}
    assert counts(app)[2] == 2 and page.has("Rendez-vous pour Élodie et Tom")
    page = page.form("/reinscription").submit(button="Finalement, Léa vient")
    assert page.has("à nouveau réservée") and counts(app)[2] == 3
    page = page.link("Nous ne pourrons pas venir").form("/desistement").submit()
    assert set(statuts(app).values()) == {"excuse"} and page.has("Vous avez prévenu que personne ne viendra")
    with app.app_context():
        assert list(broken()) == []


def ids(app: Flask) -> dict[str, int]:
    with app.app_context():
        return {one.usager.first_name: one.id for one in db.session.scalars(select(Participation))}


def test_qui_means_nobody_else(client: PageClient, app: Flask, rdv_id: int) -> None:
    filled(client, rdv_id).form("/inscription").submit(button="Réserver les 3 places")
    (token, *_) = links_of(app)
    stranger = another(app, rdv_id)
    other = client.another()
    other.get(f"/rdv/{stranger}/inscription").form("/inscription").submit({**PERSON, "nom": "Autre", "telephone": ""})
    visitor = client.another()
    form = visitor.get(f"/p/{token}/desistement?qui=tous").form("/desistement")
    form.values["qui"] = [str(max(ids(app).values()))]
    assert form.submit().status == 422  # not of this household
    form.values["qui"] = []
    page = form.submit()
    assert page.status == 422 and "au moins une personne" in page.errors["qui"]
    form.values["qui"] = ["tous"]
    assert form.submit().has("sont libérées")
    with app.app_context():
        left = db.session.scalars(select(Participation).where(Participation.statut == Statut.INSCRIT)).all()
        assert [one.usager.last_name for one in left] == ["Autre"]
    form = visitor.get(f"/p/{token}").form(css="#foyer li:first-child form")
    form.values["qui"] = []
    form.names.add("qui")
    fill_up(app, rdv_id)
    page = form.submit(qui="tous")
    assert page.status == 409 and page.has("complète")


def test_without_qui_only_the_place_of_the_link_moves(client: PageClient, app: Flask, rdv_id: int) -> None:
    filled(client, rdv_id).form("/inscription").submit(button="Réserver les 3 places")
    token = links_of(app)[1]
    visitor = client.another()
    csrf = visitor.get(f"/p/{token}/desistement").form("/desistement").values["csrf_token"][0]
    assert visitor.post(f"/p/{token}/desistement", data={"csrf_token": csrf, "raison": "n’importe quoi"}).status == 303
    assert statuts(app) == {"Élodie": "inscrit", "Léa": "excuse", "Tom": "inscrit"}
    page = visitor.post(f"/p/{token}/desistement", data={"csrf_token": csrf}, follow=True)  # again: nothing more
    assert page.has("La place de Léa est libérée") and counts(app)[2] == 2
    with app.app_context():
        assert {one.raison for one in db.session.scalars(select(Participation))} == {""}  # not one of the list


def test_a_choice_of_channels_is_that_of_the_household(client: PageClient, app: Flask, rdv_id: int) -> None:
    filled(client, rdv_id).form("/inscription").submit(button="Réserver les 3 places")
    other = another(app, rdv_id)
    again = family_form(client, other, 2).form("/inscription")
    again.submit({**PERSON, **FAMILY, "courriel": "autre@exemple.fr"}).form("/inscription").submit(button="Réserver")
    token = links_of(app, other)[0]
    page = client.another().get(f"/p/{token}")
    assert page.has("Ce choix vaut pour ce rendez-vous")
    page.form("/canaux").submit({"courriel": False})
    with app.app_context():
        rows = db.session.scalars(select(Participation).order_by(Participation.id)).all()
        assert [one.refus_courriel for one in rows] == [False] * 3 + [True] * 3


def test_from_the_link_of_a_text_to_a_seat_in_three_pages(client: PageClient, app: Flask, rdv_id: int) -> None:
    """A motif's link in an SMS: its dates, one session, the form; no script runs here."""
    dates = client.get(motif_address(app, rdv_id))
    page = dates.link("Réserver le")
    form = page.link("Réserver ma place")
    done = form.form("/inscription").submit(PERSON)
    assert done.h1 == "Votre place est réservée" and counts(app) == (1, 1, 1)
    assert len(form.select("main form")) == 1 and len({dates.url, page.url, form.url}) == 3


def test_a_booking_costs_as_few_statements_as_before_households(client: PageClient, app: Flask, rdv_id: int) -> None:
    visitor, counted = client.another(), []

    def costing(act: Callable[[], Page]) -> Page:
        with statements(app) as seen:
            page = act()
        counted.append(len(seen))
        return page

    costing(lambda: visitor.get(f"/rdv/{rdv_id}"))
    form = costing(lambda: visitor.get(f"/rdv/{rdv_id}/inscription")).form("/inscription")
    costing(lambda: form.submit(PERSON, follow=False))
    costing(lambda: visitor.get(f"/rdv/{rdv_id}/confirmation"))
    check = filled(client.another(), rdv_id).form("/inscription")
    check.values["nom"] = ["Sow"]
    costing(lambda: check.submit(button="Réserver les 3 places", follow=False))
    assert counted[:4] == [1, 1, 15, 1] and counted[4] <= 36, counted
