"""Rotate the password of one PostgreSQL user, who changes it itself.

An AWS Lambda rotation function for the single-user strategy. The secret is a JSON object: ``engine`` (``postgres`` or
``aurora-postgresql``), ``host``, ``username`` and ``password`` are required; ``dbname`` (default ``postgres``),
``port`` (default 5432) and ``ssl`` are optional; other keys survive. See `contract` and `logins` for the environment
and for what ``ssl`` means.
"""

from __future__ import annotations

from collections.abc import Mapping

from .contract import rotate
from .databases import SingleUser
from .postgresql import PostgreSQL

__all__ = ["lambda_handler"]


def lambda_handler(event: Mapping[str, str], context: object) -> None:
    """Run one step of a rotation; see `contract.rotate`. ``context`` is the invocation's context, unused."""
    del context
    rotate(event, SingleUser(PostgreSQL()))
