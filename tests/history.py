"""Years of sessions written straight into the tables: what would take hours through the site's own doors."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import insert, select

from webapp.clock import utcnow
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import Motif, Participation, Rdv, Usager

STATUTS = (Statut.PRESENT, Statut.ABSENT, Statut.EXCUSE, Statut.ANNULE)
AT_ONCE, KNOWN = 500, 2000


def fill(motifs: Sequence[Motif], sessions: int, people: int, *, days: int = 3 * 365) -> None:
    """That many past sessions of these motifs over these days, each with as many people, a quarter of each status."""
    now = utcnow()
    kept = [(motif.id, motif.organisation_id) for motif in motifs]
    db.session.execute(
        insert(Usager), [{"first_name": "Zoé", "last_name": f"N{n}", "cree_le": now} for n in range(KNOWN)]
    )
    usagers = db.session.scalars(select(Usager.id).order_by(Usager.id.desc()).limit(KNOWN)).all()
    for start in range(0, sessions, AT_ONCE):
        rdvs = []
        for n in range(start, min(start + AT_ONCE, sessions)):
            at = now - timedelta(hours=2) - timedelta(days=days) * (n / sessions)
            motif_id, organisation_id = kept[n % len(kept)]
            rdvs.append({
                "organisation_id": organisation_id, "motif_id": motif_id, "starts_at": at, "capacite_max": people,
                "ends_at": at + timedelta(hours=1), "places_prises": people // 2,
                "fige": {"motif": "Mes droits au RSA", "lieu": "Maison des solidarités", "salle": ""},
            })  # fmt: skip
        ids = db.session.scalars(insert(Rdv).returning(Rdv.id), rdvs).all()
        db.session.execute(
            insert(Participation),
            [
                {
                    "rdv_id": rdv_id, "statut": STATUTS[n % 4], "usager_id": usagers[(place * people + n) % KNOWN],
                    "inscrit_le": now - timedelta(days=2000), "statut_le": now, "statut_par": Acteur.USAGER,
                    "origine": Acteur.USAGER, "cree_le": now, "lien_nonce": f"{rdv_id}-{n}",
                    "lien_hash": f"{rdv_id}-{n}",
                }
                for place, rdv_id in enumerate(ids)
                for n in range(people)
            ],
        )  # fmt: skip
        db.session.commit()
