"""The three ways in which AWS protocols write an instant: ISO 8601, HTTP dates and epoch seconds.

Which one applies is decided by the protocol and place, or by a ``timestampFormat`` trait of the model (Smithy,
"timestampFormat trait").
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

__all__ = ["epoch_seconds", "format_http_date", "format_iso8601", "from_epoch_seconds", "parse_text"]

_ISO8601 = re.compile(
    r"(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:?\d{2})", re.ASCII | re.IGNORECASE
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,9})?", re.ASCII)
_HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT", re.ASCII)


def epoch_seconds(moment: datetime) -> float:
    """An aware datetime as seconds since the epoch, rounded to milliseconds."""
    return round(moment.timestamp(), 3)


def from_epoch_seconds(seconds: float) -> datetime | None:
    """Seconds since the epoch as an aware UTC datetime, or None outside the years 1 to 9999."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def format_iso8601(moment: datetime) -> str:
    """``2026-01-02T03:04:05Z``, with milliseconds only if there are any."""
    moment = moment.astimezone(UTC)
    milliseconds = moment.microsecond // 1000
    fraction = f".{milliseconds:03d}" if milliseconds else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def format_http_date(moment: datetime) -> str:
    """``Fri, 02 Jan 2026 03:04:05 GMT`` (RFC 9110, section 5.6.7)."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def parse_text(text: str) -> datetime | None:
    """Read an instant from text in any of the three forms.

    Args:
        text: An ISO 8601 date and time with zone, a bare date (midnight UTC), an HTTP date, or epoch seconds.

    Returns:
        An aware UTC datetime, or None if the text is none of these.
    """
    try:
        if (match := _ISO8601.fullmatch(text)) is not None:
            date, time, fraction, zone = match.groups()
            zone = "+00:00" if zone in ("Z", "z") else zone
            return datetime.fromisoformat(f"{date}T{time}.{(fraction or '0')[:6]:0<6}{zone}").astimezone(UTC)
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(f"{text}T00:00:00+00:00")
        if _HTTP_DATE.fullmatch(text):
            return parsedate_to_datetime(text)
    except (OverflowError, ValueError):
        return None
    return from_epoch_seconds(float(text)) if _NUMBER.fullmatch(text) else None
