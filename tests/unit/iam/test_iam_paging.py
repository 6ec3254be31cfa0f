"""Markers and pages."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.errors import AwsError
from strongroom.services.iam.paging import after_marker, page, tail


@given(st.lists(st.integers(), max_size=20), st.integers(1, 7))
def test_the_pages_of_a_list_make_the_list(items: list[int], size: int) -> None:
    seen: list[int] = []
    marker: str | None = None
    while True:
        part, rest = page(items, marker, size)
        seen += part
        assert len(part) <= size
        if not rest["IsTruncated"]:
            assert "Marker" not in rest
            break
        assert part
        marker = str(rest["Marker"])
    assert seen == items


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=200))
def test_a_marker_says_after_what_to_go_on_and_fits_its_form(last: str) -> None:
    marker = str(tail(last)["Marker"])
    assert after_marker(marker) == last
    assert len(marker) <= 320
    assert marker.isascii()


@given(st.text(max_size=30))
def test_any_text_as_a_marker_is_a_page_or_an_error(marker: str) -> None:
    with contextlib.suppress(AwsError):
        page([1, 2, 3], marker, 2)


@pytest.mark.parametrize("position", ["-1", "١", "1.0", "9" * 30, "x"])
def test_a_marker_of_another_list_is_refused(position: str) -> None:
    with pytest.raises(AwsError, match="Invalid Marker"):
        page([1], str(tail(position)["Marker"]), None)
