"""Facts about the whole installation, and its epoch."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table

from strongroom.store.schema.columns import metadata, number, text

__all__ = ["epoch", "installation"]

installation = Table("installation", metadata, text("name", key=True), text("value"))
"""Facts about the whole installation: its id, the fingerprint of its root key."""

epoch = Table("epoch", metadata, Column("id", Integer, primary_key=True, autoincrement=False), number("value"))
"""One row: raised in the same transaction by every change of a policy, key, grant or credential."""
