"""KMS: symmetric encryption keys, who may use them, and encrypting and decrypting under them.

What lives here: the operations, by group; `directory`, which finds the key that a request means and guards it;
`cipher`, which uses it; `creation`, `policies`, `names` and `records` behind them; `client`, by which other services
use KMS; and `maintenance`, which destroys keys in the end.

What it may touch: store, keyring, policy and audit, and the vocabulary of `strongroom.services`. What never enters: the
root key, opened key material, and any other service.
"""

from strongroom.services.kms.client import KmsServiceClient
from strongroom.services.kms.service import Kms

__all__ = ["Kms", "KmsServiceClient"]
