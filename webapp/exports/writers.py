"""Rows into a file, without ever holding more than one list of them."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import IO, Any

import xlsxwriter

from .columns import Column, Kind, Vue, csv_text, one_line

FORMATS = {Kind.DATE: "dd/mm/yyyy", Kind.HEURE: "hh:mm", Kind.MOMENT: "dd/mm/yyyy hh:mm"}
WIDTHS = {Kind.TEXTE: 22, Kind.NOMBRE: 11, Kind.DATE: 12, Kind.HEURE: 8, Kind.MOMENT: 17}
BOM = "\ufeff"
"""By which spreadsheets know UTF-8."""


def csv_pieces(columns: Sequence[Column[Any]], pages: Iterable[Sequence[Any]], vue: Vue) -> Iterator[tuple[bytes, int]]:
    """A CSV file (RFC 4180, `;`) in pieces: (bytes, rows in it). The first holds the headers."""
    yield _csv([[column.header for column in columns]], BOM), 0
    values = [column.value for column in columns]
    for page in pages:
        yield _csv([[csv_text(value(row, vue)) for value in values] for row in page]), len(page)


def _csv(rows: list[list[str]], start: str = "") -> bytes:
    out = io.StringIO(start, newline="")
    out.seek(0, io.SEEK_END)
    csv.writer(out, delimiter=";").writerows(rows)
    return out.getvalue().encode()


def write_xlsx(
    to: IO[bytes] | str, columns: Sequence[Column[Any]], pages: Iterable[Sequence[Any]], vue: Vue
) -> Iterator[int]:
    """An XLSX file, in constant memory: answers the rows of each list once written; whole when it ends.

    Cells have types, the header stays in view, and no text becomes a formula or a link.
    """
    book = xlsxwriter.Workbook(
        to,
        {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )
    book.set_properties({"created": datetime(2000, 1, 1)})  # the file says what it holds, not when or by whom
    sheet = book.add_worksheet("Export")
    sheet.freeze_panes(1, 0)
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    formats = {kind: book.add_format({"num_format": words}) for kind, words in FORMATS.items()}
    for place, column in enumerate(columns):
        sheet.set_column(place, place, WIDTHS[column.kind])
        sheet.write_string(0, place, column.header, bold)
    number = 0
    for page in pages:
        for row in page:
            number += 1
            for place, column in enumerate(columns):
                _cell(sheet, number, place, column, column.value(row, vue), formats)
        yield len(page)
    sheet.autofilter(0, 0, number, len(columns) - 1)
    book.close()


def _cell(sheet: Any, row: int, place: int, column: Column[Any], value: Any, formats: dict[Kind, Any]) -> None:
    if value is None or value == "":
        return
    if isinstance(value, str):
        sheet.write_string(row, place, one_line(value))
    elif isinstance(value, int):
        sheet.write_number(row, place, value)
    else:
        sheet.write_datetime(row, place, value, formats[column.kind])
