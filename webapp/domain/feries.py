"""The public holidays of each part of France."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

from holidays import country_holidays

from .dates import Zone

# The departments overseas that have a day of their own beside the national ones (abolition of slavery…).
SUBDIVISIONS = {
    "America/Guadeloupe": "GP",
    "America/Martinique": "MQ",
    "America/Cayenne": "GY",
    "Indian/Reunion": "RE",
    "Indian/Mayotte": "YT",
    "America/St_Barthelemy": "BL",
    "America/Marigot": "MF",
    "America/Miquelon": "PM",
    "Pacific/Noumea": "NC",
    "Pacific/Tahiti": "PF",
    "Pacific/Wallis": "WF",
}


def ferie(day: date, tz: Zone) -> str | None:
    """What that day celebrates where clocks show `tz` ("Noël"); None on any other day."""
    return _holidays(str(tz), day.year).get(day)


@lru_cache(64)
def _holidays(tz: str, year: int) -> Mapping[date, str]:
    found = country_holidays("FR", subdiv=SUBDIVISIONS.get(tz), years=year, language="fr")
    return {day: name.replace("'", "’") for day, name in found.items()}
