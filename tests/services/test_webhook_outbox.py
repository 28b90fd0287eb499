"""Every change of a session or a seat is told once to each webhook that wants it, with numbers and dates only, in a
number of statements that does not grow with the people; without webhooks, in none."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, select, update

from tests import factories as make
from webapp.clock import utcnow
from webapp.domain.contacts import Identity
from webapp.domain.errors import Refus
from webapp.domain.participation import Acteur, Statut
from webapp.domain.recurrence import Recurrence
from webapp.domain.webhooks import CHOISIS, Evenement
from webapp.extensions import db
from webapp.models import Agent, Participation, PlageOuverture, Rdv, Webhook, WebhookEnvoi
from webapp.services import booking, deplacements, plages, rdvs, reglages
from webapp.services import webhooks as services
from webapp.services.booking import Demande
from webapp.services.rdvs import OuEtQuand
