"""Rotate a MariaDB credential between two users, the second a clone of the first.

An AWS Lambda rotation function for the alternating-users strategy. The secret is a JSON object: ``engine``
(``mariadb``), ``host``, ``username``, ``password`` and ``masterarn`` (the ARN of the secret of a user who may create
users, grant what they have, and read ``mysql.user``) are required; ``dbname``, ``port`` (default 3306) and ``ssl`` are
optional; other keys survive. The two users are ``app`` and ``app_clone``; see `mysql_clones` for how they are kept in
step, and `contract` and `logins` for the environment and for what ``ssl`` means.
"""

from __future__ import annotations

from collections.abc import Mapping

from .contract import rotate
from .databases import AlternatingUsers
from .mysql import MariaDB

__all__ = ["lambda_handler"]


def lambda_handler(event: Mapping[str, str], context: object) -> None:
    """Run one step of a rotation; see `contract.rotate`. ``context`` is the invocation's context, unused."""
    del context
    rotate(event, AlternatingUsers(MariaDB()))
