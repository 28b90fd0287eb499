"""The one Python file that knows htmx: whole page or named block, several targets in one answer, where it comes from.

The integrity hashes are computed from the files of the npm package `htmx.org@4.0.1` (`dev/` checks the local copies
against the same ones).
"""

import json
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, make_response, redirect, render_template, request
from markupsafe import Markup, escape
from werkzeug.wrappers import Response as BaseResponse

from .static import static_url

CDN = "https://cdn.jsdelivr.net/npm/htmx.org@4.0.1/dist/"
FILES = (  # address under CDN, name under static/vendor/, integrity; in the order they must run
    ("htmx.min.js", "htmx.min.js", "sha384-Qp9rdC8H7EqOoX+nR0P3RPG2Noji+qdwJlGpfzwQJsfOpp3sGwIdSP9xO3+UlEhn"),
    ("ext/hx-sse.min.js", "hx-sse.min.js", "sha384-v8HvucQ+ohQhMg0arboXc5049yNR46QKMjphs7YDch+Wm7zpfK5XVS01f26mQDJV"),
)
CONFIG = json.dumps(
    {
        "extensions": "sse",  # the only one allowed to register
        "includeIndicatorCSS": False,  # our stylesheet shows what is being sent
        "history": "reload",  # back and forward are pages the server renders
        "morphIgnore": ["data-htmx-powered", "open"],  # a <details> a person opened stays open when refreshed
    }
)


def init_app(app: Flask) -> None:
    """Give templates `htmx_config` and `htmx_scripts()`; every HTML answer says that it varies with HX-Request."""
    app.jinja_env.globals.update(htmx_config=Markup(escape(CONFIG)), htmx_scripts=htmx_scripts)
    app.after_request(_vary)


def _vary(response: Response) -> Response:
    if response.mimetype == "text/html":
        response.vary.add("HX-Request")
    return response


def htmx_scripts() -> Markup:
    """The script tags, at the end of `<body>`, not deferred: htmx starts at DOMContentLoaded, after its extension.

    `data-local` tells app.js what to load when the CDN's file did not arrive.
    """
    tags = []
    for path, name, integrity in FILES:
        local = static_url(f"vendor/{name}")
        if current_app.config["HTMX_SOURCE"] == "local":
            tags.append(Markup('<script src="{}"></script>').format(local))
        else:
            tags.append(
                Markup('<script src="{}" integrity="{}" crossorigin="anonymous" data-local="{}"></script>').format(
                    CDN + path, integrity, local
                )
            )
    return Markup("\n").join(tags)


def is_htmx() -> bool:
    """Does htmx ask for a part of a page? (Not when it goes back in history, nor when it wants the whole page.)"""
    headers = request.headers
    return (
        headers.get("HX-Request") == "true"
        and headers.get("HX-Request-Type") != "full"
        and "HX-History-Restore-Request" not in headers
    )


def asked_by_htmx() -> bool:
    """Does htmx ask, for a part or for the whole?"""
    return request.headers.get("HX-Request") == "true"


def page_path() -> str:
    """The path of the page the request came from, as far as the browser says; nothing for what is not an address."""
    try:
        return urlsplit(request.headers.get("HX-Current-URL") or request.referrer or "").path
    except ValueError:
        return ""


def into_notice(response: Response) -> Response:
    """htmx puts this answer in the page's own place for news (`#avis`), wherever it was meant to go."""
    if asked_by_htmx():
        response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "#avis", "innerHTML"
    return response


def redirect_header(url: str) -> dict[str, str]:
    """What makes htmx leave for another page."""
    return {"HX-Redirect": url}


def respond(
    page: str, /, block: str | None = None, status: int | None = None, *, preview: bool = False, **context: Any
) -> Response:
    """The page, or its named block when htmx asks. Without `status`, the context's form says it (422, 419, 409).

    The answer to a post names the tab as its page is named, unless it is a `preview` beside what is being typed.
    """
    form = context.get("form")
    if status is None:
        status = getattr(form, "status", 200)
    if block and is_htmx():
        title = block_html(page, "title", context) if request.method != "GET" and not preview else ""
        prefix = "Erreur : " if status >= 400 else ""
        head = Markup("<title>{}{}</title>\n").format(prefix, title) if title else Markup("")
        return make_response(head + block_html(page, block, context), status)
    return make_response(render_template(page, **context), status)


def block_html(page: str, block: str, context: dict[str, Any]) -> Markup:
    """One named block of a page, alone: what stands at the top of the file (imports, `set`) has not run."""
    template = current_app.jinja_env.get_template(page)
    values = dict(context)
    current_app.update_template_context(values)
    return Markup("".join(template.blocks[block](template.new_context(values))))


def macro_html(template: str, macro: str, *args: Any, **kwargs: Any) -> Markup:
    """What a macro of `components/` gives, from Python: `macro_html("components/jauge.html", "jauge", g)`."""
    return Markup(getattr(current_app.jinja_env.get_template(template).module, macro)(*args, **kwargs))


def partial(target: str, html: str, swap: str = "outerMorph") -> Markup:
    """One `<hx-partial>`: an answer or a stream message may carry as many as it likes, beside its main content."""
    return Markup('<hx-partial hx-target="{}" hx-swap="{}">{}</hx-partial>').format(target, swap, Markup(html))


def go_to(url: str) -> BaseResponse:
    """After a post: 303 to a page. htmx is told to go there too, rather than swap it into a corner of this page."""
    if asked_by_htmx():
        return Response(status=204, headers=redirect_header(url))
    return redirect(url, 303)
