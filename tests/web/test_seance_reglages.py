"""One session on its own or apart: what it says for itself, a place typed for it, its agents, what else is on."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from tests import factories
from tests.pages import Page, PageClient
from tests.web.test_plages_pages import NOW, Office
from webapp.domain.capacity import ReservablePar
from webapp.extensions import db
from webapp.models import Agent, Journal, Lieu, Notification, Rdv, TypeLieu

STARTS = datetime(2026, 12, 1, 13, tzinfo=UTC)  # 14:00 in Paris


@pytest.fixture(name="office")
def on_a_sunday(app: Flask, client: PageClient) -> Iterator[Office]:
    with app.app_context(), time_machine.travel(NOW, tick=False):
        yield Office(client)


def alone(office: Office, **fields: Any) -> dict[str, Any]:
    """What is typed for a session of its own, on Tuesday 1 December."""
    usual = {"agent_ids": [office.agent.id], "jour": "2026-12-01", "debut": "14:00", "fin": "16:00"}
    return {**usual, "endroit": f"s{office.salle.id}", **fields}


def create(office: Office, **fields: Any) -> Page:
    form = office.client.get("/agent/rdv/nouvelle").form(css="form.card")
    return form.submit(alone(office, **fields), button="Créer la séance")


def rdvs() -> list[Rdv]:
    db.session.rollback()
    return list(db.session.scalars(select(Rdv).order_by(Rdv.id).execution_options(populate_existing=True)))


def a_session(office: Office, *agents: Agent, **fields: Any) -> Rdv:
    usual = {"starts_at": STARTS, "agents": list(agents or (office.agent,)), "lieu_id": office.lieu.id}
    rdv = factories.rdv(office.motif, **{**usual, **fields})
    db.session.commit()
    return rdv


# --- what it says for itself -----------------------------------------------------------------------------------------


def test_a_session_of_its_own_may_say_everything_for_itself(office: Office) -> None:
    page = office.client.get("/agent/rdv/nouvelle")
    assert page.has("Hérité du motif : 12.") and page.has("« Atelier RSA »") and page.has("« Pour débuter. »")
    page = create(
        office,
        intitule="spécial rentrée",
        capacite_max="20",
        reservable_par="agents",
        nom_sms="Rentrée",
        instructions_avant="Venez à jeun.",
        instructions_apres="Apportez un stylo.",
    )
    assert page.has("La séance est créée.") and page.has("a 16 places, la séance en propose 20. C’est permis.")
    (rdv,) = rdvs()
    assert (rdv.intitule, rdv.capacite_propre, rdv.capacite_max, rdv.reservable_par, rdv.nom_sms) == (
        "spécial rentrée", 20, 20, ReservablePar.AGENTS, "Rentrée",
    )  # fmt: skip
    assert (rdv.instructions_avant, rdv.instructions_apres) == ("Venez à jeun.", "Apportez un stylo.")
    copy = office.client.get(f"/agent/rdv/nouvelle?copie={rdv.id}").form(css="form.card")
    assert (copy.values["nom_sms"], copy.values["instructions_avant"]) == (["Rentrée"], ["Venez à jeun."])


def test_choosing_the_motif_ticks_who_fills_the_form_in(office: Office) -> None:
    factories.motif(office.service, name="Un second motif")
    db.session.commit()
    page = office.client.get("/agent/rdv/nouvelle")
    assert not page.select("[name=agent_ids]")
    page = page.form(css="form.card").submit(motif_id=office.motif.id, button="Continuer avec ce motif")
    assert page.form(css="form.card").values["agent_ids"] == [str(office.agent.id)]


def test_the_room_proposes_its_capacity(office: Office) -> None:
    form = office.client.get("/agent/rdv/nouvelle").form(css="form.card")
    page = form.submit(alone(office), button="Mettre la capacité de la salle")
    assert page.form(css="form.card").values["capacite_max"] == ["16"] and rdvs() == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"fin": "13:00"}, "après l’heure de début"),
        ({"jour": ""}, "Indiquez la date"),
        ({"agent_ids": []}, "Choisissez au moins un agent"),
        ({"agent_ids": ["999999"]}, "Choisissez des agents en activité du service « Service insertion »"),
        ({"endroit": ""}, "Choisissez un lieu"),
        ({"endroit": "autre"}, "Donnez un nom au lieu"),
        ({"endroit": "autre", "lieu_nom": "Café de la Gare"}, "Indiquez la commune"),
        ({"capacite_max": "0"}, "entre 1 et 2000"),
        ({"nom_sms": "x" * 61}, "60 caractères au plus"),
        ({"instructions_avant": "x" * 2001}, "2000 caractères au plus"),
    ],
)
def test_errors_say_what_to_mend_and_keep_what_was_typed(office: Office, fields: dict[str, Any], words: str) -> None:
    page = create(office, **{"intitule": "spécial rentrée", **fields})
    assert page.status == 422 and page.title.startswith("Erreur") and page.has(words) and page.select("#erreurs li")
    assert page.form(css="form.card").values["intitule"] == ["spécial rentrée"] and rdvs() == []


@pytest.mark.parametrize(("jour", "words"), [("2026-11-20", "passée"), ("2029-01-01", "deux ans au plus")])
def test_a_date_that_cannot_be(office: Office, jour: str, words: str) -> None:
    page = create(office, jour=jour)
    assert page.status == 409 and page.has(words) and rdvs() == []


def test_one_session_of_a_plage_says_otherwise_and_goes_back(office: Office) -> None:
    office.create(capacite_max="8", nom_sms="Le mardi")
    rdv = rdvs()[0]
    page = office.client.get(f"/agent/rdv/{rdv.id}").link("Changer ces réglages")
    assert page.has("Hérité de la plage : 8.") and page.has("Hérité de la plage : « Le mardi »")
    assert page.has("Hérité du motif : « Pour débuter. »") and page.has("Hérité du motif : tout le monde, en ligne.")
    version = rdv.version
    page = page.form("/reglages").submit(
        capacite_max="5", intitule="en famille", nom_sms="En famille", reservable_par="agents"
    )
    assert page.status == 200 and page.has("Les réglages de la séance sont changés.")
    rdv = rdvs()[0]
    assert (rdv.capacite_max, rdv.capacite_propre, rdv.intitule, rdv.reservable_par) == (
        5, 5, "en famille", ReservablePar.AGENTS,
    )  # fmt: skip
    assert rdv.version == version + 1 and db.session.query(Notification).count() == 0
    lines = {line.action: line.details for line in db.session.query(Journal).filter_by(rdv_id=rdv.id)}
    assert lines["capacite"] == {"de": 8, "a": 5}
    assert lines["seance_reglages"]["changements"]["intitule"] == {"de": "", "a": "en famille"}
    page = office.client.get(f"/agent/rdv/{rdv.id}/reglages")
    assert page.has("Propre à cette séance. Videz le champ pour revenir à ce qui vient de la plage : 8.")
    assert page.has("Choisissez « Comme la plage ou le motif » pour revenir")
    # The plage changes: what the session says for itself stays, what it inherits follows.
    plage = office.plage()
    office.client.get(f"/agent/plages/{plage.id}").form(f"/plages/{plage.id}").submit(
        capacite_max="9", instructions_avant="Sonnez.", button="Enregistrer"
    )
    page = office.client.get(f"/agent/rdv/{rdv.id}/reglages")
    assert rdvs()[0].capacite_max == 5 and page.has("de la plage : 9") and page.has("« Sonnez. »")
    page.form("/reglages").submit(capacite_max="", reservable_par="", nom_sms="")
    rdv = rdvs()[0]
    assert (rdv.capacite_max, rdv.capacite_propre, rdv.reservable_par, rdv.nom_sms) == (9, None, None, None)


def test_what_the_settings_of_a_session_may_not_be(office: Office) -> None:
    rdv = a_session(office)
    factories.participation(rdv)
    factories.participation(rdv)
    office.motif.capacite_max = 12
    db.session.commit()
    path = f"/agent/rdv/{rdv.id}/reglages"
    opened = office.client.get(path).form("/reglages")
    page = office.client.get(path).form("/reglages").submit(reservable_par="entree_libre")
    assert page.status == 409 and page.has("Des personnes sont inscrites")
    page = office.client.get(path).form("/reglages").submit(capacite_max="0")
    assert page.status == 422 and page.has("entre 1 et 2000")
    page = office.client.get(path).form("/reglages").submit(capacite_max="1")
    assert page.has("plus d’inscrits que sa nouvelle capacité") and rdvs()[0].places_prises == 2
    page = opened.submit(intitule="Écrit avant")  # a colleague saved meanwhile
    assert page.status == 409 and page.has("vient de changer ces réglages") and rdvs()[0].intitule == ""
    page = page.form("/reglages").submit()
    assert page.status == 200 and rdvs()[0].intitule == "Écrit avant"
    assert page.client.get(path).form("/reglages").submit().has("Rien n’a changé.")
    late = office.client.get(path).form("/reglages")
    rdv = rdvs()[0]
    rdv.starts_at = NOW - timedelta(minutes=1)
    db.session.commit()
    page = late.submit(intitule="Trop tard")
    assert page.status == 409 and page.has("La séance a commencé") and rdvs()[0].intitule == "Écrit avant"


def test_a_session_nobody_can_count_is_refused(office: Office) -> None:
    office.motif.reservable_par, office.motif.capacite_max = ReservablePar.ENTREE_LIBRE, None
    rdv = a_session(office)
    db.session.commit()
    page = office.client.get(f"/agent/rdv/{rdv.id}/reglages").form("/reglages").submit(reservable_par="tous")
    assert page.status == 409 and page.has("Indiquez une capacité") and rdvs()[0].capacite_max is None


# --- a place typed for it --------------------------------------------------------------------------------------------

TYPED = {
    "endroit": "autre",
    "lieu_nom": "Café de la Gare",
    "lieu_adresse": "2 place de la Gare",
    "lieu_code_postal": "26990",
    "lieu_ville": "Valmont",
}


def test_a_place_typed_for_one_session_is_never_offered_again(office: Office) -> None:
    page = create(office, **TYPED)
    assert page.has("Café de la Gare") and page.has("2 place de la Gare, 26990 Valmont")
    (rdv,) = rdvs()
    assert rdv.lieu is not None and rdv.lieu.ponctuel and rdv.salle_id is None
    assert "Café" not in office.client.get("/agent/rdv/nouvelle").html
    assert "Café" not in office.client.get(f"/agent/plages/nouvelle?motif_id={office.motif.id}").html
    forged = create(office, endroit=f"l{rdv.lieu_id}")
    assert forged.status == 422 and len(rdvs()) == 1
    # The session itself may keep it, and a copy has it typed already.
    kept = office.client.get(f"/agent/rdv/{rdv.id}/modification").form("/modification")
    assert kept.values["endroit"] == [f"l{rdv.lieu_id}"]
    copy = office.client.get(f"/agent/rdv/nouvelle?copie={rdv.id}").form(css="form.card")
    assert {name: copy.values[name][0] for name in TYPED} == TYPED
    copy.submit(jour="2026-12-08", button="Créer la séance")
    assert len(rdvs()) == 2 and db.session.query(Lieu).filter_by(ponctuel=True).count() == 1


def test_one_session_moves_to_a_place_typed_for_it_once(office: Office) -> None:
    rdv = a_session(office)
    factories.participation(rdv)
    db.session.commit()
    form = office.client.get(f"/agent/rdv/{rdv.id}/modification").form("/modification").fill(TYPED)
    for _ in range(2):  # a double click
        page = form.submit()
        assert page.status == 200
    assert page.has("Rien n’a changé.") and page.has("Café de la Gare")
    assert rdvs()[0].lieu.adresse_complete == "2 place de la Gare, 26990 Valmont"  # type: ignore[union-attr]
    assert db.session.query(Lieu).filter_by(ponctuel=True).count() == 1
    told = db.session.query(Notification).filter_by(event="modification", destinataire_type="usager").all()
    assert len(told) == 1


def test_a_refused_session_leaves_no_place_behind(office: Office) -> None:
    assert create(office, jour="2026-11-20", **TYPED).status == 409
    assert db.session.query(Lieu).filter_by(ponctuel=True).count() == 0


def test_a_session_from_home_has_no_place_to_type(office: Office) -> None:
    office.motif.location_type = TypeLieu.VISIO
    db.session.commit()
    form = office.client.get("/agent/rdv/nouvelle").form(css="form.card")
    assert not {"endroit", "lieu_nom"} & form.names and "lien_visio" in form.names


# --- what else is on -------------------------------------------------------------------------------------------------


def test_what_else_is_on_is_said_once_when_a_session_is_made_or_moved(office: Office) -> None:
    held = a_session(office, salle_id=office.salle.id)
    page = create(office, debut="15:00", fin="17:00")
    assert page.status == 409 and page.has("Quelque chose d’autre est prévu en même temps")
    assert [node.text().replace("\xa0", " ") for node in page.select("#conflits li")] == [
        "mardi 1er décembre 2026 · Hélène M. : Mes droits au RSA, de 14 h à 16 h",
        "mardi 1er décembre 2026 · La salle « Salle Simone-Veil » : Mes droits au RSA, de 14 h à 16 h",
    ]
    assert len(rdvs()) == 1
    form = page.form(css="form.card")
    assert form.submit(button="Créer la séance").has("La séance est créée.")
    assert form.submit(button="Créer la séance").status == 200 and len(rdvs()) == 2  # twice is once
    factories.absence(office.agent, first_day=date(2026, 12, 9), last_day=date(2026, 12, 9))
    db.session.commit()
    form = office.client.get(f"/agent/rdv/{held.id}/modification").form("/modification")
    page = form.submit(jour="2026-12-09")
    assert page.status == 409 and page.has("Hélène M. : absence notée") and rdvs()[0].starts_at == STARTS
    page = page.form("/modification").submit()
    assert page.status == 200 and rdvs()[0].starts_at == STARTS + timedelta(days=8)
    # Where it is already, nothing of its own stands in its way.
    assert office.client.get(f"/agent/rdv/{held.id}/modification").form("/modification").submit().status == 200


# --- its agents ------------------------------------------------------------------------------------------------------


def test_the_agents_of_one_session_change_alone(office: Office) -> None:
    paul = factories.agent(office.service, first_name="Paul", last_name="Roy")
    zoe = factories.agent(office.service, first_name="Zoé", last_name="Petit")
    db.session.commit()
    office.create()
    rdv = rdvs()[0]
    a_session(office, paul, starts_at=STARTS + timedelta(hours=1))
    page = office.client.get(f"/agent/rdv/{rdv.id}").link("Changer les agents")
    assert page.has("Hérités de la plage : Hélène Marchand") and page.has(
        "À cette heure : Mes droits au RSA, de 15 h à 17 h"
    )
    opened = page.form("/agents")
    page = page.form("/agents").submit(agent_ids=[paul.id])
    assert page.has("Les agents de la séance sont changés.") and page.has("avec Paul R.")
    page = opened.submit(agent_ids=[zoe.id])
    assert page.status == 409 and page.has("viennent de changer") and page.has("Maintenant : Paul Roy.")
    assert page.form("/agents").values["agent_ids"] == [str(zoe.id)]
    page = page.form("/agents").submit(agent_ids=[])
    assert page.status == 422 and page.has("Choisissez au moins un agent")
    page = office.client.get(f"/agent/rdv/{rdv.id}/agents")
    assert page.has("Propres à cette séance. La plage, elle, a : Hélène Marchand")
    page = page.form("/agents").submit(button="Reprendre ceux de la plage")
    assert page.has("avec Hélène M.") and not rdvs()[0].agents_propres
    stranger = factories.agent(factories.service(office.org, name="PMI"))
    db.session.commit()
    forged = office.client.get(f"/agent/rdv/{rdv.id}/agents").form("/agents")
    forged.values["agent_ids"] = [str(stranger.id)]
    assert forged.submit().status == 422 and [a.id for a in rdvs()[0].agents] == [office.agent.id]
