"""Seal a long stream in pieces, so that neither side needs more memory than one piece.

The stream has a key of its own, wrapped under the root key and bound to the stream's header. Each piece is sealed
under that key and bound to its number and to whether it is the last one. So pieces that are altered, left out,
repeated, reordered or taken from another stream do not open, and a stream without its end is told from a whole one
(the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, "Online Authenticated-Encryption", 2015).
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from strongroom.keyring.header import Layer, encode_header
from strongroom.keyring.kdf import KEY_LENGTH
from strongroom.keyring.root import RootKey
from strongroom.keyring.sealing import HoldsKey, SealingKey
from strongroom.world import Entropy

__all__ = ["StreamOpener", "StreamSealer"]

_HEADER: Final = encode_header(Layer.SYSTEM, "stream")


class StreamSealer(HoldsKey):
    """Seals one stream under a new key.

    Args:
        root_key: Wraps the stream's key.
        header: What the whole stream is bound to: any bytes, which `StreamOpener` must be given again.
        entropy: Where the stream's key and all nonces come from.

    Attributes:
        wrapped_key: The stream's key under the root key, to be kept beside the pieces.
    """

    __slots__ = ("_entropy", "_key", "_number", "wrapped_key")

    def __init__(self, root_key: RootKey, header: bytes, entropy: Entropy) -> None:
        key = entropy.bytes(KEY_LENGTH)
        self.wrapped_key = root_key.wrap(key, _stream_context(header), entropy)
        self._key = SealingKey(key, _HEADER)
        self._entropy = entropy
        self._number = 0

    def seal(self, piece: bytes, *, last: bool) -> bytes:
        """Seal the next piece.

        Args:
            piece: Any bytes, also none at all.
            last: Whether the stream ends with it.
        """
        sealed = self._key.seal(piece, _piece_context(self._number, last), self._entropy)
        self._number += 1
        return sealed


class StreamOpener(HoldsKey):
    """Opens the pieces of one stream, in their order.

    Args:
        root_key: The root key that wrapped the stream's key.
        header: The header that the stream was sealed with.
        wrapped_key: The stream's key.

    Raises:
        InvalidCiphertext: The key does not open: header, wrapped key or root key is another one.
    """

    __slots__ = ("_key", "_number")

    def __init__(self, root_key: RootKey, header: bytes, wrapped_key: bytes) -> None:
        self._key = SealingKey(root_key.unwrap(wrapped_key, _stream_context(header)), _HEADER)
        self._number = 0

    def open(self, sealed: bytes, *, last: bool) -> bytes:
        """Open the next piece.

        Args:
            sealed: What `StreamSealer.seal` made.
            last: Whether it claims to be the last one.

        Raises:
            InvalidCiphertext: It is altered, or is not the next piece of this stream.
        """
        piece = self._key.open(sealed, _piece_context(self._number, last))
        self._number += 1
        return piece


def _stream_context(header: bytes) -> dict[str, str]:
    return {"Strongroom": "stream", "Header": sha256(header).hexdigest()}


def _piece_context(number: int, last: bool) -> dict[str, str]:
    return {"Piece": str(number), "Last": "yes" if last else "no"}
