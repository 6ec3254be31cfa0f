"""Rotate a PostgreSQL credential between two users, the second a clone of the first.

An AWS Lambda rotation function for the alternating-users strategy. The secret is a JSON object: ``engine``
(``postgres`` or ``aurora-postgresql``), ``host``, ``username``, ``password`` and ``masterarn`` (the ARN of the secret
of a user who may create roles) are required; ``dbname`` (default ``postgres``), ``port`` (default 5432) and ``ssl`` are
optional; other keys survive. The two users are ``app`` and ``app_clone``; see `postgresql_clones` for how they are kept
in step, and `contract` and `logins` for the environment and for what ``ssl`` means.
"""

from __future__ import annotations

from collections.abc import Mapping

from .contract import rotate
from .databases import AlternatingUsers
from .postgresql import PostgreSQL

__all__ = ["lambda_handler"]


def lambda_handler(event: Mapping[str, str], context: object) -> None:
    """Run one step of a rotation; see `contract.rotate`. ``context`` is the invocation's context, unused."""
    del context
    rotate(event, AlternatingUsers(PostgreSQL()))
