"""Seals: how the root key is kept while Strongroom is not running.

A seal turns a root key into an entry that may be stored, and the entry back into the root key. Each kind of seal is
one module: `file`, `passphrase`, `shares`, `pkcs11`, `kms`. The entries of all seals of a root key make up the seal
document, `seal.json` in the data folder, which holds no readable key; any one of them opens. What a seal needs besides
its entry (a passphrase, a token, shares) is given to its constructor; asking a person for it is not done here.

`opening` tries the seals of a document, `changes` adds, removes and succeeds them so that a crash leaves the old way
or the new one.
"""

from strongroom.keyring.seals.base import Seal
from strongroom.keyring.seals.changes import (
    SEAL_FILE_NEXT,
    add_seal,
    drop_successor,
    prepare_successor,
    put_successor_in_place,
    remove_orphans,
    remove_seals,
)
from strongroom.keyring.seals.document import SealDocument
from strongroom.keyring.seals.entry import SEAL_FILE, SealEntry, is_seal_name
from strongroom.keyring.seals.file import ROOT_KEY_FILE, FileSeal
from strongroom.keyring.seals.files import SealFiles
from strongroom.keyring.seals.kms import KmsPlace, KmsSeal
from strongroom.keyring.seals.opening import Means, Sealed, open_root_key, open_seal
from strongroom.keyring.seals.passphrase import Argon2Cost, PassphraseSeal
from strongroom.keyring.seals.pkcs11 import Pkcs11Seal, TokenPlace
from strongroom.keyring.seals.shares import NotAShare, ShareCollector, ShareSet, SharesSeal, new_share_set

__all__ = [
    "ROOT_KEY_FILE",
    "SEAL_FILE",
    "SEAL_FILE_NEXT",
    "Argon2Cost",
    "FileSeal",
    "KmsPlace",
    "KmsSeal",
    "Means",
    "NotAShare",
    "PassphraseSeal",
    "Pkcs11Seal",
    "Seal",
    "SealDocument",
    "SealEntry",
    "SealFiles",
    "Sealed",
    "ShareCollector",
    "ShareSet",
    "SharesSeal",
    "TokenPlace",
    "add_seal",
    "drop_successor",
    "is_seal_name",
    "new_share_set",
    "open_root_key",
    "open_seal",
    "prepare_successor",
    "put_successor_in_place",
    "remove_orphans",
    "remove_seals",
]
