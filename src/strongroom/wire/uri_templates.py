"""Method and path to operation, for REST services: the model's URI templates as a tree of path segments.

Segments are compared after percent-decoding, and decoded exactly once: the raw path is split first, so an encoded
slash stays inside its label. Empty segments match nothing, which leaves one spelling for every path.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Match", "UriTemplates"]


class Match(NamedTuple):
    """An operation and the values of its labels."""

    operation: str
    labels: Mapping[str, str]


@dataclass(slots=True)
class _Segment:
    """What may follow in a path: fixed segments, a label, a label that takes all the rest, or the end."""

    fixed: dict[str, _Segment] = field(default_factory=dict)
    label: _Segment | None = None
    greedy: _Segment | None = None
    endings: dict[str, list[_Ending]] = field(default_factory=dict)


class _Ending(NamedTuple):
    """An operation with its labels' names in order and the query parameters it insists on."""

    operation: str
    labels: tuple[str, ...]
    query: frozenset[tuple[str, str]]


class UriTemplates:
    """All URI templates of one service."""

    __slots__ = ("_root",)

    def __init__(self) -> None:
        self._root = _Segment()

    def add(self, method: str, template: str, operation: str) -> None:
        """Add the template of an operation.

        Args:
            method: The HTTP method.
            template: For example ``/functions/{Name}/policy`` or ``/layers?find=LayerVersion``; ``{Name+}`` is greedy.
            operation: The operation's name.
        """
        path, _, query = template.partition("?")
        labels: list[str] = []
        node = self._root
        for segment in filter(None, path.split("/")):
            if segment.endswith("+}"):
                labels.append(segment[1:-2])
                node.greedy = node.greedy or _Segment()
                node = node.greedy
            elif segment.startswith("{"):
                labels.append(segment[1:-1])
                node.label = node.label or _Segment()
                node = node.label
            else:
                node = node.fixed.setdefault(segment, _Segment())
        pairs = (pair.partition("=") for pair in query.split("&") if pair)
        ending = _Ending(operation, tuple(labels), frozenset((name, value) for name, _, value in pairs))
        endings = node.endings.setdefault(method, [])
        endings.append(ending)
        endings.sort(key=lambda known: -len(known.query))

    def match(self, method: str, segments: list[str], query: Mapping[str, list[str]]) -> Match | None:
        """Find the operation for a request; fixed segments win over labels.

        Args:
            method: The HTTP method.
            segments: The path's segments, decoded; a single trailing slash is not a segment.
            query: The query string, decoded.
        """
        if "" in segments:
            return None
        for node, values in _walk(self._root, segments, 0, ()):
            for ending in node.endings.get(method, ()):
                if all(value in query.get(name, ()) for name, value in ending.query):
                    return Match(ending.operation, dict(zip(ending.labels, values, strict=True)))
        return None


def _walk(
    node: _Segment, segments: list[str], position: int, values: tuple[str, ...]
) -> Iterator[tuple[_Segment, tuple[str, ...]]]:
    """Every way through the tree that uses up all segments, with the values of its labels."""
    if position == len(segments):
        yield node, values
        return
    segment = segments[position]
    if (fixed := node.fixed.get(segment)) is not None:
        yield from _walk(fixed, segments, position + 1, values)
    if node.label is not None:
        yield from _walk(node.label, segments, position + 1, (*values, segment))
    if node.greedy is not None:
        for end in range(position + 1, len(segments) + 1):
            yield from _walk(node.greedy, segments, end, (*values, "/".join(segments[position:end])))
