"""The two strategies for users of a database, whatever its engine.

"Lambda function rotation strategies" in the AWS Secrets Manager User Guide: a **single user** changes its own password;
with **alternating users** a master user gives the new password to a second user, a clone of the first, and each
rotation changes over to the one that is not in use. So the credential that applications hold keeps working until the
rotation after.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, ExitStack
from typing import Generic, TypeVar

from .contract import RotatedSecret, RotationError, Strategy, Values
from .logins import Login, LoginFailed, Rules, earlier_logins, parse_login, previous_login, require_same_account
from .masters import master_arn, master_login

__all__ = ["CLONE_SUFFIX", "AlternatingUsers", "Engine", "SingleUser", "alternate_name", "base_name"]

logger = logging.getLogger(__name__)

CLONE_SUFFIX = "_clone"
_Connection = TypeVar("_Connection")


class Engine(ABC, Generic[_Connection]):
    """A kind of database server.

    Attributes:
        rules: What it takes.
    """

    rules: Rules

    @abstractmethod
    def open(self, login: Login) -> AbstractContextManager[_Connection]:
        """Log in and run a statement as that user; `LoginFailed` when it does not work."""

    @abstractmethod
    def change_password(self, connection: _Connection, login: Login) -> None:
        """Give the user of ``login``, who is the connected one or may be changed by it, the password of ``login``.

        Raises:
            CredentialRejected: The server does not take the password.
            RotationError: It was not changed for another reason.
        """

    @abstractmethod
    def set_clone(
        self, current: _Connection, master: _Connection, source: Login, pending: Login, *, owned: bool
    ) -> None:
        """Give ``pending`` what ``source`` has, creating it where needed, and last of all its password.

        Args:
            current: A connection of the user whose rights are the measure.
            master: A connection of the master user.
            source: The user of ``current``.
            pending: The other one of the two. It may exist and be somebody else's, who must keep it.
            owned: Whether the secret was seen to know the password of ``pending``.

        Raises:
            CredentialRejected: The server does not take the password.
            RotationError: It was not done for another reason.
        """


class SingleUser(Strategy, Generic[_Connection]):
    """A user who changes its own password."""

    def __init__(self, engine: Engine[_Connection]) -> None:
        self._engine = engine

    def check(self, values: Values, where: str) -> None:
        """See `Strategy`."""
        self._login(values, where)

    def renew(self, secret: RotatedSecret, current: Values) -> dict[str, object]:
        """See `Strategy`."""
        return {**current, "password": secret.new_password()}

    def apply(self, secret: RotatedSecret) -> None:
        """See `Strategy`.

        An interrupted rotation may have left AWSPREVIOUS or AWSPENDING as the true password, a cancelled one a password
        that no label names any more.
        """
        current = self._login(secret.current(), secret.where("AWSCURRENT"))
        pending = self._login(secret.pending(), secret.where("AWSPENDING"))
        require_same_account(secret, current, pending)
        failures: list[str] = []
        with ExitStack() as connections:
            if _try(self._engine, pending, "AWSPENDING", failures, connections) is not None:
                return
            connection = _try(self._engine, current, "AWSCURRENT", failures, connections)
            earlier = earlier_logins(secret, current, self._login)
            while connection is None and (found := next(earlier, None)) is not None:
                connection = _try(self._engine, found[1], found[0], failures, connections)
            if connection is None:
                raise RotationError(f"No version of {secret.arn} logs in. " + "; ".join(failures))
            self._engine.change_password(connection, pending)
        _prove(self._engine, pending, secret)

    def prove(self, secret: RotatedSecret) -> None:
        """See `Strategy`."""
        _prove(self._engine, self._login(secret.pending(), secret.where("AWSPENDING")), secret)

    def _login(self, values: Values, where: str) -> Login:
        return parse_login(values, where, self._engine.rules)


class AlternatingUsers(Strategy, Generic[_Connection]):
    """Two users, one a clone of the other, that take turns."""

    def __init__(self, engine: Engine[_Connection]) -> None:
        self._engine = engine

    def check(self, values: Values, where: str) -> None:
        """See `Strategy`."""
        master_arn(values, where)
        alternate_name(self._login(values, where).username, self._engine.rules, where)

    def renew(self, secret: RotatedSecret, current: Values) -> dict[str, object]:
        """See `Strategy`."""
        other = alternate_name(str(current["username"]), self._engine.rules, secret.where("AWSCURRENT"))
        return {**current, "username": other, "password": secret.new_password()}

    def apply(self, secret: RotatedSecret) -> None:
        """See `Strategy`.

        The current login must work before the master user does anything. Otherwise whoever may write the secret, but
        has no password of the database, could have any user cloned.
        """
        values = secret.current()
        current = self._login(values, secret.where("AWSCURRENT"))
        pending = self._login(secret.pending(), secret.where("AWSPENDING"))
        other = alternate_name(current.username, self._engine.rules, secret.where("AWSCURRENT"))
        if not pending.same_server(current) or pending.username != other:
            raise RotationError(
                f"AWSPENDING of {secret.arn} is for user {pending.username!r} on {pending.address}, "
                f"not for the other user of {current.username!r} on {current.address}"
            )
        failures: list[str] = []
        with ExitStack() as connections:
            if _try(self._engine, pending, "AWSPENDING", failures, connections) is not None:
                return
            own = _try(self._engine, current, "AWSCURRENT", failures, connections)
            if own is None:
                raise RotationError(f"No version of {secret.arn} logs in. " + "; ".join(failures))
            login = master_login(secret, values, current, self._engine.rules)
            if login.username == pending.username:
                raise RotationError(f"{secret.arn} would rotate the master user {login.username!r} of its own rotation")
            master = _try(self._engine, login, "the master secret", failures, connections)
            if master is None:
                raise RotationError(f"The master user of {secret.arn} does not log in: {failures[-1]}")
            before = previous_login(secret, pending, self._login)
            owned = before is not None and _try(self._engine, before, "AWSPREVIOUS", failures, connections) is not None
            self._engine.set_clone(own, master, current, pending, owned=owned)
        _prove(self._engine, pending, secret)

    def prove(self, secret: RotatedSecret) -> None:
        """See `Strategy`."""
        _prove(self._engine, self._login(secret.pending(), secret.where("AWSPENDING")), secret)

    def _login(self, values: Values, where: str) -> Login:
        return parse_login(values, where, self._engine.rules)


def base_name(username: str) -> str:
    """The first of the two users, from the name of either."""
    return username.removesuffix(CLONE_SUFFIX)


def alternate_name(username: str, rules: Rules, where: str) -> str:
    """The other one of the two users: ``app`` and ``app_clone``, as with the functions that AWS publishes.

    Raises:
        RotationError: The engine would not take that name.
    """
    base = base_name(username)
    if not base:
        raise RotationError(f"{where} has a user {username!r} that is a clone of nobody")
    clone = base + CLONE_SUFFIX
    if rules.length(clone) > rules.longest_name:
        raise RotationError(
            f"{where} has a user whose clone {clone!r} would have more than {rules.longest_name} {rules.name_unit}"
        )
    return base if username == clone else clone


def _try(
    engine: Engine[_Connection], login: Login, what: str, failures: list[str], connections: ExitStack
) -> _Connection | None:
    """A connection that lives as long as ``connections``, or None and the reason among ``failures``."""
    try:
        return connections.enter_context(engine.open(login))
    except LoginFailed as failure:
        failures.append(f"{what}: {failure}")
        return None


def _prove(engine: Engine[_Connection], login: Login, secret: RotatedSecret) -> None:
    """Log in with a new connection."""
    reason = ""
    try:
        with engine.open(login):
            pass
    except LoginFailed as failure:
        reason = str(failure)
    if reason:
        raise RotationError(f"The AWSPENDING password of {secret.arn} does not log in: {reason}")
