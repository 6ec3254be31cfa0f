"""The file seal: the root key in a file beside the data that it protects.

It lets an installation start by itself. It protects copies of the store, not the whole data folder: whoever has the
file has everything. The file must be kept apart from backups of the store.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from strongroom.errors import OperatorError
from strongroom.keyring.kdf import KEY_LENGTH
from strongroom.keyring.private_file import read_private, write_private
from strongroom.keyring.root import RootKey
from strongroom.keyring.seals.document import SEAL_FILE, SealDocument

__all__ = ["ROOT_KEY_FILE", "FileSeal"]

ROOT_KEY_FILE: Final = "root.key"
_FILE_LENGTH: Final = 2 * KEY_LENGTH + 1  # hexadecimal digits and a line ending


class FileSeal:
    """Keeps the root key in `root.key`, mode 0600: 64 hexadecimal digits and a line ending.

    Args:
        folder: The data folder.
    """

    kind: Final = "file"

    def __init__(self, folder: Path) -> None:
        self._path = folder / ROOT_KEY_FILE

    def seal(self, root_key: RootKey) -> SealDocument:
        """Write the root key to the file. A file that already holds this very key is left as it is.

        Raises:
            OperatorError: The file holds another key, which is never overwritten, or cannot be written.
        """
        if not os.path.lexists(self._path):
            write_private(self._path, root_key.expose().hex().encode() + b"\n")
        elif self._read().fingerprint != root_key.fingerprint:
            raise OperatorError(
                f"{self._path} already holds another root key.",
                why="Whatever was sealed under it would be lost with it, so it is not overwritten.",
                fix=f"Restore {SEAL_FILE} if this data folder was in use; if it never was, move {ROOT_KEY_FILE} away.",
            )
        return SealDocument(self.kind, root_key.fingerprint, {})

    def open(self, document: SealDocument) -> RootKey:
        """Read the root key from the file.

        Raises:
            OperatorError: The file is missing, open to others or damaged, or holds the key of another installation.
        """
        document.require_kind(self.kind)
        root_key = self._read()
        if root_key.fingerprint != document.root_key_id:
            raise OperatorError(
                f"{self._path} does not hold the root key of this data folder.",
                why=f"Its fingerprint is {root_key.fingerprint}; {SEAL_FILE} names {document.root_key_id}.",
                fix=f"Put back the {ROOT_KEY_FILE} that belongs to this data folder.",
            )
        return root_key

    def _read(self) -> RootKey:
        content = read_private(self._path, _FILE_LENGTH)
        try:
            return RootKey(bytes.fromhex(content.decode("ascii")))
        except ValueError:
            # The cause would carry bytes of the file.
            raise OperatorError(
                f"{self._path} is damaged.",
                why=f"It does not hold {2 * KEY_LENGTH} hexadecimal digits.",
                fix=f"Restore {ROOT_KEY_FILE} from where you keep its copy.",
            ) from None
