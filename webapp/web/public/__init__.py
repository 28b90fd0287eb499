"""Public pages"""

from flask import Blueprint

bp = Blueprint("public", __name__, url_prefix=" what usagers see, without an account.")
