from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.wire import timestamps

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-02T03:04:05Z", MOMENT),
        ("2026-01-02t03:04:05z", MOMENT),
        ("2026-01-02T03:04:05.25Z", MOMENT.replace(microsecond=250_000)),
        ("2026-01-02T03:04:05.123456789Z", MOMENT.replace(microsecond=123_456)),
        ("2026-01-02T05:04:05+02:00", MOMENT),
        ("2026-01-02T05:04:05+0200", MOMENT),
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
        ("Fri, 02 Jan 2026 03:04:05 GMT", MOMENT),
        ("1767323045", MOMENT),
        ("1767323045.5", MOMENT.replace(microsecond=500_000)),
    ],
)
def test_parse_text_reads_every_form(text: str, moment: datetime) -> None:
    assert timestamps.parse_text(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-13-02T03:04:05Z",
        "2026-01-02T03:04:05",
        "0000-01-01T00:00:00Z",
        "999999999999999",
        "1_0",
        "٢٠٢٦-01-02",
    ],
)
def test_parse_text_refuses_the_rest(text: str) -> None:
    assert timestamps.parse_text(text) is None


def test_out_of_range_seconds_are_no_instant() -> None:
    assert timestamps.from_epoch_seconds(1e18) is None
    assert timestamps.from_epoch_seconds(float("nan")) is None


def test_formats() -> None:
    assert timestamps.format_iso8601(MOMENT) == "2026-01-02T03:04:05Z"
    assert timestamps.format_iso8601(MOMENT + timedelta(milliseconds=7)) == "2026-01-02T03:04:05.007Z"
    assert timestamps.format_iso8601(MOMENT.astimezone(timezone(timedelta(hours=2)))) == "2026-01-02T03:04:05Z"
    assert timestamps.format_http_date(MOMENT) == "Fri, 02 Jan 2026 03:04:05 GMT"
    assert timestamps.epoch_seconds(MOMENT.replace(microsecond=713_999)) == 1767323045.714


@given(st.text())
def test_parse_text_never_raises(text: str) -> None:
    moment = timestamps.parse_text(text)
    assert moment is None or moment.tzinfo is not None
