"""The drivers: log in to a server, and change a user's password there. One module for each family of engines.

What they may touch: the server that they are given, over verified TLS unless it says otherwise. A password travels to
the server in the driver's own login, or as a statement's value; it is in no error and no log line.
"""

from strongroom.services.rds.engines.base import (
    DEFAULT_PORTS,
    ENGINES,
    ChangeRefused,
    DatabaseError,
    Login,
    LoginRefused,
    PasswordRejected,
    Server,
    Unreachable,
    longest_password,
    longest_username,
)
from strongroom.services.rds.engines.choice import Databases

__all__ = [
    "DEFAULT_PORTS",
    "ENGINES",
    "ChangeRefused",
    "DatabaseError",
    "Databases",
    "Login",
    "LoginRefused",
    "PasswordRejected",
    "Server",
    "Unreachable",
    "longest_password",
    "longest_username",
]
