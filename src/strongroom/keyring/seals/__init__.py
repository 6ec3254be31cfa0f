"""Seals: how the root key is kept while Strongroom is not running.

A seal turns a root key into a document that may be stored, and the document back into the root key. Each kind of
seal is one module. The document, `seal.json` in the data folder, holds no readable key. What a seal needs besides it
(a passphrase, a folder) is given to its constructor; asking a person for it is not done here.
"""

from strongroom.keyring.seals.base import Seal
from strongroom.keyring.seals.document import SEAL_FILE, SealDocument
from strongroom.keyring.seals.file import ROOT_KEY_FILE, FileSeal
from strongroom.keyring.seals.passphrase import Argon2Cost, PassphraseSeal

__all__ = ["ROOT_KEY_FILE", "SEAL_FILE", "Argon2Cost", "FileSeal", "PassphraseSeal", "Seal", "SealDocument"]
