from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from botocore.model import DenormalizedStructureBuilder
from hypothesis import given
from hypothesis import strategies as st

from strongroom.wire.xml_codec import XmlCodec, escape


def write(members: dict[str, Any], value: dict[str, object]) -> str:
    shape = DenormalizedStructureBuilder().with_members(members).build_model()
    out: list[str] = []
    XmlCodec().content_writer(shape)(out, value)
    return "".join(out)


@given(st.text(st.characters(codec="utf-16", exclude_categories=[])))
def test_any_text_makes_well_formed_xml(text: str) -> None:
    element = ET.fromstring(f"<a>{escape(text)}</a>")
    kept = element.text or ""
    assert len(kept) == len(text)
    assert all(new in (old, "\ufffd") for old, new in zip(text, kept, strict=True))


def test_lone_surrogates_cannot_break_the_encoding() -> None:
    assert escape("\ud800") == "\ufffd"


def test_every_kind_of_member() -> None:
    members: dict[str, Any] = {
        "Name": {"type": "string"},
        "Flag": {"type": "boolean"},
        "Count": {"type": "integer"},
        "When": {"type": "timestamp"},
        "Data": {"type": "blob"},
        "List": {"type": "list", "member": {"type": "string", "locationName": "Item"}},
        "Flat": {"type": "list", "flattened": True, "member": {"type": "string"}},
        "Map": {"type": "map", "key": {"type": "string"}, "value": {"type": "string"}},
        "FlatMap": {"type": "map", "flattened": True, "key": {"type": "string"}, "value": {"type": "string"}},
        "Inner": {"type": "structure", "members": {"A": {"type": "string"}}},
    }
    value = {
        "Name": "<&>",
        "Flag": False,
        "Count": 0,
        "When": datetime(2026, 1, 2, tzinfo=UTC),
        "Data": b"\x00",
        "List": ["x", "y"],
        "Flat": ["x", "y"],
        "Map": {"k": "v"},
        "FlatMap": {"k": "v"},
        "Inner": {"A": "a"},
    }
    assert write(members, value) == (
        "<Name>&lt;&amp;&gt;</Name><Flag>false</Flag><Count>0</Count><When>2026-01-02T00:00:00Z</When>"
        "<Data>AA==</Data><List><Item>x</Item><Item>y</Item></List><Flat>x</Flat><Flat>y</Flat>"
        "<Map><entry><key>k</key><value>v</value></entry></Map>"
        "<FlatMap><key>k</key><value>v</value></FlatMap><Inner><A>a</A></Inner>"
    )


def test_none_is_left_out_and_unknown_members_are_a_mistake() -> None:
    members = {"A": {"type": "string"}}
    assert write(members, {"A": None}) == ""
    with pytest.raises(KeyError, match="B"):
        write(members, {"B": "x"})


@pytest.mark.parametrize("member", ["blob", "timestamp"])
def test_results_of_the_wrong_type_are_a_mistake(member: str) -> None:
    with pytest.raises(TypeError, match="member of a result"):
        write({"A": {"type": member}}, {"A": "text"})
