from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from botocore.model import ServiceModel, StructureShape
from hypothesis import given
from hypothesis import strategies as st

from strongroom.wire.xml_codec import XmlCodec, escape

SHAPES: dict[str, Any] = {
    "Text": {"type": "string"},
    "Flag": {"type": "boolean"},
    "Count": {"type": "integer"},
    "When": {"type": "timestamp"},
    "Data": {"type": "blob"},
    "List": {"type": "list", "member": {"shape": "Text", "locationName": "Item"}},
    "Flat": {"type": "list", "flattened": True, "member": {"shape": "Text"}},
    "Map": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Text"}},
    "FlatMap": {"type": "map", "flattened": True, "key": {"shape": "Text"}, "value": {"shape": "Text"}},
    "Inner": {"type": "structure", "members": {"Text": {"shape": "Text"}}},
}
SHAPES["Root"] = {"type": "structure", "members": {name: {"shape": name} for name in SHAPES}}


def write(value: dict[str, object]) -> str:
    shape = ServiceModel({"metadata": {}, "operations": {}, "shapes": SHAPES}, "test").shape_for("Root")
    assert isinstance(shape, StructureShape)
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
    value = {
        "Text": "<&>",
        "Flag": False,
        "Count": 0,
        "When": datetime(2026, 1, 2, tzinfo=UTC),
        "Data": b"\x00",
        "List": ["x", "y"],
        "Flat": ["x", "y"],
        "Map": {"k": "v"},
        "FlatMap": {"k": "v"},
        "Inner": {"Text": "a"},
    }
    assert write(value) == (
        "<Text>&lt;&amp;&gt;</Text><Flag>false</Flag><Count>0</Count><When>2026-01-02T00:00:00Z</When>"
        "<Data>AA==</Data><List><Item>x</Item><Item>y</Item></List><Flat>x</Flat><Flat>y</Flat>"
        "<Map><entry><key>k</key><value>v</value></entry></Map>"
        "<FlatMap><key>k</key><value>v</value></FlatMap><Inner><Text>a</Text></Inner>"
    )


def test_none_is_left_out_and_unknown_members_are_a_mistake() -> None:
    assert write({"Text": None}) == ""
    with pytest.raises(KeyError, match="Nonsense"):
        write({"Nonsense": "x"})


@pytest.mark.parametrize("member", ["Data", "When"])
def test_results_of_the_wrong_type_are_a_mistake(member: str) -> None:
    with pytest.raises(TypeError, match="member of a result"):
        write({member: "text"})
