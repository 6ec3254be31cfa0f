"""Whether what is sent to an address stays private: key material goes nowhere else."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

__all__ = ["keeps_private"]


def keeps_private(url: str) -> bool:
    """Whether what is sent to ``url`` is encrypted on its way, or does not leave this host."""
    parts = urlsplit(url)
    if parts.scheme != "http":
        return parts.scheme == "https"
    if parts.hostname == "localhost":
        return True
    try:
        return ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
