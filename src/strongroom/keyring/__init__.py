"""The keyring: the root key and its seals, and every encryption that Strongroom does.

What lives here: the hierarchy of keys. The root key, in memory and inside its seal only, wraps the material of KMS
keys; a KMS key seals data keys and small plaintexts; a data key seals a secret's value; sub-keys of the root key
seal what the system keeps for itself. `docs/ciphertext-format.md` specifies the bytes.

What it may touch: `strongroom.errors`, `strongroom.world`, and the files of the seals in the data folder.

What never enters: the store, the network, who is asking and whether they may, and any key in a text, log or error.
"""

from strongroom.keyring.header import CiphertextHeader, InvalidCiphertext, inspect
from strongroom.keyring.keyring import Keyring, UnusableKeyMaterial, WrappedMaterial
from strongroom.keyring.passphrase import read_passphrase
from strongroom.keyring.root import RootKey
from strongroom.keyring.values import open_with_data_key, seal_with_data_key

__all__ = [
    "CiphertextHeader",
    "InvalidCiphertext",
    "Keyring",
    "RootKey",
    "UnusableKeyMaterial",
    "WrappedMaterial",
    "inspect",
    "open_with_data_key",
    "read_passphrase",
    "seal_with_data_key",
]
