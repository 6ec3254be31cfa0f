"""The Query protocol's output: results as XML, compiled per shape (Smithy, "AWS query protocol").

The writer appends text to a list. There is no document tree, since a result's shape is known beforehand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from strongroom.wire.text_codec import text_encoder

__all__ = ["XmlCodec", "escape"]

XmlWriter = Callable[[list[str], Any], None]
"""Appends an element, tags included, for a value."""

_SPECIAL = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"}


def escape(text: str) -> str:
    """Text as XML character data.

    Characters that XML 1.0 cannot hold (section 2.2) become U+FFFD, since any other spelling of them would make
    the document unreadable.
    """
    return _SPECIAL.sub(lambda match: _ESCAPES.get(match[0], "\ufffd"), text)


class XmlCodec:
    """The writers of one Query service's output shapes. Each structure is compiled once."""

    __slots__ = ("_structures",)

    def __init__(self) -> None:
        self._structures: dict[str, dict[str, XmlWriter]] = {}

    def content_writer(self, shape: StructureShape) -> XmlWriter:
        """A closure that writes the members of a structure, without a tag around them.

        Members that are None are left out. The closure raises KeyError, naming the member, if the structure holds one
        that the model does not have.
        """
        return _members_writer(self._members(shape))

    def writer(self, name: str, shape: Shape) -> XmlWriter:
        """A closure that writes an element.

        Args:
            name: The element's name.
            shape: The shape of its value.
        """
        if isinstance(shape, StructureShape):
            return _wrapped(name, _members_writer(self._members(shape)))
        if isinstance(shape, ListShape):
            return self._list_writer(name, shape)
        if isinstance(shape, MapShape):
            return self._map_writer(name, shape)
        encode = text_encoder(shape, timestamp_format="iso8601")

        def write(out: list[str], value: object) -> None:
            out.append(f"<{name}>{escape(encode(value))}</{name}>")

        return write

    def _members(self, shape: StructureShape) -> dict[str, XmlWriter]:
        if (known := self._structures.get(shape.name)) is not None:
            return known
        # Known before its members are compiled, since they may contain the shape itself.
        members = self._structures[shape.name] = {}
        for name, member in shape.members.items():
            members[name] = self.writer(member.serialization.get("name", name), member)
        return members

    def _list_writer(self, name: str, shape: ListShape) -> XmlWriter:
        flattened = bool(shape.serialization.get("flattened"))
        own = shape.member.serialization.get("name")
        write_element = self.writer(own or (name if flattened else "member"), shape.member)

        def write(out: list[str], value: list[object]) -> None:
            for item in value:
                write_element(out, item)

        return write if flattened else _wrapped(name, write)

    def _map_writer(self, name: str, shape: MapShape) -> XmlWriter:
        flattened = bool(shape.serialization.get("flattened"))
        write_key = self.writer(shape.key.serialization.get("name", "key"), shape.key)
        write_value = self.writer(shape.value.serialization.get("name", "value"), shape.value)
        entry = name if flattened else "entry"

        def write(out: list[str], value: Mapping[object, object]) -> None:
            for key, item in value.items():
                out.append(f"<{entry}>")
                write_key(out, key)
                write_value(out, item)
                out.append(f"</{entry}>")

        return write if flattened else _wrapped(name, write)


def _wrapped(name: str, write_content: XmlWriter) -> XmlWriter:
    opening, closing = f"<{name}>", f"</{name}>"

    def write(out: list[str], value: object) -> None:
        out.append(opening)
        write_content(out, value)
        out.append(closing)

    return write


def _members_writer(members: Mapping[str, XmlWriter]) -> XmlWriter:
    def write(out: list[str], value: Mapping[str, object]) -> None:
        for name, item in value.items():
            if item is not None:
                members[name](out, item)

    return write
