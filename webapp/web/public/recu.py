"""What this browser booked, readable for a while: in the signed session, masked."""

from datetime import timedelta
from typing import Any

from flask import session

from webapp.clock import utcnow
from webapp.domain import phones
from webapp.domain.contacts import mask_email
from webapp.domain.identity import Identity
from webapp.web.forms.public import InscriptionForm, PrescriptionForm

DONE, WAITS = "reservations", "attentes"
READABLE = timedelta(minutes=30)
AT_MOST = 8
FIRST_NAME = 30
"""Characters kept of a first name: browsers drop a cookie over 4 kB."""


def remember(rdv_id: int, form: InscriptionForm, *, where: str = DONE) -> None:
    """Let this browser read its confirmation, of a seat or of a wait for one (`where`), for 30 minutes. The cookie is
    signed, not secret: masked contacts, and no name but the first names of a household."""
    _keep(
        rdv_id,
        form.identity,
        form.region,
        where,
        prenoms=[one.prenom[:FIRST_NAME] for one in form.foyer.personnes] if form.family else [],
        prescripteur=mask_email(form.prescripteur.courriel) if isinstance(form, PrescriptionForm) else "",
    )


def remember_invited(rdv_id: int, identity: Identity, region: str) -> None:
    """The same for who booked by an invitation: `identity` has the contacts the confirmation leaves to."""
    _keep(rdv_id, identity, region, DONE)


def _keep(rdv_id: int, identity: Identity, region: str, where: str, **said: Any) -> None:
    entry = {
        "rdv": rdv_id,
        "jusqua": int((utcnow() + READABLE).timestamp()),
        "telephone": phones.masked(identity.telephone, region) if identity.telephone else "",
        "sms": bool(identity.telephone and phones.can_receive_sms(identity.telephone)),
        "courriel": mask_email(identity.courriel) if identity.courriel else "",
        "prenoms": [],
        "prescripteur": "",
        **said,
    }
    session[where] = [*(kept for kept in _readable(where) if kept["rdv"] != rdv_id), entry][-AT_MOST:]


def _readable(where: str) -> list[dict[str, Any]]:
    now = utcnow().timestamp()
    unsaid = {"prenoms": [], "prescripteur": ""}  # of an entry kept by the version before
    return [{**unsaid, **entry} for entry in session.get(where, []) if entry["jusqua"] > now]


def booked_here(rdv_id: int, *, where: str = DONE) -> dict[str, Any] | None:
    """What `remember` kept of this session."""
    return next((kept for kept in _readable(where) if kept["rdv"] == rdv_id), None)


def forget(rdv_id: int, *, where: str = DONE) -> None:
    """The next person at this screen sees nothing of it."""
    session[where] = [entry for entry in _readable(where) if entry["rdv"] != rdv_id]
    if not session[where]:
        del session[where]
