"""A PostgreSQL role and its clone, kept in step.

The clone is a member of the first role and takes on that role when it logs in (the parameter ``role`` in its
settings). So every grant on every object of every database counts for both at once, whoever has the first role's
memberships has them, and what either of them creates belongs to the first role. Attributes, the connection limit, the
end of validity and settings are no privileges: they are copied at each rotation.

The membership is also the proof that the two belong together. A role that only bears the name of a clone, or of a
clone's original, is somebody else's: its password is never touched.
"""

from __future__ import annotations

import re
from typing import TypeAlias

import psycopg
from psycopg import sql

from .contract import RotationError
from .databases import base_name

__all__ = ["ClonedRole", "split_list"]

_Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]
_Settings: TypeAlias = dict[tuple[str, str], str]
"""By database (empty: all of them) and parameter."""

_ATTRIBUTES = {
    "rolsuper": "SUPERUSER",
    "rolcreaterole": "CREATEROLE",
    "rolcreatedb": "CREATEDB",
    "rolreplication": "REPLICATION",
    "rolbypassrls": "BYPASSRLS",
}
# The parameters whose value is a list of quoted names (GUC_LIST_QUOTE in PostgreSQL's guc_tables.c): as one literal,
# the list would become a single name.
_LISTS = frozenset({"local_preload_libraries", "search_path", "session_preload_libraries", "temp_tablespaces"})
_LIST_ITEM = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^",\s]+))\s*(?:,|$)')
_OPTIONAL_INHERITANCE = 160000
"""The version from which a membership says for itself whether it is inherited."""


class ClonedRole:
    """A role and its clone, as a connection of a master user sees them."""

    def __init__(self, connection: _Connection, source: str, pending: str) -> None:
        """See the module.

        Args:
            connection: Of a user who may create and alter roles. The caller opens a transaction.
            source: The role whose password is known to work.
            pending: The other one of the two.
        """
        self._connection = connection
        self._pending = pending
        self._base = base_name(source)
        self._clone = source if pending == self._base else pending

    def bring_in_step(self) -> None:
        """Create the clone where it is missing, and make it what the first role is.

        Raises:
            RotationError: One of the two is not what its name says.
            psycopg.DatabaseError: The server refused a statement.
        """
        if not self._exists(self._base):
            raise RotationError(f"There is no role {self._base!r} that {self._clone!r} could be a clone of")
        if not self._exists(self._clone):
            self._run("CREATE ROLE {} LOGIN INHERIT", sql.Identifier(self._clone))
            self._run(self._grant(), sql.Identifier(self._base), sql.Identifier(self._clone))
        elif not self._is_member():
            raise RotationError(
                f"The role {self._clone!r} is no clone of {self._base!r}: it is not a member of it, so it may belong "
                f"to somebody else. If it is one, grant {self._base!r} to it"
            )
        self._copy_attributes()
        self._copy_settings()

    def _exists(self, role: str) -> bool:
        query = "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = %s"
        return self._connection.execute(query, (role,)).fetchone() is not None

    def _is_member(self) -> bool:
        query = (
            "SELECT 1 FROM pg_catalog.pg_auth_members AS held"
            " JOIN pg_catalog.pg_roles AS base ON base.oid = held.roleid AND base.rolname = %s"
            " JOIN pg_catalog.pg_roles AS clone ON clone.oid = held.member AND clone.rolname = %s"
        )
        return self._connection.execute(query, (self._base, self._clone)).fetchone() is not None

    def _grant(self) -> str:
        if self._connection.info.server_version >= _OPTIONAL_INHERITANCE:
            return "GRANT {} TO {} WITH INHERIT TRUE, SET TRUE"
        return "GRANT {} TO {}"

    def _copy_attributes(self) -> None:
        """Alter what differs, and nothing else: a master user may not be allowed to name every attribute."""
        base, clone = self._attributes(self._base), self._attributes(self._clone)
        options: list[sql.Composable] = [
            sql.SQL(word if has else f"NO{word}")
            for word, has, had in zip(_ATTRIBUTES.values(), base[:-2], clone[:-2], strict=True)
            if has != had
        ]
        if base[-2] != clone[-2]:
            options.append(sql.SQL("CONNECTION LIMIT {}").format(sql.Literal(base[-2])))
        if base[-1] != clone[-1]:
            options.append(sql.SQL("VALID UNTIL {}").format(sql.Literal(base[-1])))
        if options:
            self._run("ALTER ROLE {} {}", sql.Identifier(self._clone), sql.SQL(" ").join(options))

    def _attributes(self, role: str) -> tuple[object, ...]:
        """The attributes in order, then the connection limit and the end of validity, as text."""
        query = sql.SQL(
            "SELECT {}, rolconnlimit, coalesce(rolvaliduntil, 'infinity')::text"
            " FROM pg_catalog.pg_roles WHERE rolname = %s"
        ).format(sql.SQL(", ").join(map(sql.Identifier, _ATTRIBUTES)))
        row = self._connection.execute(query, (role,)).fetchone()
        if row is None:
            raise RotationError(f"The role {role!r} was dropped during its rotation")
        return row

    def _copy_settings(self) -> None:
        wanted = {("", "role"): self._base, **self._settings(self._base)}
        found = self._settings(self._clone)
        for place, value in wanted.items():
            if found.get(place) != value:
                self._run("{} SET {} TO {}", *self._setting(place), _value(place[1], value))
        for place in found.keys() - wanted.keys():
            self._run("{} RESET {}", *self._setting(place))

    def _settings(self, role: str) -> _Settings:
        query = (
            "SELECT coalesce(datname, ''), setting FROM pg_catalog.pg_db_role_setting"
            " JOIN pg_catalog.pg_roles ON pg_roles.oid = setrole AND rolname = %s"
            " LEFT JOIN pg_catalog.pg_database ON pg_database.oid = setdatabase"
            " CROSS JOIN unnest(setconfig) AS setting"
        )
        settings: _Settings = {}
        for database, setting in self._connection.execute(query, (role,)):
            name, _, value = str(setting).partition("=")
            settings[str(database), name] = value
        return settings

    def _setting(self, place: tuple[str, str]) -> tuple[sql.Composable, sql.Composable]:
        """The beginning of an ALTER ROLE for a place, and the parameter."""
        database, name = place
        role = sql.SQL("ALTER ROLE {}").format(sql.Identifier(self._clone))
        if database:
            role += sql.SQL(" IN DATABASE {}").format(sql.Identifier(database))
        return role, sql.Identifier(*name.split("."))

    def _run(self, statement: str, *parts: sql.Composable) -> None:
        self._connection.execute(sql.SQL(statement).format(*parts))


def split_list(value: str) -> list[str]:
    """The names in a list of quoted names: ``"$user", public`` is ``$user`` and ``public``."""
    return [
        quoted.replace('""', '"') if bare is None else bare
        for quoted, bare in (found.groups() for found in _LIST_ITEM.finditer(value))
    ]


def _value(name: str, value: str) -> sql.Composable:
    if name in _LISTS:
        return sql.SQL(", ").join(map(sql.Literal, split_list(value)))
    return sql.Literal(value)
