"""Finding one's appointments again: a code and a link go to a contact one has to hold; either opens the list, once.

Nothing tells whether a contact is known: a demand runs the same statements for every contact, and writes the same row.
"""

import hashlib
import hmac
from enum import Enum, auto

from sqlalchemy import func, select, update

from webapp import links
from webapp.clock import utcnow
from webapp.domain import codes, phones
from webapp.domain.errors import Refus
from webapp.extensions import db
from webapp.models import Acces, Canal, Usage
from webapp.notifications.acces import promise
from webapp.queries import acces as queries

from .transaction import transaction, written

OVER = "Ce code n’est plus valable : demandez-en un autre."
OVER_LINK = "Ce lien n’est plus valable : demandez-en un autre."


def new_browser() -> str:
    """The random word one browser keeps in its cookie."""
    return links.new_nonce()


def _hashed(navigateur: str) -> str:
    return hashlib.sha256(navigateur.encode()).hexdigest() if navigateur else ""


def ask(canal: Canal, contact: str, navigateur: str, *, fiche_de: int | None = None) -> None:
    """Send a code and a link to this contact, if anybody's messages go there or it is in somebody's file: 10 minutes, a
    new one kills the old. Past 3 an hour nothing happens, and the last code still opens.

    `fiche_de`: the contact is that of a file of this organisation, and the code changes it; it opens nothing else."""
    now = utcnow()
    with transaction() as session:
        _one_at_a_time(contact)
        found = queries.situation(canal, contact, now)
        organisation_id = fiche_de or found.connue or found.une
        if organisation_id is None or found.recentes >= codes.AT_MOST:
            return
        session.execute(
            update(Acces)
            .where(Acces.contact == contact, queries.live(now))
            .values(expire_le=now)
            .execution_options(synchronize_session=False)
        )
        nonce, lien_hash = links.new_link(links.ACCES)
        demande = written(
            Acces(
                organisation_id=organisation_id,
                canal=canal,
                contact=contact,
                usage=Usage.CONTACT if fiche_de else Usage.RENDEZ_VOUS,
                navigateur=_hashed(navigateur),
                essais=0,
                expire_le=now + codes.LIFE,
                utilise_le=None,
                lien_nonce=nonce,
                lien_hash=lien_hash,
                cree_le=now,
            )
        )
        reachable = canal is Canal.COURRIEL or phones.can_receive_sms(contact)
        promise(demande, if_=(fiche_de or found.connue) is not None and reachable)


def _one_at_a_time(contact: str) -> None:
    """Demands with one contact wait for each other, or two of them would both count two before them. SQLite has one
    writer anyway."""
    if db.session.get_bind().dialect.name == "postgresql":
        key = int.from_bytes(hashlib.sha256(f"acces\0{contact}".encode()).digest()[:8], "big", signed=True)
        db.session.execute(select(func.pg_advisory_xact_lock(key)))


class Essai(Enum):
    """What a code that was typed did."""

    BON = auto()
    FAUX = auto()
    PERDU = auto()


def try_code(code: str, navigateur: str, usage: Usage = Usage.RENDEZ_VOUS) -> int | None:
    """Use the code this browser asked for: the demand it opens, or None when it is another code, which counts as a try.
    Raises `Refus` when nothing this browser asked for can be opened any more."""
    now = utcnow()
    outcome = Essai.PERDU
    with transaction() as session:
        demande = session.scalars(queries.asked_by(_hashed(navigateur), usage)).first() if navigateur else None
        if demande is not None and not _over(demande):
            if hmac.compare_digest(links.code(demande.lien_nonce), codes.typed(code)):
                demande.utilise_le, outcome = now, Essai.BON
            else:
                demande.essais += 1
                outcome = Essai.FAUX if demande.essais < codes.TRIES else Essai.PERDU
    if outcome is Essai.PERDU:
        raise Refus(OVER)
    return demande.id if demande is not None and outcome is Essai.BON else None


def _over(demande: Acces) -> str | None:
    return codes.over(
        asked=demande.cree_le,
        expires=demande.expire_le,
        used=demande.utilise_le,
        tries=demande.essais,
        now=utcnow(),
    )


def use_link(token: str, navigateur: str) -> int:
    """Use the link, from any browser, which then holds what it opens. Raises `Refus` when it was used, or is over."""
    now = utcnow()
    lien_hash = links.fingerprint(token)
    with transaction() as session:
        found = session.scalar(
            update(Acces)
            .where(Acces.lien_hash == lien_hash, Acces.usage == Usage.RENDEZ_VOUS, queries.live(now))
            .values(utilise_le=now, navigateur=_hashed(navigateur))
            .returning(Acces.id)
            .execution_options(synchronize_session=False)
        )
    if found is None:
        raise Refus(OVER_LINK)
    return found


def link_opens(token: str) -> bool:
    """Would that link open something now? Programs that look for viruses open every link: looking uses nothing up."""
    return queries.link_opens(links.fingerprint(token), utcnow())


def opened(demande_id: int, navigateur: str) -> Acces | None:
    """The demand this browser opened, while it is open."""
    return queries.opened(demande_id, _hashed(navigateur), utcnow()) if navigateur else None


def close(demande_id: int, navigateur: str) -> None:
    """It opens nothing any more, wherever its cookies were copied."""
    with transaction() as session:
        session.execute(
            update(Acces)
            .where(Acces.id == demande_id, Acces.navigateur == _hashed(navigateur), Acces.utilise_le.is_not(None))
            .values(navigateur="")
            .execution_options(synchronize_session=False)
        )
