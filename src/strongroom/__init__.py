"""Strongroom: AWS Secrets Manager for your own machines.

One package per room of the house; ARCHITECTURE.md draws it. The modules beside this file are the vocabulary every
room may use and that itself uses nothing: `errors`, `arn`, `world`.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("strongroom")
except PackageNotFoundError:  # running from a source tree that was never installed
    __version__ = "0+source"

__all__ = ["__version__"]
