"""The two files: their columns, what they say of each session and person, harmless, in few statements."""

import csv
import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from openpyxl import load_workbook

from tests import factories as make
from tests.databases import statements
from webapp.clock import utcnow
from webapp.domain.dates import zone
from webapp.domain.participation import Acteur, Statut
from webapp.exports import FICHIERS
from webapp.exports.columns import CELL_MAX, Column, Kind, Vue, csv_text
from webapp.exports.writers import csv_pieces, write_xlsx
from webapp.extensions import db
from webapp.models import Canal, EtatNotification, GenreExport, Notification, Rdv
from webapp.queries import exports as queries
from webapp.queries.exports import Choix
from webapp.services.booking import change_statut
from webapp.services.rdvs import freeze_started

NASTY = [
    "=1+1",
    "+33612345678",
    "-2+3",
    "@SUM(A1)",
    "\tx",
    "  =cmd|' /C calc'!A0",
    "＝1",
    'a "b"; c',
    "un\ndeux\r\ntrois",
    "\x00\x07",
    "é" * 10_000,
    "🙂 Zoë",
]


EVERYTHING = Choix()


def csv_rows(genre: GenreExport, organisation_id: int, choix: Choix = EVERYTHING) -> list[list[str]]:
    kind = FICHIERS[genre]
    vue = Vue(zone("Europe/Paris"), utcnow())
    content = b"".join(piece for piece, _ in csv_pieces(kind.columns, kind.rows(organisation_id, choix), vue))
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))


def as_dicts(rows: Sequence[Sequence[str]]) -> list[dict[str, str]]:
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def promise(rdv: Rdv, place: Any, number: int, etat: EtatNotification) -> None:
    now = utcnow()
    row = Notification(
        organisation_id=rdv.organisation_id, event="rappel", sujet_type="participation", sujet_id=place.id,
        changement=str(number), canal=Canal.SMS, destinataire_type="usager", destinataire_id=place.usager_id,
        cle_envoi=f"e-{place.id}-{number}", prevue_le=now, a_envoyer_le=now, etat=etat, rdv_id=rdv.id,
        participation_ids=[place.id],
    )  # fmt: skip
    db.session.add(row)


def test_columns_are_where_offices_read_them() -> None:
    """Append only: a name that moves or changes breaks the reception's own sheets (rule 16)."""
    accueil = [column.header for column in FICHIERS[GenreExport.ACCUEIL].columns]
    assert accueil[:22] == [
        "Date", "Début", "Fin", "Motif", "Intitulé", "Service", "Lieu", "Salle", "Agents", "Capacité", "Places prises",
        "Présents", "Absents", "Excusés", "Annulés", "En attente", "Remplissage (%)", "État", "Origine", "Plage",
        "N° de séance", "Commune du lieu",
    ]  # fmt: skip
    people = [column.header for column in FICHIERS[GenreExport.STATISTIQUES].columns]
    assert people[:27] == [
        *accueil[:9], "N° de personne", "N° de dossier", "Tranche d’âge", "Statut", "Statut le", "Statut par",
        "Inscription", "Inscrit par", "Inscrit le", "Délai (jours)", "Messages envoyés", "Messages en échec", "Proche",
        "Prescripteur", "Sur invitation", "État de la séance", "N° de séance",
        "Commune du lieu",
    ]  # fmt: skip


def test_the_documentation_names_every_column() -> None:
    text = (Path(__file__).parent.parent.parent / "docs" / "exports.md").read_text()
    for kind in FICHIERS.values():
        table = "\n".join(
            f"| {number} | {column.header} | {column.kind} | {column.aide} |"
            for number, column in enumerate(kind.columns, 1)
        )
        assert table in text, table


def test_a_session_and_its_people(app: Flask) -> None:
    with app.app_context():
        start = datetime(2026, 3, 3, 13, tzinfo=UTC)
        service = make.service(name="Insertion")
        org = service.organisation
        motif = make.motif(service, name="Mes droits", capacite_max=8, champs=["telephone", "numero_dossier"])
        lieu = make.lieu(org, name="MDS d’Îlot")
        nadia = make.agent(service, first_name="Nadia", last_name="Kaci")
        rdv = make.rdv(motif, starts_at=start, lieu_id=lieu.id, agents=[nadia], intitule="Rentrée", presents_anonymes=2)
        mother = make.usager(org, birth_date=date(1990, 1, 1), numero_dossier="A-12")
        child = make.usager(org, responsable_id=mother.id)
        here = make.participation(
            rdv, mother, Statut.PRESENT, inscrit_le=start - timedelta(days=2, hours=1), statut_par_agent_id=nadia.id,
            statut_par=Acteur.AGENT,
        )  # fmt: skip
        make.participation(rdv, child, origine=Acteur.PRESCRIPTEUR, prescripteur_structure="CCAS")
        make.participation(rdv, make.usager(org), Statut.EXCUSE, origine=Acteur.AGENT, cree_par_agent_id=nadia.id)
        promise(rdv, here, 1, EtatNotification.ENVOYEE)
        promise(rdv, here, 2, EtatNotification.ENVOYEE)
        promise(rdv, here, 3, EtatNotification.ECHEC)
        promise(rdv, here, 4, EtatNotification.IGNOREE)
        db.session.commit()
        [session] = as_dicts(csv_rows(GenreExport.ACCUEIL, org.id))
        assert session | {"N° de séance": "", "Plage": ""} == {
            "Date": "03/03/2026", "Début": "14:00", "Fin": "16:00", "Motif": "Mes droits", "Intitulé": "Rentrée",
            "Service": "Insertion", "Lieu": "MDS d’Îlot", "Salle": "", "Agents": "Nadia Kaci", "Capacité": "8",
            "Places prises": "2", "Présents": "3", "Absents": "0", "Excusés": "1", "Annulés": "0", "En attente": "0",
            "Remplissage (%)": "25", "État": "À renseigner", "Origine": "Séance isolée", "Plage": "",
            "N° de séance": "", "Commune du lieu": "Valmont",
        }  # fmt: skip
        people = as_dicts(csv_rows(GenreExport.STATISTIQUES, org.id))
        first, second, third = people
        assert (first["N° de dossier"], first["Tranche d’âge"]) == ("A-12", "")  # the motif asks for the one alone
        assert (first["Statut"], first["Statut par"], first["Délai (jours)"]) == ("Présent", "Nadia Kaci", "2")
        assert (first["Messages envoyés"], first["Messages en échec"]) == ("2", "1")
        assert (second["Proche"], second["Inscription"], second["Prescripteur"]) == (
            "oui",
            "Par un prescripteur",
            "CCAS",
        )
        assert (third["Statut"], third["Inscription"], third["Inscrit par"]) == ("Excusé", "Par un agent", "Nadia Kaci")
        assert len({row["N° de personne"] for row in people}) == 3
        whole = str(people)
        assert mother.last_name not in whole and (mother.phone or "+33") not in whole


def test_a_session_that_started_keeps_its_names(app: Flask) -> None:
    with app.app_context():
        rdv = make.rdv(make.motif(name="Avant"), starts_at=utcnow() - timedelta(hours=1))
        db.session.commit()
        freeze_started()
        rdv = db.session.get_one(Rdv, rdv.id)
        rdv.motif.name = "Après"
        db.session.commit()
        [row] = as_dicts(csv_rows(GenreExport.ACCUEIL, rdv.organisation_id))
        assert row["Motif"] == "Avant"


def test_choices_are_narrow(app: Flask) -> None:
    with app.app_context():
        service = make.service()
        org, other = service.organisation, make.service(service.organisation, name="PMI")
        here = make.rdv(make.motif(service), starts_at=datetime(2026, 3, 3, 13, tzinfo=UTC))
        there = make.rdv(make.motif(other), starts_at=datetime(2026, 3, 4, 13, tzinfo=UTC))
        make.rdv(make.motif())  # of another organisation
        for rdv in (here, there, there):
            make.participation(rdv)
        db.session.commit()

        def ids(choix: Choix) -> list[int]:
            found = [seance.id for some in queries.seances(org.id, choix) for seance in some]
            assert queries.count_seances(org.id, choix) == len(found)
            people = [one.seance.id for some in queries.participations(org.id, choix) for one in some]
            assert (
                queries.count_participations(org.id, choix)
                == len(people)
                == sum({here.id: 1, there.id: 2}[i] for i in found)
            )
            return found

        assert ids(Choix()) == [here.id, there.id]
        assert (
            ids(Choix(services=(service.id,)))
            == ids(Choix(motif_id=here.motif_id))
            == ids(Choix(rdv_id=here.id))
            == [here.id]
        )
        assert ids(Choix(services=())) == []
        assert ids(Choix(debut=here.starts_at, fin=there.starts_at)) == [here.id]
        assert ids(Choix(debut=there.starts_at)) == [there.id]
        choix = Choix(debut=here.starts_at, services=(1, 2), lieu_id=3)
        assert Choix.read(choix.kept()) == choix


def test_pages_follow_each_other_without_loss_and_in_few_statements(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "SESSIONS_AT_ONCE", 3)
    monkeypatch.setattr(queries, "PEOPLE_AT_ONCE", 5)
    with app.app_context():
        motif = make.motif(capacite_max=40)
        start = utcnow() + timedelta(days=3)
        sizes = [0, 2, 5, 13, 1, 0, 4]  # at the same moment, two by two
        rdvs = [make.rdv(motif, starts_at=start + timedelta(days=n // 2)) for n in range(len(sizes))]
        for rdv, size in zip(rdvs, sizes, strict=True):
            for _ in range(size):
                make.participation(rdv)
        db.session.commit()
        org = motif.organisation_id
        pages = [len(some) for some in queries.seances(org, Choix())]
        assert pages == [3, 3, 1]
        with statements() as sent:
            lines = [one for some in queries.participations(org, Choix()) for one in some]
        assert [line.seance.id for line in lines] == [
            rdv.id for rdv, size in zip(rdvs, sizes, strict=True) for _ in range(size)
        ]
        assert len(sent) <= 25
        monkeypatch.undo()
        with statements() as sent:
            list(queries.participations(org, Choix()))
        assert len(sent) == 5  # sessions, statuses, agents, messages, people


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_what_people_type_is_harmless(text: str) -> None:
    shown = csv_text(text)
    assert not shown.lstrip(" ").startswith(("=", "+", "-", "@", "＝", "\t"))
    assert "\n" not in shown and "\r" not in shown and len(shown) <= CELL_MAX
    column: Column[str] = Column("Texte", "", lambda row, vue: row)
    vue = Vue(zone("Europe/Paris"), utcnow())
    pieces = b"".join(piece for piece, _ in csv_pieces([column, column], [[text]], vue)).decode("utf-8-sig")
    assert len(list(csv.reader(io.StringIO(pieces, newline=""), delimiter=";"))) == 2
    book = io.BytesIO()
    assert sum(write_xlsx(book, [column], [[text]], vue)) == 1
    xml = zipfile.ZipFile(book).read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in xml and "hyperlink" not in xml
    cell = load_workbook(book).active["A2"]
    assert cell.data_type == "s" and len(str(cell.value)) <= CELL_MAX


def test_a_workbook_has_types_and_a_frozen_header() -> None:
    values: dict[Kind, Any] = {
        Kind.TEXTE: "0612", Kind.NOMBRE: 7, Kind.DATE: date(2026, 3, 3), Kind.HEURE: time(14, 30),
        Kind.MOMENT: datetime(2026, 3, 3, 14, 30),
    }  # fmt: skip
    columns: list[Column[None]] = [
        Column(kind.value, "", lambda row, vue, kind=kind: values[kind], kind)
        for kind in Kind  # type: ignore[misc]
    ]
    book = io.BytesIO()
    assert sum(write_xlsx(book, columns, [[None]], Vue(zone("Europe/Paris"), utcnow()))) == 1
    sheet = load_workbook(book).active
    assert sheet.freeze_panes == "A2" and sheet["A1"].font.bold
    assert [cell.value for cell in sheet[2]] == [
        "0612",
        7,
        datetime(2026, 3, 3),
        time(14, 30),
        datetime(2026, 3, 3, 14, 30),
    ]


def test_days_when_clocks_change(app: Flask) -> None:
    with app.app_context():
        motif = make.motif()
        make.rdv(motif, starts_at=datetime(2026, 10, 25, 0, 30, tzinfo=UTC), hours=1)
        make.rdv(motif, starts_at=datetime(2026, 10, 25, 1, 30, tzinfo=UTC), hours=1)
        db.session.commit()
        rows = as_dicts(csv_rows(GenreExport.ACCUEIL, motif.organisation_id))
        assert [(row["Début"], row["Fin"]) for row in rows] == [("02:30", "02:30"), ("02:30", "03:30")]


def test_figures_follow_what_agents_do(app: Flask) -> None:
    with app.app_context():
        rdv = make.rdv(starts_at=utcnow() - timedelta(minutes=5))
        place = make.participation(rdv)
        db.session.commit()
        agent = make.agent(rdv.motif.service)
        db.session.commit()
        change_statut(place.id, Statut.ABSENT, by=Acteur.AGENT, agent=agent)
        [row] = as_dicts(csv_rows(GenreExport.ACCUEIL, rdv.organisation_id))
        assert (row["Absents"], row["Places prises"], row["État"]) == ("1", "1", "En cours")
