"""Alembic's entry point: runs the revisions on the connection that `strongroom.store.migrate` hands over."""

from alembic import context

from strongroom.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
