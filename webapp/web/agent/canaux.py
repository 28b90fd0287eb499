"""« Prévenir par », in somebody's row of the sheet: what they said they want, noted by an agent."""

from flask import request
from flask.typing import ResponseReturnValue

from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError
from webapp.domain.participation import Acteur
from webapp.services.preferences import choose_channels
from webapp.web.auth import current_agent, declares
from webapp.web.forms.preferences import ticked
from webapp.web.htmx import partial
from webapp.web.intake import number

from . import bp
from .participations import done, find_participation, refused_row


@bp.post("/rdv/<int:rdv_id>/participations/<int:participation_id>/canaux")
@declares(Droit.GERER_RDV)
def canaux(rdv_id: int, participation_id: int) -> ResponseReturnValue:
    """By text, by e-mail, with reminders or not; `version` as for a status."""
    place = find_participation(rdv_id, participation_id)
    try:
        place = choose_channels(
            place.id,
            sms=ticked("sms"),
            courriel=ticked("courriel"),
            rappels=ticked("rappels") if place.rdv.motif.rappels else None,
            by=Acteur.AGENT,
            agent=current_agent(),
            version=request.form.get("version", type=number),
        )
    except DomainError as refusal:
        if refusal.status != 409:
            raise
        return refused_row(find_participation(rdv_id, participation_id), refusal)
    answer = done(place, f"{place.usager.nom_complet} : choix noté")
    return answer + str(partial(f"#note-{place.id}", "", "innerHTML")) if isinstance(answer, str) else answer
