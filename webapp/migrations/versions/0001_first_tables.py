"""first tables

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "messages_demo",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("canal", sa.String(length=32), nullable=False),
        sa.Column("cle_envoi", sa.String(length=40), nullable=False),
        sa.Column("de", sa.String(length=254), nullable=False),
        sa.Column("a", sa.String(length=254), nullable=False),
        sa.Column("sujet", sa.String(length=200), nullable=False),
        sa.Column("corps", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("ics", sa.Text(), nullable=False),
        sa.Column("cree_le", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages_demo")),
        sa.UniqueConstraint("cle_envoi", name=op.f("uq_messages_demo_cle_envoi")),
    )
    op.create_table(
        "organisations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("timezone", sa.String(length=60), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("phone_hours", sa.String(length=120), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("sms_sender", sa.String(length=11), nullable=False),
        sa.Column("colour", sa.String(length=7), nullable=False),
        sa.Column("nom_neutre", sa.String(length=80), nullable=False),
        sa.Column("retention_mois", sa.Integer(), nullable=False),
        sa.Column("surbooking_autorise", sa.Boolean(), nullable=False),
        sa.Column("confirmation_sms", sa.String(length=32), nullable=False),
        sa.Column("budget_sms_jour", sa.Integer(), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("cree_le", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "confirmation_sms IN ('toujours', 'sans_courriel', 'sous_48h')",
            name=op.f("ck_organisations_confirmation_sms"),
        ),
        sa.CheckConstraint("retention_mois >= 1", name=op.f("ck_organisations_retention_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisations")),
        sa.UniqueConstraint("slug", name=op.f("uq_organisations_slug")),
    )
    op.create_table(
        "usagers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("first_name", sa.String(length=80), nullable=False),
        sa.Column("last_name", sa.String(length=80), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("notify_by_sms", sa.Boolean(), nullable=False),
        sa.Column("notify_by_email", sa.Boolean(), nullable=False),
        sa.Column("responsable_id", sa.Integer(), nullable=True),
        sa.Column("numero_dossier", sa.String(length=40), nullable=True),
        sa.Column("recherche", sa.String(length=500), nullable=False),
        sa.Column("cree_le", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["responsable_id"], ["usagers.id"], name=op.f("fk_usagers_responsable_id_usagers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usagers")),
    )
    with op.batch_alter_table("usagers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_usagers_email"), ["email"], unique=False)
        batch_op.create_index(batch_op.f("ix_usagers_phone"), ["phone"], unique=False)

    op.create_table(
        "agents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("first_name", sa.String(length=80), nullable=False),
        sa.Column("last_name", sa.String(length=80), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("auth_version", sa.Integer(), nullable=False),
        sa.Column("actif", sa.Boolean(), nullable=False),
        sa.Column("niveau_notification", sa.String(length=32), nullable=False),
        sa.Column("reset_nonce", sa.String(length=32), nullable=True),
        sa.Column("reset_hash", sa.String(length=64), nullable=True),
        sa.Column("reset_expire_le", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reset_version", sa.Integer(), nullable=False),
        sa.Column("cree_le", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "niveau_notification IN ('toutes', 'proches', 'aucune')", name=op.f("ck_agents_niveau_notification")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_agents_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agents")),
        sa.UniqueConstraint("email", name=op.f("uq_agents_email")),
        sa.UniqueConstraint("reset_hash", name=op.f("uq_agents_reset_hash")),
    )
    with op.batch_alter_table("agents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_agents_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "lieux",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("postal_code", sa.String(length=10), nullable=False),
        sa.Column("city", sa.String(length=100), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("pmr", sa.String(length=200), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("ponctuel", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_lieux_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lieux")),
    )
    with op.batch_alter_table("lieux", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lieux_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "services",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("short_name", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_services_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_services")),
    )
    with op.batch_alter_table("services", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_services_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "usager_cles",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("cle", sa.String(length=64), nullable=False),
        sa.Column("usager_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_usager_cles_organisation_id_organisations")
        ),
        sa.ForeignKeyConstraint(
            ["usager_id"], ["usagers.id"], name=op.f("fk_usager_cles_usager_id_usagers"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usager_cles")),
        sa.UniqueConstraint("organisation_id", "cle", name=op.f("uq_usager_cles_organisation_id_cle")),
    )
    with op.batch_alter_table("usager_cles", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_usager_cles_usager_id"), ["usager_id"], unique=False)

    op.create_table(
        "usager_organisations",
        sa.Column("usager_id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_usager_organisations_organisation_id_organisations"),
        ),
        sa.ForeignKeyConstraint(
            ["usager_id"], ["usagers.id"], name=op.f("fk_usager_organisations_usager_id_usagers"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("usager_id", "organisation_id", name=op.f("pk_usager_organisations")),
    )
    with op.batch_alter_table("usager_organisations", schema=None) as batch_op:
        batch_op.create_index("ix_usager_organisations_organisation_id", ["organisation_id"], unique=False)

    op.create_table(
        "agent_services",
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_agent_services_agent_id_agents"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["services.id"], name=op.f("fk_agent_services_service_id_services"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("agent_id", "service_id", name=op.f("pk_agent_services")),
    )
    op.create_table(
        "droits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=True),
        sa.Column("droit", sa.String(length=32), nullable=False),
        sa.CheckConstraint(
            "droit IN ('voir', 'configurer_motifs', 'configurer_lieux', 'gerer_ses_plages', 'gerer_plages', 'gerer_absences', 'gerer_rdv', 'gerer_usagers', 'envoyer_messages', 'surbooker', 'exporter', 'voir_statistiques', 'gerer_agents', 'configurer_organisation', 'gerer_integrations', 'voir_journal')",
            name=op.f("ck_droits_droit"),
        ),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_droits_agent_id_agents"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_droits_organisation_id_organisations")
        ),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_droits_service_id_services")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_droits")),
        sa.UniqueConstraint(
            "agent_id",
            "organisation_id",
            "service_id",
            "droit",
            name=op.f("uq_droits_agent_id_organisation_id_service_id_droit"),
        ),
    )
    with op.batch_alter_table("droits", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_droits_agent_id"), ["agent_id"], unique=False)
        batch_op.create_index(
            "uq_droits_tous_services",
            ["agent_id", "organisation_id", "droit"],
            unique=True,
            sqlite_where=sa.text("service_id IS NULL"),
            postgresql_where=sa.text("service_id IS NULL"),
        )

    op.create_table(
        "motifs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("description", sa.String(length=300), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("location_type", sa.String(length=32), nullable=False),
        sa.Column("colour", sa.String(length=7), nullable=False),
        sa.Column("capacite_max", sa.Integer(), nullable=True),
        sa.Column("capacite_min", sa.Integer(), nullable=True),
        sa.Column("minimum_heures", sa.Integer(), nullable=False),
        sa.Column("instructions_avant", sa.Text(), nullable=False),
        sa.Column("instructions_apres", sa.Text(), nullable=False),
        sa.Column("nom_sms", sa.String(length=60), nullable=False),
        sa.Column("nom_courriel", sa.String(length=120), nullable=False),
        sa.Column("avertissement_annulation", sa.String(length=300), nullable=False),
        sa.Column("reservable_par", sa.String(length=32), nullable=False),
        sa.Column("delai_min_minutes", sa.Integer(), nullable=False),
        sa.Column("delai_max_jours", sa.Integer(), nullable=False),
        sa.Column("visibilite", sa.String(length=32), nullable=False),
        sa.Column("discretion", sa.String(length=32), nullable=False),
        sa.Column("rappels", sa.JSON(), nullable=False),
        sa.Column("liste_attente", sa.Boolean(), nullable=False),
        sa.Column("champs", sa.JSON(), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cree_le", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "capacite_max IS NOT NULL OR reservable_par = 'entree_libre'", name=op.f("ck_motifs_capacite_obligatoire")
        ),
        sa.CheckConstraint("discretion IN ('complet', 'neutre')", name=op.f("ck_motifs_discretion")),
        sa.CheckConstraint("location_type IN ('sur_place', 'visio')", name=op.f("ck_motifs_location_type")),
        sa.CheckConstraint(
            "reservable_par IN ('agents', 'invites', 'tous', 'entree_libre')", name=op.f("ck_motifs_reservable_par")
        ),
        sa.CheckConstraint("type IN ('individuel', 'collectif')", name=op.f("ck_motifs_type")),
        sa.CheckConstraint(
            "visibilite IN ('visible_notifie', 'visible_non_notifie', 'invisible')", name=op.f("ck_motifs_visibilite")
        ),
        sa.CheckConstraint("capacite_max >= 1", name=op.f("ck_motifs_capacite_max_positive")),
        sa.CheckConstraint("capacite_min >= 1", name=op.f("ck_motifs_capacite_min_positive")),
        sa.CheckConstraint("delai_min_minutes >= 0 AND delai_max_jours >= 1", name=op.f("ck_motifs_delais")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_motifs_organisation_id_organisations")
        ),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_motifs_service_id_services")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_motifs")),
    )
    with op.batch_alter_table("motifs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_motifs_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_motifs_service_id"), ["service_id"], unique=False)

    op.create_table(
        "salles",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lieu_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("capacite", sa.Integer(), nullable=True),
        sa.CheckConstraint("capacite >= 1", name=op.f("ck_salles_capacite_positive")),
        sa.ForeignKeyConstraint(["lieu_id"], ["lieux.id"], name=op.f("fk_salles_lieu_id_lieux")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_salles")),
    )
    with op.batch_alter_table("salles", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_salles_lieu_id"), ["lieu_id"], unique=False)

    op.create_table(
        "plages_ouverture",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("motif_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("lieu_id", sa.Integer(), nullable=True),
        sa.Column("salle_id", sa.Integer(), nullable=True),
        sa.Column("lien_visio", sa.String(length=300), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("start_time", sa.Time(), nullable=False),
        sa.Column("end_time", sa.Time(), nullable=False),
        sa.Column("rrule", sa.String(length=200), nullable=False),
        sa.Column("excluded", sa.JSON(), nullable=False),
        sa.Column("capacite_max", sa.Integer(), nullable=True),
        sa.Column("instructions_avant", sa.Text(), nullable=True),
        sa.Column("instructions_apres", sa.Text(), nullable=True),
        sa.Column("reservable_par", sa.String(length=32), nullable=True),
        sa.Column("nom_sms", sa.String(length=60), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("cree_le", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "reservable_par IN ('agents', 'invites', 'tous', 'entree_libre')",
            name=op.f("ck_plages_ouverture_reservable_par"),
        ),
        sa.CheckConstraint("capacite_max >= 1", name=op.f("ck_plages_ouverture_capacite_max_positive")),
        sa.CheckConstraint("end_time > start_time", name=op.f("ck_plages_ouverture_fin_apres_debut")),
        sa.ForeignKeyConstraint(["lieu_id"], ["lieux.id"], name=op.f("fk_plages_ouverture_lieu_id_lieux")),
        sa.ForeignKeyConstraint(["motif_id"], ["motifs.id"], name=op.f("fk_plages_ouverture_motif_id_motifs")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_plages_ouverture_organisation_id_organisations")
        ),
        sa.ForeignKeyConstraint(["salle_id"], ["salles.id"], name=op.f("fk_plages_ouverture_salle_id_salles")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plages_ouverture")),
    )
    with op.batch_alter_table("plages_ouverture", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_plages_ouverture_motif_id"), ["motif_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_plages_ouverture_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "plage_agents",
        sa.Column("plage_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_plage_agents_agent_id_agents")),
        sa.ForeignKeyConstraint(
            ["plage_id"],
            ["plages_ouverture.id"],
            name=op.f("fk_plage_agents_plage_id_plages_ouverture"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("plage_id", "agent_id", name=op.f("pk_plage_agents")),
    )
    op.create_table(
        "rdvs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("motif_id", sa.Integer(), nullable=False),
        sa.Column("plage_ouverture_id", sa.Integer(), nullable=True),
        sa.Column("occurrence_le", sa.Date(), nullable=True),
        sa.Column("detache", sa.Boolean(), nullable=False),
        sa.Column("lieu_id", sa.Integer(), nullable=True),
        sa.Column("salle_id", sa.Integer(), nullable=True),
        sa.Column("lien_visio", sa.String(length=300), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("intitule", sa.String(length=120), nullable=False),
        sa.Column("capacite_max", sa.Integer(), nullable=True),
        sa.Column("places_prises", sa.Integer(), nullable=False),
        sa.Column("places_proposees", sa.Integer(), nullable=False),
        sa.Column("presents_anonymes", sa.Integer(), nullable=False),
        sa.Column("capacite_propre", sa.Integer(), nullable=True),
        sa.Column("instructions_avant", sa.Text(), nullable=True),
        sa.Column("instructions_apres", sa.Text(), nullable=True),
        sa.Column("reservable_par", sa.String(length=32), nullable=True),
        sa.Column("nom_sms", sa.String(length=60), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_reason", sa.String(length=300), nullable=False),
        sa.Column("cancelled_by_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("fige", sa.JSON(), nullable=True),
        sa.Column("cree_le", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "reservable_par IN ('agents', 'invites', 'tous', 'entree_libre')", name=op.f("ck_rdvs_reservable_par")
        ),
        sa.CheckConstraint(
            "(plage_ouverture_id IS NULL) = (occurrence_le IS NULL)", name=op.f("ck_rdvs_plage_et_occurrence")
        ),
        sa.CheckConstraint("capacite_max >= 1", name=op.f("ck_rdvs_capacite_max_positive")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_rdvs_fin_apres_debut")),
        sa.CheckConstraint("places_prises >= 0", name=op.f("ck_rdvs_places_prises_positives")),
        sa.CheckConstraint("places_proposees >= 0", name=op.f("ck_rdvs_places_proposees_positives")),
        sa.CheckConstraint("presents_anonymes >= 0", name=op.f("ck_rdvs_presents_anonymes_positifs")),
        sa.ForeignKeyConstraint(["cancelled_by_id"], ["agents.id"], name=op.f("fk_rdvs_cancelled_by_id_agents")),
        sa.ForeignKeyConstraint(["lieu_id"], ["lieux.id"], name=op.f("fk_rdvs_lieu_id_lieux")),
        sa.ForeignKeyConstraint(["motif_id"], ["motifs.id"], name=op.f("fk_rdvs_motif_id_motifs")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_rdvs_organisation_id_organisations")
        ),
        sa.ForeignKeyConstraint(
            ["plage_ouverture_id"], ["plages_ouverture.id"], name=op.f("fk_rdvs_plage_ouverture_id_plages_ouverture")
        ),
        sa.ForeignKeyConstraint(["salle_id"], ["salles.id"], name=op.f("fk_rdvs_salle_id_salles")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rdvs")),
        sa.UniqueConstraint(
            "plage_ouverture_id", "occurrence_le", name=op.f("uq_rdvs_plage_ouverture_id_occurrence_le")
        ),
    )
    with op.batch_alter_table("rdvs", schema=None) as batch_op:
        batch_op.create_index("ix_rdvs_motif_id_starts_at", ["motif_id", "starts_at"], unique=False)
        batch_op.create_index("ix_rdvs_organisation_id_starts_at", ["organisation_id", "starts_at"], unique=False)

    op.create_table(
        "journal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("quand", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acteur", sa.String(length=32), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=True),
        sa.Column("rdv_id", sa.Integer(), nullable=True),
        sa.Column("sujet_type", sa.String(length=20), nullable=False),
        sa.Column("sujet_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.CheckConstraint("acteur IN ('usager', 'agent', 'prescripteur', 'systeme')", name=op.f("ck_journal_acteur")),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_journal_agent_id_agents")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_journal_organisation_id_organisations")
        ),
        sa.ForeignKeyConstraint(["rdv_id"], ["rdvs.id"], name=op.f("fk_journal_rdv_id_rdvs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal")),
    )
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.create_index("ix_journal_organisation_id_quand", ["organisation_id", "quand"], unique=False)
        batch_op.create_index("ix_journal_rdv_id", ["rdv_id"], unique=False)

    op.create_table(
        "notifications",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("sujet_type", sa.String(length=20), nullable=False),
        sa.Column("sujet_id", sa.Integer(), nullable=False),
        sa.Column("changement", sa.String(length=80), nullable=False),
        sa.Column("canal", sa.String(length=32), nullable=False),
        sa.Column("destinataire_type", sa.String(length=20), nullable=False),
        sa.Column("destinataire_id", sa.Integer(), nullable=False),
        sa.Column("rdv_id", sa.Integer(), nullable=True),
        sa.Column("participation_ids", sa.JSON(), nullable=False),
        sa.Column("file", sa.String(length=20), nullable=False),
        sa.Column("etat", sa.String(length=32), nullable=False),
        sa.Column("a_envoyer_le", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tentatives", sa.Integer(), nullable=False),
        sa.Column("cle_envoi", sa.String(length=40), nullable=False),
        sa.Column("adresse", sa.String(length=254), nullable=False),
        sa.Column("objet", sa.String(length=200), nullable=False),
        sa.Column("corps", sa.Text(), nullable=False),
        sa.Column("segments", sa.Integer(), nullable=True),
        sa.Column("envoyee_le", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_id", sa.String(length=120), nullable=False),
        sa.Column("erreur", sa.String(length=300), nullable=False),
        sa.Column("cree_le", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("canal IN ('sms', 'courriel')", name=op.f("ck_notifications_canal")),
        sa.CheckConstraint(
            "etat IN ('a_envoyer', 'en_cours', 'envoyee', 'echec', 'ignoree')", name=op.f("ck_notifications_etat")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_notifications_organisation_id_organisations")
        ),
        sa.ForeignKeyConstraint(["rdv_id"], ["rdvs.id"], name=op.f("fk_notifications_rdv_id_rdvs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("cle_envoi", name=op.f("uq_notifications_cle_envoi")),
        sa.UniqueConstraint(
            "event",
            "sujet_type",
            "sujet_id",
            "changement",
            "canal",
            "destinataire_type",
            "destinataire_id",
            name=op.f("uq_notifications_event_sujet_type_sujet_id_changement_canal_destinataire_type_destinataire_id"),
        ),
    )
    with op.batch_alter_table("notifications", schema=None) as batch_op:
        batch_op.create_index(
            "ix_notifications_a_traiter",
            ["file", "a_envoyer_le"],
            unique=False,
            sqlite_where=sa.text("etat IN ('a_envoyer', 'en_cours')"),
            postgresql_where=sa.text("etat IN ('a_envoyer', 'en_cours')"),
        )
        batch_op.create_index("ix_notifications_rdv_id", ["rdv_id"], unique=False)
        batch_op.create_index("ix_notifications_sujet_type_sujet_id", ["sujet_type", "sujet_id"], unique=False)

    op.create_table(
        "participations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rdv_id", sa.Integer(), nullable=False),
        sa.Column("usager_id", sa.Integer(), nullable=False),
        sa.Column("statut", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("rdv_version", sa.Integer(), nullable=False),
        sa.Column("inscrit_le", sa.DateTime(timezone=True), nullable=False),
        sa.Column("statut_le", sa.DateTime(timezone=True), nullable=False),
        sa.Column("statut_par", sa.String(length=32), nullable=False),
        sa.Column("statut_par_agent_id", sa.Integer(), nullable=True),
        sa.Column("origine", sa.String(length=32), nullable=False),
        sa.Column("cree_par_agent_id", sa.Integer(), nullable=True),
        sa.Column("telephone", sa.String(length=20), nullable=True),
        sa.Column("courriel", sa.String(length=254), nullable=True),
        sa.Column("numero_dossier", sa.String(length=40), nullable=True),
        sa.Column("raison", sa.String(length=120), nullable=False),
        sa.Column("prevenir", sa.Boolean(), nullable=False),
        sa.Column("rappeler", sa.Boolean(), nullable=False),
        sa.Column("cree_le", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lien_nonce", sa.String(length=32), nullable=False),
        sa.Column("lien_hash", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "origine IN ('usager', 'agent', 'prescripteur', 'systeme')", name=op.f("ck_participations_origine")
        ),
        sa.CheckConstraint(
            "statut IN ('inscrit', 'present', 'absent', 'excuse', 'annule')", name=op.f("ck_participations_statut")
        ),
        sa.CheckConstraint(
            "statut_par IN ('usager', 'agent', 'prescripteur', 'systeme')", name=op.f("ck_participations_statut_par")
        ),
        sa.ForeignKeyConstraint(
            ["cree_par_agent_id"], ["agents.id"], name=op.f("fk_participations_cree_par_agent_id_agents")
        ),
        sa.ForeignKeyConstraint(["rdv_id"], ["rdvs.id"], name=op.f("fk_participations_rdv_id_rdvs")),
        sa.ForeignKeyConstraint(
            ["statut_par_agent_id"], ["agents.id"], name=op.f("fk_participations_statut_par_agent_id_agents")
        ),
        sa.ForeignKeyConstraint(["usager_id"], ["usagers.id"], name=op.f("fk_participations_usager_id_usagers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participations")),
        sa.UniqueConstraint("lien_hash", name=op.f("uq_participations_lien_hash")),
        sa.UniqueConstraint("rdv_id", "usager_id", name=op.f("uq_participations_rdv_id_usager_id")),
    )
    with op.batch_alter_table("participations", schema=None) as batch_op:
        batch_op.create_index("ix_participations_rdv_id_rdv_version", ["rdv_id", "rdv_version"], unique=False)
        batch_op.create_index("ix_participations_usager_id", ["usager_id"], unique=False)

    op.create_table(
        "rdv_agents",
        sa.Column("rdv_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_rdv_agents_agent_id_agents")),
        sa.ForeignKeyConstraint(["rdv_id"], ["rdvs.id"], name=op.f("fk_rdv_agents_rdv_id_rdvs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("rdv_id", "agent_id", name=op.f("pk_rdv_agents")),
    )
    op.create_table(
        "envois",
        sa.Column("cle", sa.String(length=64), nullable=False),
        sa.Column("participation_id", sa.Integer(), nullable=True),
        sa.Column("cree_le", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["participation_id"],
            ["participations.id"],
            name=op.f("fk_envois_participation_id_participations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("cle", name=op.f("pk_envois")),
    )


def downgrade() -> None:
    op.drop_table("envois")
    op.drop_table("rdv_agents")
    with op.batch_alter_table("participations", schema=None) as batch_op:
        batch_op.drop_index("ix_participations_usager_id")
        batch_op.drop_index("ix_participations_rdv_id_rdv_version")

    op.drop_table("participations")
    with op.batch_alter_table("notifications", schema=None) as batch_op:
        batch_op.drop_index("ix_notifications_sujet_type_sujet_id")
        batch_op.drop_index("ix_notifications_rdv_id")
        batch_op.drop_index(
            "ix_notifications_a_traiter",
            sqlite_where=sa.text("etat IN ('a_envoyer', 'en_cours')"),
            postgresql_where=sa.text("etat IN ('a_envoyer', 'en_cours')"),
        )

    op.drop_table("notifications")
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.drop_index("ix_journal_rdv_id")
        batch_op.drop_index("ix_journal_organisation_id_quand")

    op.drop_table("journal")
    with op.batch_alter_table("rdvs", schema=None) as batch_op:
        batch_op.drop_index("ix_rdvs_organisation_id_starts_at")
        batch_op.drop_index("ix_rdvs_motif_id_starts_at")

    op.drop_table("rdvs")
    op.drop_table("plage_agents")
    with op.batch_alter_table("plages_ouverture", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_plages_ouverture_organisation_id"))
        batch_op.drop_index(batch_op.f("ix_plages_ouverture_motif_id"))

    op.drop_table("plages_ouverture")
    with op.batch_alter_table("salles", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_salles_lieu_id"))

    op.drop_table("salles")
    with op.batch_alter_table("motifs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_motifs_service_id"))
        batch_op.drop_index(batch_op.f("ix_motifs_organisation_id"))

    op.drop_table("motifs")
    with op.batch_alter_table("droits", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_droits_tous_services",
            sqlite_where=sa.text("service_id IS NULL"),
            postgresql_where=sa.text("service_id IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_droits_agent_id"))

    op.drop_table("droits")
    op.drop_table("agent_services")
    with op.batch_alter_table("usager_organisations", schema=None) as batch_op:
        batch_op.drop_index("ix_usager_organisations_organisation_id")

    op.drop_table("usager_organisations")
    with op.batch_alter_table("usager_cles", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_usager_cles_usager_id"))

    op.drop_table("usager_cles")
    with op.batch_alter_table("services", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_services_organisation_id"))

    op.drop_table("services")
    with op.batch_alter_table("lieux", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lieux_organisation_id"))

    op.drop_table("lieux")
    with op.batch_alter_table("agents", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_agents_organisation_id"))

    op.drop_table("agents")
    with op.batch_alter_table("usagers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_usagers_phone"))
        batch_op.drop_index(batch_op.f("ix_usagers_email"))

    op.drop_table("usagers")
    op.drop_table("organisations")
    op.drop_table("messages_demo")
