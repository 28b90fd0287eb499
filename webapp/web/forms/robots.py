"""What keeps programs off a public form without asking people anything: a field nobody sees, and the time it took."""

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

from flask import current_app, g
from itsdangerous import BadData, Signer
from itsdangerous.encoding import base64_decode, base64_encode
from wtforms import HiddenField, StringField

FILLED = (
    "Un champ qui ne se voit pas a été rempli, comme le font les programmes. Nous l’avons vidé. Vérifiez, puis validez "
    "à nouveau."
)
TOO_SOON = (
    "Ce formulaire est revenu très vite, comme le fait un programme. Rien n’est perdu : vérifiez, puis validez à "
    "nouveau."
)


def _signer() -> Signer:
    return Signer(current_app.config["SECRET_KEY"], salt="envoi")


def sealed(*, seconds_ago: int = 0) -> str:
    """The random id of a form, with the moment it was made, signed; letters, digits, - and _ only, as any other id."""
    made = time.time_ns() // 1_000_000 - 1000 * seconds_ago
    return base64_encode(_signer().sign(f"{secrets.token_urlsafe(16)}.{made}")).decode()


def age(envoi: str) -> float | None:
    """How many seconds ago the form with this id was made; None when this site did not make it."""
    try:
        made = int(_signer().unsign(base64_decode(envoi)).decode().rpartition(".")[2])
    except (BadData, ValueError):
        return None
    return time.time() - made / 1000


class SansRobots:
    """Mixin of a public `BaseForm`, before it: `components/champs.html` shows its field in `envoi(form)`.

    A program that is refused may be a person after all, whose browser fills forms: all is kept, and one more click,
    however quick, goes through.
    """

    envoi = HiddenField(default=sealed)
    precision = StringField("Laissez ce champ vide")

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        if not super().validate(extra_validators):  # type: ignore[misc]
            return False
        if self.precision.data:
            self.precision.data = ""
            self.form_errors.append(FILLED)  # type: ignore[attr-defined]
        elif self._too_soon():
            self.form_errors.append(TOO_SOON)  # type: ignore[attr-defined]
        return not self.form_errors  # type: ignore[attr-defined]

    def _too_soon(self) -> bool:
        """Sooner than anybody reads, types and sends. An id of somebody's own making is as young as can be."""
        least = g.organisation.secondes_formulaire if g.get("organisation") else 0
        if not least or not current_app.config["RATELIMIT_ENABLED"]:
            return False
        seconds = age(self.envoi.data or "")
        if seconds is not None and seconds >= least:
            return False
        self.envoi.data = sealed(seconds_ago=least)
        return True
