"""From what an operator writes to the place that keeps backups."""

from __future__ import annotations

from pathlib import Path

from strongroom.backup.bucket import Bucket
from strongroom.backup.places import Folder, Place

__all__ = ["place_and_name", "place_of"]

_BUCKET = "s3://"


def place_of(text: str, endpoint_url: str | None = None) -> Place:
    """The place that ``text`` names.

    Args:
        text: The path of a folder, or ``s3://bucket/prefix``.
        endpoint_url: The S3-compatible service of a bucket; AWS's own by default.

    Raises:
        OperatorError: No bucket is named.
    """
    if text.startswith(_BUCKET):
        bucket, _, prefix = text.removeprefix(_BUCKET).partition("/")
        return Bucket(bucket, prefix, endpoint_url)
    return Folder(Path(text).absolute())


def place_and_name(text: str, endpoint_url: str | None = None) -> tuple[Place, str]:
    """The place of one backup, and its name there.

    Args:
        text: The path of a file, or ``s3://bucket/prefix/name``.
        endpoint_url: As for `place_of`.
    """
    parent, _, name = text.rpartition("/")
    return place_of(parent or ("/" if text.startswith("/") else "."), endpoint_url), name
