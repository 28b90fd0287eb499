"""Pages every public site owes: accessibility, personal data, who publishes."""

from flask.typing import ResponseReturnValue

from webapp.queries import public as queries
from webapp.web.htmx import respond

from . import bp
from .vues import show


def _page(template: str) -> ResponseReturnValue:
    organisations = queries.organisations()
    if len(organisations) == 1:
        show(organisations[0])
    return respond(template, organisations=organisations)


@bp.get("/accessibilite")
def accessibilite() -> ResponseReturnValue:
    """What was checked, what was not, whom to tell."""
    return _page("public/accessibilite.html")


@bp.get("/donnees-personnelles")
def donnees_personnelles() -> ResponseReturnValue:
    """What is asked, what for, for how long, and one's rights."""
    return _page("public/donnees-personnelles.html")


@bp.get("/mentions-legales")
def mentions_legales() -> ResponseReturnValue:
    """Who publishes, and where to write."""
    return _page("public/mentions-legales.html")


@bp.get("/contacts")
def contacts() -> ResponseReturnValue:
    """Whom to call, for those who can't or would rather not book online."""
    return _page("public/contacts.html")
