"""The bytes of a backup.

    magic            8 bytes, ``SRBACKUP``
    header           32-bit big-endian length, then JSON in UTF-8
    wrapped key      32-bit big-endian length, then the stream's key under the root key, bound to the header
    pieces           each: 32-bit big-endian word, then a sealed piece; the word's top bit marks the last piece, the
                     other bits are its length

Nothing follows the last piece. The header can be read without a key, and is authenticated by the first thing that a
key opens. It carries the seal document, so that a backup and a seal are all it takes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from struct import Struct
from typing import BinaryIO, Final, Protocol

from strongroom.errors import OperatorError
from strongroom.keyring import InvalidCiphertext, RootKey
from strongroom.keyring.streams import StreamOpener, StreamSealer
from strongroom.world import Entropy

__all__ = ["BackupDamaged", "BackupHeader", "PieceReader", "PieceWriter", "Sink", "read_header"]

PIECE_LENGTH: Final = 1 << 20
"""Bytes of plaintext in every piece but the last."""

_MAGIC: Final = b"SRBACKUP"
_WORD: Final = Struct(">I")
_LAST: Final = 1 << 31
_LONGEST_HEADER: Final = 256 * 1024
_LONGEST_KEY: Final = 1024
_LONGEST_PIECE: Final = PIECE_LENGTH + 1024
_FORMAT: Final = 1


class BackupDamaged(OperatorError):
    """A backup that is not whole: altered, cut, reordered, joined, or of another root key. Nothing of it is used."""

    def __init__(self, why: str) -> None:
        super().__init__(
            "The backup is refused; nothing was changed.",
            why=why,
            fix="fetch the backup again from where it is kept, or take another one (`strongroom backup list`)",
        )


class Sink(Protocol):
    """Where the bytes of a backup go."""

    def write(self, content: bytes, /) -> object:
        """Take the next bytes."""
        ...


@dataclass(frozen=True, slots=True)
class BackupHeader:
    """What a backup tells about itself. It is a claim until the backup's key has been opened.

    Attributes:
        id: A random id of this backup.
        installation: The id of the installation.
        account: Its account.
        region: Its home region.
        created_ms: When it was made, in milliseconds since the epoch.
        schema: The schema revision of its rows.
        root_key_id: The fingerprint of the root key that opens it.
        trail_sequence: How far the audit trail of its host was known to reach when the snapshot was taken.
        trail_hash: The hash of that record.
        seals: The seal document, as text.
        format: The version of this format.
    """

    id: str
    installation: str
    account: str
    region: str
    created_ms: int
    schema: str
    root_key_id: str
    trail_sequence: int
    trail_hash: str
    seals: str
    format: int = _FORMAT

    def encode(self) -> bytes:
        """The header as bytes."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, content: bytes) -> BackupHeader:
        """Parse what `encode` wrote.

        Raises:
            BackupDamaged: It is something else.
        """
        try:
            header = cls(**json.loads(content))
        except (ValueError, TypeError, RecursionError):
            raise BackupDamaged("its header is not one") from None
        numbers = {"created_ms", "trail_sequence", "format"}
        if any(type(value) is not (int if name in numbers else str) for name, value in asdict(header).items()):
            raise BackupDamaged("its header is not one")
        if header.format != _FORMAT:
            raise BackupDamaged(f"its format is {header.format}, this program knows {_FORMAT}")
        return header


class PieceWriter:
    """Writes a backup: give it plaintext, then `finish`.

    Args:
        sink: Where the bytes go.
        header: The header.
        root_key: The root key.
        entropy: Where the backup's key comes from.
    """

    def __init__(self, sink: Sink, header: BackupHeader, root_key: RootKey, entropy: Entropy) -> None:
        encoded = header.encode()
        self._sink = sink
        self._sealer = StreamSealer(root_key, encoded, entropy)
        self._waiting = bytearray()
        self.written = 0
        self._put(_MAGIC)
        for part in (encoded, self._sealer.wrapped_key):
            self._put(_WORD.pack(len(part)) + part)

    def write(self, content: bytes) -> None:
        """Add plaintext."""
        self._waiting += content
        while len(self._waiting) > PIECE_LENGTH:  # the last piece is written by `finish`, and is never empty
            self._piece(bytes(self._waiting[:PIECE_LENGTH]), last=False)
            del self._waiting[:PIECE_LENGTH]

    def finish(self) -> None:
        """Write the last piece."""
        self._piece(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _piece(self, plaintext: bytes, *, last: bool) -> None:
        sealed = self._sealer.seal(plaintext, last=last)
        self._put(_WORD.pack(len(sealed) | (_LAST if last else 0)) + sealed)

    def _put(self, content: bytes) -> None:
        self._sink.write(content)
        self.written += len(content)


def read_header(source: BinaryIO) -> tuple[BackupHeader, bytes]:
    """Read the header from the beginning of a backup: parsed, and the bytes that the backup's key is bound to.

    Raises:
        BackupDamaged: It is no backup.
    """
    if _exactly(source, len(_MAGIC)) != _MAGIC:
        raise BackupDamaged("it does not begin like a backup of Strongroom")
    encoded = _part(source, _LONGEST_HEADER)
    return BackupHeader.decode(encoded), encoded


class PieceReader:
    """Reads the plaintext of a backup. Only once `finish` returned is it known to be whole.

    Args:
        source: The backup, after its header.
        encoded_header: The bytes of the header.
        root_key: The root key.

    Raises:
        BackupDamaged: Header, key and root key do not belong together.
    """

    def __init__(self, source: BinaryIO, encoded_header: bytes, root_key: RootKey) -> None:
        wrapped = _part(source, _LONGEST_KEY)
        try:
            self._opener = StreamOpener(root_key, encoded_header, wrapped)
        except InvalidCiphertext:
            raise BackupDamaged("its header was changed, or it is of another root key") from None
        self._source = source
        self._pieces = self._read_pieces()
        self._ready = bytearray()

    def read(self, count: int) -> bytes:
        """Exactly ``count`` bytes.

        Raises:
            BackupDamaged: There are no more, or they do not open.
        """
        while len(self._ready) < count:
            piece = next(self._pieces, None)
            if piece is None:
                raise BackupDamaged("it ends in the middle of a row")
            self._ready += piece
        content = bytes(self._ready[:count])
        del self._ready[:count]
        return content

    def finish(self) -> None:
        """Check that the backup ends here.

        Raises:
            BackupDamaged: Something follows.
        """
        if self._ready or next(self._pieces, None) is not None or self._source.read(1):
            raise BackupDamaged("something follows its end")

    def _read_pieces(self) -> Iterator[bytes]:
        last = False
        while not last:
            (word,) = _WORD.unpack(_exactly(self._source, _WORD.size))
            last, length = bool(word & _LAST), word & ~_LAST
            if length > _LONGEST_PIECE:
                raise BackupDamaged("a piece of it is longer than any piece is")
            try:
                yield self._opener.open(_exactly(self._source, length), last=last)
            except InvalidCiphertext:
                raise BackupDamaged("a piece of it was changed, left out, repeated or moved") from None


def _part(source: BinaryIO, longest: int) -> bytes:
    (length,) = _WORD.unpack(_exactly(source, _WORD.size))
    if length > longest:
        raise BackupDamaged("its header is longer than any header is")
    return _exactly(source, length)


def _exactly(source: BinaryIO, count: int) -> bytes:
    content = bytearray()
    while len(content) < count:
        more = source.read(count - len(content))
        if not more:
            raise BackupDamaged("it was cut: its end is missing")
        content += more
    return bytes(content)
