"""An account of MySQL or MariaDB and its clone, kept in step.

The account whose credential is in use is the measure: the other one gets its authentication plugin, TLS requirements,
limits, privileges, roles and default roles, and loses what it has beyond them. Both have the same host part. A new
account is locked until all is done, and the password comes last: an interrupted rotation leaves nothing half open.

An account of the clone's name that exists already may be somebody else's. It is taken for the clone only if the secret
was seen to know its password, or if it may do nothing that the account in use may not do as well.
"""

from __future__ import annotations

from .contract import RotationError
from .logins import Login
from .mysql_grants import ROLE, Rights
from .mysql_statements import Statements

__all__ = ["ClonedAccount"]


class ClonedAccount:
    """One account in use, and the other one that a rotation changes over to."""

    def __init__(self, current: Statements, master: Statements, source: Login, pending: Login, *, owned: bool) -> None:
        """See the module.

        Args:
            current: Statements of the account in use.
            master: Statements of a user who may create and alter accounts and read ``mysql.user``.
            source: The account in use.
            pending: The other one, with its new password.
            owned: Whether the secret was seen to know a password of the other one.
        """
        host = current.own_host()
        self._master = master
        self._source = master.account(source.username, host)
        self._clone = master.account(pending.username, host)
        self._exists = master.exists(pending.username, host)
        self._pending = pending
        self._owned = owned

    def bring_in_step(self) -> None:
        """Make the other account what the one in use is, and give it its password.

        Raises:
            RotationError: It is somebody else's, or cannot be copied.
            pymysql.MySQLError: The server refused a statement.
        """
        master = self._master
        source = master.read_account(self._source)
        rights = master.read_rights(self._source, source.default_roles)
        identified = master.identified(master.plugin(source), self._pending.password)
        if not self._exists:
            master.run(f"CREATE USER {self._clone} {identified} ACCOUNT LOCK")
        clone = master.read_account(self._clone)
        found = master.read_rights(self._clone, clone.default_roles)
        if self._exists and not self._owned and not found.within(rights):
            raise RotationError(
                f"The account {self._clone} exists, and may do what {self._source} may not, so it may belong to "
                "somebody else. If it is the clone, drop it: it is created again"
            )
        if clone.options != source.options:
            master.run(f"ALTER USER {self._clone} {source.options}")
        self._copy_rights(rights, found)
        master.run(f"ALTER USER {self._clone} {identified}")
        if clone.locked:
            master.run(f"ALTER USER {self._clone} ACCOUNT UNLOCK")

    def _copy_rights(self, wanted: Rights, found: Rights) -> None:
        """Revoke what is too much, then grant what is missing."""
        revoked = set()
        for place, granted in found.privileges.items():
            surplus = granted - wanted.privileges.get(place, frozenset())
            if surplus:
                self._revoke(place, surplus)
                revoked.add(place[0])
        for place, granted in wanted.privileges.items():
            # What was revoked may have held what stays: ALL PRIVILEGES, or more columns of one table.
            if granted != found.privileges.get(place) or place[0] in revoked:
                self._grant(place, granted)
        if wanted.default_roles != found.default_roles:
            self._master.run(self._master.default_roles(self._clone, wanted.default_roles))

    def _grant(self, place: tuple[str, bool], granted: frozenset[str]) -> None:
        target, passed_on = place
        option = " WITH GRANT OPTION" if passed_on else ""
        if target.startswith(ROLE):
            option = " WITH ADMIN OPTION" if passed_on else ""
            self._master.run(f"GRANT {target.removeprefix(ROLE)} TO {self._clone}{option}")
        else:
            self._master.run(f"GRANT {', '.join(sorted(granted))} ON {target} TO {self._clone}{option}")

    def _revoke(self, place: tuple[str, bool], surplus: frozenset[str]) -> None:
        target, passed_on = place
        if target.startswith(ROLE):
            self._master.run(f"REVOKE {target.removeprefix(ROLE)} FROM {self._clone}")
            return
        if passed_on and "PROXY" not in surplus:
            self._master.run(f"REVOKE GRANT OPTION ON {target} FROM {self._clone}")
        self._master.run(f"REVOKE {', '.join(sorted(surplus))} ON {target} FROM {self._clone}")
