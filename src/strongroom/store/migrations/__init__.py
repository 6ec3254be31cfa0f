"""Alembic's revisions of the schema, one file each under ``versions``."""
