"""The CSRF token, masked: the same secret never reads twice alike, so compressed pages tell nothing about it."""

import base64
import binascii
import secrets

from flask import g, request
from flask_wtf.csrf import generate_csrf, validate_csrf
from wtforms import ValidationError

MASKED = "m."


def masked_token() -> str:
    """The page's token. Flask-WTF signs the same session secret in every answer; compressed beside text an attacker
    chooses, its length would leak it letter by letter (BREACH). A random pad per request makes that guess worthless."""
    if "masked_csrf" not in g:
        token = generate_csrf().encode()
        pad = secrets.token_bytes(len(token))
        mixed = bytes(a ^ b for a, b in zip(token, pad, strict=True))
        g.masked_csrf = MASKED + base64.urlsafe_b64encode(pad + mixed).decode()
    return str(g.masked_csrf)


def unmasked(token: str) -> str:
    """The token Flask-WTF checks; one that is not masked is given as it is."""
    if not token.startswith(MASKED):
        return token
    try:
        raw = base64.urlsafe_b64decode(token.removeprefix(MASKED))
    except (binascii.Error, ValueError):
        return ""
    half = len(raw) // 2
    return bytes(a ^ b for a, b in zip(raw[:half], raw[half:], strict=False)).decode("ascii", "replace")


def token_fits() -> bool:
    """Does the request carry this session's token, still fresh, and come from this site?"""
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        return False
    try:
        validate_csrf(unmasked(request.form.get("csrf_token") or request.headers.get("X-CSRFToken", "")))
    except ValidationError:
        return False
    return True
