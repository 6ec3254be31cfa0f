r"""Signed checkpoints: how far the trail reached, when, and with which hash, under a key that only the keyring has.

The chain shows that records fit each other; whoever can write the file can make another one that fits. A checkpoint
pins everything up to its record, because that record's hash covers all before it. ``checkpoints.jsonl`` lies beside the
trail, one line each, in exactly this layout::

    {"sequence":N,"hash":"<64 hex>","time":"<ISO 8601>","file":F,"bytes":B,"previous":"<64 hex>","key":"<base64>",
    "signature":"<base64>"}

- ``sequence`` and ``hash`` are those of a record; ``file`` is the first sequence of the file that it stands in, and
  ``bytes`` how far into that file it reaches, with its newline.
- ``previous`` is the SHA-256 of the checkpoint line before, without its newline; 64 zeros for the first.
- ``signature`` is Ed25519 (RFC 8032) by ``key`` over the line's bytes before ``,"signature"`` followed by ``}``.

A copy of this file elsewhere shows later what was changed, cut or replaced here, checkpoints included.
"""

from __future__ import annotations

import fcntl
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Final, Protocol

from strongroom.audit.durable import sync_folder
from strongroom.audit.head import HeadDamagedError, read_head
from strongroom.audit.record import GENESIS, Link, hash_of, parse
from strongroom.audit.segments import LONGEST_LINE, Segment, end_of_closed, segments
from strongroom.errors import OperatorError
from strongroom.world import Clock, from_milliseconds

__all__ = ["CHECKPOINTS_NAME", "PUBLIC_KEY_NAME", "Checkpoint", "Checkpoints", "Signer", "last_checkpoint"]

CHECKPOINTS_NAME: Final = "checkpoints.jsonl"
PUBLIC_KEY_NAME: Final = "checkpoints.pub"

_LAYOUT: Final = re.compile(
    rb'(\{"sequence":([1-9][0-9]{0,18}),"hash":"([0-9a-f]{64})","time":"([0-9TZ:-]{20})","file":([1-9][0-9]{0,18}),'
    rb'"bytes":([1-9][0-9]{0,18}),"previous":"([0-9a-f]{64})","key":"([A-Za-z0-9+/]{43}=)"),'
    rb'"signature":"([A-Za-z0-9+/]{86}==)"\}'
)
_LONGEST: Final = 1024  # bytes: more than any checkpoint has
_CANNOT: Final = "No checkpoint of the audit trail was made."


class Signer(Protocol):
    """Who signs."""

    @property
    def public_key(self) -> bytes:
        """The Ed25519 public key, 32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature of ``message``, 64 bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One checkpoint.

    Attributes:
        sequence: Sequence of the record that it pins.
        hash: Hash of that record, 64 hex digits.
        time: When it was made, as ISO 8601 in UTC, to the second.
        file: First sequence of the file in which the record stands.
        size: Length of that file up to the record's end.
        previous: SHA-256 of the checkpoint before, 64 hex digits.
        line: All of it, as it stands in the file, without a newline.
    """

    sequence: int
    hash: str
    time: str
    file: int
    size: int
    previous: str
    line: bytes

    @classmethod
    def parse(cls, line: bytes) -> Checkpoint | None:
        """Read a line (without its newline); None when it does not have the layout."""
        match = _LAYOUT.fullmatch(line)
        if match is None:
            return None
        sequence, digest, time, file, size, previous = (part.decode() for part in match.groups()[1:7])
        return cls(int(sequence), digest, time, int(file), int(size), previous, line)

    @property
    def digest(self) -> str:
        """What the next checkpoint carries as ``previous``."""
        return sha256(self.line).hexdigest()

    @property
    def key(self) -> bytes:
        """The public key that it names, 32 bytes."""
        return b64decode(self._parts()[7])

    @property
    def signature(self) -> bytes:
        """Its signature, 64 bytes."""
        return b64decode(self._parts()[8])

    @property
    def message(self) -> bytes:
        """The bytes that are signed."""
        return self._parts()[0] + b"}"

    def _parts(self) -> tuple[bytes, ...]:
        match = _LAYOUT.fullmatch(self.line)
        if match is None:
            raise ValueError("not a checkpoint")
        return match.groups()


class Checkpoints:
    """Makes the checkpoints of one trail. Any process of the host may; a lock orders them.

    Args:
        folder: The audit folder.
        signer: The signing key.
        public_pem: Its public key as PEM, laid beside the checkpoints for other tools.
        clock: Dates checkpoints.
    """

    def __init__(self, folder: Path, signer: Signer, public_pem: bytes, clock: Clock) -> None:
        self._folder = folder
        self._signer = signer
        self._public_pem = public_pem
        self._clock = clock
        self._seen = 0

    def make(self) -> Checkpoint | None:
        """Pin the trail as far as it is durable, and the end of every file that was closed meanwhile.

        Returns:
            The newest checkpoint, which is an old one when nothing was recorded since; None for an empty trail.

        Raises:
            OperatorError: The trail is not what it was at the last checkpoint, or a file cannot be read or written.
        """
        try:
            with self._locked() as descriptor:
                last = self._continue_from(descriptor, self._last(descriptor))
                self._seen = 0 if last is None else last.sequence
                return last
        except HeadDamagedError as error:
            raise OperatorError(_CANNOT, why="trail.head is damaged", fix="run `strongroom audit verify`") from error
        except OSError as error:
            raise OperatorError(
                _CANNOT,
                why=f"{Path(error.filename or CHECKPOINTS_NAME).name}: {error.strerror}",
                fix="check the disk and the owner of the audit folder; it is tried again",
            ) from error

    def _last(self, descriptor: int) -> Checkpoint | None:
        last = _last_of(descriptor)
        if self._seen and (last is None or last.sequence < self._seen):
            raise OperatorError(
                _CANNOT,
                why=f"{CHECKPOINTS_NAME} no longer holds the checkpoint of record {self._seen}",
                fix="put that file back, or keep what is there as evidence and start again",
            )
        return last

    def _continue_from(self, descriptor: int, last: Checkpoint | None) -> Checkpoint | None:
        head = read_head(self._folder)  # before the files are listed, so that it is in one of them
        files = segments(self._folder)
        if last is not None:
            _check_still_there(last, files)
        reached = 0 if last is None else last.sequence
        for file, end in _closed_ends(self._folder, files, reached):
            last = self._add(descriptor, last, end, file, file.length())
            reached = end.sequence
        if head is not None and head.sequence > reached:
            file = next(file for file in reversed(files) if 0 < file.first_sequence <= head.sequence)
            end = Link(head.sequence, head.hash)
            if _record_ending_at(file, head.size) != end:
                raise _changed(head.sequence, "as it was noted when it was written")
            last = self._add(descriptor, last, end, file, head.size)
        return last

    def _add(self, descriptor: int, last: Checkpoint | None, end: Link, file: Segment, size: int) -> Checkpoint:
        time = f"{from_milliseconds(self._clock.milliseconds()):%Y-%m-%dT%H:%M:%SZ}"
        previous = GENESIS if last is None else last.digest
        start = (
            f'{{"sequence":{end.sequence},"hash":"{end.hash}","time":"{time}","file":{file.first_sequence},'
            f'"bytes":{size},"previous":"{previous}","key":"{b64encode(self._signer.public_key).decode()}"'
        ).encode()
        signature = b64encode(self._signer.sign(start + b"}"))
        line = b'%b,"signature":"%b"}' % (start, signature)
        os.write(descriptor, line + b"\n")
        os.fdatasync(descriptor)
        return Checkpoint(end.sequence, end.hash, time, file.first_sequence, size, previous, line)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        path = self._folder / CHECKPOINTS_NAME
        begins = not path.exists()
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if begins:
                public = self._folder / PUBLIC_KEY_NAME
                public.write_bytes(self._public_pem)
                sync_folder(self._folder)
            yield descriptor
        finally:
            os.close(descriptor)


def last_checkpoint(folder: Path) -> Checkpoint | None:
    """The newest checkpoint of the trail in ``folder``; None when there is none.

    Raises:
        OSError: The file cannot be read.
    """
    try:
        descriptor = os.open(folder / CHECKPOINTS_NAME, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        return _last_whole(descriptor)[0]
    finally:
        os.close(descriptor)


def _last_of(descriptor: int) -> Checkpoint | None:
    """The newest checkpoint, after cutting off one that a crash left half-written. For the holder of the lock."""
    last, end = _last_whole(descriptor)
    size = os.fstat(descriptor).st_size
    if end < size:
        os.ftruncate(descriptor, end)
    elif last is None and size:
        raise OperatorError(
            _CANNOT,
            why=f"{CHECKPOINTS_NAME} ends with something that is not a checkpoint",
            fix="run `strongroom audit verify`, keep that file as evidence, and move it away",
        )
    return last


def _last_whole(descriptor: int) -> tuple[Checkpoint | None, int]:
    """The last line that has an end, and where it ends."""
    size = os.fstat(descriptor).st_size
    start = max(0, size - 2 * _LONGEST)
    tail = os.pread(descriptor, size - start, start)
    whole = tail[: tail.rfind(b"\n") + 1]
    end = start + len(whole)
    return Checkpoint.parse(whole[:-1].rpartition(b"\n")[2]), end


def _closed_ends(folder: Path, files: list[Segment], reached: int) -> Iterator[tuple[Segment, Link]]:
    """Every closed file that ends after record ``reached``, with its last record, which the file after it continues."""
    for file, after in pairwise(files):
        if 0 < after.first_sequence <= reached + 1:
            continue
        if not after.first_sequence:
            end = end_of_closed(folder)
        else:
            with after.open() as content:
                line = content.readline(LONGEST_LINE)
            parts = parse(line.removesuffix(b"\n"))
            end = None if parts is None else Link(parts[0] - 1, parts[1])
        if end is None:
            raise _changed(after.first_sequence, "as a record")
        if end.sequence > reached:
            yield file, end


def _check_still_there(last: Checkpoint, files: list[Segment]) -> None:
    """Refuse to sign what follows a record that is not what it was when it was signed."""
    file = next((file for file in files if file.first_sequence == last.file), None)
    if file is None or _record_ending_at(file, last.size) != Link(last.sequence, last.hash):
        raise _changed(last.sequence, "as it was signed")


def _record_ending_at(file: Segment, size: int) -> Link | None:
    """The record whose newline is the byte before ``size``."""
    start = max(0, size - LONGEST_LINE)
    content = file.read(start, size - start)
    line = content[:-1].rpartition(b"\n")[2]
    parts = parse(line)
    return None if parts is None or not content.endswith(b"\n") else Link(parts[0], hash_of(line))


def _changed(sequence: int, how: str) -> OperatorError:
    return OperatorError(
        _CANNOT,
        why=f"the trail does not hold record {sequence} {how}",
        fix="run `strongroom audit verify --checkpoints FILE` with checkpoints that were kept elsewhere",
    )
