"""Static files: an address that changes with the content, cached for a year, compressed once and kept in memory."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

import brotli
from flask import Flask, current_app, url_for
from werkzeug.security import safe_join
from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

TEXT = ("text/", "application/javascript", "application/json", "image/svg+xml")
FOREVER = "public, max-age=31536000, immutable"


@dataclass(slots=True)
class Asset:
    """One file as it is served: its digest, its type, its bytes by content encoding, and its address once asked for."""

    stamp: tuple[int, int]
    digest: str
    mimetype: str
    bodies: dict[str, bytes]
    url: str = ""


class StaticFiles:
    """Answers /static/… before Flask does: no session, no cookie, no limit counted for a stylesheet."""

    def __init__(self, app: Flask) -> None:
        self.app, self.next = app, app.wsgi_app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not path.startswith("/static/") or environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return self.next(environ, start_response)
        asset = _asset(self.app, path.removeprefix("/static/"))
        if asset is None:
            return self.next(environ, start_response)
        return _answer(asset, Request(environ))(environ, start_response)


def init_app(app: Flask) -> None:
    """Serve `static/` and give templates `static_url`."""
    app.extensions["assets"] = {}
    app.wsgi_app = StaticFiles(app)  # type: ignore[method-assign]
    app.jinja_env.globals["static_url"] = static_url


def static_url(path: str) -> str:
    """The address of a static file, with its digest: `/static/css/app.css?v=1a2b3c4d5e`. A missing file has none."""
    asset = _asset(current_app, path)
    if asset is None:
        return url_for("static", filename=path)
    if not asset.url:
        asset.url = url_for("static", filename=path, v=asset.digest[:10])
    return asset.url


def _answer(asset: Asset, request: Request) -> Response:
    """The file, in the smallest encoding the browser takes; for ever when asked by digest, else checked each time."""
    encoding = next(
        (name for name in ("br", "gzip") if name in asset.bodies and request.accept_encodings.quality(name)), ""
    )
    response = Response(asset.bodies[encoding], mimetype=asset.mimetype)
    if encoding:
        response.headers["Content-Encoding"] = encoding
    response.vary.add("Accept-Encoding")
    response.headers["Cache-Control"] = FOREVER if request.args.get("v") == asset.digest[:10] else "no-cache"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.set_etag(f"{asset.digest[:20]}{encoding}")
    return response.make_conditional(request)


def _asset(app: Flask, path: str) -> Asset | None:
    """Read and compress once; a file that changed on disk (development, an install step) is read again."""
    full = safe_join(str(app.static_folder), path)
    try:
        stat = os.stat(full or "")
    except (OSError, ValueError):  # a name no file can have, too
        return None
    if full is None or not S_ISREG(stat.st_mode):
        return None
    stamp = (stat.st_mtime_ns, stat.st_size)
    known: Asset | None = app.extensions["assets"].get(path)
    if known and known.stamp == stamp:
        return known
    body = Path(full).read_bytes()
    mimetype = mimetypes.guess_type(full)[0] or "application/octet-stream"
    bodies = {"": body}
    if mimetype.startswith(TEXT):
        bodies |= {"br": brotli.compress(body), "gzip": gzip.compress(body, 9)}
    asset = Asset(stamp, hashlib.sha256(body).hexdigest(), mimetype, bodies)
    app.extensions["assets"][path] = asset
    return asset
