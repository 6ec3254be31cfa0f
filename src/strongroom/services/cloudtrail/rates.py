"""How often events may be looked up (AWS CloudTrail User Guide, "Quotas": two a second, account and region)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["LOOKUP_GROUPS", "LOOKUP_RATES"]

LOOKUP_GROUPS: Final[Mapping[str, str]] = {"LookupEvents": "lookup_events"}
"""Operation -> group of operations that share a rate."""

LOOKUP_RATES: Final[Mapping[str, float]] = {"lookup_events": 2}
"""Group -> requests a second."""
