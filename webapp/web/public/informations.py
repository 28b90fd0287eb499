"""Pages every public site owes: accessibility, personal data, who publishes, whom to call."""

from collections.abc import Sequence

from flask.typing import ResponseReturnValue

from webapp.domain.codes import LIFE
from webapp.models import Organisation
from webapp.queries import public as queries
from webapp.queries.acces import KEPT as DEMANDS_KEPT
from webapp.services import retention
from webapp.web.htmx import respond

from . import bp
from .vues import show


def house() -> Sequence[Organisation]:
    """Everybody who publishes here; the page is theirs when they are alone."""
    organisations = queries.organisations()
    if len(organisations) == 1:
        show(organisations[0])
    return organisations


@bp.get("/accessibilite")
def accessibilite() -> ResponseReturnValue:
    """What was checked, what was not, whom to tell."""
    return respond("public/accessibilite.html", organisations=house())


@bp.get("/donnees-personnelles")
def donnees_personnelles() -> ResponseReturnValue:
    """What is asked, what for, for how long, and one's rights. The durations are those of the retention itself."""
    return respond(
        "public/donnees-personnelles.html",
        organisations=house(),
        messages_mois=retention.MESSAGES_MONTHS,
        formulaires_jours=retention.FORMS_DAYS,
        compteurs_jours=retention.COUNTED_DAYS,
        demandes_heures=int(DEMANDS_KEPT.total_seconds()) // 3600,
        code_minutes=int(LIFE.total_seconds()) // 60,
    )


@bp.get("/aide")
def aide() -> ResponseReturnValue:
    """How to book, to cancel, to wait, to find one's appointments again."""
    return respond("public/aide.html", organisations=house())


@bp.get("/mentions-legales")
def mentions_legales() -> ResponseReturnValue:
    """Who publishes, and where to write."""
    return respond("public/mentions-legales.html", organisations=house())


@bp.get("/contacts")
def contacts() -> ResponseReturnValue:
    """Whom to call, for those who can't or would rather not book online."""
    return respond("public/contacts.html", organisations=house())
