"""Webhooks leave signed, in order, again under the same number; who receives them badly delays nobody."""

import hashlib
import hmac
import json
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from sqlalchemy import func, select, update

from tests import factories as make
from tests.outbox import booked
from tests.receivers import Receiver, raw, says
from webapp.clock import utcnow
from webapp.domain.webhooks import CHOISIS, GIVE_UP
from webapp.extensions import db
from webapp.jobs import schedule
from webapp.jobs import webhooks as jobs
from webapp.models import Agent, EtatEnvoi, EtatNotification, Journal, Notification, Organisation, Webhook, WebhookEnvoi
from webapp.notifications import wake
from webapp.notifications.channels import webhook as channel
from webapp.services import webhooks as services
from webapp.services.transaction import transaction
from webapp.services.webhook_outbox import promise


@pytest.fixture(autouse=True)
def _here(app: Flask) -> Iterator[None]:
    """This machine may be spoken to, as in a demonstration."""
    app.config["DEMO"] = True
    with app.app_context():
        yield


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().listening() as found:
        yield found


def webhook(url: str, **fields: Any) -> tuple[Webhook, str, Agent]:
    admin = make.agent(make.service(), "admin")
    db.session.commit()
    data = services.WebhookData(url, "", CHOISIS, None)
    made, secret = services.create(data, admin, str(time.monotonic()))
    if fields:
        with transaction():
            db.session.execute(update(Webhook).where(Webhook.id == made.id).values(**fields))
    return made, secret, admin


def promised(hook: Webhook, count: int = 1) -> list[str]:
    """That many events for it; their numbers, in order."""
    rows = [promise(hook, CHOISIS[0], {"rdv": {"id": n}}) for n in range(count)]
    with transaction():
        db.session.execute(WebhookEnvoi.__table__.insert(), rows)
    db.session.remove()
    return [row["cle"] for row in rows]


def states(hook: Webhook) -> list[str]:
    db.session.remove()
    rows = db.session.scalars(select(WebhookEnvoi).where(WebhookEnvoi.webhook_id == hook.id).order_by(WebhookEnvoi.id))
    return [row.etat.value for row in rows]


def last(hook: Webhook) -> WebhookEnvoi:
    db.session.remove()
    return db.session.scalars(select(WebhookEnvoi).order_by(WebhookEnvoi.id.desc())).first()  # type: ignore[return-value]


def fresh(hook: Webhook) -> Webhook:
    db.session.remove()
    return db.session.get_one(Webhook, hook.id)


def rested() -> None:
    """The pauses are over."""
    past = utcnow() - timedelta(seconds=1)
    with transaction():
        db.session.execute(update(Webhook).values(repos_jusqu_au=past))
        db.session.execute(update(WebhookEnvoi).values(a_envoyer_le=past))


def valid(post: Any, secret: str) -> bool:
    stamp, *marks = (part.partition("=")[2] for part in post.headers["X-RDV-Signature"].split(","))
    said = hmac.new(secret.encode(), stamp.encode() + b"." + post.body, hashlib.sha256).hexdigest()
    return abs(int(stamp) - utcnow().timestamp()) < 120 and said in marks


def test_what_waits_leaves_signed_and_in_order(receiver: Receiver) -> None:
    hook, secret, _ = webhook(receiver.url)
    keys = promised(hook, 5)
    assert jobs.deliver() == 5 and jobs.deliver() == 0
    assert [post.headers["X-RDV-Delivery"] for post in receiver.posts] == keys
    assert [json.loads(post.body)["id"] for post in receiver.posts] == keys
    assert all(valid(post, secret) and post.path == "/crochet?a=1" for post in receiver.posts)
    assert receiver.posts[0].headers["X-RDV-Event"] == "rdv.cree"
    assert secret not in fresh(hook).secret
    done = last(hook)
    assert (done.etat, done.code, done.reponse, done.tentatives) == (EtatEnvoi.ENVOYE, 200, "ok", 1)
    assert fresh(hook).claimed_until is None


def test_for_a_day_both_secrets_sign(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    hook, old, admin = webhook(receiver.url)
    new = services.rotate(hook.id, admin, 1)
    assert new and services.rotate(hook.id, admin, 1) == ""  # sent twice, replaced once
    promised(hook)
    jobs.deliver()
    assert valid(receiver.posts[0], old) and valid(receiver.posts[0], new)
    with transaction():
        db.session.execute(update(Webhook).values(ancien_jusqu_au=utcnow()))
    promised(hook)
    jobs.deliver()
    assert not valid(receiver.posts[1], old) and valid(receiver.posts[1], new)


BAD = {
    "500": (says(500, b"boum"), 500, "500"),
    "redirect": (says(302, b"", Location="http://localhost:1/"), 302, "Redirection"),
    "forbidden": (says(403), 403, "403"),
    "garbage": (raw(b"\x00\xff not http\r\n\r\n"), None, "HTTP"),
    "closing": (raw(b""), None, ""),
    "half": (raw(b"HTTP/1.1 2"), None, ""),
    "endless headers": (raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n"), None, ""),
    "hangs": (None, None, "à temps"),
    "drips": (None, None, "à temps"),
}


@pytest.mark.parametrize("how", BAD)
def test_bad_answers_are_tried_again(how: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "ANSWER_SECONDS", 0.3)
    answer, code, words = BAD[how]
    receiver.answer = answer or getattr(receiver, how)
    hook, _, _ = webhook(receiver.url)
    (key, _) = promised(hook, 2)
    assert jobs.deliver() == 0
    assert len(receiver.posts) == 1  # a receiver that fails is left alone: the second waits
    (first, second) = db.session.scalars(select(WebhookEnvoi).order_by(WebhookEnvoi.id)).all()
    assert (first.etat, first.code, first.tentatives, second.tentatives) == (EtatEnvoi.A_ENVOYER, code, 1, 0)
    assert first.erreur and words in first.erreur and first.a_envoyer_le > utcnow()
    assert fresh(hook).echecs == 1 and jobs.deliver() == 0 and len(receiver.posts) == 1
    receiver.answer = None
    rested()
    assert jobs.deliver() == 2 and receiver.posts[1].headers["X-RDV-Delivery"] == key
    assert fresh(hook).echoue_depuis is None


def test_a_long_answer_is_read_so_far(receiver: Receiver) -> None:
    receiver.answer = says(200, b"<b>\x00" + b"a" * 5_000_000)
    hook, _, _ = webhook(receiver.url)
    promised(hook)
    assert jobs.deliver() == 1
    assert len(last(hook).reponse) == channel.KEPT and last(hook).reponse.startswith("<b>�a")


def test_after_three_days_it_is_given_up_suspended_and_said(receiver: Receiver) -> None:
    receiver.answer = says(500)
    hook, _, admin = webhook(receiver.url)
    promised(hook, 2)
    jobs.deliver()
    long_ago = utcnow() - GIVE_UP
    with transaction():
        db.session.execute(update(Webhook).values(echoue_depuis=long_ago + timedelta(hours=1)))
        db.session.execute(update(WebhookEnvoi).where(WebhookEnvoi.tentatives == 1).values(depuis=long_ago))
    rested()
    jobs.deliver()
    assert states(hook) == ["echec", "a_envoyer"] and fresh(hook).actif  # given up; the others go on
    with transaction():
        db.session.execute(update(Webhook).values(echoue_depuis=long_ago))
    rested()
    jobs.deliver()
    assert states(hook) == ["echec", "echec"]
    stopped = fresh(hook)
    assert not stopped.actif and stopped.suspendu_le is not None
    assert not db.session.get_one(Organisation, hook.organisation_id).webhooks_actifs
    told = db.session.scalars(select(Notification).where(Notification.event == "webhook_suspendu")).all()
    assert [row.destinataire_id for row in told] == [admin.id]
    assert "webhook_suspendu" in db.session.scalars(select(Journal.action)).all()
    receiver.answer = None
    assert services.switch(hook.id, True, admin) and services.replay_failures(hook.id, admin) == 2
    assert jobs.deliver() == 2 and states(hook) == ["envoye", "envoye"]


def test_a_worker_that_dies_midway_tells_again_under_the_same_number(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook, _, _ = webhook(receiver.url)
    (key,) = promised(hook)
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "record", lambda *_: (_ for _ in ()).throw(SystemExit))
        patch.setattr(jobs, "_release", lambda *_: None)
        with pytest.raises(SystemExit):
            jobs.deliver()
    assert jobs.deliver() == 0 and len(receiver.posts) == 1  # the claim still stands
    with transaction():
        db.session.execute(update(Webhook).values(claimed_until=utcnow() - timedelta(seconds=1)))
    assert jobs.deliver() == 1
    assert [post.headers["X-RDV-Delivery"] for post in receiver.posts] == [key, key]


def test_people_s_messages_leave_while_a_receiver_hangs(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the same worker, before the hanging receiver is given up; another receiver is told meanwhile too."""
    monkeypatch.setattr(channel, "ANSWER_SECONDS", 60.0)
    sent: list[float] = []
    receiver.answer = receiver.hangs
    with Receiver().listening() as quick:
        slow, _, _ = webhook(receiver.url)
        good, _, _ = webhook(quick.url)
        promised(slow)
        promised(good, 3)
        booked(2)

        def wait_for_messages(*args: Any) -> Any:
            waiting = db.session.scalar(select(func.count()).where(Notification.etat == EtatNotification.A_ENVOYER))
            if not waiting and len(quick.posts) == 3:
                sent.append(time.monotonic())
                receiver.leaving.set()
            return real(*args)

        real = jobs.wait
        monkeypatch.setattr(jobs, "wait", wait_for_messages)
        assert jobs.deliver() == 3
    assert sent and states(slow) == ["a_envoyer"] and states(good) == ["envoye"] * 3


def test_the_clock_finds_what_no_hint_announced(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    hinted: list[str] = []
    monkeypatch.setattr(wake, "hint", lambda file: hinted.append(file) or True)
    hook, _, _ = webhook(receiver.url)
    schedule.sweep()
    assert hinted == []
    promised(hook)
    schedule.sweep()
    assert hinted == ["webhooks"]


def test_old_tellings_are_forgotten(receiver: Receiver) -> None:
    hook, _, _ = webhook(receiver.url)
    promised(hook, 2)
    with transaction():
        first = select(func.min(WebhookEnvoi.id)).scalar_subquery()
        db.session.execute(
            update(WebhookEnvoi).where(WebhookEnvoi.id == first).values(cree_le=utcnow() - timedelta(days=31))
        )
    assert services.purge() == 1 and services.purge() == 0


def test_a_secret_sealed_by_another_key_sends_nothing(app: Flask, receiver: Receiver) -> None:
    hook, _, _ = webhook(receiver.url)
    promised(hook)
    app.config["LINK_KEY"] = "another key, that leaked nothing yet"
    assert jobs.deliver() == 0 and receiver.posts == []
    assert "secret" in last(hook).erreur


# --- nowhere else than where we looked ---------------------------------------------------------------------------


def test_in_production_this_machine_is_not_spoken_to(app: Flask, receiver: Receiver) -> None:
    hook, _, _ = webhook(receiver.url)
    promised(hook)
    app.config["DEMO"] = False
    assert jobs.deliver() == 0 and receiver.posts == []
    assert last(hook).erreur


def names(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """The name server answers these in turn; the addresses connected to are gathered."""
    left, connected = list(answers), []

    def ask(host: str, port: int, **_: Any) -> list[Any]:
        ips = left.pop(0).split()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ips]

    def connect(address: tuple[str, int], **_: Any) -> Any:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(channel.socket, "getaddrinfo", ask)
    monkeypatch.setattr(channel.socket, "create_connection", connect)
    return connected


def test_a_name_is_asked_for_once_and_what_it_says_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    connected = names(monkeypatch, "8.8.8.8", "127.0.0.1", "8.8.4.4 10.0.0.1", "169.254.169.254")
    said = [channel.post("https://exemple.fr/", {}, b"", local=False) for _ in range(4)]
    assert connected == ["8.8.8.8"]  # rebound later, mixed, or a cloud's own service: nothing leaves
    assert [one.code for one in said] == [None] * 4
    assert said[0].erreur == "Le serveur refuse la connexion." and "réseau privé" in said[1].erreur


@pytest.fixture
def certified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's certificate for « localhost », signed by itself, that this test trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "pair.pem"
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(pem + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    trusting = ssl.create_default_context(cafile=str(file))
    monkeypatch.setattr(channel, "_context", lambda: trusting)
    return server


def test_tls_is_that_of_the_name_whatever_the_address(
    certified: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | None] = []
    certified.sni_callback = lambda _socket, name, _context: asked.append(name)
    with Receiver().listening(tls=certified) as receiver:
        assert channel.post(receiver.url, {}, b"{}", local=True).code == 200
        assert asked == ["localhost"]
        real = socket.getaddrinfo
        monkeypatch.setattr(channel.socket, "getaddrinfo", lambda _host, *rest, **how: real("127.0.0.1", *rest, **how))
        other = channel.post(f"https://ailleurs.exemple.fr:{receiver.port}/", {}, b"{}", local=True)
        assert other.code is None and "certificat" in other.erreur
        assert len(receiver.posts) == 1
