"""A crowd that books: each person has their own browser session and form, and all of them post at once."""

import http.client
import re
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
ENVOI = re.compile(r'name="envoi"[^>]*value="([^"]+)"')


@dataclass
class Answer:
    """What one post got."""

    status: int
    location: str
    text: str
    headers: Mapping[str, str]


def fetch(
    url: str, method: str = "GET", body: str = "", cookie: str = "", seconds: float = 60, *, htmx: bool = False
) -> tuple[Answer, str]:
    """One request on a connection of its own, by htmx when said so: its answer and the cookie it set."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)
    try:
        headers = {"Cookie": cookie} if cookie else {}
        if htmx:
            headers |= {"HX-Request": "true", "HX-Request-Type": "partial"}
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, parts.path + ("?" + parts.query if parts.query else ""), body or None, headers)
        response = connection.getresponse()
        text = response.read().decode()
        cookies = [value.split(";")[0] for name, value in response.getheaders() if name.lower() == "set-cookie"]
        answer = Answer(response.status, response.getheader("Location") or "", text, response.headers)
        return answer, "; ".join(cookies) or cookie
    finally:
        connection.close()


def book_at_once(site: str, rdv_id: int, people: list[dict[str, str]]) -> list[Answer]:
    """Everybody opens the form; when the last one has it, everybody posts."""
    address = f"{site}/rdv/{rdv_id}/inscription"
    gate = threading.Barrier(len(people))

    def one(fields: dict[str, str]) -> Answer:
        form, cookie = fetch(address)
        data = {
            "csrf_token": TOKEN.search(form.text)[1],  # type: ignore[index]
            "envoi": ENVOI.search(form.text)[1],  # type: ignore[index]
            "pour": "moi",
            **fields,
        }
        gate.wait(120)
        return fetch(address, "POST", urllib.parse.urlencode(data), cookie)[0]

    return together(one, people)


def together(action: Callable[[T], R], items: list[T]) -> list[R]:
    """`action` on every item, all at the same time."""
    with ThreadPoolExecutor(len(items)) as crowd:
        return list(crowd.map(action, items))


def person(number: int) -> dict[str, str]:
    """Somebody nobody else is."""
    return {
        "prenom": f"Prénom{number}",
        "nom": "Du Nom",
        "telephone": f"06 39 98 {number // 100:02d} {number % 100:02d}",
    }
