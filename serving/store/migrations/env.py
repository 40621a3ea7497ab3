"""What Alembic runs to migrate: on the connection, and inside the transaction, that `schema.upgrade` hands over."""

from alembic import context

from serving.store.schema import VERSION_TABLE
from serving.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    # SQLite alters a table by copying it.
    render_as_batch=True,
)
context.run_migrations()
