"""Registered databases."""

from __future__ import annotations

from sqlalchemy import Index, Table, UniqueConstraint

from strongroom.store.schema.columns import byte_ordered, flag, metadata, number, sealed, text

__all__ = ["rds_databases"]

rds_databases = Table(
    "rds_databases",
    metadata,
    text("arn", key=True),
    text("account"),
    text("region"),
    text("kind"),  # "db" or "cluster", as in the ARN
    byte_ordered("identifier"),
    text("resource_id"),
    text("engine"),
    text("host"),
    number("port"),
    flag("tls"),
    text("authorities", null=True),  # certificates in PEM; null for those of the installation
    text("database_name", null=True),
    text("master_username", null=True),  # null for a member of a cluster, which has no credential of its own
    sealed("password", null=True),  # of the master user, unless a secret has it
    sealed("next_password", null=True),  # what it is being changed to
    text("secret_arn", null=True),
    flag("secret_is_new"),  # whether the first rotation of the secret has not ended
    text("cluster_identifier", null=True),
    flag("deletion_protection"),
    text("settings"),  # a JSON object of what requests said about the server, to be shown again
    text("tags"),  # a JSON object of key and value
    number("created_ms"),
    number("next_check_ms"),
    number("checked_ms", null=True),
    text("problem", null=True),  # why the last check failed
    UniqueConstraint("account", "region", "kind", "identifier"),
)
Index("ix_rds_databases_next_check_ms", rds_databases.c.next_check_ms)
Index("ix_rds_databases_secret_arn", rds_databases.c.secret_arn)
