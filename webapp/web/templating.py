"""What every template may use: French words for dates and numbers, the current organisation, the mode."""

import re
import secrets
from datetime import date, datetime
from typing import Any

from babel.dates import format_date
from flask import Flask, current_app, g
from jinja2 import Template, Undefined
from jinja2.environment import TemplateModule
from jinja2.runtime import Context
from markupsafe import Markup

from webapp.domain import contacts, dates, phones

TOGETHER = re.compile(r" (?=[:;?!»])|(?<=«) |(?<=\d) (?=\d\d)")


class PageTemplate(Template):
    """A template whose imports are made once. Jinja looks at each `{% import %}`, at each page, whether the globals
    differ from the last time: here they are the same everywhere, and that look was a tenth of a page."""

    def _get_default_module(self, ctx: Context | None = None) -> TemplateModule:
        return super()._get_default_module()


def init_app(app: Flask) -> None:
    """Register the filters and the context of every page. Views put the page's organisation in `g.organisation`."""
    app.jinja_env.template_class = PageTemplate
    app.jinja_env.filters.update(
        telephone=telephone,
        date_longue=dates.long_date,
        date_courte=dates.weekday_date,
        jour_mois=dates.day_month,
        mois_annee=dates.month_year,
        heure=dates.hour,
        moment=dates.long_moment,
        duree=dates.duration,
        jour_semaine=jour_semaine,
        mois=mois,
        pluriel=pluriel,
        typo=typo,
        de=contacts.of,
    )
    app.jinja_env.globals.update(page_en_erreur=page_en_erreur, nouvel_envoi=nouvel_envoi)
    app.context_processor(_context)


def _context() -> dict[str, Any]:
    return {"organisation": g.get("organisation"), "mode": current_app.config["MODE"]}


def nouvel_envoi() -> str:
    """The random id of a form that has no `BaseForm` (docs/domain.md rule 19)."""
    return secrets.token_urlsafe(16)


def telephone(e164: str) -> str:
    """06 12 34 56 78 (a number as it is dialled); nothing for nothing."""
    return phones.national(e164) if e164 else ""


def typo(text: str) -> str:
    """A sentence written in Python, as French sets it: no line starts with « : » or « ? », none ends with « « », and a
    telephone number stays whole."""
    joined = TOGETHER.sub(dates.NBSP, text)
    return Markup(joined) if isinstance(text, Markup) else joined


def jour_semaine(day: date | datetime) -> str:
    """mardi."""
    return str(format_date(day, "EEEE", locale="fr"))


def mois(day: date | datetime) -> str:
    """mars; long names as on French calendars: janv., févr., juil., sept."""
    return str(format_date(day, "MMM", locale="fr"))


def pluriel(count: int, one: str, many: str | None = None) -> str:
    """1 personne, 3 personnes (0 is singular in French); `many` when the plural is not one + s."""
    return f"{count} {(many or one + 's') if count > 1 else one}"


def page_en_erreur(*causes: object) -> bool:
    """Does the page answer a form that was not accepted? Its title then starts with « Erreur : »."""
    return any(
        (isinstance(cause, str) and bool(cause)) or getattr(cause, "status", 200) >= 400
        for cause in causes
        if cause is not None and not isinstance(cause, Undefined)
    )
