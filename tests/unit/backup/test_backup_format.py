"""A backup that was touched in any way is refused: flipped, cut, joined, reordered, swapped."""

from __future__ import annotations

import io
import itertools
from pathlib import Path
from struct import Struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.backup import format as backup_format
from strongroom.backup.format import BackupDamaged, BackupHeader, PieceReader, PieceWriter, read_header
from strongroom.backup.places import Folder, name_of
from strongroom.backup.rows import File, TableRows, encode_end, encode_file, encode_row, encode_table, read_all
from strongroom.errors import OperatorError
from strongroom.keyring import RootKey
from strongroom.world import SystemEntropy

ENTROPY = SystemEntropy()
ROOT = RootKey.generate(ENTROPY)
WORD = Struct(">I")


def header(identity: str = "backup-1") -> BackupHeader:
    return BackupHeader(
        id=identity,
        installation="0e4c1e0a-installation",
        account="000000000000",
        region="us-east-1",
        created_ms=1_790_000_000_000,
        schema="0008",
        root_key_id=ROOT.fingerprint,
        trail_sequence=7,
        trail_hash="ab" * 32,
        seals="{}",
    )


def made(content: bytes, identity: str = "backup-1") -> bytes:
    sink = io.BytesIO()
    writer = PieceWriter(sink, header(identity), ROOT, ENTROPY)
    writer.write(content)
    writer.finish()
    assert writer.written == len(sink.getvalue())
    return sink.getvalue()


def opened(blob: bytes, count: int, root: RootKey = ROOT) -> bytes:
    source = io.BytesIO(blob)
    _, encoded = read_header(source)
    reader = PieceReader(source, encoded, root)
    content = reader.read(count)
    reader.finish()
    return content


def parts(blob: bytes) -> tuple[bytes, list[bytes]]:
    """Everything before the pieces, and the pieces with their words."""
    at = 8
    for _ in range(2):
        at += 4 + WORD.unpack_from(blob, at)[0]
    pieces, start = [], at
    while start < len(blob):
        end = start + 4 + (WORD.unpack_from(blob, start)[0] & 0x7FFFFFFF)
        pieces.append(blob[start:end])
        start = end
    return blob[:at], pieces


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup_format, "PIECE_LENGTH", 16)


CONTENT = bytes(range(70))


def test_what_was_written_is_read_again() -> None:
    blob = made(CONTENT)
    assert len(parts(blob)[1]) == 5
    assert opened(blob, len(CONTENT)) == CONTENT
    assert read_header(io.BytesIO(blob))[0] == header()
    assert CONTENT[:8] not in blob


def test_every_flipped_byte_is_found() -> None:
    blob = made(CONTENT)
    for at in range(len(blob)):
        flipped = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]
        with pytest.raises(BackupDamaged):
            opened(flipped, len(CONTENT))


def test_every_cut_is_found() -> None:
    blob = made(CONTENT)
    for length in range(len(blob)):
        with pytest.raises(BackupDamaged):
            opened(blob[:length], len(CONTENT))


def test_every_other_order_of_pieces_is_found() -> None:
    blob = made(CONTENT)
    beginning, pieces = parts(blob)
    for order in itertools.permutations(pieces):
        if list(order) != pieces:
            with pytest.raises(BackupDamaged):
                opened(beginning + b"".join(order), len(CONTENT))


def test_left_out_repeated_and_joined_pieces_are_found() -> None:
    blob = made(CONTENT)
    beginning, pieces = parts(blob)
    left_out = [pieces[:at] + pieces[at + 1 :] for at in range(len(pieces))]
    repeated = [pieces[: at + 1] + pieces[at:] for at in range(len(pieces))]
    marked = [*pieces[:2], bytes([pieces[2][0] | 0x80]) + pieces[2][1:]]
    for changed in (*left_out, *repeated, marked, pieces + pieces):
        with pytest.raises(BackupDamaged):
            opened(beginning + b"".join(changed), len(CONTENT))
    for joined in (blob + blob, blob + b"\0"):
        with pytest.raises(BackupDamaged):
            opened(joined, len(CONTENT))


def test_parts_of_another_backup_of_the_same_key_are_found() -> None:
    one, other = made(CONTENT), made(CONTENT, "backup-2")
    beginning, pieces = parts(one)
    other_beginning, other_pieces = parts(other)
    for swapped in (beginning + b"".join(other_pieces), other_beginning + b"".join(pieces)):
        with pytest.raises(BackupDamaged):
            opened(swapped, len(CONTENT))
    for at in range(len(pieces)):
        mixed = [*pieces[:at], other_pieces[at], *pieces[at + 1 :]]
        with pytest.raises(BackupDamaged):
            opened(beginning + b"".join(mixed), len(CONTENT))


def test_a_foreign_root_key_opens_nothing() -> None:
    with pytest.raises(BackupDamaged, match="refused"):
        opened(made(CONTENT), len(CONTENT), RootKey.generate(ENTROPY))


def test_a_later_format_is_named() -> None:
    encoded = header().encode().replace(b'"format": 1', b'"format": 2')
    with pytest.raises(BackupDamaged) as refused:
        read_header(io.BytesIO(b"SRBACKUP" + WORD.pack(len(encoded)) + encoded))
    assert "its format is 2" in refused.value.why


class Source:
    """Bytes that are read by counts."""

    def __init__(self, content: bytes) -> None:
        self._stream = io.BytesIO(content)

    def read(self, count: int) -> bytes:
        return self._stream.read(count)


VALUES = st.none() | st.integers(-(2**63), 2**63 - 1) | st.text() | st.binary()


@given(st.lists(st.tuples(VALUES, VALUES), max_size=20), st.binary())
def test_every_value_comes_back_as_it_was(rows: list[tuple[int | str | bytes | None, ...]], content: bytes) -> None:
    stream = encode_file("a", content) + encode_table("one", ["x", "y"]) + encode_table("two", ["x", "y"])
    stream += b"".join(map(encode_row, rows)) + encode_end(len(rows))
    first, *batches = read_all(Source(stream))
    assert first == File("a", content)
    found = [row for batch in batches if isinstance(batch, TableRows) for row in batch.rows]
    assert found == rows
    assert all(isinstance(batch, TableRows) and batch.table == "two" for batch in batches)


def test_a_wrong_count_of_rows_is_found() -> None:
    stream = encode_table("one", ["x"]) + encode_row([1]) + encode_end(2)
    with pytest.raises(BackupDamaged):
        list(read_all(Source(stream)))


def test_a_folder_shows_whole_backups_only(tmp_path: Path) -> None:
    folder, name = Folder(tmp_path / "backups"), name_of(header("0f0f0f0f-1"))
    name = name.replace("0e4c1e0a", "01234567")

    def stop_half_way() -> None:
        with folder.writing(name) as sink:
            sink.write(b"half")
            assert folder.kept() == []
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stop_half_way()
    assert list((tmp_path / "backups").iterdir()) == []
    leftover = tmp_path / "backups" / f"{name}.part"
    leftover.write_bytes(b"of a killed backup")
    (tmp_path / "backups" / "notes.part").write_bytes(b"somebody else's")
    later = name.replace("0f0f0f0f", "1f1f1f1f")
    with folder.writing(later) as sink:
        sink.write(b"whole")
    assert [(kept.name, kept.size) for kept in folder.kept()] == [(later, 5)]
    assert not leftover.exists()
    assert (tmp_path / "backups" / "notes.part").exists()
    assert (tmp_path / "backups" / later).stat().st_mode & 0o777 == 0o600
    folder.delete(later)
    assert folder.kept() == []


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="could not be used"):
        Folder(tmp_path / "none").kept()
