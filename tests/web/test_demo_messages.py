"""The demonstration's inbox: a mail as it is received, its text, and how to leave it."""

from flask import Flask

from tests.pages import PageClient
from webapp.extensions import db
from webapp.models import Canal, MessageDemo


def test_a_mail_shows_its_text_and_how_to_leave_it(app: Flask) -> None:
    app.config["MODE"] = "demo"
    leave = "https://rdv.exemple.fr/p/AbCdEfGhIjKlMnOpQrStUv/desabonnement"
    with app.app_context():
        for key, end in (("a", f"Ne plus recevoir de courriels : {leave}\n"), ("b", "À bientôt\n")):
            db.session.add(
                MessageDemo(
                    canal=Canal.COURRIEL,
                    cle_envoi=key,
                    de="Valmont",
                    a="yasmina@exemple.fr",
                    sujet="Un message",
                    corps=f"Le parking est fermé <b>.\n{end}",
                    html="<p>Le parking est fermé</p>",
                )
            )
        db.session.commit()
    page = PageClient(app).get("/demo/messages")
    assert page.status == 200 and len(page.select("#messages details")) == 2
    assert page.has("Le parking est fermé <b>.") and page.text.count("List-Unsubscribe") == 1
    assert page.has(f"<{leave}>")
