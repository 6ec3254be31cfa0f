"""Amazon Resource Names: parse and format.

The format is ``arn:partition:service:region:account:resource`` where the resource itself may hold ``:`` and ``/``
(AWS General Reference, "Amazon Resource Names (ARNs)").
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Arn"]


@dataclass(frozen=True, slots=True)
class Arn:
    """One parsed ARN. Fields are kept exactly as written: nothing is folded, decoded or trimmed."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> Arn | None:
        """Parse ``text``, or answer None when it is not an ARN of six parts starting with ``arn:``."""
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn" or not parts[1] or not parts[2] or not parts[5]:
            return None
        return cls(*parts[1:])

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"
