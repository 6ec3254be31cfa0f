"""The plaintext of a backup: files and rows, in a form that belongs to neither engine.

    record   one letter: F a file (name, content), T the beginning of a table (name, its columns), R a row of that
             table, E the end (how many rows there are)
    value    one letter: n nothing, i a 64-bit number, t a text, b bytes; the last two with a 32-bit length before them

All numbers are big-endian, all texts UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final, Protocol

from strongroom.backup.format import BackupDamaged

__all__ = ["File", "Row", "TableRows", "Value", "encode_end", "encode_file", "encode_row", "encode_table", "read_all"]

Value = int | str | bytes | None
Row = tuple[Value, ...]

_NUMBER: Final = Struct(">q")
_LENGTH: Final = Struct(">I")
_BATCH: Final = 500  # rows
_BATCH_BYTES: Final = 4 << 20


class _Source(Protocol):
    def read(self, count: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class File:
    """A small file of the data folder."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class TableRows:
    """Some rows of a table."""

    table: str
    columns: tuple[str, ...]
    rows: list[Row]


def encode_file(name: str, content: bytes) -> bytes:
    """The record of a file."""
    return b"F" + _value(name) + _value(content)


def encode_table(name: str, columns: Sequence[str]) -> bytes:
    """The record that begins a table."""
    return b"T" + _value(name) + _value(len(columns)) + b"".join(map(_value, columns))


def encode_row(row: Iterable[object]) -> bytes:
    """The record of a row."""
    return b"R" + b"".join(map(_value, row))


def encode_end(rows: int) -> bytes:
    """The record of the end."""
    return b"E" + _value(rows)


def read_all(source: _Source) -> Iterator[File | TableRows]:
    """Everything in a backup, rows in batches that bound the memory, up to its end record.

    Raises:
        BackupDamaged: It is not what the encoders wrote.
    """
    total = 0
    batch = TableRows("", (), [])
    weight = 0
    while (kind := source.read(1)) != b"E":
        if kind == b"R":
            row = tuple(_read_value(source) for _ in batch.columns)
            batch.rows.append(row)
            total += 1
            weight += sum(len(value) for value in row if isinstance(value, (bytes, str)))
            if len(batch.rows) >= _BATCH or weight >= _BATCH_BYTES:
                yield batch
                batch, weight = TableRows(batch.table, batch.columns, []), 0
            continue
        if batch.rows:
            yield batch
        weight = 0
        if kind == b"T":
            name, count = _text(source), _number(source)
            batch = TableRows(name, tuple(_text(source) for _ in range(count)), [])
        elif kind == b"F":
            batch = TableRows("", (), [])
            content = (_text(source), _read_value(source))
            if not isinstance(content[1], bytes):
                raise BackupDamaged("a file in it is not one")
            yield File(content[0], content[1])
        else:
            raise BackupDamaged("it holds a record of an unknown kind")
    if batch.rows:
        yield batch
    if _number(source) != total:
        raise BackupDamaged("it does not hold as many rows as it says")


def _value(value: object) -> bytes:
    match value:
        case None:
            return b"n"
        case int():
            return b"i" + _NUMBER.pack(value)
        case str():
            content = value.encode()
            return b"t" + _LENGTH.pack(len(content)) + content
        case bytes():
            return b"b" + _LENGTH.pack(len(value)) + value
    raise TypeError(f"a column holds a {type(value).__name__}")


def _read_value(source: _Source) -> Value:
    kind = source.read(1)
    if kind == b"n":
        return None
    if kind == b"i":
        return int(_NUMBER.unpack(source.read(_NUMBER.size))[0])
    if kind not in (b"t", b"b"):
        raise BackupDamaged("it holds a value of an unknown kind")
    content = source.read(_LENGTH.unpack(source.read(_LENGTH.size))[0])
    return content if kind == b"b" else content.decode()


def _text(source: _Source) -> str:
    value = _read_value(source)
    if not isinstance(value, str):
        raise BackupDamaged("a name in it is not text")
    return value


def _number(source: _Source) -> int:
    value = _read_value(source)
    if not isinstance(value, int):
        raise BackupDamaged("a number in it is not one")
    return value
