"""The rotation functions that we ship, one file per engine and strategy.

Each file is an ordinary AWS Lambda rotation function: it talks to Secrets Manager through boto3 and to its database
through that database's driver, and runs on AWS unchanged. So nothing here imports anything of Strongroom, nothing of
Strongroom imports a rotator at run time, and no file here imports another: a file alone is the function's code.

To deploy one, put its file at the root of a zip beside the entries of `SITE_PACKAGES` (taken from the site-packages
folder of an environment with the function's Python version and platform) and name the handler
``<file name>.lambda_handler``. boto3 comes with the function runtime.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["SITE_PACKAGES", "names"]

SITE_PACKAGES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        # psycopg_binary finds its shared libraries in the folder beside it, so both go to the same place.
        "postgresql_single_user": ("psycopg", "psycopg_binary", "psycopg_binary.libs", "typing_extensions.py"),
    }
)
"""By rotator: the folders and files of site-packages that its zip needs at its root."""


def names() -> tuple[str, ...]:
    """The rotators, in order: each is a file of this folder, without its ``.py``."""
    return tuple(sorted(SITE_PACKAGES))
