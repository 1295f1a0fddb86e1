"""Alembic's entry: runs on the connection (and in the transaction) that `db.migrate` hands over."""

from alembic import context

from sebilling.db.tables import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata)
context.run_migrations()
