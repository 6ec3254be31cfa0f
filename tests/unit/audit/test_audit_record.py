"""The layout of a line and the links between lines."""

from __future__ import annotations

import hashlib

import orjson

from strongroom.audit.record import GENESIS, Link, chain, hash_of, parse


def test_lines_are_json_and_link_to_the_one_before() -> None:
    lines, end = chain(Link(), [b'{"a":1}', b'{"b":2}'])
    first, second, rest = lines.split(b"\n")
    assert rest == b""
    assert orjson.loads(first) == {"sequence": 1, "previous": GENESIS, "event": {"a": 1}}
    assert orjson.loads(second) == {"sequence": 2, "previous": hashlib.sha256(first).hexdigest(), "event": {"b": 2}}
    assert end == Link(2, hash_of(second))


def test_a_chain_goes_on_where_it_ended() -> None:
    at_once, _ = chain(Link(), [b"{}", b"{}", b"{}"])
    begun, end = chain(Link(), [b"{}"])
    continued, _ = chain(end, [b"{}", b"{}"])
    assert begun + continued == at_once


def test_parse_takes_apart_what_chain_laid_out() -> None:
    line = chain(Link(6, "ab" * 32), [b'{"event":{"sequence":9}}'])[0][:-1]
    assert parse(line) == (7, "ab" * 32, b'{"event":{"sequence":9}}')


def test_parse_refuses_every_other_layout() -> None:
    good = chain(Link(), [b"{}"])[0][:-1]
    for bad in (b"", good[:-1], good + b" ", good.replace(b'"sequence":1', b'"sequence":01'), b" " + good, b"{}"):
        assert parse(bad) is None
