"""The service: every group of operations in one class."""

from __future__ import annotations

from strongroom.services.logs.group_operations import GroupOperations
from strongroom.services.logs.listing import ListingOperations
from strongroom.services.logs.putting import PuttingOperations
from strongroom.services.logs.reading import ReadingOperations
from strongroom.services.logs.stream_operations import StreamOperations
from strongroom.services.logs.tagging import TaggingOperations

__all__ = ["Logs"]


class Logs(
    GroupOperations, ListingOperations, StreamOperations, PuttingOperations, ReadingOperations, TaggingOperations
):
    """CloudWatch Logs, without metrics, subscriptions and queries."""
