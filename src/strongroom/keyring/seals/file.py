"""The file seal: the root key in a file beside the data that it protects.

It lets an installation start by itself. It protects copies of the store, not the whole data folder: whoever has the
file has everything. The file must be kept apart from backups of the store.
"""

from __future__ import annotations

import re
from typing import Final

from strongroom.errors import OperatorError
from strongroom.keyring.kdf import KEY_LENGTH
from strongroom.keyring.root import RootKey
from strongroom.keyring.seals.entry import SEAL_FILE, SealEntry, damaged
from strongroom.keyring.seals.files import SealFiles

__all__ = ["ROOT_KEY_FILE", "FileSeal", "root_key_file_of"]

ROOT_KEY_FILE: Final = "root.key"
_FILE_NAME: Final = re.compile(r"root(-[0-9a-f]{16})?\.key")
_FILE_LENGTH: Final = 2 * KEY_LENGTH + 1  # hexadecimal digits and a line ending


class FileSeal:
    """Keeps the root key in a file of mode 0600: 64 hexadecimal digits and a line ending.

    Args:
        files: The files in the data folder.
        succeeding: Whether a file of another root key may stand beside the new one: when one root key follows another
            and both must open until the change is made. The file's name then tells whose it is.
    """

    kind: Final = "file"

    def __init__(self, files: SealFiles, *, succeeding: bool = False) -> None:
        self._files = files
        self._succeeding = succeeding

    def seal(self, root_key: RootKey) -> SealEntry:
        """Write the root key to the file. A file that already holds this very key is left as it is.

        Raises:
            OperatorError: The file holds another key, which is never overwritten, or cannot be written.
        """
        name = f"root-{root_key.fingerprint[:16]}.key" if self._succeeding else ROOT_KEY_FILE
        if not self._files.holds(name):
            self._files.write(name, root_key.expose().hex().encode() + b"\n")
        elif self._read(name).fingerprint != root_key.fingerprint:
            raise OperatorError(
                f"{self._files.path(name)} already holds another root key.",
                why="Whatever was sealed under it would be lost with it, so it is not overwritten.",
                fix=f"Restore {SEAL_FILE} if this data folder was in use; if it never was, move {name} away.",
            )
        return SealEntry(self.kind, root_key.fingerprint, {} if name == ROOT_KEY_FILE else {"file": name})

    def open(self, entry: SealEntry) -> RootKey:
        """Read the root key from the file.

        Raises:
            OperatorError: The file is missing, open to others or damaged, or holds the key of another installation.
        """
        entry.require_kind(self.kind)
        name = root_key_file_of(entry)
        root_key = self._read(name)
        if root_key.fingerprint != entry.root_key_id:
            raise OperatorError(
                f"{self._files.path(name)} does not hold the root key of this data folder.",
                why=f"Its fingerprint is {root_key.fingerprint}; {SEAL_FILE} names {entry.root_key_id}.",
                fix=f"Put back the {name} that belongs to this data folder.",
            )
        return root_key

    def _read(self, name: str) -> RootKey:
        content = self._files.read(name, _FILE_LENGTH)
        try:
            return RootKey(bytes.fromhex(content.decode("ascii")))
        except ValueError:
            # The cause would carry bytes of the file.
            raise OperatorError(
                f"{self._files.path(name)} is damaged.",
                why=f"It does not hold {2 * KEY_LENGTH} hexadecimal digits.",
                fix=f"Restore {name} from where you keep its copy.",
            ) from None


def root_key_file_of(entry: SealEntry) -> str:
    """The name of the file that a file seal keeps its root key in.

    Raises:
        OperatorError: The entry names a file that no seal writes.
    """
    name = entry.optional_text("file") or ROOT_KEY_FILE
    if not _FILE_NAME.fullmatch(name):
        raise damaged("a file seal names a file that Strongroom does not write")
    return name
