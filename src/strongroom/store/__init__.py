"""The store: remembers everything, reads nothing of it.

What lives here: the schema (SQLAlchemy Core), its migrations (Alembic), and two engines that run the same statements:
SQLite, embedded and the default, and PostgreSQL, shared by any number of nodes.

What it may touch: the database, and the journal it is handed, which must hold a write's events before the write
commits. What never enters: a readable secret. Columns that hold secret bytes are filled and read by `keyring` alone.
"""

from strongroom.store.engine import Journal, Row, Store, StoreError, Transaction
from strongroom.store.open import open_store
from strongroom.store.statements import Statement

__all__ = ["Journal", "Row", "Statement", "Store", "StoreError", "Transaction", "open_store"]
