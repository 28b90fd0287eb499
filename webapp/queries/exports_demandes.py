"""Files agents asked for, and what they may ask for."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select

from webapp.extensions import db
from webapp.models import Export, ExportMorceau, Lieu, Motif, Service

from .configuration import Services

SHOWN = 20


def of_agent(agent_id: int) -> Sequence[Export]:
    """The files somebody asked for, latest first."""
    return db.session.scalars(
        select(Export).where(Export.agent_id == agent_id).order_by(Export.id.desc()).limit(SHOWN)
    ).all()


def mine(agent_id: int, export_id: int) -> Export | None:
    """One of them."""
    return db.session.scalars(select(Export).where(Export.agent_id == agent_id, Export.id == export_id)).one_or_none()


def pieces(export_id: int) -> Iterator[bytes]:
    """The file, one piece after the other."""
    number = 0
    query = select(ExportMorceau.contenu).where(ExportMorceau.export_id == export_id)
    while (piece := db.session.scalar(query.where(ExportMorceau.numero == number))) is not None:
        yield piece
        number += 1


def choices(
    organisation_id: int, among: Services
) -> tuple[list[tuple[int, str]], list[tuple[int, str]], list[tuple[int, str]]]:
    """(id, name) of the services (None: all), of their motifs, archived ones included, and of all places."""
    services = select(Service.id, Service.name).where(Service.organisation_id == organisation_id)
    motifs = select(Motif.id, Motif.name).where(Motif.organisation_id == organisation_id)
    lieux = select(Lieu.id, Lieu.name).where(Lieu.organisation_id == organisation_id)
    if among is not None:
        services, motifs = services.where(Service.id.in_(among)), motifs.where(Motif.service_id.in_(among))
    ordered = (services.order_by(Service.name), motifs.order_by(Motif.name), lieux.order_by(Lieu.name))
    service_rows, motif_rows, lieu_rows = ([(i, n) for i, n in db.session.execute(query)] for query in ordered)
    return service_rows, motif_rows, lieu_rows
