"""The two files of docs/domain.md rule 16: their columns (`accueil`, `statistiques`) and how they are written.

A column is one line; columns are only ever added at the end, because offices read them by position (docs/exports.md).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from webapp.models import GenreExport
from webapp.queries import exports as queries

from .accueil import ACCUEIL
from .columns import Column
from .statistiques import STATISTIQUES


@dataclass(frozen=True, slots=True)
class Fichier:
    """One kind of file: its columns, how many rows a choice of sessions gives, and these rows, list by list."""

    nom: str
    columns: Sequence[Column[Any]]
    count: Callable[[int, queries.Choix], int]
    rows: Callable[[int, queries.Choix], Iterator[Sequence[Any]]]


FICHIERS = {
    GenreExport.ACCUEIL: Fichier("seances", ACCUEIL, queries.count_seances, queries.seances),
    GenreExport.STATISTIQUES: Fichier(
        "participations", STATISTIQUES, queries.count_participations, queries.participations
    ),
}
