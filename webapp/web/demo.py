"""The demonstration's own pages (MODE=demo, 404 elsewhere): the style guide, and messages as they are received."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, current_app, g, make_response, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, IntegerField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Optional

from webapp.domain import sms
from webapp.domain.capacity import Jauge
from webapp.domain.errors import Complet, Introuvable
from webapp.extensions import db
from webapp.models.outbox import MessageDemo
from webapp.queries.demo import demo_message, demo_messages

from .forms.base import BaseForm
from .htmx import respond
from .intake import number
from .security import MAIL_CSP
from .vues import PersonneVue, SeanceVue

bp = Blueprint("demo", __name__, url_prefix="/demo")
PARIS = ZoneInfo("Europe/Paris")
PER_PAGE = 20
UNSUBSCRIBE = re.compile(r"https?://\S+/desabonnement$", re.MULTILINE)


@bp.before_request
def only_in_demo() -> None:
    if current_app.config["MODE"] != "demo":
        abort(404)


@bp.get("/messages")
def messages() -> ResponseReturnValue:
    """The inbox of everybody, newest first, or of one number or address."""
    wanted = request.args.get("a", "").strip()[:100]
    page = max(1, request.args.get("page", 1, number))
    found = list(db.session.scalars(demo_messages(wanted).limit(PER_PAGE + 1).offset((page - 1) * PER_PAGE)))
    return respond(
        "demo/messages.html",
        "liste",
        messages=[(message, sms.measure(message.corps), _unsubscribe(message)) for message in found[:PER_PAGE]],
        wanted=wanted,
        page=page,
        following=len(found) > PER_PAGE,
        paris=PARIS,
    )


def _unsubscribe(message: MessageDemo) -> str:
    """Where its List-Unsubscribe leads: the address that the mails one can refuse also end with."""
    found = UNSUBSCRIBE.search(message.corps)
    return found[0] if found else ""


@bp.get("/messages/<int:message_id>/html")
def message_html(message_id: int) -> Response:
    """The mail's own HTML, for the sandboxed frame: the one place where inline styles are allowed."""
    g.csp = MAIL_CSP
    html = _message(message_id).html or abort(404)
    return make_response(f'<base target="_top">{html}')  # a link of the mail opens in the page, not in the frame


@bp.get("/messages/<int:message_id>/rendez-vous.ics")
def message_ics(message_id: int) -> Response:
    """The calendar file that came with the mail."""
    response = make_response(_message(message_id).ics or abort(404))
    response.mimetype = "text/calendar"
    response.headers["Content-Disposition"] = 'attachment; filename="rendez-vous.ics"'
    return response


def _message(message_id: int) -> MessageDemo:
    message = db.session.scalar(demo_message(message_id))
    if message is None:
        raise Introuvable("Ce message n’existe pas ou n’existe plus.")
    return message


class StyleForm(BaseForm):
    """A field of each kind, for the style guide."""

    prenom = StringField("Prénom", [DataRequired("Écrivez votre prénom.")])
    nom = StringField("Nom", [DataRequired("Écrivez votre nom de famille.")])
    telephone = StringField("Téléphone", [DataRequired("Écrivez un numéro de téléphone.")])
    courriel = StringField("Courriel", [Optional()])
    places = IntegerField("Nombre de places", [DataRequired("Écrivez un nombre de places.")])
    lieu = SelectField(
        "Lieu",
        [DataRequired()],
        choices=[
            SelectChoice("1", "Maison des solidarités de Valmont"),
            SelectChoice("2", "Centre social du Vallon"),
        ],
    )
    pour = RadioField(
        "Pour qui réservez-vous ?",
        [DataRequired("Dites pour qui vous réservez.")],
        choices=[
            SelectChoice("moi", "Pour moi"),
            SelectChoice("proche", "Pour un proche"),
            SelectChoice("moi_et_proches", "Pour moi et des proches"),
        ],
    )
    message = TextAreaField("Un mot pour l’équipe", [Optional()])
    sms = BooleanField("Je veux recevoir un rappel par SMS")


# capacity, taken, offered, waiting
PUBLIC_GAUGES: Sequence[tuple[Any, ...]] = (
    (12, 9),
    (12, 10),
    (8, 7),
    (12, 12, 0, 2),
    (12, 11, 1, 3),
    (None, 14),
    (12, 0),
)
AGENT_GAUGES: Sequence[tuple[Any, ...]] = ((12, 9, 1, 2), (12, 13), (8, 0), (120, 80), (None, 14))
TEXT = (
    "Mes droits au RSA : inscription notée, mar. 2 mars à 14h, Salle Simone-Veil, Valmont. "
    "Pour annuler : https://rdv.exemple.fr/p/Zx81kPq0aLm3Tn7Yc5Wd2e"
)


@bp.get("/style")
def style() -> ResponseReturnValue:
    """Each component in each state, with invented people."""
    empty, wrong, refused = (StyleForm(formdata=None, prefix=prefix) for prefix in ("v-", "e-", "r-"))
    wrong.prenom.data, wrong.telephone.data = "Élodie", "06 12 34 56"
    wrong.nom.errors = ["Écrivez votre nom de famille."]
    wrong.telephone.errors = ["Un numéro a dix chiffres ; celui-ci en a huit."]
    wrong.pour.errors = ["Dites pour qui vous réservez."]
    refused.refuse(Complet("Cette séance est maintenant complète."))
    return respond(
        "demo/style.html",
        empty=empty,
        wrong=wrong,
        refused=refused,
        jauges=[Jauge(n, *seats) for n, seats in enumerate(PUBLIC_GAUGES)],
        jauges_agents=[Jauge(10 + n, *seats) for n, seats in enumerate(AGENT_GAUGES)],
        seances=_seances(),
        personnes=_people(),
        texte=sms.measure(TEXT),
        sms_texte=TEXT,
        page_href=lambda n: url_for("demo.style", page=n),
    )


def _seances() -> list[SeanceVue]:
    start = datetime(2027, 3, 2, 14, tzinfo=PARIS)

    def seance(day: int, jauge: Jauge, **values: Any) -> SeanceVue:
        debut = start + timedelta(days=day)
        usual = {"lieu_nom": "Salle Simone-Veil", "adresse": "3 rue des Lilas, 26100 Valmont"}
        return SeanceVue(
            id=jauge.rdv_id,
            debut_local=debut,
            fin_local=debut + timedelta(hours=2),
            heures="14\u00a0h à 16\u00a0h",
            jauge=jauge,
            **usual | {"pmr": "accessible en fauteuil"} | values,
        )

    late = "Cette séance commence bientôt : elle ne se réserve plus en ligne."
    vallon = {"lieu_nom": "Centre social du Vallon", "adresse": "26120 Saint-Aubin", "pmr": ""}
    return [
        seance(0, Jauge(21, 12, 9), reservable=True),
        seance(2, Jauge(22, 8, 7), reservable=True, **vallon),
        seance(14, Jauge(23, 12, 12, attente=2), attente_ouverte=True),
        seance(16, Jauge(24, 12, 5), raison=late),
        seance(21, Jauge(25, None, 0), motif_nom="Café des parents", intitule="Autour du sommeil"),
    ]


def _people() -> list[PersonneVue]:
    def person(pid: int, nom: str, nom_dit: str, statut: str, **values: Any) -> PersonneVue:
        here = url_for("demo.style")
        return PersonneVue(
            id=pid, version=1, nom=nom, nom_dit=nom_dit, statut=statut, statut_url=here, retrait_url=here, **values
        )

    return [
        person(
            1,
            "AMRANI Yasmina",
            "Yasmina Amrani",
            "present",
            contact="06 39 98 12 34",
            tel="+33639981234",
            mot="SMS reçu",
            ton="ok",
            origine="en ligne, le 12 février",
            messages=["Confirmation par SMS, reçue le 12 février à 9\u00a0h\u00a014."],
        ),
        person(
            2,
            "BERTHELOT-DESGRANGES Marie-Antoinette",
            "Marie-Antoinette Berthelot-Desgranges",
            "inscrit",
            contact="marie-antoinette.berthelot@exemple.fr",
            mot="courriel envoyé",
            origine="en ligne, le 14 février",
            numero_dossier="26-4815",
        ),
        person(
            3,
            "CARON Luc",
            "Luc Caron",
            "absent",
            contact="07 98 76 54 32",
            tel="+33798765432",
            mot="en échec",
            ton="bad",
            alerte="Nadia K. a noté « Absent » à 14\u00a0h\u00a005. Votre choix n’a pas été enregistré : "
            "vérifiez, puis choisissez à nouveau.",
        ),
        person(
            4,
            "DIALLO Aïssatou",
            "Aïssatou Diallo",
            "inscrit",
            mot="à appeler",
            ton="warn",
            note_url=url_for("demo.style"),
            note="Vient avec une poussette.",
        ),
        person(5, "ÉVRARD Paul", "Paul Évrard", "excuse", contact="06 55 44 33 22", mot="s’est excusé", ton="flat"),
    ]
