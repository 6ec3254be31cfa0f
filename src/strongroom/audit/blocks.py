"""Closed files of the trail, compressed so that one record can be read without the rest.

The result is an ordinary gzip file (RFC 1952) of several members, which every tool decompresses as one stream. Each
member holds `BLOCK_LENGTH` bytes of the trail and carries its own compressed length in an extra field (RFC 1952,
section 2.3.1.1), as BGZF does; so the members are found by hopping from one to the next.
"""

from __future__ import annotations

import os
import struct
import zlib
from array import array
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Final

__all__ = ["BLOCK_LENGTH", "compress", "length_of", "read_at"]

BLOCK_LENGTH: Final = 256 * 1024
"""Bytes of the trail in each member but the last."""

_LEVEL: Final = 6
_REMEMBERED_FILES: Final = 1024  # with some 8 KiB each
# magic, deflate, FEXTRA, no time, no flags, Unix, length of the extra field; subfield "SR" of four bytes: whole length
_HEADER: Final = struct.Struct("<2sBBIBBH2sHI")
_FOOTER: Final = struct.Struct("<II")  # CRC-32 and length of what was compressed


def compress(source: BinaryIO, target: BinaryIO) -> None:
    """Compress ``source``, from where it stands to its end.

    Raises:
        OSError: One of the two failed.
    """
    while block := source.read(BLOCK_LENGTH):
        target.write(_member(block))


def read_at(path: Path, offset: int, length: int) -> bytes:
    """``length`` bytes of what was compressed into ``path``, from ``offset`` on; fewer at the end.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not a file that `compress` made.
    """
    first, skip = divmod(offset, BLOCK_LENGTH)
    found = bytearray()
    with path.open("rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        starts = _starts(path, status.st_ino, status.st_mtime_ns)
        for number in range(first, len(starts) - 1):
            found += _decompressed(os.pread(file.fileno(), starts[number + 1] - starts[number], starts[number]))
            if len(found) >= skip + length:
                break
    return bytes(found[skip : skip + length])


def length_of(path: Path) -> int:
    """Bytes that were compressed into ``path``.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not a file that `compress` made.
    """
    with path.open("rb", buffering=0) as file:
        descriptor = file.fileno()
        footers = (
            os.pread(descriptor, _FOOTER.size, start + size - _FOOTER.size) for start, size in _members(descriptor)
        )
        return sum(_FOOTER.unpack(footer)[1] for footer in footers if len(footer) == _FOOTER.size)


@lru_cache(maxsize=_REMEMBERED_FILES)
def _starts(path: Path, inode: int, modified_ns: int) -> array[int]:
    """Where each member starts, and where the last one ends. A compressed file never changes, but may be replaced."""
    del inode, modified_ns  # they tell the file from others that were there before
    starts = array("Q", [0])
    with path.open("rb", buffering=0) as file:
        starts.extend(start + size for start, size in _members(file.fileno()))
    return starts


def _member(block: bytes) -> bytes:
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(block) + deflate.flush()
    whole = _HEADER.size + len(body) + _FOOTER.size
    header = _HEADER.pack(b"\x1f\x8b", 8, 4, 0, 0, 3, 8, b"SR", 4, whole)
    return header + body + _FOOTER.pack(zlib.crc32(block), len(block))


def _members(descriptor: int) -> Iterator[tuple[int, int]]:
    """Start and length of each member."""
    start = 0
    while header := os.pread(descriptor, _HEADER.size, start):
        if len(header) < _HEADER.size:
            raise ValueError("a member of a compressed trail file was cut")
        magic, *_, name, _, whole = _HEADER.unpack(header)
        if magic != b"\x1f\x8b" or name != b"SR" or whole <= _HEADER.size:
            raise ValueError("not a compressed trail file")
        yield start, whole
        start += whole


def _decompressed(member: bytes) -> bytes:
    try:
        return zlib.decompress(member, zlib.MAX_WBITS | 16)
    except zlib.error as error:
        raise ValueError("a member of a compressed trail file is damaged") from error
