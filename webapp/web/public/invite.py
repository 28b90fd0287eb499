"""The invitation this browser opened: kept in its signed session for a while, never in an address."""

from datetime import timedelta

from flask import g, has_request_context, session

from webapp.clock import utcnow
from webapp.models import Invitation, Rdv
from webapp.services import invitations
from webapp.web.htmx import is_htmx

OPENED = "invitation"
IDLE = timedelta(minutes=30)
SEEN_EVERY = timedelta(minutes=1)


def remember(invitation: Invitation) -> None:
    """This browser may choose for the invited person, until nobody used it for half an hour. One at a time: another
    link opened here takes the place of the first. The cookie is signed, not secret: it holds the fingerprint of the
    link, that opens nothing by itself."""
    session[OPENED] = {"lien": invitation.lien_hash, "jusqua": int((utcnow() + IDLE).timestamp())}
    g.invitation = invitation


def forget() -> None:
    """The next person at this screen is not invited."""
    session.pop(OPENED, None)
    g.invitation = None


def current() -> Invitation | None:
    """The invitation this browser holds, looked at again in the database: withdrawn or over, it is nobody's."""
    if not has_request_context():  # a gauge written for everybody
        return None
    if "invitation" not in g:
        g.invitation = _held()
    found: Invitation | None = g.invitation
    return found


def _held() -> Invitation | None:
    kept = session.get(OPENED)
    if kept is None:
        return None
    now = utcnow()
    found = invitations.find(kept["lien"]) if kept["jusqua"] > now.timestamp() else None
    if found is None:
        session.pop(OPENED)
    elif (
        not is_htmx() and kept["jusqua"] < (now + IDLE - SEEN_EVERY).timestamp()
    ):  # what a page asks by itself is no use
        remember(found)
    return found


def to(rdv: Rdv) -> Invitation | None:
    """The invitation this browser holds to that session's motif."""
    found = current()
    return found if found is not None and found.motif_id == rdv.motif_id else None


def motif_id() -> int | None:
    """The motif this browser is invited to (docs/domain.md rule 8)."""
    found = current()
    return found.motif_id if found is not None else None
