"""A visitor without JavaScript: follows links, fills forms, and refuses pages that a browser would have to repair.

    page = client.get("/rdv/12/inscription")
    page = page.form().submit(prenom="Awa", nom="Diallo", telephone="06 12 34 56 78")
    assert page.status == 200 and "confirmée" in page.h1

Every `text/html` answer is parsed strictly; a fragment (asked with HX-Request, or without <html>) keeps the rules that
make sense for it. What breaks a rule raises `BadPage`, with every fault found.
"""

import re
from collections.abc import Iterator
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import html5lib
from flask import Flask
from flask.testing import FlaskClient
from html5lib.constants import E as PARSE_ERRORS
from selectolax.lexbor import LexborHTMLParser, LexborNode
from werkzeug.test import TestResponse

REDIRECTS = (301, 302, 303, 307, 308)
UNLABELLED = {"hidden", "submit", "button", "reset", "image"}
PARTIAL = re.compile(r"<hx-partial\b[^>]*>(.*?)</hx-partial>", re.DOTALL)
# What a fragment must stand in for its first tag to be legal there.
CONTAINERS = {"tr": "tbody", "td": "tr", "th": "tr", "tbody": "table", "li": "ul", "option": "select", "dt": "dl"}
WRAPPERS = {"tbody": "<table><tbody>{}</tbody></table>", "tr": "<table><tbody><tr>{}</tr></tbody></table>"}

# Pages that only differ by these are as sound as each other: numbers, tokens.
VARIES = re.compile(r"[\w.-]{24,}|\d+")
SOUND: set[int] = set()


class BadPage(AssertionError):
    """An HTML answer that breaks the rules of the house."""


def container(fragment: str) -> str:
    """The element a fragment is made to live in."""
    first = re.search(r"<([a-z][\w-]*)", fragment)
    return CONTAINERS.get(first.group(1), "div") if first else "div"


def faults_of_markup(html: str, whole: bool) -> Iterator[str]:
    """What a strict HTML parser says, with the line."""
    if not whole:
        for piece in [*PARTIAL.findall(html), PARTIAL.sub("", html)]:
            parser = html5lib.HTMLParser()
            parser.parseFragment(piece, container=container(piece))
            yield from said(parser, piece)
        return
    shape = hash(VARIES.sub("0", html))
    if shape in SOUND:
        return
    parser = html5lib.HTMLParser()
    parser.parse(html)
    if not parser.errors:
        SOUND.add(shape)
    yield from said(parser, html)


def said(parser: html5lib.HTMLParser, html: str) -> Iterator[str]:
    """The parser's errors in words."""
    lines = html.splitlines() or [""]
    for (line, _column), code, values in parser.errors:
        where = lines[min(line, len(lines)) - 1].strip()[:120]
        yield f"line {line}: {PARSE_ERRORS.get(code, code) % values} | {where}"


def faults_of_content(tree: LexborHTMLParser, whole: bool) -> Iterator[str]:
    """The rules of the house that a parser does not know."""
    ids: set[str] = set()
    for node in tree.css("*"):
        attributes = node.attributes
        if "id" in attributes:
            name = attributes["id"] or ""
            if not name or re.search(r"\s", name):
                yield f"id {name!r} is not one word"
            if name in ids:
                yield f"id {name!r} is there twice"
            ids.add(name)
        if "style" in attributes:
            yield f"inline style on <{node.tag}>"
        if node.tag == "style" or (node.tag == "script" and not attributes.get("src")):
            yield f"inline <{node.tag}>"
        for name, value in attributes.items():
            if re.match(r"(on[a-z]|hx-on)", name):
                yield f"{name} on <{node.tag}>"
            if (value or "").strip().lower().startswith("javascript:"):
                yield f"javascript: in {name} of <{node.tag}>"
    yield from faults_of_labels(tree)
    if whole:
        yield from faults_of_page(tree, ids)


def faults_of_labels(tree: LexborHTMLParser) -> Iterator[str]:
    """Every field has a name to be called by: a label, tied to it or around it, or an ARIA one."""
    labelled = {label.attributes.get("for") for label in tree.css("label[for]")}
    wrapped = {id_of(field) for field in tree.css("label input, label select, label textarea")}
    for field in tree.css("input, select, textarea"):
        attributes = field.attributes
        if field.tag == "input" and attributes.get("type", "text") in UNLABELLED:
            continue
        named = attributes.get("aria-label") or attributes.get("aria-labelledby")
        if attributes.get("id") not in labelled and id_of(field) not in wrapped and not named:
            yield f"<{field.tag} name={attributes.get('name')!r}> has no label"


def id_of(node: LexborNode) -> int:
    """What tells two nodes of a tree apart."""
    return int(node.mem_id)


def faults_of_page(tree: LexborHTMLParser, ids: set[str]) -> Iterator[str]:
    """What a whole page owes: a language, a title, one h1, references that lead somewhere."""
    root = tree.css_first("html")
    if root is None or not root.attributes.get("lang"):
        yield "<html> has no lang"
    title = tree.css_first("head > title")
    if title is None or not title.text().strip():
        yield "no title"
    headings = tree.css("h1")
    if len(headings) != 1:
        yield f"{len(headings)} h1 instead of one"
    for name in ("for", "aria-describedby", "aria-labelledby", "aria-controls"):
        for node in tree.css(f"[{name}]"):
            for wanted in (node.attributes.get(name) or "").split():
                if wanted not in ids:
                    yield f"{name}={wanted!r} on <{node.tag}> leads nowhere"


class Page:
    """An answer, as its reader sees it."""

    def __init__(self, client: "PageClient", answer: TestResponse) -> None:
        self.client = client
        self.answer = answer
        self.status = answer.status_code
        self.headers = answer.headers
        self.url = answer.request.full_path if answer.request.query_string else answer.request.path
        self.history: list[Page] = []
        self.html = answer.get_data(as_text=True) if (answer.mimetype or "").startswith("text/") else ""
        self.whole = "<html" in self.html[:2000].lower()
        wrapper = "{}" if self.whole else WRAPPERS.get(container(self.html), "{}")
        self.tree = LexborHTMLParser(wrapper.format(self.html) if self.html else "<p></p>")
        if answer.mimetype == "text/html" and self.html.strip():
            self._check()

    def _check(self) -> None:
        faults = [*faults_of_markup(self.html, self.whole), *faults_of_content(self.tree, self.whole)]
        if faults:
            raise BadPage(f"{self.answer.request.method} {self.url} ({self.status}):\n  " + "\n  ".join(faults))

    @property
    def title(self) -> str:
        """The title, for the tab."""
        return self._words("head > title")

    @property
    def h1(self) -> str:
        """The one heading of the page."""
        return self._words("h1")

    @property
    def text(self) -> str:
        """Everything that can be read, spaces as written in French but runs of them folded."""
        return words(self.tree.body.text(separator=" ")) if self.tree.body else ""

    @property
    def location(self) -> str:
        """Where a redirection leads, as a path of this site."""
        return self.headers.get("Location", "")

    @property
    def errors(self) -> dict[str, str]:
        """The fields said to be wrong: name → the words beside the field (that `aria-describedby` points to)."""
        found = {}
        for field in self.select('[aria-invalid="true"]'):
            beside = (field.attributes.get("aria-describedby") or "").split()
            texts = [self._words(f'[id="{name}"]') for name in beside if "err" in name]
            found[field.attributes.get("name") or field.attributes.get("id") or ""] = " ".join(texts)
        return found

    def select(self, css: str) -> list[LexborNode]:
        """The elements a CSS selector finds."""
        return self.tree.css(css)

    def has(self, text: str) -> bool:
        """Whether these words can be read, whatever the kind of space between them."""
        return words(text).replace("\xa0", " ").replace("\u202f", " ") in self.text.replace("\xa0", " ").replace(
            "\u202f", " "
        )

    def _words(self, css: str) -> str:
        node = self.tree.css_first(css)
        return words(node.text()) if node else ""

    def link(self, text: str) -> "Page":
        """Follow the link with these words (or these words in it)."""
        links = [node for node in self.select("a[href]") if text in words(node.text())]
        exact = [node for node in links if words(node.text()) == text]
        targets = {node.attributes["href"] for node in exact or links}
        assert len(targets) == 1, f"{len(targets)} links say {text!r}: {sorted(map(str, targets))}"
        return self.client.get(urljoin(self.url, targets.pop() or ""), follow=True)

    def form(self, action: str | None = None, css: str = "form") -> "Form":
        """The form posted to that address (its end is enough); without one, the only form of <main> or of the page."""
        forms = self.select(f"main {css}") or self.select(css)
        if action is not None:
            forms = [form for form in self.select(css) if self._address(form).split("?")[0].endswith(action)]
        found = [(self._address(form), form.attributes.get("method")) for form in forms]
        assert len(forms) == 1, f"{len(forms)} forms fit {action or css!r} in {self.url}: {found}"
        return Form(self, forms[0], self._address(forms[0]))

    def _address(self, form: LexborNode) -> str:
        return urljoin(self.url, form.attributes.get("action") or self.url)


def words(text: str) -> str:
    """The text with its line breaks and runs of ordinary spaces folded into one."""
    return re.sub(r"[ \t\r\n]+", " ", text).strip()


class Form:
    """A form with the values a browser would send; `values` may be changed before `submit`."""

    def __init__(self, page: Page, node: LexborNode, action: str) -> None:
        self.page = page
        self.action = action
        self.method = (node.attributes.get("method") or "get").lower()
        self.values: dict[str, list[str]] = {}
        self.names: set[str] = set()
        self.buttons = node.css("button, input[type=submit]")
        for field in node.css("input, select, textarea"):
            name = field.attributes.get("name")
            if not name or "disabled" in field.attributes:
                continue
            self.names.add(name)
            for value in self._sent(field):
                self.values.setdefault(name, []).append(value)

    @staticmethod
    def _sent(field: LexborNode) -> list[str]:
        attributes = field.attributes
        if field.tag == "textarea":
            return [field.text()]
        if field.tag == "select":
            options = field.css("option")
            chosen = [option for option in options if "selected" in option.attributes]
            if not chosen and "multiple" not in attributes:
                chosen = options[:1]
            return [option.attributes.get("value", option.text()) or "" for option in chosen]
        kind = attributes.get("type", "text")
        if kind in {"checkbox", "radio"}:
            return [attributes.get("value") or "on"] if "checked" in attributes else []
        return [] if kind in {"submit", "button", "reset", "image", "file"} else [attributes.get("value") or ""]

    def fill(self, values: dict[str, Any] | None = None, **fields: Any) -> Self:
        """Type in fields: a text, a list for several choices, True or False for a box, None to leave it out."""
        for name, value in {**(values or {}), **fields}.items():
            assert name in self.names, f"no field {name!r} in the form {self.action}: {sorted(self.names)}"
            if value is None or value is False:
                self.values.pop(name, None)
            elif value is True:
                self.values[name] = ["on" if name not in self.values else self.values[name][0]]
            else:
                self.values[name] = [str(one) for one in (value if isinstance(value, list | tuple) else [value])]
        return self

    def submit(
        self,
        values: dict[str, Any] | None = None,
        *,
        button: str = "",
        follow: bool = True,
        htmx: bool = False,
        **fields: Any,
    ) -> Page:
        """Send it, by the button with these words when one is named; redirections are followed unless told not to."""
        data = dict(self.fill(values, **fields).values)
        action, method = self.action, self.method
        if button:
            pressed = [one for one in self.buttons if button in words(one.text() or one.attributes.get("value") or "")]
            assert len(pressed) == 1, f"{len(pressed)} buttons say {button!r} in the form {self.action}"
            attributes = pressed[0].attributes
            if attributes.get("name"):
                data[str(attributes["name"])] = [attributes.get("value") or ""]
            action = urljoin(self.page.url, attributes.get("formaction") or action)
            method = (attributes.get("formmethod") or method).lower()
        if method == "get":
            return self.page.client.get(action.split("?")[0], query_string=data, follow=follow, htmx=htmx)
        return self.page.client.post(action, data=data, follow=follow, htmx=htmx)


class PageClient:
    """Flask's test client, answering pages. Each request runs in an application context of its own."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.flask: FlaskClient = app.test_client()

    def get(self, address: str, *, follow: bool = False, htmx: bool = False, **options: Any) -> Page:
        """GET a page, or the fragment htmx would ask for."""
        return self._open("GET", address, follow, htmx, options)

    def post(self, address: str, *, follow: bool = False, htmx: bool = False, **options: Any) -> Page:
        """POST as it stands: for forged requests. `page.form().submit()` is how people post."""
        return self._open("POST", address, follow, htmx, options)

    def another(self) -> "PageClient":
        """Somebody else: no cookie of this visitor's."""
        return PageClient(self.app)

    def _open(self, method: str, address: str, follow: bool, htmx: bool, options: dict[str, Any]) -> Page:
        if htmx:
            options["headers"] = {**options.get("headers", {}), "HX-Request": "true", "HX-Request-Type": "partial"}
        page = self._once(method, address, options)
        history: list[Page] = []
        while follow and page.status in REDIRECTS:
            assert len(history) < 10, f"too many redirections: {[one.url for one in history]}"
            history.append(page)
            target = urlsplit(urljoin(page.url, page.location))
            page = self._once("GET", target.path + (f"?{target.query}" if target.query else ""), {})
        page.history = history
        return page

    def _once(self, method: str, address: str, options: dict[str, Any]) -> Page:
        with self.app.app_context():  # else the request would share the session and `g` of the test's own context
            return Page(self, self.flask.open(address, method=method, **options))
