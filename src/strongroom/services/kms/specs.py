"""The kinds of keys that there are here: symmetric ones, for encryption and for message authentication codes.

Source: KMS API Reference, "CreateKey" (KeySpec, KeyUsage, Origin); the lengths of HMAC keys are those of "HMAC keys in
AWS KMS" and "Requirements for imported key material" in the KMS Developer Guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from strongroom.services.kms import failures

__all__ = [
    "ENCRYPTION_ALGORITHM",
    "ENCRYPT_DECRYPT",
    "EXTERNAL",
    "GENERATE_VERIFY_MAC",
    "OWN_MAKING",
    "SPECS",
    "SYMMETRIC_DEFAULT",
    "KeySpecification",
    "chosen_spec",
    "require_offered",
]

SYMMETRIC_DEFAULT: Final = "SYMMETRIC_DEFAULT"
ENCRYPT_DECRYPT: Final = "ENCRYPT_DECRYPT"
GENERATE_VERIFY_MAC: Final = "GENERATE_VERIFY_MAC"
OWN_MAKING: Final = "AWS_KMS"
"""The origin of key material that was made here; AWS's own name for it."""
EXTERNAL: Final = "EXTERNAL"
ENCRYPTION_ALGORITHM: Final = "SYMMETRIC_DEFAULT"


@dataclass(frozen=True, slots=True)
class KeySpecification:
    """One kind of key.

    Args:
        name: ``KeySpec``.
        usage: The one ``KeyUsage`` that it has.
        material_bytes: How long its material is.
        algorithms_member: Where its algorithms stand in ``KeyMetadata``.
        algorithm: The one algorithm that it works with.
        has_many_materials: Whether it can be rotated, and so have several materials.
        operations: What a grant on such a key can allow.
    """

    name: str
    usage: str
    material_bytes: int
    algorithms_member: str
    algorithm: str
    has_many_materials: bool
    operations: frozenset[str]


_MANAGED: Final = frozenset({"DescribeKey", "CreateGrant", "RetireGrant"})
_ENCRYPTING: Final = _MANAGED | {
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
}


def _hmac(bits: int) -> KeySpecification:
    return KeySpecification(
        name=f"HMAC_{bits}",
        usage=GENERATE_VERIFY_MAC,
        material_bytes=bits // 8,
        algorithms_member="MacAlgorithms",
        algorithm=f"HMAC_SHA_{bits}",
        has_many_materials=False,
        operations=_MANAGED | {"GenerateMac", "VerifyMac"},
    )


SPECS: Final[Mapping[str, KeySpecification]] = {
    spec.name: spec
    for spec in (
        KeySpecification(
            name=SYMMETRIC_DEFAULT,
            usage=ENCRYPT_DECRYPT,
            material_bytes=32,
            algorithms_member="EncryptionAlgorithms",
            algorithm=ENCRYPTION_ALGORITHM,
            has_many_materials=True,
            operations=_ENCRYPTING,
        ),
        *(_hmac(bits) for bits in (224, 256, 384, 512)),
    )
}
"""Every kind of key, by its ``KeySpec``."""


def chosen_spec(key_spec: str | None, old_name: str | None, usage: str | None) -> KeySpecification:
    """The kind of key that a request for a new one asks for.

    Args:
        key_spec: ``KeySpec``.
        old_name: ``CustomerMasterKeySpec``, which it replaces.
        usage: ``KeyUsage``.

    Raises:
        AwsError: ``ValidationException``: they contradict each other. ``UnsupportedOperationException``: an
            asymmetric key.
    """
    if key_spec is not None and old_name is not None:
        raise failures.validation(
            "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. "
            "CustomerMasterKeySpec is deprecated."
        )
    name = key_spec or old_name or SYMMETRIC_DEFAULT
    spec = SPECS.get(name)
    if spec is None:
        raise failures.unsupported(f"KeySpec {name}")
    if usage is None and name != SYMMETRIC_DEFAULT:
        raise failures.validation(
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."
        )
    if usage not in {None, spec.usage}:
        raise failures.validation(f"KeyUsage {usage} is not compatible with KeySpec {name}")
    return spec


def require_offered(origin: str | None, key_store: str | None, external_key: str | None) -> None:
    """Refuse a key whose material would live in a custom key store, naming what asks for one.

    Raises:
        AwsError: ``UnsupportedOperationException``, or ``CustomKeyStoreNotFoundException`` for an id of one.
    """
    if origin not in {None, OWN_MAKING, EXTERNAL}:
        raise failures.unsupported(f"Origin {origin}")
    if external_key is not None:
        raise failures.unsupported("XksKeyId")
    if key_store is not None:
        raise failures.no_key_store(key_store)
