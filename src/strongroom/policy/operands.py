"""The values that condition operators compare: numbers, dates, networks, bytes.

Each ``parse_*`` answers None for text that is not such a value. The compiler refuses a policy that holds one; a
request value that is not of the type simply does not match (the same IAM User Guide page as `conditions`).
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

__all__ = ["Network", "parse_address", "parse_bytes", "parse_date", "parse_network", "parse_number"]

_NUMBER = re.compile(r"[+-]?[0-9]{1,64}(?:\.[0-9]{1,64})?")
_EPOCH_SECONDS = re.compile(r"-?[0-9]{1,12}")
_ISO_DATE = re.compile(
    r"(?P<date>[0-9]{4}(?:-[0-9]{2}){0,2})(?P<time>T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)?"
    r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MAPPED_PREFIX = bytes(10) + b"\xff\xff"
_MAPPED_BITS = 96


def parse_number(text: str) -> Decimal | None:
    """An integer or decimal number. Exponents are not part of the policy language."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def parse_date(text: str) -> int | None:
    """An instant, in microseconds since 1970-01-01T00:00:00Z.

    Accepts the W3C profile of ISO 8601 (year, year and month, date, date and time with zone) and Unix seconds. Four
    digits are a year. A time without a zone is UTC.
    """
    found = _ISO_DATE.fullmatch(text)
    if found is None:
        return int(text) * 1_000_000 if _EPOCH_SECONDS.fullmatch(text) else None
    date, time, zone = found.group("date", "time", "zone")
    if len(date) < len("2000-01-01") and (time or zone):
        return None
    whole_date = date + "-01" * (2 - date.count("-"))
    try:
        moment = datetime.fromisoformat(f"{whole_date}{time or 'T00:00'}{zone or 'Z'}")
    except ValueError:
        return None
    return (moment - _EPOCH) // _MICROSECOND


def parse_bytes(text: str) -> bytes | None:
    """Base64 text (RFC 4648, section 4) as bytes."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def parse_address(text: str) -> tuple[int, int] | None:
    """An IPv4 or IPv6 address as (bits in the family, number).

    An IPv4 address written as IPv6 (``::ffff:192.0.2.1``, RFC 4291) is the IPv4 address, so that a dual-stack
    listener does not slip past a rule about IPv4 networks.
    """
    try:
        packed = socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    except (OSError, ValueError):
        return None
    if packed.startswith(_MAPPED_PREFIX):
        packed = packed[len(_MAPPED_PREFIX) :]
    return len(packed) * 8, int.from_bytes(packed, "big")


@dataclass(frozen=True, slots=True)
class Network:
    """A range of addresses: the bits of the family, the prefix length, and the first address without its tail."""

    bits: int
    length: int
    head: int

    def __contains__(self, address: tuple[int, int]) -> bool:
        bits, number = address
        return bits == self.bits and number >> (bits - self.length) == self.head


def parse_network(text: str) -> Network | None:
    """An address or a CIDR range. Without a prefix length it is that one address."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    bits, length, number = network.max_prefixlen, network.prefixlen, int(network.network_address)
    if length >= _MAPPED_BITS and network.version == 6 and network.network_address.packed.startswith(_MAPPED_PREFIX):
        bits, length, number = 32, length - _MAPPED_BITS, number & 0xFFFF_FFFF
    return Network(bits, length, number >> (bits - length))
