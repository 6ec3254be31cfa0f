"""What tests of KMS share: policies of keys, and key material that its owner makes."""

from __future__ import annotations

import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

__all__ = ["key_policy", "new_key", "wrap"]

_HASHES = {"RSAES_OAEP_SHA_1": hashes.SHA1, "RSAES_OAEP_SHA_256": hashes.SHA256}


def new_key(kms: Any, **parameters: Any) -> str:
    """Make a key; answers its ARN."""
    return str(kms.create_key(**parameters)["KeyMetadata"]["Arn"])


def key_policy(account: str, *statements: dict[str, Any]) -> str:
    """A key policy that delegates to the account, and says more."""
    root = {"AWS": f"arn:aws:iam::{account}:root"}
    delegation = {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [delegation, *statements]})


def wrap(public_key: bytes, algorithm: str, material: bytes) -> bytes:
    """Encrypt key material for ImportKeyMaterial, as its owner does."""
    key = load_der_public_key(public_key)
    assert isinstance(key, rsa.RSAPublicKey)
    digest = _HASHES[algorithm]()
    return key.encrypt(material, padding.OAEP(padding.MGF1(digest), digest, None))
