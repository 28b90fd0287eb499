"""Webhooks out: what is told, signed how, to which addresses, and until when it is tried again (docs/webhooks.md)."""

import hashlib
import hmac
import ipaddress
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

GIVE_UP = timedelta(days=3)
"""An event is tried for that long; a webhook that took nothing for that long is suspended."""
OLD_SECRET = timedelta(hours=24)
"""After a rotation both secrets sign for that long."""
FIRST_PAUSE, LONGEST_PAUSE, LONGEST_REST = timedelta(seconds=30), timedelta(hours=4), timedelta(minutes=5)
PREFIX = "whsec_"


class Evenement(StrEnum):
    RDV_CREE = "rdv.cree"
    RDV_MODIFIE = "rdv.modifie"
    RDV_ANNULE = "rdv.annule"
    PARTICIPATION_CREEE = "participation.creee"
    PARTICIPATION_STATUT = "participation.statut"
    PARTICIPATION_RETIREE = "participation.retiree"
    TEST = "test"


CHOISIS = tuple(event for event in Evenement if event is not Evenement.TEST)
"""Those a webhook subscribes to."""


def pause(attempts: int) -> timedelta:
    """How long to wait after that many failed attempts: 30 s, 1 min, 2 min… four hours."""
    return min(FIRST_PAUSE * 2 ** min(attempts - 1, 20), LONGEST_PAUSE)


def rest(failures: int) -> timedelta:
    """How long a receiver that failed so many times in a row is left alone, whatever waits for it."""
    return min(timedelta(seconds=2) * 2 ** min(failures - 1, 20), LONGEST_REST)


def sign(secrets: Iterable[str], moment: datetime, body: bytes) -> str:
    """The signature header: HMAC-SHA256 over « timestamp.body », once by each secret in use."""
    stamp = str(int(moment.timestamp()))
    said = stamp.encode() + b"." + body
    marks = (hmac.new(secret.encode(), said, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join([f"t={stamp}", *(f"v1={mark}" for mark in marks)])


def body(cle: str, event: Evenement, moment: datetime, about: Mapping[str, Any]) -> str:
    """What is sent: the event, when, and ids, statuses, versions, times. Never who."""
    said = {"id": cle, "evenement": event.value, "date": stamp(moment), **about}
    return json.dumps(said, ensure_ascii=True, separators=(",", ":"))


def stamp(moment: datetime) -> str:
    """A moment in UTC, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class AdresseRefusee(ValueError):
    """Nothing is ever sent there; the message says why, in a sentence for who configures."""


def target(url: str, *, local: bool) -> tuple[bool, str, int, str]:
    """(https?, host as a name server knows it, port, path and query) of a webhook's address. `local`: this machine is
    allowed, without https too (demonstration and tests). Raises `AdresseRefusee`."""
    if any(ord(letter) <= 32 or letter == "\\" or ord(letter) == 127 for letter in url):
        raise AdresseRefusee("Cette adresse contient un espace ou un caractère interdit.")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").rstrip(".").encode("idna").decode().lower()
        if ":" in (parts.hostname or ""):
            host = parts.hostname or ""
        path = parts.path.encode("ascii").decode() + (f"?{parts.query.encode('ascii').decode()}" if parts.query else "")
    except (ValueError, UnicodeError):
        raise AdresseRefusee("Cette adresse n’est pas complète. Exemple : https://exemple.fr/rdv") from None
    if parts.scheme not in {"https", "http"} or not host:
        raise AdresseRefusee("L’adresse commence par https://, puis le nom d’un serveur.")
    if "@" in parts.netloc:
        raise AdresseRefusee("L’adresse ne contient ni identifiant ni mot de passe.")
    if parts.fragment or "#" in url:
        raise AdresseRefusee("L’adresse ne contient pas de « # ».")
    if port == 0:
        raise AdresseRefusee("Ce numéro de port n’existe pas.")
    secure = parts.scheme == "https"
    if not secure and not (local and _names_this_machine(host)):
        raise AdresseRefusee("L’adresse commence par https:// : ce qui est envoyé ne circule pas en clair.")
    literal = _ip(host)
    if literal is not None:
        check_ip(host, local=local)
    elif _names_this_machine(host) and not local:
        raise AdresseRefusee("Cette adresse désigne ce serveur lui-même ou un réseau privé.")
    return secure, host, port or (443 if secure else 80), path or "/"


NAT64 = ipaddress.ip_network("64:ff9b::/96")
NEVER = tuple(
    ipaddress.ip_network(one)
    for one in (
        "168.63.129.16/32",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
        "fec0::/10",
        "::/96",
    )
)
"""Routed all over, and yet inside somebody's network: a cloud's own services, tunnels that carry another address."""


def check_ip(text: str, *, local: bool) -> None:
    """Raise `AdresseRefusee` unless anybody on the Internet could have this address (or it is this machine's, when
    `local`)."""
    ip = _ip(text.partition("%")[0])
    if ip is None:
        raise AdresseRefusee("Le nom de ce serveur ne mène à aucune adresse.")
    if isinstance(ip, ipaddress.IPv6Address):
        inside = ip.ipv4_mapped or (ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in NAT64 else None)
        if inside is not None:
            return check_ip(str(inside), local=local)
    if ip.is_loopback and local:
        return None
    apart = ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_link_local or ip.is_private
    if apart or not ip.is_global or any(ip in network for network in NEVER if network.version == ip.version):
        raise AdresseRefusee("Cette adresse désigne ce serveur lui-même ou un réseau privé.")
    return None


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _names_this_machine(host: str) -> bool:
    ip = _ip(host)
    return host == "localhost" or host.endswith(".localhost") or (ip is not None and ip.is_loopback)
