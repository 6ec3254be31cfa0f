"""The rotation functions that we ship: ordinary AWS Lambda rotation functions, which run on AWS unchanged.

Each talks to Secrets Manager through boto3 and to what it rotates through the usual driver. Nothing here imports
anything of Strongroom, and nothing of Strongroom imports a rotator at run time.

    contract     AWS's contract, which all share: the event, its checks, the four steps
    logins       host, port, user, password, TLS: what a secret says about a login
    masters      the master login of a server, through ``masterarn``
    databases    the strategies "single user" and "alternating users"
    postgresql, postgresql_clones, mysql, mysql_clones, mysql_grants, mysql_statements, rabbitmq, ssh,
    ssh_authorized_keys    the engines
    ..._single_user, ..._alternating_users, redis_user, rabbitmq_user, ssh_key_pair, iam_access_key, own_command
                 the functions: each has a ``lambda_handler``

To deploy one, put this folder into a zip as ``rotators``, beside the files of the distributions that `ROTATORS` names
(for the function's Python version and platform), and name the handler ``rotators.<module>.lambda_handler``. boto3 comes
with the function runtime. `strongroom rotation install` does all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = ["ROTATORS", "Rotator", "handler", "rotator_for"]

_PSYCOPG = ("psycopg", "psycopg-binary", "typing-extensions")
_PYNACL = ("PyNaCl", "cffi", "pycparser")
_PYMYSQL = ("PyMySQL",)
_PARAMIKO = ("paramiko", "bcrypt", "cryptography", "invoke", *_PYNACL)


@dataclass(frozen=True, slots=True)
class Rotator:
    """A function that we ship.

    Attributes:
        engines: The values of ``engine`` in the secrets that it rotates.
        distributions: The Python packages that its zip needs besides boto3, by their names in a package index.
        needs_master: Whether its secrets name a master secret under ``masterarn``.
    """

    engines: tuple[str, ...]
    distributions: tuple[str, ...] = ()
    needs_master: bool = False


ROTATORS: Final[Mapping[str, Rotator]] = MappingProxyType(
    {
        "postgresql_single_user": Rotator(("postgres", "aurora-postgresql"), _PSYCOPG),
        "postgresql_alternating_users": Rotator(("postgres", "aurora-postgresql"), _PSYCOPG, needs_master=True),
        "mysql_single_user": Rotator(("mysql", "aurora-mysql"), _PYMYSQL),
        "mysql_alternating_users": Rotator(("mysql", "aurora-mysql"), _PYMYSQL, needs_master=True),
        "mariadb_single_user": Rotator(("mariadb",), (*_PYMYSQL, *_PYNACL)),
        "mariadb_alternating_users": Rotator(("mariadb",), (*_PYMYSQL, *_PYNACL), needs_master=True),
        "iam_access_key": Rotator(("iam",)),
        "redis_user": Rotator(("redis", "valkey"), ("redis",)),
        "rabbitmq_user": Rotator(("rabbitmq",), ("pika",)),
        "ssh_key_pair": Rotator(("ssh",), _PARAMIKO),
        "own_command": Rotator(("command",)),
    }
)
"""By module, which is the function's name."""


def handler(name: str) -> str:
    """The handler of a rotator in its zip."""
    return f"rotators.{name}.lambda_handler"


def rotator_for(engine: str, *, has_master: bool) -> str | None:
    """The rotator for a secret, or None when there is none.

    Args:
        engine: What the secret says under ``engine``.
        has_master: Whether it names a master secret.
    """
    found = [name for name, rotator in ROTATORS.items() if engine in rotator.engines]
    exact = [name for name in found if ROTATORS[name].needs_master == has_master]
    return next(iter(exact or found), None)
