"""Code as it is uploaded and kept: a zip archive, checked and sealed.

An archive may have 50 MB, so everything here is done on a thread of its own, before a transaction begins.
"""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from strongroom.keyring import Keyring
from strongroom.services.awslambda import failures
from strongroom.services.awslambda.layer_names import LayerReference
from strongroom.services.awslambda.names import FunctionReference
from strongroom.services.awslambda.records import stored_code_bytes
from strongroom.services.awslambda.runtime import inspect_archive
from strongroom.store import Transaction

__all__ = [
    "ACCOUNT_QUOTA",
    "LARGEST_ARCHIVE",
    "SealedArchive",
    "open_archive",
    "require_room",
    "sealed_archive",
    "shown_sha256",
    "uploaded_archive",
]

LARGEST_ARCHIVE: Final = 50 * 1024 * 1024  # Lambda quotas: a zip file uploaded directly
_LARGEST_REQUEST: Final = 69_905_067  # the same in base64: the figure of AWS's text
ACCOUNT_QUOTA: Final = 75 * 1024**3  # bytes for an account and region; Lambda quotas
_PURPOSES: Final = {"function": "function-code", "layer": "layer-code"}
_ELSEWHERE: Final = ("S3Bucket", "S3Key", "S3ObjectVersion", "S3ObjectStorageMode", "ImageUri", "SourceKMSKeyArn")

Kind = Literal["function", "layer"]


@dataclass(frozen=True, slots=True)
class SealedArchive:
    """An archive, ready to be stored.

    Args:
        sha256: Of the archive in clear, lower-case hex.
        size: Of the archive in clear, in bytes.
        sealed: What is stored.
    """

    sha256: str
    size: int
    sealed: bytes = field(repr=False)


def uploaded_archive(code: Mapping[str, object]) -> bytes:
    """The archive that a request brings.

    Args:
        code: The members of the model's ``FunctionCode``.

    Raises:
        AwsError: ``InvalidParameterValueException``: there is none, or it is said to be elsewhere.
    """
    elsewhere = [name for name in _ELSEWHERE if code.get(name)]
    if elsewhere:
        raise failures.invalid_parameter(f"{elsewhere[0]} is not supported: Strongroom takes code as a ZipFile only.")
    archive = code.get("ZipFile")
    if not isinstance(archive, bytes):
        raise failures.invalid_parameter("Please provide a source for function code.")
    return archive


async def sealed_archive(
    keyring: Keyring, arn: str, archive: bytes, operation: str, kind: Kind = "function"
) -> SealedArchive:
    """Check an archive and seal it for the function or layer ``arn``.

    Args:
        keyring: Seals it.
        arn: The function or layer.
        archive: The zip archive.
        operation: The operation that brings it, for the text of an error.
        kind: What ``arn`` is.

    Raises:
        AwsError: ``InvalidParameterValueException``: it cannot be unpacked safely; ``RequestEntityTooLargeException``:
            it has more than 50 MB.
    """
    if len(archive) > LARGEST_ARCHIVE:
        raise failures.request_entity_too_large(_LARGEST_REQUEST, operation)
    return await asyncio.to_thread(_check_and_seal, keyring, arn, archive, kind)


def _check_and_seal(keyring: Keyring, arn: str, archive: bytes, kind: Kind) -> SealedArchive:
    inspect_archive(archive)
    sha256 = hashlib.sha256(archive).hexdigest()
    return SealedArchive(sha256, len(archive), keyring.seal_system(_PURPOSES[kind], archive, _context(arn, sha256)))


def open_archive(keyring: Keyring, arn: str, sha256: str, sealed: bytes, kind: Kind = "function") -> bytes:
    """The archive in clear. Takes its time: not for the event loop.

    Raises:
        InvalidCiphertext: It was altered, or belongs to another function or layer.
    """
    return keyring.open_system(_PURPOSES[kind], sealed, _context(arn, sha256))


def _context(arn: str, sha256: str) -> dict[str, str]:
    return {"FunctionArn": arn, "CodeSha256": sha256}


def shown_sha256(sha256: str) -> str:
    """``CodeSha256`` as answers have it: base64.

    Args:
        sha256: Lower-case hex.
    """
    return b64encode(bytes.fromhex(sha256)).decode()


def require_room(transaction: Transaction, reference: FunctionReference | LayerReference, more: int) -> None:
    """Refuse code beyond the quota of an account and region.

    Args:
        transaction: Where the other code is.
        reference: The function or layer.
        more: How many bytes are added.

    Raises:
        AwsError: ``CodeStorageExceededException``.
    """
    if more > 0 and stored_code_bytes(transaction, reference.account, reference.region) + more > ACCOUNT_QUOTA:
        raise failures.code_storage_exceeded()
