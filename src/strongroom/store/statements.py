"""Statements: written once in SQLAlchemy Core, compiled once per engine, run on the bare driver.

SQLAlchemy is used here as a query writer only. Executing through its engine costs about ten times what the driver
does; the store keeps columns to integers, text and bytes so that no value needs converting on the way.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy.dialects import registry
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

__all__ = ["POSTGRESQL", "SQLITE", "Statement"]

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"

_DIALECTS: Final[dict[str, Dialect]] = {
    SQLITE: registry.load("sqlite.pysqlite")(paramstyle="named"),
    POSTGRESQL: registry.load("postgresql.psycopg")(paramstyle="pyformat"),
}


class Statement:
    """A Core clause with its SQL text for each engine, made at first use.

    Values that the clause itself holds (literals and defaults) become parameters of every run.

    Args:
        clause: A select, insert, update or delete whose variable parts are ``bindparam(name)``.
    """

    __slots__ = ("_clause", "_compiled")

    def __init__(self, clause: ClauseElement) -> None:
        self._clause = clause
        self._compiled: dict[str, tuple[str, dict[str, object]]] = {}

    def compiled(self, engine: str) -> tuple[str, dict[str, object]]:
        """The SQL text for ``engine`` and the parameters that the clause itself fixes."""
        found = self._compiled.get(engine)
        if found is None:
            found = self._compile(engine)
            self._compiled[engine] = found
        return found

    def _compile(self, engine: str) -> tuple[str, dict[str, object]]:
        compiled = self._clause.compile(dialect=_DIALECTS[engine], compile_kwargs={"render_postcompile": True})
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 - data statements compile to nothing else
        given_later = {name for bind, name in compiled.bind_names.items() if bind.required}
        fixed = {name: value for name, value in compiled.params.items() if name not in given_later}
        return str(compiled), fixed
