"""Move somebody to another session: choose it, read who will be told, then do it (docs/domain.md rule 24)."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.capacity import Jauge
from webapp.domain.droits import Droit
from webapp.domain.errors import Complet, DomainError, Introuvable, Perime
from webapp.domain.participation import Statut
from webapp.models import Participation, Rdv
from webapp.notifications.people import prevenus
from webapp.notifications.render import listed
from webapp.queries import seances
from webapp.services import deplacements
from webapp.web.auth import allowed, current_agent, declares, may
from webapp.web.errors import refused
from webapp.web.forms.agent import said_yes
from webapp.web.forms.lots import DeplacerForm
from webapp.web.htmx import go_to, respond
from webapp.web.intake import number
from webapp.web.security import keeps_form

from . import bp, vues
from .accueil import Seance, seance
from .fiche import find
from .participations import find_participation
from .seance import leaving

SHOWN = 40


@dataclass(frozen=True, slots=True)
class Cibles:
    """Sessions to choose from: those of the same motif, those of other motifs of the service."""

    memes: Sequence[Seance]
    autres: Sequence[Seance]


def cibles(rdv: Rdv) -> Cibles:
    """Where people of that session may go."""
    now, tz = utcnow(), rdv.organisation.timezone
    found = seances.targets(rdv, now, SHOWN)
    return Cibles(
        [seance(one, now, tz) for one in found if one.motif_id == rdv.motif_id],
        [seance(one, now, tz) for one in found if one.motif_id != rdv.motif_id],
    )


def asked_target(rdv: Rdv) -> Rdv | None:
    """The session of the address or of the form (`vers`), on which I need the view's right as well."""
    wanted = request.values.get("vers", 0, type=number)
    return find(wanted, whole=True) if wanted and wanted != rdv.id else None


@dataclass(frozen=True, slots=True)
class Surnombre:
    """What going over the capacity takes: seats asked for in a session, and whether I may."""

    jauge: Jauge
    places: int
    permis: bool

    @property
    def depasse(self) -> bool:
        """Are there too few seats?"""
        return self.places > self.jauge.libres


def surnombre(rdv: Rdv, places: int) -> Surnombre:
    """The same for that session and the agent who asks."""
    return Surnombre(rdv.jauge(), places, rdv.organisation.surbooking_autorise and may(Droit.SURBOOKER, rdv))


@bp.route("/rdv/<int:rdv_id>/participations/<int:participation_id>/deplacement", methods=["GET", "POST"])
@declares(Droit.GERER_RDV)
@keeps_form
def deplacement(rdv_id: int, participation_id: int) -> ResponseReturnValue:
    """Another session for one person, and for those of their household who go along."""
    place = find_participation(rdv_id, participation_id)
    vers, along = asked_target(place.rdv), deplacements.household(place)
    form = DeplacerForm(place, along)
    if vers is None or request.method == "GET":
        return _shown(place, vers, along, form)
    if form.validate_on_submit():
        names = listed([one.usager.nom_complet for one in (place, *along) if one.id in form.chosen])
        told, wanted = prevenus(_told(place, along, form), textes=vues.texts_left(vers)), form.prevenir
        try:
            deplacements.move_places(
                form.chosen,
                vers.id,
                agent=current_agent(),
                versions=form.versions,
                surbooking=said_yes("surbooking", default=False),
                prevenir=wanted,
            )
        except Introuvable:
            raise
        except DomainError as refusal:
            if isinstance(refusal, Perime):
                form.catch_up(place, along)
            if isinstance(refusal, Complet):
                allowed(vers)
            return _refused(refusal, place, vers, along, form)
        flash(f"{names} : place déplacée, {leaving(told, wanted)}", "success")
        return go_to(url_for(".fiche", rdv_id=rdv_id, _anchor=f"participation-{place.id}"))
    return _shown(place, vers, along, form)


def _told(place: Participation, along: Sequence[Participation], form: DeplacerForm) -> list[Participation]:
    return [one for one in (place, *along) if one.id in form.chosen]


def _context(place: Participation, vers: Rdv | None, along: Sequence[Participation], form: DeplacerForm) -> dict:  # type: ignore[type-arg]
    rdv = place.rdv
    people = _told(place, along, form)
    return {
        "form": form,
        "rdv": rdv,
        "place": place,
        "nom": place.usager.nom_complet,
        "vue": vues.heading(rdv),
        "possible": place.statut is Statut.INSCRIT and vues.will_be_told(rdv) and rdv.cancelled_at is None,
        "deplacee": place.deplacee_vers_id is not None,
        "avec": along,
        "cibles": cibles(rdv) if vers is None else None,
        "vers": vers,
        "vers_vue": vues.heading(vers) if vers is not None else "",
        "vers_entete": vues.header(vers, ()) if vers is not None else None,
        "surnombre": surnombre(vers, len(people)) if vers is not None else None,
        "told": prevenus(people, textes=vues.texts_left(rdv)),
        "prevenir": form.prevenir,
    }


def _shown(
    place: Participation, vers: Rdv | None, along: Sequence[Participation], form: DeplacerForm
) -> ResponseReturnValue:
    return respond("agent/deplacement.html", **_context(place, vers, along, form))


def _refused(
    refusal: DomainError, place: Participation, vers: Rdv, along: Sequence[Participation], form: DeplacerForm
) -> ResponseReturnValue:
    return refused(refusal, "agent/deplacement.html", **_context(place, vers, along, form))
