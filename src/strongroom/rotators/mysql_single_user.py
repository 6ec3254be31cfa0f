"""Rotate the password of one MySQL user, who changes it itself.

An AWS Lambda rotation function for the single-user strategy. The secret is a JSON object: ``engine`` (``mysql`` or
``aurora-mysql``), ``host``, ``username`` and ``password`` are required; ``dbname``, ``port`` (default 3306) and
``ssl`` are optional; other keys survive. Of several accounts with one name and different hosts, the one that this
function's login meets is rotated. See `contract` and `logins` for the environment and for what ``ssl`` means.
"""

from __future__ import annotations

from collections.abc import Mapping

from .contract import rotate
from .databases import SingleUser
from .mysql import MySQL

__all__ = ["lambda_handler"]


def lambda_handler(event: Mapping[str, str], context: object) -> None:
    """Run one step of a rotation; see `contract.rotate`. ``context`` is the invocation's context, unused."""
    del context
    rotate(event, SingleUser(MySQL()))
