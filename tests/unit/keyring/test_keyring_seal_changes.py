"""Changes of the seals: after a kill before any step the old way opens, or the new one, and no key is left about."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.crashes import steps_of, until_step
from tests.unit.keyring.test_keyring_seals import CHEAP, refusal

from strongroom.errors import OperatorError
from strongroom.keyring import RootKey
from strongroom.keyring.seals import (
    ROOT_KEY_FILE,
    SEAL_FILE,
    SEAL_FILE_NEXT,
    FileSeal,
    Means,
    PassphraseSeal,
    SealDocument,
    SealEntry,
    SealFiles,
    ShareSet,
    SharesSeal,
    add_seal,
    drop_successor,
    new_share_set,
    open_root_key,
    prepare_successor,
    put_successor_in_place,
    remove_orphans,
    remove_seals,
)
from strongroom.world import SystemEntropy

ENTROPY = SystemEntropy()
OLD = RootKey.generate(ENTROPY)
NEW = RootKey.generate(ENTROPY)
PASSPHRASE = b"correct horse battery staple"
SHARE_SET: ShareSet = new_share_set(2, 3, ENTROPY)[0]

Step = Callable[[str], None]


def means(folder: Path, step: Step | None = None) -> Means:
    files = SealFiles(folder, step) if step else SealFiles(folder)
    return Means(files, ENTROPY, passphrase=lambda _: PASSPHRASE)


def passphrase_seal() -> PassphraseSeal:
    return PassphraseSeal(PASSPHRASE, ENTROPY, CHEAP)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with a file seal and a set of shares."""
    path = tmp_path / "data"
    path.mkdir()
    files = SealFiles(path)
    entries = [FileSeal(files).seal(OLD), SharesSeal(SHARE_SET, ENTROPY).seal(OLD)]
    SealDocument.made(OLD, entries, ENTROPY).save(files)
    return path


def add(folder: Path, step: Step) -> None:
    at_hand = means(folder, step)
    with at_hand.files.changing():
        add_seal(SealDocument.load(at_hand.files), OLD, passphrase_seal(), "mine", at_hand)


def remove_file(folder: Path, step: Step) -> None:
    at_hand = means(folder, step)
    with at_hand.files.changing():
        remove_seals(SealDocument.load(at_hand.files), OLD, {"file"}, at_hand)


def add_file(folder: Path, step: Step) -> None:
    at_hand = means(folder, step)
    with at_hand.files.changing():
        add_seal(SealDocument.load(at_hand.files), OLD, FileSeal(at_hand.files), "file", at_hand)


def files_with_key(folder: Path, *keys: RootKey) -> set[str]:
    """The files that hold a root key in the clear."""
    return {
        path.name for path in folder.iterdir() if any(key.expose().hex().encode() in path.read_bytes() for key in keys)
    }


def each_kill(folder: Path, work: Callable[[Path, Step], None]) -> list[Path]:
    """Copies of the folder, one for each step before which ``work`` was killed; the last one was not."""
    whole = folder.with_name("whole")
    shutil.copytree(folder, whole)
    found = []
    for number, name in enumerate(steps_of(lambda step: work(whole, step))):
        copy = folder.with_name(f"killed {number} before {name}")
        shutil.copytree(folder, copy)
        until_step(number, lambda step, copy=copy: work(copy, step))  # type: ignore[misc]
        found.append(copy)
    return [*found, whole]


def settled(folder: Path) -> SealDocument:
    """What the next command finds, after it has cleaned up."""
    files = SealFiles(folder)
    with files.changing():
        document = SealDocument.load(files)
        document.require_made_with(OLD)
        remove_orphans(document, OLD, files)
    return document


def test_adding(folder: Path) -> None:
    copies = each_kill(folder, add)
    assert len(copies) == 3
    names = []
    for copy in copies:
        document = settled(copy)
        names.append([entry.name for entry in document.seals])
        assert open_root_key(document, means(copy)).expose() == OLD.expose()
        assert {path.name for path in copy.iterdir()} == {ROOT_KEY_FILE, SEAL_FILE}
    assert names == [["file", "shares"], ["file", "shares"], ["file", "shares", "mine"]]


def test_removing_leaves_no_key_behind(folder: Path) -> None:
    add(folder, lambda _: None)
    copies = each_kill(folder, remove_file)
    for copy in copies:
        document = settled(copy)
        named = any(entry.name == "file" for entry in document.seals)
        assert files_with_key(copy, OLD) == ({ROOT_KEY_FILE} if named else set())
        assert open_root_key(document, means(copy), without={"file"}).expose() == OLD.expose()
    assert len(copies) == 4
    assert not (copies[-1] / ROOT_KEY_FILE).exists()


def test_adding_a_file_leaves_no_key_behind(folder: Path) -> None:
    add(folder, lambda _: None)
    remove_file(folder, lambda _: None)
    copies = each_kill(folder, add_file)
    for copy in copies:
        document = settled(copy)
        named = any(entry.name == "file" for entry in document.seals)
        assert files_with_key(copy, OLD) == ({ROOT_KEY_FILE} if named else set())
    assert len(copies) == 5


def test_a_successor_that_the_store_never_came_to_is_forgotten(folder: Path) -> None:
    def prepare_and_drop(folder: Path, step: Step) -> None:
        at_hand = means(folder, step)
        with at_hand.files.changing():
            prepare_successor(SealDocument.load(at_hand.files), OLD, NEW, at_hand)
            drop_successor(at_hand.files)

    copies = each_kill(folder, prepare_and_drop)
    for copy in copies:
        files = SealFiles(copy)
        with files.changing():
            if files.holds(SEAL_FILE_NEXT):
                drop_successor(files)
        document = settled(copy)
        assert open_root_key(document, means(copy)).expose() == OLD.expose()
        assert not files.holds(SEAL_FILE_NEXT)
    assert len(copies) == 7


def test_a_successor_that_the_store_came_to_takes_its_place(folder: Path) -> None:
    at_hand = means(folder)
    add(folder, lambda _: None)
    prepare_successor(SealDocument.load(at_hand.files), OLD, NEW, at_hand)

    def take_place(folder: Path, step: Step) -> None:
        put_successor_in_place(SealFiles(folder, step))

    copies = each_kill(folder, take_place)
    for copy in copies:
        files = SealFiles(copy)
        if files.holds(SEAL_FILE_NEXT):
            put_successor_in_place(files)
        document = SealDocument.load(files)
        document.require_made_with(NEW)
        assert [entry.name for entry in document.seals] == ["file", "shares", "mine"]
        for other in ("file", "mine"):
            assert open_root_key(document, means(copy), without={other}).expose() == NEW.expose()
        assert files_with_key(copy, OLD) == set()
        assert {path.name for path in copy.iterdir()} == {f"root-{NEW.fingerprint[:16]}.key", SEAL_FILE}
    assert len(copies) == 3


def test_refusals_change_nothing(folder: Path) -> None:
    at_hand = means(folder)
    document = SealDocument.load(at_hand.files)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    seal = passphrase_seal()
    assert "already" in refusal(lambda: add_seal(document, OLD, seal, "shares", at_hand))
    assert "not a name" in refusal(lambda: add_seal(document, OLD, seal, "../x", at_hand))
    assert "a file seal already" in refusal(lambda: add_seal(document, OLD, FileSeal(at_hand.files), "b", at_hand))
    assert "last seal" in refusal(lambda: remove_seals(document, OLD, {"file", "shares"}, at_hand))
    many = [SealEntry("shares", OLD.fingerprint, {}, f"set-{number}") for number in range(16)]
    full = SealDocument.made(OLD, many, ENTROPY)
    assert "16 seals already" in refusal(lambda: add_seal(full, OLD, seal, "more", at_hand))
    nobody = Means(at_hand.files, ENTROPY)
    more = SealDocument.made(OLD, [*document.seals, passphrase_seal().seal(OLD)], ENTROPY)
    assert "Nobody can be asked" in refusal(lambda: prepare_successor(more, OLD, NEW, nobody))
    mistyped = Means(at_hand.files, ENTROPY, passphrase=lambda _: b"mistyped passphrase")
    assert "does not open" in refusal(lambda: prepare_successor(more, OLD, NEW, mistyped))
    with at_hand.files.changing(), pytest.raises(OperatorError, match="by another process"):
        add(folder, lambda _: None)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_root_key_of_somebody_else_is_not_removed(folder: Path) -> None:
    add(folder, lambda _: None)
    remove_file(folder, lambda _: None)
    FileSeal(SealFiles(folder)).seal(NEW)
    settled(folder)
    assert files_with_key(folder, NEW) == {ROOT_KEY_FILE}
