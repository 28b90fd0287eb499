"""A column: its header, what it says of a row, and how spreadsheets take it, harmless whatever people typed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from enum import StrEnum
from typing import Generic, TypeVar

Row = TypeVar("Row")
Value = str | int | date | time | datetime | None
CELL_MAX = 32_767
"""Characters a spreadsheet's cell holds."""
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How a text begins that a spreadsheet may run (OWASP, CSV Injection)."""


class Kind(StrEnum):
    TEXTE = "texte"
    NOMBRE = "nombre"
    DATE = "date"
    HEURE = "heure"
    MOMENT = "date et heure"


@dataclass(frozen=True, slots=True)
class Vue:
    """Where and when an export is read: the organisation's time zone, and the moment."""

    tz: tzinfo
    now: datetime

    def local(self, moment: datetime) -> datetime:
        """That moment on the organisation's wall clock, naive: spreadsheets know no time zone."""
        return moment.astimezone(self.tz).replace(tzinfo=None, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """`aide` says what it holds, for the page and docs/exports.md."""

    header: str
    aide: str
    value: Callable[[Row, Vue], Value]
    kind: Kind = Kind.TEXTE


def one_line(text: str) -> str:
    """The text as a cell shows it: no line break, no control character, no more than a cell holds."""
    return "".join(c if c.isprintable() else " " for c in text[:CELL_MAX])


def csv_text(value: Value) -> str:
    """The value in French words for a CSV file. A text that a spreadsheet would run is preceded by an apostrophe."""
    match value:
        case None:
            return ""
        case str():
            return f"'{one_line(value)}"[:CELL_MAX] if value.lstrip(" ").startswith(FORMULA) else one_line(value)
        case datetime():
            return f"{value:%d/%m/%Y %H:%M}"
        case date():
            return f"{value:%d/%m/%Y}"
        case time():
            return f"{value:%H:%M}"
    return str(value)
