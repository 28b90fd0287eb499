"""How many coming sessions of one motif the public may hold with one contact (an organisation’s own setting), whichever
form asks: alone, as a household, to wait."""

from webapp.clock import utcnow
from webapp.domain.errors import Refus
from webapp.domain.identity import Identity
from webapp.domain.phones import national
from webapp.models import Canal, Rdv
from webapp.queries import acces as queries


def call_us(rdv: Rdv) -> str:
    """Whom to call, without its full stop."""
    return f"Appelez le {national(rdv.organisation.phone)}" if rdv.organisation.phone else "Appelez-nous"


def not_online(rdv: Rdv) -> Refus:
    """The same words for every reason that is somebody's own: who typed another person's contact learns nothing."""
    return Refus(
        "Nous ne pouvons pas enregistrer cette inscription en ligne. C’est le cas quand plusieurs séances du même "
        f"atelier sont déjà réservées avec le même contact, ou qu’une place a été retirée. {call_us(rdv)} : un agent "
        "le fera avec vous. Pour renoncer à une autre séance, ouvrez « Retrouver mes rendez-vous », en haut de la page."
    )


def check_contact(rdv: Rdv, identity: Identity) -> None:
    """Raise `Refus` when the contact that was typed holds as many other sessions as one may. This one is not counted:
    who has a seat here already is answered as a newcomer (docs/domain.md rule 9)."""
    most = rdv.organisation.seances_par_contact
    typed = {Canal.SMS: identity.telephone, Canal.COURRIEL: identity.courriel}
    contacts = {canal: contact for canal, contact in typed.items() if contact}
    if most and contacts and queries.coming_with(rdv, contacts, utcnow()) >= most:
        raise not_online(rdv)
