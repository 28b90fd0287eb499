"""Where the next page of a list starts: opaque to who holds it, and still right when rows come or go meanwhile."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import request

from .errors import Invalide

Row = TypeVar("Row")


def after(text: str | None, *kinds: Callable[[Any], Any]) -> tuple[Any, ...] | None:
    """The place a cursor names, each part read by its kind; raises `Invalide` for one we did not make."""
    if text is None:
        return None
    try:
        parts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(parts, list) or len(parts) != len(kinds):
            raise ValueError("not a place in this list")
        return tuple(kind(part) for kind, part in zip(kinds, parts, strict=True))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise Invalide([{"parameter": "curseur", "detail": "Ce curseur n’en est pas un."}]) from None


def row_id(part: Any) -> int:
    """A number a row may have."""
    if not isinstance(part, int) or not 0 <= part < 2**31:
        raise ValueError("no row has that number")
    return part


def page(rows: Sequence[Row], limit: int, place: Callable[[Row], Sequence[Any]]) -> tuple[Sequence[Row], str | None]:
    """The rows to show of those found (one more than the limit when there is a next page), and its cursor."""
    if len(rows) <= limit:
        return rows, None
    text = json.dumps(list(place(rows[limit - 1])), separators=(",", ":"))
    return rows[:limit], base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def links(cursor: str | None) -> dict[str, str]:
    """The header that names the next page (RFC 8288)."""
    if cursor is None:
        return {}
    asked = {**request.args.to_dict(), "curseur": cursor}
    return {"Link": f'<{request.base_url}?{urlencode(asked)}>; rel="next"'}
