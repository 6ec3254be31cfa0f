"""The kms seal: another KMS keeps the root key, AWS's own or a second Strongroom, reached by the KMS API.

The root key is the plaintext of `kms:Encrypt` under a key over there, bound to its fingerprint by the encryption
context. Whoever may call `kms:Decrypt` with that key opens the seal, and that KMS's audit trail shows each time.
Credentials come from where AWS tools take them: a profile, the environment, the instance's role.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from strongroom.errors import OperatorError
from strongroom.keyring.kdf import KEY_LENGTH
from strongroom.keyring.private_url import keeps_private
from strongroom.keyring.root import RootKey
from strongroom.keyring.seals.entry import SealEntry, damaged

__all__ = ["KmsApi", "KmsPlace", "KmsSeal", "connect"]

_SECONDS: Final = 10
_ATTEMPTS: Final = 3
_CONTEXT_NAME: Final = "strongroom:root-key-id"


@dataclass(frozen=True, slots=True)
class KmsPlace:
    """Where the key is that the root key is encrypted under.

    Attributes:
        key_id: Id, ARN or alias of the KMS key.
        region: Its region.
        endpoint_url: The URL of the KMS; AWS's own if None.
        profile: The profile of the AWS configuration that holds the credentials; the default ones if None.
        ca_bundle: A PEM file of the authorities that the KMS's certificate comes from; the public ones if None.
    """

    key_id: str
    region: str
    endpoint_url: str | None = None
    profile: str | None = None
    ca_bundle: str | None = None

    @classmethod
    def of(cls, entry: SealEntry) -> KmsPlace:
        """The place that a seal names.

        Raises:
            OperatorError: The entry is damaged.
        """
        return cls(
            entry.text("key_id"),
            entry.text("region"),
            entry.optional_text("endpoint_url"),
            entry.optional_text("profile"),
            entry.optional_text("ca_bundle"),
        )

    def parameters(self) -> dict[str, str | int]:
        """What a seal remembers of the place."""
        found = {
            "key_id": self.key_id,
            "region": self.region,
            "endpoint_url": self.endpoint_url,
            "profile": self.profile,
            "ca_bundle": self.ca_bundle,
        }
        return {name: value for name, value in found.items() if value is not None}


class KmsApi(Protocol):
    """What is used of a KMS client. The parameters and results are those of the KMS API."""

    def encrypt(self, *, KeyId: str, Plaintext: bytes, EncryptionContext: Mapping[str, str]) -> Mapping[str, object]:
        """Encrypt under a key."""
        ...

    def decrypt(
        self, *, KeyId: str, CiphertextBlob: bytes, EncryptionContext: Mapping[str, str]
    ) -> Mapping[str, object]:
        """Decrypt what `encrypt` made."""
        ...


def connect(place: KmsPlace) -> KmsApi:
    """A client of the KMS at ``place``.

    Raises:
        OperatorError: The root key would cross a network in the clear, or the AWS configuration is wrong.
    """
    if place.endpoint_url is not None and not keeps_private(place.endpoint_url):
        raise OperatorError(
            f"The root key is not sent to {place.endpoint_url}.",
            why="It would cross the network in the clear.",
            fix="Give the https:// address of the KMS.",
        )
    import botocore.session  # noqa: PLC0415 - a third of a second and 20 MB, which a server without this seal need not pay

    with _told(place):
        client: object = botocore.session.Session(profile=place.profile).create_client(
            "kms",
            region_name=place.region,
            endpoint_url=place.endpoint_url,
            verify=place.ca_bundle,
            config=Config(
                connect_timeout=_SECONDS,
                read_timeout=_SECONDS,
                retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
            ),
        )
    return cast(KmsApi, client)


class KmsSeal:
    """Keeps the root key encrypted under a key of another KMS.

    Args:
        place: The key.
        client: How to get a client of its KMS.
    """

    kind: Final = "kms"

    def __init__(self, place: KmsPlace, client: Callable[[KmsPlace], KmsApi] = connect) -> None:
        self._place = place
        self._client = client

    def seal(self, root_key: RootKey) -> SealEntry:
        """Have the root key encrypted.

        Raises:
            OperatorError: The KMS refused or could not be reached.
        """
        client = self._client(self._place)
        with _told(self._place):
            answer = client.encrypt(
                KeyId=self._place.key_id,
                Plaintext=root_key.expose(),
                EncryptionContext={_CONTEXT_NAME: root_key.fingerprint},
            )
        ciphertext = answer["CiphertextBlob"]
        if not isinstance(ciphertext, bytes):
            raise _unexpected(self._place)
        return SealEntry(
            self.kind, root_key.fingerprint, {**self._place.parameters(), "wrapped_root_key": ciphertext.hex()}
        )

    def open(self, entry: SealEntry) -> RootKey:
        """Have the root key decrypted.

        Raises:
            OperatorError: The KMS refused or could not be reached, or the entry is damaged.
        """
        entry.require_kind(self.kind)
        wrapped = entry.binary("wrapped_root_key")
        client = self._client(self._place)
        with _told(self._place):
            answer = client.decrypt(
                KeyId=self._place.key_id,
                CiphertextBlob=wrapped,
                EncryptionContext={_CONTEXT_NAME: entry.root_key_id},
            )
        plaintext = answer["Plaintext"]
        if not isinstance(plaintext, bytes) or len(plaintext) != KEY_LENGTH:
            raise _unexpected(self._place)
        root_key = RootKey(plaintext)
        if root_key.fingerprint != entry.root_key_id:
            raise damaged("another root key was encrypted in its kms seal")
        return root_key


@contextmanager
def _told(place: KmsPlace) -> Iterator[None]:
    """Turn what a client raises into words. Its errors hold names and texts of the KMS, never a plaintext."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise OperatorError(
            f"The KMS key {place.key_id} could not be used for the root key.",
            why=str(error),
            fix="Check that the KMS is reachable, and that the credentials may call kms:Encrypt and kms:Decrypt "
            "with this key.",
        ) from None


def _unexpected(place: KmsPlace) -> OperatorError:
    return OperatorError(
        f"The KMS at {place.endpoint_url or place.region} did not answer as a KMS does.",
        fix="Check the address of the KMS in `strongroom seal status`.",
    )
