"""Unpacking archives; attack 17 of the threat list where it comes as a zip file."""

from __future__ import annotations

import asyncio
import hashlib
import io
import stat
import warnings
import zipfile
from pathlib import Path

import pytest

from strongroom.errors import AwsError
from strongroom.services.awslambda.runtime import code_store, unpack
from strongroom.services.awslambda.runtime.code_store import CodeStore
from strongroom.services.awslambda.runtime.unpack import inspect_archive, lay_over, remove_tree, unpack_archive


def archive(*entries: tuple[str, bytes], mode: int = 0o644, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as target, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns about the duplicates that a test wants
        for name, content in entries:
            entry = zipfile.ZipInfo("placeholder")
            entry.filename = name
            entry.external_attr = mode << 16
            entry.compress_type = compression
            target.writestr(entry, content)
    return buffer.getvalue()


def refusal(data: bytes, folder: Path) -> str:
    with pytest.raises(AwsError) as caught:
        unpack_archive(data, folder / "code")
    assert caught.value.code == "InvalidParameterValueException"
    assert list(folder.iterdir()) == []
    return caught.value.message


def test_unpacks_files_read_only_and_keeps_the_executable_bit(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, mode in (("pkg/mod.py", 0o666), ("bootstrap", 0o4777), ("windows.txt", 0)):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            target.writestr(entry, name)
    code = tmp_path / "code"
    unpack_archive(buffer.getvalue(), code)
    assert (code / "pkg" / "mod.py").read_text() == "pkg/mod.py"
    modes = {str(path.relative_to(code)): stat.S_IMODE(path.stat().st_mode) for path in code.rglob("*")}
    assert modes == {"pkg": 0o555, "pkg/mod.py": 0o444, "bootstrap": 0o555, "windows.txt": 0o444}
    remove_tree(code)
    assert not code.exists()


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "a/../../evil",
        "/etc/evil",
        "..",
        "a//b",
        "./a",
        "..\\evil",
        "C:\\evil",
        "a\0b",
        "x" * 300,
        "/".join(["d"] * 600),
    ],
)
def test_attack_17_zip_slip(tmp_path: Path, name: str) -> None:
    assert "name" in refusal(archive((name, b"x")), tmp_path)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_attack_17_links_and_special_files(tmp_path: Path, kind: int) -> None:
    assert "link or a special file" in refusal(archive(("evil", b"/etc/passwd"), mode=kind | 0o777), tmp_path)


def test_attack_17_zip_bomb_by_ratio(tmp_path: Path) -> None:
    assert "Unzipped size" in refusal(archive(("zeros", bytes(60 * 1024 * 1024))), tmp_path)


def test_attack_17_zip_bomb_by_declared_size(tmp_path: Path) -> None:
    data = archive(("a", b"x"))
    directory = data.rindex(b"PK\x01\x02")
    lying = data[: directory + 24] + (300_000_000).to_bytes(4, "little") + data[directory + 28 :]
    assert "Unzipped size" in refusal(lying, tmp_path)
    with pytest.raises(AwsError, match="Unzipped size"):
        inspect_archive(lying)


def test_attack_17_zip_bomb_that_lies_about_its_size(tmp_path: Path) -> None:
    data = archive(("zeros", bytes(60 * 1024 * 1024)))
    directory = data.rindex(b"PK\x01\x02")
    lying = data[: directory + 24] + (10).to_bytes(4, "little") + data[directory + 28 :]
    refusal(lying, tmp_path)


def test_attack_17_too_many_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "ENTRY_LIMIT", 10)
    assert "more than 10 entries" in refusal(archive(*((f"f{n}", b"") for n in range(11))), tmp_path)
    assert "more than 10 entries" in refusal(b"PK\x01\x02" * 200, tmp_path)


def test_attack_17_same_name_twice(tmp_path: Path) -> None:
    assert "same name" in refusal(archive(("a", b"1"), ("a", b"2")), tmp_path)
    assert "file and a folder" in refusal(archive(("a", b"1"), ("a/b", b"2")), tmp_path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_only_deflate(tmp_path: Path, compression: int) -> None:
    assert "other than deflate" in refusal(archive(("a", b"1"), compression=compression), tmp_path)


def test_encrypted_entries_are_refused(tmp_path: Path) -> None:
    data = bytearray(archive(("a", b"1")))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in refusal(bytes(data), tmp_path)


@pytest.mark.parametrize("data", [b"", b"not a zip", archive(("a", b"hello"))[:40]])
def test_no_archive_at_all(tmp_path: Path, data: bytes) -> None:
    assert refusal(data, tmp_path).startswith("Could not unzip uploaded file.")


def test_damaged_content_leaves_nothing(tmp_path: Path) -> None:
    data = bytearray(archive(("a", b"hello world" * 50)))
    data[35] ^= 0xFF
    assert refusal(bytes(data), tmp_path).startswith("Could not unzip uploaded file.")


def test_the_store_unpacks_once_and_forgets(tmp_path: Path) -> None:
    data = archive(("a.py", b"pass"))
    sha256 = hashlib.sha256(data).hexdigest()
    (tmp_path / "code" / "left-behind").mkdir(parents=True)
    loads = 0

    async def load() -> bytes:
        nonlocal loads
        loads += 1
        await asyncio.sleep(0)
        return data

    async def scenario() -> None:
        store = CodeStore(tmp_path / "code")
        folders = await asyncio.gather(*(store.folder(sha256, load) for _ in range(5)))
        assert set(folders) == {tmp_path / "code" / sha256}
        assert [path.name for path in (tmp_path / "code").iterdir()] == [sha256]
        assert loads == 1
        await store.forget(sha256, lambda _: True)
        assert (tmp_path / "code" / sha256 / "a.py").is_file(), "a process has taken it up again"
        await store.forget(sha256, lambda _: False)
        assert list((tmp_path / "code").iterdir()) == []
        await store.folder(sha256, load)
        assert loads == 2

    asyncio.run(scenario())


def test_the_store_verifies_the_archive(tmp_path: Path) -> None:
    async def load() -> bytes:
        return archive(("a.py", b"pass"))

    async def scenario() -> None:
        store = CodeStore(tmp_path / "code")
        with pytest.raises(AwsError) as caught:
            await store.folder("0" * 64, load)
        assert caught.value.code == "CodeVerificationFailedException"

    asyncio.run(scenario())


def test_a_later_layer_hides_an_earlier_one(tmp_path: Path) -> None:
    layers = []
    for number, files in enumerate(
        [
            {"a/one": "1", "both": "old", "file": "f", "folder/x": "x"},
            {"a/two": "2", "both": "new", "file/y": "y", "folder": "z"},
        ]
    ):
        layer = tmp_path / f"layer-{number}"
        for name, text in files.items():
            (layer / name).parent.mkdir(parents=True, exist_ok=True)
            (layer / name).write_text(text)
        layers.append(layer)
    lay_over(layers, tmp_path / "opt")
    found = {
        path.relative_to(tmp_path / "opt").as_posix(): path.read_text()
        for path in (tmp_path / "opt").rglob("*")
        if path.is_file()
    }
    assert found == {"a/one": "1", "a/two": "2", "both": "new", "file/y": "y", "folder": "z"}
    assert (layers[0] / "both").read_text() == "old"
    remove_tree(tmp_path / "opt")
    assert (layers[0] / "a" / "one").read_text() == "1"


def test_code_and_layers_that_are_too_much_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_store, "UNPACKED_LIMIT", 5)

    async def scene() -> None:
        store = CodeStore(tmp_path / "code")
        names = []
        for text in ("abc", "def"):
            data = archive(("file", text.encode()))
            names.append(hashlib.sha256(data).hexdigest())

            async def load(data: bytes = data) -> bytes:
                return data

            await store.folder(names[-1], load)
        store.require_room(names[:1])
        with pytest.raises(AwsError, match="The actual size is 6 bytes"):
            store.require_room(names)

    asyncio.run(scene())
