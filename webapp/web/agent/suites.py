"""Stop a plage, take a date out, cancel several sessions: each session and who will be told are read first."""

from collections.abc import Callable
from datetime import date
from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.dates import local
from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError, Introuvable
from webapp.models import PlageOuverture
from webapp.queries import configuration as queries
from webapp.services.plages import Reconciliation
from webapp.services.series import Apercu, PlanPerime
from webapp.services.suites import Portee, cancel_rdvs, preview_cancel, preview_stop, stop_plage
from webapp.web.auth import current_agent, declares
from webapp.web.errors import refused
from webapp.web.forms.serie import ArretForm
from webapp.web.htmx import go_to, respond
from webapp.web.intake import iso_day, number
from webapp.web.security import keeps_form
from webapp.web.templating import pluriel

from . import bp
from .plages import find_plage
from .revue import Revue, review
from .seance import leaving
from .suivi import asked


@bp.route("/plages/<int:plage_id>/arret", methods=["GET", "POST"])
@declares(Droit.GERER_PLAGES)
@keeps_form
def arret(plage_id: int) -> ResponseReturnValue:
    """Take one session out (`depuis`), it and all that follow, or all those to come, as `portee` says."""
    found, now = find_plage(plage_id), utcnow()
    days = queries.coming_days(found, now)
    portee, depuis = _asked_stop(found, days)
    version = request.form.get("version", found.version, type=number)
    page = {
        "plage": found,
        "jours": days,
        "depuis": depuis,
        "portee": portee.value,
        "version": version,
        "tz": found.motif.organisation.timezone,
    }

    def plan(form: ArretForm) -> Apercu:
        return preview_stop(found, portee, depuis, form.accord.choix)

    def stop(form: ArretForm) -> Reconciliation:
        return stop_plage(found.id, portee, depuis, current_agent(), version=version, accord=form.accord)

    def done(saved: Reconciliation, told: str) -> ResponseReturnValue:
        _say_stopped(saved, portee, told)
        return go_to(url_for(".plage", plage_id=found.id))

    return _read_then_do("agent/plage_arret.html", plan, stop, done, page)


@bp.route("/seances/annulation", methods=["GET", "POST"])
@declares(Droit.GERER_RDV)
@keeps_form
def annulation_seances() -> ResponseReturnValue:
    """Cancel the sessions of the address (`rdv`, several), of any plage: each is named, each may be kept."""
    rdvs = asked()
    ids = [rdv.id for rdv in rdvs]
    page = {
        "ids": ids,
        "ecartees": sum(rdv.cancelled_at is not None or rdv.starts_at <= utcnow() for rdv in rdvs),
        "suivi_url": url_for(".suivi", rdv=ids),
    }

    def plan(form: ArretForm) -> Apercu:
        return preview_cancel(ids, form.accord.choix)

    def cancel(form: ArretForm) -> Apercu:
        return cancel_rdvs(ids, current_agent(), accord=form.accord)

    def done(gone: Apercu, told: str) -> ResponseReturnValue:
        count = len(gone.etapes)
        words = pluriel(count, "séance est annulée", "séances sont annulées") if count else "Rien n’a changé"
        flash(f"{words}{f' : {told}' if told and gone.prevenues else '.'}", "success")
        return go_to(page["suivi_url"])

    return _read_then_do("agent/seances_annulation.html", plan, cancel, done, page)


def _read_then_do(
    template: str,
    plan: Callable[[ArretForm], Apercu],
    act: Callable[[ArretForm], Any],
    done: Callable[[Any, str], ResponseReturnValue],
    page: dict[str, Any],
) -> ResponseReturnValue:
    """The page that names each session; then `act`, if all is still as it said."""
    form = ArretForm()

    def read() -> Revue:
        return review(plan(form), current_agent().organisation, form.accord.choix, form.montre)

    def shown(revue: Revue, **more: Any) -> ResponseReturnValue:
        context = {"form": form, "revue": revue, "prevenir": form.accord.prevenir, **page}
        return respond(template, "qui", **context, **more)

    revue = read()
    if "apercu" in request.form and not form.stale:
        return shown(revue, status=200, preview=True)
    if form.validate_on_submit():
        try:
            saved = act(form)
        except PlanPerime as changed:
            form.refuse(changed)
            return shown(read())
        except Introuvable:
            raise
        except DomainError as refusal:
            return refused(refusal, template, form=form, revue=read(), prevenir=form.accord.prevenir, **page)
        return done(saved, leaving(revue.told, form.accord.prevenir) if revue.prevenues else "")
    return shown(revue)


def _asked_stop(found: PlageOuverture, days: Any) -> tuple[Portee, date]:
    """What the address asks for: one date if it names one, all those to come otherwise."""
    depuis, words = request.values.get("depuis", type=iso_day), request.values.get("portee", "")
    portee = Portee(words) if words in set(Portee) else Portee.UNE if depuis else Portee.TOUTES
    today = local(utcnow(), found.motif.organisation.timezone).date()
    return portee, depuis or (days[0] if days else today)


def _say_stopped(saved: Reconciliation, portee: Portee, told: str) -> None:
    if not saved.changee:
        flash("Rien n’a changé.", "success")
        return
    counts = (
        (saved.annulees, "séance annulée", "séances annulées"),
        (saved.retirees, "séance sans inscrit retirée", "séances sans inscrit retirées"),
        (saved.gardees, "séance gardée à part", "séances gardées à part"),
    )
    done = ", ".join(pluriel(count, one, many) for count, one, many in counts if count)
    what = "La date est retirée" if portee is Portee.UNE else "La plage est arrêtée"
    words = f"{what}{f' : {done}' if done else ''}."
    flash(f"{words} {told[0].upper()}{told[1:]}" if told else words, "success")
