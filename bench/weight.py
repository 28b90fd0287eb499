"""What the first visit to a page downloads, as a browser asks for it."""

import http.client
import re
from urllib.parse import urlsplit

LINKED = re.compile(r'<link rel="stylesheet" href="([^"]+)"|<script src="([^"]+)"')


def first_page(url: str) -> dict[str, int]:
    """Bytes of the bodies on the wire: the page, then each stylesheet and script it names on its own site."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    try:
        page, size = _fetch(connection, parts.path, "identity")[0], _fetch(connection, parts.path, "gzip, br")[1]
        found = {"HTML": size}
        for style, script in LINKED.findall(page.decode()):
            path = style or script
            if path.startswith("/"):
                found[urlsplit(path).path.rpartition("/")[2]] = _fetch(connection, path, "gzip, br")[1]
        return found
    finally:
        connection.close()


def _fetch(connection: http.client.HTTPConnection, path: str, encodings: str) -> tuple[bytes, int]:
    connection.request("GET", path, headers={"Accept-Encoding": encodings})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status}")
    return body, len(body)
