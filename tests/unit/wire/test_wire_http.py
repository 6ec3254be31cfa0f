from __future__ import annotations

from strongroom.wire import HttpRequest


def test_header_answers_the_first_value_or_none() -> None:
    request = HttpRequest("GET", b"/", b"", ((b"a", b"1"), (b"b", b"\xe9"), (b"a", b"2")), b"", "::1")
    assert request.header(b"a") == "1"
    assert request.header(b"b") == "é"
    assert request.header(b"c") is None
