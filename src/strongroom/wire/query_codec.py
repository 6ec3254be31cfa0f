"""The Query protocol's input: a form body whose dotted names spell out a tree.

    Action=TagUser&Version=2010-05-08&UserName=bob&Tags.member.1.Key=team&Tags.member.1.Value=db

The form is read once by the router, which needs the action; here its tree is decoded by shape (Smithy, "AWS query
protocol").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from botocore.model import ListShape, MapShape, Shape, StructureShape

from strongroom.wire.refusals import duplicate_parameter, malformed_input, malformed_query_string
from strongroom.wire.text_codec import text_decoder

__all__ = ["Node", "QueryCodec", "form_tree", "parse_form", "percent_decode"]

Node = str | dict[str, "Node"]
"""A value, or the values below a name."""

NodeDecoder = Callable[[Node], Any]

MAX_FIELDS = 10_000
MAX_NAME_PARTS = 32


def percent_decode(text: bytes) -> str:
    """Undo percent-encoding, once.

    Raises:
        AwsError: MalformedQueryString if the result is not UTF-8.
    """
    raw = unquote_to_bytes(text) if b"%" in text else text
    try:
        return raw.decode()
    except UnicodeDecodeError:
        pass
    # Raised here and not in the handler: the decoder's own exception holds the text and must not be chained.
    raise malformed_query_string()


def parse_form(body: bytes) -> dict[str, str]:
    """Read an ``application/x-www-form-urlencoded`` body.

    Args:
        body: The body as it arrived.

    Raises:
        AwsError: MalformedQueryString if it is not UTF-8 or has more than `MAX_FIELDS` fields; InvalidQueryParameter if
            a name occurs twice.
    """
    if body.count(b"&") >= MAX_FIELDS:
        raise malformed_query_string()
    form: dict[str, str] = {}
    for field in body.split(b"&"):
        if not field:
            continue
        name, _, value = field.partition(b"=")
        key = percent_decode(name.replace(b"+", b" "))
        if key in form:
            raise duplicate_parameter()
        form[key] = percent_decode(value.replace(b"+", b" "))
    return form


def form_tree(form: Mapping[str, str]) -> dict[str, Node]:
    """Spread the dotted names of a form out as a tree.

    Raises:
        AwsError: MalformedQueryString if a name has more than `MAX_NAME_PARTS` parts, or is both a value and a branch.
    """
    tree: dict[str, Node] = {}
    for name, value in form.items():
        if name.count(".") >= MAX_NAME_PARTS:
            raise malformed_query_string()
        *branches, leaf = name.split(".")
        node = tree
        for branch in branches:
            below = node.setdefault(branch, {})
            if isinstance(below, str):
                raise malformed_query_string()
            node = below
        if leaf in node:
            raise malformed_query_string()
        node[leaf] = value
    return tree


class QueryCodec:
    """The decoders of one Query service's input shapes. Each structure is compiled once."""

    __slots__ = ("_structures",)

    def __init__(self) -> None:
        self._structures: dict[str, NodeDecoder] = {}

    def decoder(self, shape: Shape) -> NodeDecoder:
        """A closure from a node of `form_tree` to a parameter.

        It raises AwsError (MalformedInput) where text is not of its type, or a value stands where a structure belongs.
        """
        if isinstance(shape, StructureShape):
            return self._structure_decoder(shape)
        if isinstance(shape, ListShape):
            return self._list_decoder(shape)
        if isinstance(shape, MapShape):
            return self._map_decoder(shape)
        decode_text = text_decoder(shape)

        def decode(node: Node) -> object:
            if not isinstance(node, str):
                raise malformed_input("Unexpected complex element")
            return decode_text(node)

        return decode

    def _structure_decoder(self, shape: StructureShape) -> NodeDecoder:
        if (known := self._structures.get(shape.name)) is not None:
            return known
        members: dict[str, tuple[str, NodeDecoder]] = {}

        def decode(node: Node) -> dict[str, object]:
            if isinstance(node, str):
                raise malformed_input("Unexpected simple element")
            parameters: dict[str, object] = {}
            for key, below in node.items():
                member = members.get(key)
                if member is not None:
                    parameters[member[0]] = member[1](below)
            return parameters

        self._structures[shape.name] = decode  # before its members, which may contain the shape itself
        for name, member in shape.members.items():
            members[_form_name(name, member)] = (name, self.decoder(member))
        return decode

    def _list_decoder(self, shape: ListShape) -> NodeDecoder:
        element = self.decoder(shape.member)
        flattened = bool(shape.serialization.get("flattened"))
        branch = shape.member.serialization.get("name", "member")

        def decode(node: Node) -> list[object]:
            if node == "":
                return []
            items = node if flattened or isinstance(node, str) else node.get(branch, {})
            return [element(item) for item in _numbered(items)]

        return decode

    def _map_decoder(self, shape: MapShape) -> NodeDecoder:
        decode_key, decode_value = self.decoder(shape.key), self.decoder(shape.value)
        key_name = shape.key.serialization.get("name", "key")
        value_name = shape.value.serialization.get("name", "value")
        flattened = bool(shape.serialization.get("flattened"))

        def decode(node: Node) -> dict[object, object]:
            if node == "":
                return {}
            entries = node if flattened or isinstance(node, str) else node.get("entry", {})
            parameters: dict[object, object] = {}
            for entry in _numbered(entries):
                if isinstance(entry, str) or key_name not in entry or value_name not in entry:
                    raise malformed_input("Unexpected map entry")
                key = decode_key(entry[key_name])
                if key in parameters:
                    raise duplicate_parameter()
                parameters[key] = decode_value(entry[value_name])
            return parameters

        return decode


def _form_name(name: str, member: Shape) -> str:
    """The first part of a member's name in a form: a flattened list goes by the name of its elements."""
    own: str = member.serialization.get("name", name)
    if isinstance(member, ListShape) and member.serialization.get("flattened"):
        own = member.member.serialization.get("name", own)
    return own


def _numbered(node: Node) -> list[Node]:
    """The branches ``1``, ``2``, ... of a list, in the order of their numbers."""
    if isinstance(node, str):
        raise malformed_input("Unexpected list element")
    for key in node:
        if not (key.isascii() and key.isdigit() and len(key) <= 6 and key[0] != "0"):
            raise malformed_input("Unexpected list element")
    return [node[key] for key in sorted(node, key=int)]
