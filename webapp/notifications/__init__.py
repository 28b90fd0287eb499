"""Who is told what (`docs/notifications.md`). Importing this package registers every kind of message."""

from . import annulation, desistement, inscription, mot_de_passe, rappel, retrait

__all__ = ["annulation", "desistement", "inscription", "mot_de_passe", "rappel", "retrait"]
