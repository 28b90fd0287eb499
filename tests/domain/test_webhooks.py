"""Where webhooks may go, how long they are tried, what is signed."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from webapp.domain.webhooks import AdresseRefusee, check_ip, pause, rest, sign, target

INSIDE = """
127.0.0.1 127.8.9.10 0.0.0.0 10.0.0.1 172.16.3.4 172.31.255.255 192.168.1.1 169.254.169.254 169.254.0.1 100.64.0.1
100.127.255.254 192.0.0.8 192.0.2.1 198.18.0.1 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1
255.255.255.255 168.63.129.16 192.88.99.1 ::1 :: fe80::1 fe80::1%eth0 fc00::1 fd00:ec2::254 fec0::1 ff02::1
2001:db8::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe
64:ff9b:1::1 2002:7f00:1::1 2001::1 100::1
"""
OUTSIDE = "93.184.216.34 8.8.8.8 172.32.0.1 100.128.0.1 2606:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808"
PLAIN = """
ftp://exemple.fr/ file:///etc/passwd gopher://exemple.fr/ javascript:alert(1) //exemple.fr/ exemple.fr https://
https:///x http://exemple.fr/ http://127.0.0.1/ https://127.0.0.1/ https://localhost/ https://a.localhost/ https://LOCALHOST./
https://moi:secret@exemple.fr/ https://exemple.fr@10.0.0.1/ https://@exemple.fr/ https://[::1]/ https://[::ffff:7f00:1]/
https://169.254.169.254/latest/meta-data https://exemple.fr:99999/ https://exemple.fr:0/ https://exemple.fr/#x
https://exemple.fr/é https://[fe80::1%25eth0]/ https://exemple..fr/
"""
HOSTILE = [
    *PLAIN.split(),
    "https://exemple.fr/\r\nX: y",
    "https://exemple.fr/ a",
    "https://exemple.fr\\@10.0.0.1/",
    "https://ex\x00emple.fr/",
    "",
]


@pytest.mark.parametrize("address", INSIDE.split())
def test_no_address_inside_a_network_is_spoken_to(address: str) -> None:
    with pytest.raises(AdresseRefusee):
        check_ip(address, local=False)


@pytest.mark.parametrize("address", OUTSIDE.split())
def test_addresses_of_the_internet_are(address: str) -> None:
    check_ip(address, local=False)


@pytest.mark.parametrize("url", HOSTILE)
def test_hostile_addresses_are_refused_in_words(url: str) -> None:
    with pytest.raises(AdresseRefusee, match=r"^[A-ZÉL].*\.|https://"):
        target(url, local=False)


def test_what_an_address_says() -> None:
    assert target("https://Exemple.fr/a/b?c=d", local=False) == (True, "exemple.fr", 443, "/a/b?c=d")
    assert target("https://élan.fr:8443", local=False) == (True, "xn--lan-9la.fr", 8443, "/")
    assert target("http://127.0.0.1:5001/x", local=True) == (False, "127.0.0.1", 5001, "/x")
    assert target("https://[2606:4700::1111]/", local=False)[1] == "2606:4700::1111"
    for url in ("http://exemple.fr/", "https://10.0.0.1/", "http://192.168.1.1/"):  # a demonstration opens no network
        with pytest.raises(AdresseRefusee):
            target(url, local=True)


def test_it_is_tried_less_and_less_often() -> None:
    assert [pause(n).total_seconds() for n in (1, 2, 3, 9, 10, 500)] == [30, 60, 120, 7680, 14400, 14400]
    assert sum((pause(n) for n in range(1, 26)), timedelta()) < timedelta(days=3) + timedelta(hours=6)
    assert rest(1) < rest(5) < rest(500) == timedelta(minutes=5)


def test_each_secret_signs_the_time_and_the_body() -> None:
    at = datetime(2026, 3, 3, 13, tzinfo=UTC)
    stamp, first, second = sign(["a", "b"], at, b"{}").split(",")
    assert stamp == f"t={int(at.timestamp())}"
    assert first == "v1=" + hmac.new(b"a", f"{int(at.timestamp())}.{{}}".encode(), hashlib.sha256).hexdigest()
    assert second.startswith("v1=") and second != first
