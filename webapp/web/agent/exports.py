"""Files of the sessions and participations of the services one may export."""

from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from typing import Any

from flask import Response, flash, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.dates import local, zone
from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError, Introuvable
from webapp.exports import FICHIERS
from webapp.exports.columns import Vue
from webapp.exports.writers import csv_pieces, write_xlsx
from webapp.extensions import db
from webapp.models import EtatExport, Export, FormatExport, GenreExport
from webapp.queries import exports_demandes as queries
from webapp.queries import fiche
from webapp.queries.exports import Choix
from webapp.services import exports as service
from webapp.web.auth import allowed, allowed_services, current_agent, declares
from webapp.web.errors import refused
from webapp.web.forms.base import BaseForm
from webapp.web.forms.exports import FORMATS, GENRES, ExportForm
from webapp.web.htmx import go_to, respond
from webapp.web.intake import number
from webapp.web.security import keeps_form

from . import bp

PAGE = "agent/exports.html"
MIMETYPES = {
    FormatExport.CSV: "text/csv; charset=utf-8",
    FormatExport.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@bp.route("/exports", methods=["GET", "POST"])
@declares(Droit.EXPORTER)
@keeps_form
def exports() -> ResponseReturnValue:
    """Ask for a file: a small one comes at once, a worker writes a long one; then mine, with how far they are."""
    among = allowed_services()
    form = _form(among)
    if not form.validate_on_submit():
        return respond(PAGE, "mes_exports" if request.method == "GET" else None, **_context(form))
    agent = current_agent()
    genre, format = GenreExport(form.genre.data), FormatExport(form.format.data)
    choix = form.choix(agent.organisation.timezone, among)
    rows = FICHIERS[genre].count(agent.organisation_id, choix)
    if rows <= service.DIRECT_ROWS:
        service.note_export(agent.organisation, genre, format, choix, rows, agent=agent)
        return _now(genre, format, choix)
    try:
        asked = service.ask(genre, format, choix, agent=agent, envoi=form.envoi.data or "")
    except DomainError as refusal:
        return refused(refusal, PAGE, **_context(form))
    flash("Votre fichier se prépare. Vous pouvez quitter cette page : un courriel vous préviendra.", "success")
    return go_to(url_for(".exports", _anchor=f"export-{asked.id}"))


@bp.get("/exports/<int:export_id>/fichier")
@declares(Droit.EXPORTER)
def fichier_export(export_id: int) -> ResponseReturnValue:
    """A file of mine, piece by piece."""
    export = _mine(export_id)
    if export.etat is not EtatExport.PRET:
        raise Introuvable("Ce fichier n’est pas encore prêt.")
    return _file(
        _streamed(queries.pieces(export.id)), export.genre, export.format, Choix.read(export.choix), export.taille
    )


@bp.route("/exports/<int:export_id>/suppression", methods=["POST"])
@declares(Droit.EXPORTER)
@keeps_form
def suppression_export(export_id: int) -> ResponseReturnValue:
    """Delete a file of mine before its seven days, or give it up."""
    export, form = _mine(export_id), BaseForm()
    if form.validate_on_submit():
        service.forget(export)
        flash("Le fichier est supprimé.", "success")
        return go_to(url_for(".exports"))
    return respond(PAGE, **_context(_form(allowed_services())), status=form.status)


def _mine(export_id: int) -> Export:
    allowed_services()
    export = queries.mine(current_agent().id, export_id)
    if export is None:
        raise Introuvable("Ce fichier n’existe pas ou n’existe plus.")
    if not service.may_read(current_agent(), export):
        raise Introuvable("Ce fichier porte sur des services que vous ne pouvez plus exporter.")
    return export


def _asked_rdv() -> int | None:
    """The one session that is asked for, read where the form reads it and nowhere else."""
    return (request.form if request.method == "POST" else request.args).get("rdv", type=number)


def _form(among: set[int] | None) -> ExportForm:
    organisation = current_agent().organisation
    if rdv_id := _asked_rdv():
        rdv = next(iter(fiche.sessions(organisation.id, [rdv_id])), None)
        if rdv is None:
            raise Introuvable
        allowed(rdv)
    choices = queries.choices(organisation.id, among)
    defaults = {"genre": GENRES[1][0], "rdv": rdv_id} if rdv_id else {}
    return ExportForm(*choices, data=defaults)


def _context(form: ExportForm) -> dict[str, Any]:
    agent, tz = current_agent(), current_agent().organisation.timezone
    found = queries.of_agent(agent.id)
    rdv_id = _asked_rdv()
    return {
        "form": form,
        "exports": found,
        "quand": {export.id: local(export.cree_le, tz) for export in found},
        "en_cours": any(export.etat in (EtatExport.A_FAIRE, EtatExport.EN_COURS) for export in found),
        "colonnes": [(words, FICHIERS[GenreExport(genre)].columns) for genre, words in GENRES],
        "genres": dict(GENRES),
        "formats": dict(FORMATS),
        "seance": next(iter(fiche.sessions(agent.organisation_id, [rdv_id])), None) if rdv_id else None,
        "tz": tz,
        "jours": service.KEPT.days,
    }


def _now(genre: GenreExport, format: FormatExport, choix: Choix) -> Response:
    """A small file, written while it is read (a workbook: before)."""
    organisation = current_agent().organisation
    kind, vue = FICHIERS[genre], Vue(zone(organisation.timezone), utcnow())
    pages = kind.rows(organisation.id, choix)
    if format is FormatExport.CSV:
        return _file(_streamed(piece for piece, _ in csv_pieces(kind.columns, pages, vue)), genre, format, choix)
    book = BytesIO()
    for _ in write_xlsx(book, kind.columns, pages, vue):
        pass
    return _file(iter([book.getvalue()]), genre, format, choix, book.tell())


def _streamed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces one by one; whoever reads them slowly holds no database connection meanwhile."""

    def give() -> Iterator[bytes]:
        for piece in pieces:
            db.session.remove()
            yield piece

    return stream_with_context(give())


def _file(
    pieces: Iterator[bytes], genre: GenreExport, format: FormatExport, choix: Choix, size: int | None = None
) -> Response:
    tz = current_agent().organisation.timezone
    days = [f"{local(moment, tz):%Y-%m-%d}" for moment in (choix.debut,) if moment]
    name = "-".join([FICHIERS[genre].nom, *days])
    headers: Mapping[str, str] = {
        "Content-Disposition": f'attachment; filename="{name}.{format.value}"',
        "Cache-Control": "no-store",
        **({"Content-Length": str(size)} if size is not None else {}),
    }
    return Response(pieces, mimetype=None, content_type=MIMETYPES[format], headers=headers)
