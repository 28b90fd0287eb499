"""From an event's name and a context to words: texts that fit, mails in text and HTML. The previews use it too."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from types import SimpleNamespace
from typing import Any

from flask import render_template

from webapp.clock import utcnow
from webapp.domain import dates, sms
from webapp.domain.capacity import ReservablePar
from webapp.domain.contacts import clean_name
from webapp.domain.invitations import LIFE
from webapp.domain.recurrence import to_utc
from webapp.links import address
from webapp.models import Rdv, TypeLieu

from . import content
from .content import Changement, Emetteur, Seance

LIMITS = {
    "inscription": 1, "rappel": 1, "acces": 1, "contact_modifie": 1, "invitation": 1, "message": sms.MAX_SEGMENTS,
}  # fmt: skip
"""Segments a text should fit in; two for the others."""
CHANGES = ("modification", "deplacement")
"""What says where and when a session was, and is."""
UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")
LINE_ENDS = re.compile("[\x85\u2028\u2029]")
NAMES_SMS = 60
"""Characters of a household's first names in a text."""
SAMPLE_TOKEN = "AbCdEfGhIjKlMnOpQrStUv"
SAMPLE_REASON = "intervenante absente"
SAMPLE_MESSAGE = "Le parking sera fermé ce jour-là, venez plutôt en bus."


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail, composed."""

    subject: str
    text: str
    html: str


def render_sms(event: str, context: Mapping[str, Any]) -> str:
    """The text of an event: with all its words if they fit, else fewer words, a shorter place, in the end a shorter
    name; never a shorter date or link."""
    seance: Seance = context["seance"]
    limit = LIMITS.get(event, 2)
    libre = context["libre"]

    def text(name: str, *, court: bool, lieu: str, libre: str = libre) -> str:
        words = {**context, "nom": name, "court": court, "lieu": lieu, "libre": libre}
        words["prenoms"] = words.get("prenoms_sms", "")
        found = sms.transliterate(" ".join(render_template(f"sms/{event}.txt", **words).split()))
        return found[:1].upper() + found[1:]

    place, name = seance.ou_sms, seance.nom_sms
    if seance.neutre:
        name, place = _place_once(name, place)
    titled = [f"{name} - {seance.intitule}"] if seance.intitule else []
    variants = [
        *(text(full, court=False, lieu=place) for full in titled),
        text(name, court=False, lieu=place),
        *([text(name, court=False, lieu="")] if event in CHANGES else ()),  # a place that stays may go unsaid
        text(name, court=True, lieu=place),
    ]
    for most in (1, limit) if event in CHANGES else (limit,):  # one text rather than all its words
        for variant in variants:
            if sms.measure(variant).segments <= most:
                return variant
    short = sms.shorten(sms.transliterate(place), content.SHORT_PLACE)
    return sms.fit_message(
        lambda part, free: text(part, court=True, lieu=short, libre=free), name, libre, limit_segments=limit
    )


def _place_once(name: str, place: str) -> tuple[str, str]:
    """A name that ends as the place begins says the whole of it, and the place nothing: "rendez-vous à la Maison des
    solidarités de Valmont"."""
    words = name.split()
    for start in range(len(words)):
        tail = " ".join(words[start:])
        if f"{place} ".startswith(f"{tail} "):
            return name + place[len(tail) :], ""
    return name, place


def render_mail(folder: str, context: Mapping[str, Any]) -> Mail:
    """The subject, the text and the HTML of an e-mail."""
    subject = clean_name(render_template(f"email/{folder}/subject.txt", **context))
    text = re.sub(r"\n{3,}", "\n\n", render_template(f"email/{folder}/body.txt", **context)).strip() + "\n"
    html = render_template(f"email/{folder}/body.html", sujet=subject, **context)
    return Mail(subject[:1].upper() + subject[1:], _visible(text), _visible(html))


def _visible(text: str) -> str:
    """Without what no eye sees and no reader expects: control characters, those that turn a line around or hide."""
    return UNSEEN.sub("", LINE_ENDS.sub("\n", text))


# --- invitations: about a motif, before there is a session ---------------------------------------------------------


def invitation_context(
    motif: Any,
    organisation: Any,
    *,
    prenom: str,
    jusqua: datetime,
    lien: str,
    pour: str = "",
    relance: bool = False,
) -> dict[str, Any]:
    """What the words of an invitation may say: the motif under its own name, or nothing of what it is about. `pour`:
    the first name of the person, when somebody else reads it."""
    emetteur = Emetteur.of(organisation)
    neutral = content.discreet(motif)
    name = clean_name(motif.name or "Nom du motif")
    hidden = clean_name(organisation.nom_neutre or content.NOM_NEUTRE)
    return {
        "emetteur": emetteur,
        "prenom": clean_name(prenom),
        "pour": clean_name(pour),
        "neutre": neutral,
        "nom": hidden if neutral else clean_name(motif.nom_courriel or "") or name,
        "nom_sms": hidden if neutral else clean_name(motif.nom_sms or "") or name,
        "description": "" if neutral else clean_name(motif.description or ""),
        "instructions": "" if neutral else (motif.instructions_avant or "").strip(),
        "jusqua": dates.long_date(jusqua, emetteur.fuseau),
        "jusqua_sms": dates.sms_moment(jusqua, emetteur.fuseau).rpartition(" à ")[0].partition(" ")[2],
        "lien": lien,
        "relance": relance,
    }


def render_invitation(context: Mapping[str, Any]) -> str:
    """The text of an invitation: with all its words if they fit, else fewer, in the end a shorter name."""

    def text(name: str, court: bool) -> str:
        words = render_template("sms/invitation.txt", **{**context, "nom_sms": name, "court": court})
        found = sms.transliterate(" ".join(words.split()))
        return found[:1].upper() + found[1:]

    limit = LIMITS["invitation"]
    whole = text(context["nom_sms"], False)
    if sms.measure(whole).segments <= limit:
        return whole
    return sms.fit_message(lambda name, _: text(name, True), context["nom_sms"], "", limit_segments=limit)


# --- previews ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SmsPreview:
    """A text exactly as an usager will get it, and what it weighs."""

    texte: str
    mesure: sms.Measure


def sample(motif: Any, organisation: Any, *, nom_sms: str = "") -> tuple[Seance, Emetteur]:
    """A session of this motif, saved or being typed, next Tuesday at 14:00 in an ordinary place."""
    emetteur = Emetteur.of(organisation)
    today = dates.local(utcnow(), emetteur.fuseau).date()
    tuesday = today + timedelta(days=(1 - today.weekday()) % 7 or 7)
    start = to_utc(tuesday, time(14), emetteur.fuseau)
    neutral, visio = content.discreet(motif), motif.location_type is TypeLieu.VISIO
    neutral_name = clean_name(organisation.nom_neutre or content.NOM_NEUTRE)
    name = clean_name(motif.name or "Nom du motif")
    public = motif.reservable_par is ReservablePar.TOUS and not neutral
    seance = Seance(
        id=0,
        version=1,
        neutre=neutral,
        nom=neutral_name if neutral else clean_name(motif.nom_courriel or "") or name,
        nom_sms=neutral_name if neutral else clean_name(nom_sms or motif.nom_sms or "") or name,
        nom_agent=name,
        intitule="",
        intitule_agent="",
        debut=start,
        fin=start + timedelta(hours=2),
        fuseau=emetteur.fuseau,
        lieu="" if visio else "Maison des solidarités",
        adresse="" if visio else "3 rue des Lilas, 26100 Valmont",
        salle="",
        pmr="",
        telephone_lieu="",
        visio=visio,
        lien_visio="https://visio.exemple.fr/atelier" if visio else "",
        instructions="" if neutral else motif.instructions_apres or "",
        avertissement="" if neutral else motif.avertissement_annulation or "",
        raison="",
        annulee=False,
        autres=address(f"/o/{emetteur.slug}/motifs/{motif.id or 1}") if public else "",
    )
    return seance, emetteur


def sample_context(motif: Any, organisation: Any, *, event: str = "inscription", nom_sms: str = "") -> dict[str, Any]:
    """What templates get about a sample place, and what that event alone says."""
    seance, emetteur = sample(motif, organisation, nom_sms=nom_sms)
    if event == "annulation":
        seance = replace(seance, annulee=True, raison="" if seance.neutre else SAMPLE_REASON)
    words: dict[str, Any] = {"libre": SAMPLE_MESSAGE} if event == "message" else {}
    if event == "modification":
        day = dates.local(seance.debut, seance.fuseau).date() + timedelta(days=2)
        before = to_utc(day, time(10), seance.fuseau)
        kept = {name: getattr(seance, name) for name in ("lieu", "adresse", "salle", "lien_visio")}
        kept |= {"debut": before.isoformat(), "fin": (before + timedelta(hours=2)).isoformat()}
        words["change"] = Changement.of(seance, kept)
    lien = address(f"/p/{SAMPLE_TOKEN}")
    return usager_context(seance, emetteur, prenom="Yasmina", prenoms=["Yasmina"], pour_soi=True, lien=lien, **words)


def usager_context(
    seance: Seance,
    emetteur: Emetteur,
    *,
    prenom: str,
    prenoms: list[str],
    pour_soi: bool,
    lien: str,
    deja: bool = False,
    attente: bool = False,
    **words: Any,
) -> dict[str, Any]:
    """What the templates of messages to usagers may say; `words` are the event's own. `libre` is what somebody typed: a
    reason, a message; `attente`: the reader waits for a place."""
    names = [clean_name(p) for p in prenoms]
    return {
        "seance": seance,
        "emetteur": emetteur,
        "prenom": clean_name(prenom),
        "prenoms": listed(names),
        "prenoms_sms": _few(names),
        "plusieurs": len(names) > 1,
        "pour_soi": pour_soi,
        "lien": lien,
        "deja": deja,
        "attente": attente,
        "libre": seance.raison,
        **words,
    }


def listed(names: list[str]) -> str:
    """Yasmina, Léa et Tom."""
    return " et ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def _few(names: list[str]) -> str:
    """The same where room is scarce: a household too long to name is its first and how many others."""
    whole = listed(names)
    if len(whole) <= NAMES_SMS:
        return whole
    first, others = sms.shorten(names[0], NAMES_SMS // 2), len(names) - 1
    return f"{first} et {others} autre{'s' if others > 1 else ''}" if others else first


def preview_sms(motif: Any, organisation: Any, *, event: str = "inscription", nom_sms: str = "") -> SmsPreview:
    """The text an usager of this motif will get; `motif` may be unsaved, nothing is read or written."""
    if event == "invitation":
        text = render_invitation(_sample_invitation(motif, organisation))
    else:
        text = render_sms(event, sample_context(motif, organisation, event=event, nom_sms=nom_sms))
    return SmsPreview(text, sms.measure(text))


def preview_message(rdv: Rdv, corps: str) -> tuple[SmsPreview, bool]:
    """The text of what an agent is writing to the people of this session, and whether its end is cut."""
    text = render_sms("message", _written(rdv, corps))
    whole = sms.transliterate(" ".join(corps.split()))
    return SmsPreview(text, sms.measure(text)), whole not in text


def preview_message_email(rdv: Rdv, corps: str) -> Mail:
    """The same by e-mail, to somebody whose name is not known yet."""
    return render_mail("message", _written(rdv, corps))


def _written(rdv: Rdv, corps: str) -> dict[str, Any]:
    return usager_context(
        content.of_rdv(rdv),
        Emetteur.of(rdv.organisation),
        prenom="",
        prenoms=[""],
        pour_soi=True,
        lien=address(f"/p/{SAMPLE_TOKEN}"),
        libre=corps,
    )


def preview_email(motif: Any, organisation: Any, *, event: str = "inscription") -> Mail:
    """The mail an usager of this motif will get; `motif` may be unsaved, nothing is read or written."""
    if event == "invitation":
        return render_mail(event, _sample_invitation(motif, organisation))
    return render_mail(event, sample_context(motif, organisation, event=event))


def _sample_invitation(motif: Any, organisation: Any) -> dict[str, Any]:
    lien = address(f"/i/{SAMPLE_TOKEN}")
    return invitation_context(motif, organisation, prenom="Yasmina", jusqua=utcnow() + LIFE, lien=lien)


def draft(**fields: Any) -> SimpleNamespace:
    """A motif being typed, for the previews: what the form does not say is empty."""
    names = (
        "id name nom_sms nom_courriel discretion visibilite location_type reservable_par instructions_apres"
        " avertissement_annulation description instructions_avant"
    )
    return SimpleNamespace(**{**dict.fromkeys(names.split()), **fields})
