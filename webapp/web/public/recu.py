"""What this browser booked, readable for a while: in the signed session, masked."""

from datetime import timedelta
from typing import Any

from flask import session

from webapp.clock import utcnow
from webapp.domain import phones
from webapp.domain.contacts import mask_email
from webapp.web.forms.public import InscriptionForm, PrescriptionForm

DONE = "reservations"
READABLE = timedelta(minutes=30)
AT_MOST = 8
FIRST_NAME = 30
"""Characters kept of a first name: browsers drop a cookie over 4 kB."""


def remember(rdv_id: int, form: InscriptionForm) -> None:
    """Let this browser read its confirmation for 30 minutes. The cookie is signed, not secret: masked contacts, and no
    name but the first names of a household."""
    identity = form.identity
    entry = {
        "rdv": rdv_id,
        "jusqua": int((utcnow() + READABLE).timestamp()),
        "telephone": phones.masked(identity.telephone, form.region) if identity.telephone else "",
        "sms": bool(identity.telephone and phones.can_receive_sms(identity.telephone)),
        "courriel": mask_email(identity.courriel) if identity.courriel else "",
        "prenoms": [one.prenom[:FIRST_NAME] for one in form.foyer.personnes] if form.family else [],
        "prescripteur": mask_email(form.prescripteur.courriel) if isinstance(form, PrescriptionForm) else "",
    }
    session[DONE] = [*(kept for kept in _readable() if kept["rdv"] != rdv_id), entry][-AT_MOST:]


def _readable() -> list[dict[str, Any]]:
    now = utcnow().timestamp()
    unsaid = {"prenoms": [], "prescripteur": ""}  # of an entry kept by the version before
    return [{**unsaid, **entry} for entry in session.get(DONE, []) if entry["jusqua"] > now]


def booked_here(rdv_id: int) -> dict[str, Any] | None:
    """What `remember` kept of this session."""
    return next((kept for kept in _readable() if kept["rdv"] == rdv_id), None)


def forget(rdv_id: int) -> None:
    """The next person at this screen sees nothing of it."""
    session[DONE] = [entry for entry in _readable() if entry["rdv"] != rdv_id]
    if not session[DONE]:
        del session[DONE]
