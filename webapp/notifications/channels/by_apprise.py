"""Texts by what apprise knows to reach, in degraded form: taken or not, without an id, a key or a reason."""

import logging

from flask import current_app

from webapp.config import APPRISE
from webapp.domain import sms_provider
from webapp.notifications.outgoing import Outgoing

from . import Temporary

logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it writes numbers and addresses in its log


class AppriseSms:
    """The service behind `SMS_URL=apprise+…`."""

    def send(self, message: Outgoing) -> str:
        """Nothing to call it by. Raises `Temporary`."""
        import apprise

        text = sms_provider.Text(message.to, message.sender, message.text, message.key)
        address = sms_provider.address(current_app.config["SMS_URL"].removeprefix(APPRISE), text)
        try:
            service = apprise.Apprise.instantiate(address)
            taken = service is not None and service.notify(body=message.text, body_format=apprise.NotifyFormat.TEXT)
        except Exception as error:  # each of its services is another's code, and may raise anything
            raise Temporary(f"SMS : apprise a échoué ({type(error).__name__})") from None
        if not taken:
            raise Temporary("SMS : apprise ne l’a pas fait partir")
        return ""

    def close(self) -> None:
        """Nothing is kept open."""
