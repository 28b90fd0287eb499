"""What changed on a sheet since the version a page shows: rows, gauge, the new version (docs/house.md law 8)."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import groupby

from flask import request, url_for
from markupsafe import Markup

from webapp.clock import utcnow
from webapp.domain.droits import Droit
from webapp.domain.participation import Etat
from webapp.models import Participation, Rdv
from webapp.queries import attente, fiche
from webapp.services.rdvs import OuEtQuand
from webapp.web.auth import may
from webapp.web.htmx import macro_html, partial
from webapp.web.vues import PersonneVue

from . import vues

WAITS = (2, 4, 10, 30)  # seconds
JUST_NOW = timedelta(minutes=1)
MOVED = 'La date ou le lieu de cette séance vient de changer. <a href="{}">Recharger la page</a>'
ROWS_AT_ONCE = 20
"""Beyond this an answer to a tap brings its own row only; the page then asks for the rest."""


def editable(rdv: Rdv) -> bool:
    """May the agent change this sheet now?"""
    return rdv.cancelled_at is None and may(Droit.GERER_RDV, rdv)


def cancellable(state: Etat) -> bool:
    """May the session still be cancelled? Not once it is over."""
    return state in (Etat.A_VENIR, Etat.EN_COURS)


def changes(
    rdv: Rdv,
    people: Sequence[Participation],
    *,
    newest: int,
    versioned: bool = True,
    alerts: Mapping[int, str] | None = None,
    said: str = "",
    attempt: int = 1,
    waitlist: bool = False,
) -> Markup:
    """The rows of `people`, the gauge and, if `versioned`, the version they bring the page to; the whole `waitlist` if
    it moved.

    `alerts`: why a tap was refused, or "" to take that away; a refreshed row keeps the one it shows, since an answer
    that left before it may arrive after it.
    `newest` is the highest participation id the page has: rows above it are put where they belong among the others.
    One that is there after all (two answers crossed) is taken out first, so it is never there twice.
    """
    rows = {row.id: row for row in vues.rows(rdv, people, editable=editable(rdv), alerts=alerts)}
    html = {
        pid: macro_html("components/personne.html", "personne", row, editable(rdv)).strip() for pid, row in rows.items()
    }
    pieces = [partial(f"#participation-{pid}", html[pid]) for pid in rows if pid <= newest]
    for pid, words in (alerts or {}).items():
        pieces.append(partial(f"#alerte-{pid}", macro_html("components/personne.html", "alerte", words), "innerHTML"))
    pieces += _inserted(rdv, {pid: html[pid] for pid in rows if pid > newest}, newest)
    if rdv.cancelled_at is None:
        pieces.append(partial(f"#jauge-{rdv.id}", macro_html("components/jauge.html", "jauge_agent", rdv.jauge())))
    if waitlist and rdv.cancelled_at is None:
        rows_of_wait = macro_html(
            "agent/liste_attente.html", "liste", rdv, vues.waiting(rdv), editable(rdv), rdv.motif.liste_attente
        )
        pieces.append(partial("#attente", rows_of_wait.strip()))
    if versioned:
        here = OuEtQuand.of(rdv).cle
        pieces.append(partial("#etat", macro_html("agent/macros.html", "repere", rdv, max([newest, *rows]), here)))
        if request.values.get("ou", here) != here:
            notice = macro_html(
                "components/divers.html", "avis", Markup(MOVED).format(url_for("agent.fiche", rdv_id=rdv.id)), "warn"
            )
            pieces.append(partial("#avis", notice, "innerHTML"))
    state = vues.state(rdv, fiche.statuts(rdv))
    pieces.append(partial("#etat-seance", macro_html("agent/macros.html", "badge", state)))
    if state in (Etat.A_RENSEIGNER, Etat.CLOS):
        pieces.append(partial("#annuler", "", "delete"))
    if again := later(rdv, list(rows.values()), attempt):
        pieces.append(partial("#suite", again, "beforeend"))
    if rdv.cancelled_at is not None:
        pieces += [partial(target, "", "delete") for target in ("#places", "#ajout", "#pas-encore", "#attente")]
        notice = macro_html("components/divers.html", "avis", vues.cancelled(rdv), "bad")
        pieces += [partial("#avis", notice, "innerHTML")] if versioned else []
    if said:
        pieces.append(partial("#annonces", Markup("{}").format(said), "innerHTML"))
    return Markup("").join(pieces)


def waitlist_moved(rdv: Rdv, since: int) -> bool:
    """Did the waitlist change after that version of the session? Not asked where there is none."""
    return (rdv.motif.liste_attente or rdv.places_attente > 0) and attente.changed_since(rdv, since)


def later(rdv: Rdv, rows: Sequence[PersonneVue], attempt: int = 1) -> Markup:
    """Asks again, a little later, for the rows whose message is still leaving: a delivery changes no version."""
    waiting = [row.id for row in rows if row.en_cours][:ROWS_AT_ONCE]
    if not waiting or attempt > len(WAITS):
        return Markup()
    address = url_for("agent.lignes", rdv_id=rdv.id, personne=waiting, essai=attempt)
    return Markup('<div hx-get="{}" hx-trigger="load delay:{}s" hx-swap="delete" hx-include="#dernier"></div>').format(
        address, WAITS[attempt - 1]
    )


def _inserted(rdv: Rdv, html: Mapping[int, str], newest: int) -> list[Markup]:
    if not html:
        return []
    pieces = [partial("#personne-encore", "", "delete")]
    pieces += [partial(f"#participation-{pid}", "", "delete") for pid in html]
    ids = [pid for pid in fiche.order(rdv) if pid in html or pid <= newest]
    # Targets are looked up before anything moves: neighbours that are both new go in together.
    position = 0
    for new, group in groupby(ids, key=lambda pid: pid in html):
        run = list(group)
        position += len(run)
        if new:
            rows = Markup("").join(Markup(html[pid]) for pid in run)
            before = ids[position] if position < len(ids) else None
            pieces.append(
                partial(f"#participation-{before}", rows, "beforebegin")
                if before
                else partial("#participants", rows, "beforeend")
            )
    return pieces


def announcement(people: Sequence[Participation]) -> str:
    """One sentence for those who listen: "Yasmina Amrani : présence notée"."""
    if len(people) == 1:
        moved = utcnow() - people[0].statut_le < JUST_NOW  # otherwise it is something else that changed in the row
        done = vues.DONE[people[0].statut] if moved else "ligne mise à jour"
        return f"{people[0].usager.nom_complet} : {done}"
    return f"{len(people)} changements dans la liste" if people else ""
