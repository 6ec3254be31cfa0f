"""What every driver is given, and how it says that something did not work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from strongroom.errors import StrongroomError

__all__ = [
    "CONNECT_SECONDS",
    "DEFAULT_PORTS",
    "ENGINES",
    "ChangeRefused",
    "DatabaseError",
    "Driver",
    "Login",
    "LoginRefused",
    "PasswordRejected",
    "Server",
    "Unreachable",
    "longest_password",
    "longest_username",
]

Family = Literal["postgresql", "mysql"]

ENGINES: Final[dict[str, Family]] = {
    "postgres": "postgresql",
    "aurora-postgresql": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
    "aurora-mysql": "mysql",
}
"""The engines by RDS's names for them, and the driver of each."""

DEFAULT_PORTS: Final[dict[Family, int]] = {"postgresql": 5432, "mysql": 3306}
CONNECT_SECONDS: Final = 5
"""How long a driver waits for a server to answer, at each turn."""

_LONGEST_USERNAME: Final[dict[Family, int]] = {"postgresql": 63, "mysql": 32}
_LONGEST_PASSWORD: Final[dict[Family, int]] = {"postgresql": 128, "mysql": 41}


def longest_username(engine: str) -> int:
    """Bytes that a user's name may have: a longer one would be cut off and name another user, or be refused.

    Args:
        engine: One of `ENGINES`.
    """
    return _LONGEST_USERNAME[ENGINES[engine]]


def longest_password(engine: str) -> int:
    """Characters that RDS lets a new master password have (CreateDBInstance, API Reference).

    Args:
        engine: One of `ENGINES`.
    """
    return _LONGEST_PASSWORD[ENGINES[engine]]


@dataclass(frozen=True, slots=True)
class Server:
    """A server and how it is reached.

    Attributes:
        engine: One of `ENGINES`.
        host: A host name or IP address.
        port: A TCP port.
        tls: Whether the connection is TLS, with certificate and name verified; none at all otherwise.
        authorities: Certificates to trust, in PEM; None for those that the installation trusts.
        database_name: The database to connect to; None for the engine's own.
    """

    engine: str
    host: str
    port: int
    tls: bool
    authorities: str | None = None
    database_name: str | None = None

    @property
    def address(self) -> str:
        """``host:port``, for texts."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Login:
    """A user and its password."""

    username: str
    password: str = field(repr=False)


class DatabaseError(StrongroomError):
    """Something did not work. The text holds no password and nothing that the server said.

    Attributes:
        code: What it is called in answers, events and logs.
    """

    code = "DatabaseError"


class Unreachable(DatabaseError):
    """The server did not answer, or not as its engine and TLS demand. It may work later."""

    code = "DatabaseUnreachable"


class LoginRefused(DatabaseError):
    """The server answered and does not let this user in with this password."""

    code = "DatabaseLoginRefused"


class PasswordRejected(DatabaseError):
    """The server does not take the new password, as a policy of its own says; the old one is in force."""

    code = "DatabasePasswordRejected"


class ChangeRefused(DatabaseError):
    """The server did not change the password, for a reason that is not the password."""

    code = "DatabaseChangeRefused"


class Driver(Protocol):
    """One family of engines. Methods block; see `Databases` for what an event loop calls."""

    def log_in(self, server: Server, login: Login) -> None:
        """Log in, run a statement, leave.

        Raises:
            DatabaseError: `Unreachable` or `LoginRefused`.
        """
        ...

    def change_password(self, server: Server, by: Login, target: Login) -> None:
        """Give a user a password.

        Args:
            server: The server.
            by: Who changes it: the user itself, or one who may change others.
            target: The user, and its new password.

        Raises:
            DatabaseError: Any of them.
        """
        ...
