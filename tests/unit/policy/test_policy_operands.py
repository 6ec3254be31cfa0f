"""What counts as a number, a date, an address, a network or bytes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from strongroom.policy.operands import parse_address, parse_bytes, parse_date, parse_network, parse_number

DAY = 86_400_000_000


@pytest.mark.parametrize(("text", "value"), [("10", "10"), ("-1.50", "-1.5"), ("+0", "0"), ("9" * 64, "9" * 64)])
def test_numbers(text: str, value: str) -> None:
    assert parse_number(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "ten", "1e9", "0x10", "1.", ".5", " 1", "1\n", "NaN", "Infinity", "٣", "9" * 65])
def test_not_numbers(text: str) -> None:
    assert parse_number(text) is None


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("1970", 0),
        ("1970-01", 0),
        ("1970-01-02", DAY),
        ("1970-01-02T00:00Z", DAY),
        ("1970-01-02T00:00:00Z", DAY),
        ("1970-01-02T01:00:00+01:00", DAY),
        ("1970-01-01T23:00:00-01:00", DAY),
        ("1970-01-02T00:00:00.25Z", DAY + 250_000),
        ("1970-01-02T00:00:00", DAY),
        ("86400", DAY),
        ("0", 0),
        ("-86400", -DAY),
        ("9999-12-31T23:59:59Z", 253_402_300_799_000_000),
    ],
)
def test_dates(text: str, microseconds: int) -> None:
    assert parse_date(text) == microseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "0000",
        "1970-13-01",
        "1970-02-30",
        "1970-01T00:00Z",
        "1970Z",
        "1970-W01-1",
        "19700102T000000Z",
        "1970-01-02 00:00:00",
        "1970-01-02T25:00Z",
        "1970-01-02\n",
        "1" * 13,
    ],
)
def test_not_dates(text: str) -> None:
    assert parse_date(text) is None


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("203.0.113.0/24", "203.0.113.255", "203.0.114.0"),
        ("203.0.113.7", "203.0.113.7", "203.0.113.8"),
        ("203.0.113.9/24", "203.0.113.1", "203.0.112.1"),
        ("0.0.0.0/0", "8.8.8.8", "2001:db8::1"),
        ("2001:DB8:1234:5678::/64", "2001:db8:1234:5678::1", "2001:db8:1234:5679::1"),
        ("::/0", "2001:db8::1", "203.0.113.7"),
        ("203.0.113.0/24", "::ffff:203.0.113.7", "::ffff:203.0.114.7"),
        ("::ffff:203.0.113.0/120", "203.0.113.7", "203.0.114.7"),
    ],
)
def test_networks(network: str, inside: str, outside: str) -> None:
    parsed = parse_network(network)
    yes, no = parse_address(inside), parse_address(outside)
    assert parsed is not None
    assert yes is not None
    assert no is not None
    assert yes in parsed
    assert no not in parsed


@pytest.mark.parametrize(
    "text", ["", "localhost", "1.2.3", "1.2.3.4/8", "01.2.3.4", "fe80::1%eth0", "1.2.3.4\0", "::é"]
)
def test_not_addresses(text: str) -> None:
    assert parse_address(text) is None


@pytest.mark.parametrize("text", ["", "1.2.3.4/33", "10.*", "x"])
def test_not_networks(text: str) -> None:
    assert parse_network(text) is None


def test_bytes() -> None:
    assert parse_bytes("QmluYXJ5VmFsdWVJbkJhc2U2NA==") == b"BinaryValueInBase64"
    assert parse_bytes("no base64!") is None
    assert parse_bytes("é") is None
