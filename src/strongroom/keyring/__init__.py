"""The keyring: the root key and its seals, and every encryption that Strongroom does.

What lives here: the hierarchy of keys. The root key, in memory and inside its seal only, wraps the material of KMS
keys; a KMS key seals data keys and small plaintexts; a data key seals a secret's value; sub-keys of the root key
seal what the system keeps for itself. `docs/ciphertext-format.md` specifies the bytes.

What it may touch: `strongroom.errors`, `strongroom.world`, the files of the seals in the data folder, and what a seal
reaches for: a token, or another KMS.

What never enters: the store, any other network, who is asking and whether they may, and any key in a text, log or
error.
"""

from strongroom.keyring.header import CiphertextHeader, InvalidCiphertext, inspect
from strongroom.keyring.importing import WRAPPING_ALGORITHMS, TransferKey, generate_transfer_key, unwrap_material
from strongroom.keyring.keyring import MAC_ALGORITHMS, Keyring, UnusableKeyMaterial, WrappedMaterial
from strongroom.keyring.pairs import PAIR_SPECS, KeyPair, generate_pair
from strongroom.keyring.passphrase import read_passphrase
from strongroom.keyring.private_url import keeps_private
from strongroom.keyring.root import RootKey
from strongroom.keyring.signing import SigningKey, is_signed, public_key_from_pem, public_key_to_pem
from strongroom.keyring.values import open_with_data_key, seal_with_data_key

__all__ = [
    "MAC_ALGORITHMS",
    "PAIR_SPECS",
    "WRAPPING_ALGORITHMS",
    "CiphertextHeader",
    "InvalidCiphertext",
    "KeyPair",
    "Keyring",
    "RootKey",
    "SigningKey",
    "TransferKey",
    "UnusableKeyMaterial",
    "WrappedMaterial",
    "generate_pair",
    "generate_transfer_key",
    "inspect",
    "is_signed",
    "keeps_private",
    "open_with_data_key",
    "public_key_from_pem",
    "public_key_to_pem",
    "read_passphrase",
    "seal_with_data_key",
    "unwrap_material",
]
