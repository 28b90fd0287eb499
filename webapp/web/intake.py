"""What the database can't hold is refused before any view: numbers beyond an INTEGER column, NUL characters.

SQLite and PostgreSQL raise at such values, each at its own place and in its own way; nobody who follows the site's
links and fills its forms ever sends one.
"""

from datetime import date

from flask import Flask, request
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.routing import IntegerConverter, Map

LARGEST = 2**31 - 1
"""What PostgreSQL's INTEGER holds, the type of every id."""


class StorableInteger(IntegerConverter):
    """`<int:…>` in an address: a number no row can have is an unknown address."""

    def __init__(self, routes: Map, fixed_digits: int = 0, min: int | None = None, max: int = LARGEST) -> None:
        super().__init__(routes, fixed_digits, min, max)


def init_app(app: Flask) -> None:
    """Before the routes of any blueprint are registered."""
    app.url_map.converters["int"] = StorableInteger
    app.before_request(refuse_nul)


def number(text: str) -> int:
    """`type=` of what a query or a form carries: an integer a column can hold; ValueError is for Werkzeug, which then
    answers as if nothing had been sent."""
    value = int(text)
    if abs(value) > LARGEST:
        raise ValueError(f"not between -{LARGEST} and {LARGEST}")
    return value


def iso_day(text: str) -> date:
    """The same for a day, written 2026-12-31."""
    day = date.fromisoformat(text)
    if not 2000 < day.year < 2200:
        raise ValueError("not a day of ours")
    return day


def refuse_nul() -> None:
    """PostgreSQL's text has no NUL, no keyboard types one: an address with it is unknown, a form not understood."""
    if "\0" in request.path:
        raise NotFound
    sent = [*request.args, *(value for values in request.args.listvalues() for value in values)]
    sent += [value for values in request.form.listvalues() for value in values]
    if any("\0" in text for text in sent):
        raise BadRequest
