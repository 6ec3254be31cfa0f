"""Unpacking an uploaded zip archive without trusting it.

An archive is refused when it holds absolute or climbing names, links, devices, encrypted or oddly compressed entries,
the same name twice, too many entries, or more bytes than Lambda allows. Sizes are counted while unpacking; what the
archive says about itself is believed only when it says too much.
"""

from __future__ import annotations

import io
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from strongroom.errors import AwsError

__all__ = ["ENTRY_LIMIT", "UNPACKED_LIMIT", "inspect_archive", "lay_over", "remove_tree", "unpack_archive"]

UNPACKED_LIMIT = 262_144_000
"""Bytes that a deployment package may unpack to (AWS "Lambda quotas": 250 MB)."""

ENTRY_LIMIT = 20_000
"""Files and folders in one archive. AWS names no figure; this bounds memory and inodes."""

# An archive may unpack to this many times its own size, beyond a first allowance that lets small, very regular
# packages through. Real packages stay under 20; a bomb of nested runs of zeros reaches 1032, deflate's ceiling.
_RATIO_LIMIT = 200
_RATIO_ALLOWANCE = 16 * 1024 * 1024

_CHUNK = 256 * 1024
_CENTRAL_HEADER = b"PK\x01\x02"
_ENCRYPTED_FLAG = 0x1
_COMPONENT_LIMIT = 255
_PATH_LIMIT = 1024
_UNREADABLE = "Could not unzip uploaded file. Please check your file, then try to upload again."
_TOO_LARGE = f"Unzipped size must be smaller than {UNPACKED_LIMIT} bytes"


def _refused(message: str) -> AwsError:
    return AwsError("InvalidParameterValueException", message)


def _checked_name(entry: zipfile.ZipInfo) -> PurePosixPath:
    """The entry's path inside the code folder.

    `zipfile` cuts a name at NUL and turns the system's separator into ``/``, so the name as stored is what is judged.
    """
    name = entry.orig_filename
    parts = name.removesuffix("/").split("/")
    if (
        not name
        or "\0" in name
        or "\\" in name
        or len(name.encode("utf-8", "surrogateescape")) > _PATH_LIMIT
        or any(
            part in {"", ".", ".."} or len(part.encode("utf-8", "surrogateescape")) > _COMPONENT_LIMIT for part in parts
        )
    ):
        raise _refused("The archive holds an entry whose name is absolute, climbs out of the archive or is malformed.")
    return PurePosixPath(*parts)


def _check_kind(entry: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR} or (kind == stat.S_IFDIR) > entry.is_dir():
        raise _refused("The archive holds a link or a special file. Only plain files and folders are accepted.")
    if entry.flag_bits & _ENCRYPTED_FLAG:
        raise _refused("The archive holds an encrypted entry.")
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise _refused("The archive uses a compression method other than deflate.")


def _checked_entries(archive: zipfile.ZipFile) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """Every entry with its safe path, or the reason why the archive is refused."""
    entries: list[tuple[zipfile.ZipInfo, PurePosixPath]] = []
    files: set[PurePosixPath] = set()
    folders: set[PurePosixPath] = set()
    total = 0
    for entry in archive.infolist():
        path = _checked_name(entry)
        _check_kind(entry)
        if entry.is_dir():
            folders.add(path)
        elif path in files:
            raise _refused("The archive holds two entries of the same name.")
        else:
            files.add(path)
        folders.update(path.parents)
        total += entry.file_size
        entries.append((entry, path))
    if files & folders:
        raise _refused("The archive holds a name that is both a file and a folder.")
    if len(entries) > ENTRY_LIMIT:
        raise _refused(f"The archive holds more than {ENTRY_LIMIT} entries.")
    if total > UNPACKED_LIMIT:
        raise _refused(_TOO_LARGE)
    return entries


def _opened(data: bytes) -> zipfile.ZipFile:
    # zipfile reads the whole directory into objects at once, so the entries are counted before it may.
    if data.count(_CENTRAL_HEADER) > ENTRY_LIMIT + 100:
        raise _refused(f"The archive holds more than {ENTRY_LIMIT} entries.")
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise _refused(_UNREADABLE) from error


def inspect_archive(data: bytes) -> None:
    """Judge an archive by its directory alone, writing nothing: what an upload can be told at once.

    Args:
        data: The zip archive.

    Raises:
        AwsError: InvalidParameterValueException, with the reason.
    """
    with _opened(data) as archive:
        _checked_entries(archive)


def unpack_archive(data: bytes, folder: Path) -> int:
    """Unpack ``data`` into ``folder``, which must not exist yet; answer how many bytes its files have.

    Files become 0444, or 0555 when the archive marks them executable; folders 0555.

    Args:
        data: The zip archive.
        folder: The folder to create. On failure it is removed again.

    Raises:
        AwsError: InvalidParameterValueException, with the reason.
    """
    with _opened(data) as archive:
        entries = _checked_entries(archive)
        budget = min(UNPACKED_LIMIT, _RATIO_ALLOWANCE + _RATIO_LIMIT * len(data))
        complete = False
        folder.mkdir(parents=True, mode=0o700)
        try:
            left = _write_entries(archive, entries, folder, budget)
            complete = True
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise _refused(_UNREADABLE) from error
        finally:
            if not complete:
                remove_tree(folder)
    return budget - left


def _write_entries(
    archive: zipfile.ZipFile, entries: list[tuple[zipfile.ZipInfo, PurePosixPath]], folder: Path, budget: int
) -> int:
    """Write every entry into ``folder``, then make the folders read-only; answer what is left of ``budget`` bytes."""
    for entry, path in entries:
        target = folder / path
        if entry.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        budget -= _write_entry(archive, entry, target, budget)
    _close_folders(folder)
    return budget


def _close_folders(folder: Path) -> None:
    for parent in [*(path for path in folder.rglob("*") if path.is_dir()), folder]:
        parent.chmod(0o555)


def _write_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, budget: int) -> int:
    """Write one file and answer its size; stops as soon as it outgrows ``budget`` bytes."""
    written = 0
    with archive.open(entry) as source, target.open("xb") as sink:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > budget:
                raise _refused(_TOO_LARGE)
            sink.write(chunk)
    target.chmod(0o555 if (entry.external_attr >> 16) & 0o111 else 0o444)
    return written


def remove_tree(folder: Path) -> None:
    """Remove a folder whose own folders may be read-only. A folder that is not there is no error."""
    if not folder.is_dir():
        return
    if os.geteuid() != 0:  # root needs no rights, and had better not change those of what a function may have made
        folder.chmod(0o700)
        for parent, folders, _ in os.walk(folder):
            for path in (Path(parent, name) for name in folders):
                if not path.is_symlink():
                    path.chmod(0o700)
    shutil.rmtree(folder)


def lay_over(folders: Sequence[Path], target: Path) -> None:
    """Make ``target``, which must not exist, from unpacked folders: what comes later hides what came before.

    Files are linked, so this costs neither room nor time. Source: Lambda Developer Guide, "Adding layers to
    functions".
    """
    target.mkdir(mode=0o700)
    for folder in folders:
        for parent, names, files in os.walk(folder):
            place = target / Path(parent).relative_to(folder)
            for name in names:
                if (place / name).is_file():
                    (place / name).unlink()
                (place / name).mkdir(mode=0o700, exist_ok=True)
            for name in files:
                if (place / name).is_dir():
                    shutil.rmtree(place / name)
                (place / name).unlink(missing_ok=True)
                os.link(Path(parent) / name, place / name)
    _close_folders(target)
