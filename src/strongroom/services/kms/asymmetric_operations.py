"""Operations of asymmetric keys: there are none here, so each of them is told that its key is of another kind.

The answers are those that KMS gives for a symmetric key. `specs.chosen_spec` says that no asymmetric key can be made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from strongroom.errors import AwsError
from strongroom.services.call import Call
from strongroom.services.kms import failures
from strongroom.services.kms.base import KmsBase
from strongroom.services.kms.grant_tokens import require_tokens
from strongroom.services.kms.keys import Key

__all__ = ["AsymmetricOperations"]


class AsymmetricOperations(KmsBase):
    """Sign, Verify, GetPublicKey, DeriveSharedSecret, Encapsulate and Decapsulate. Each raises an error."""

    async def sign(
        self,
        call: Call,
        *,
        KeyId: str,
        Message: bytes,
        SigningAlgorithm: str,
        MessageType: str | None = None,
        GrantTokens: Sequence[str] | None = None,
        DryRun: bool | None = None,
    ) -> dict[str, object]:
        """Sign a message."""
        del Message, MessageType, SigningAlgorithm, DryRun
        raise await self._wrong_usage(call, KeyId, GrantTokens)

    async def verify(
        self,
        call: Call,
        *,
        KeyId: str,
        Message: bytes,
        Signature: bytes,
        SigningAlgorithm: str,
        MessageType: str | None = None,
        GrantTokens: Sequence[str] | None = None,
        DryRun: bool | None = None,
    ) -> dict[str, object]:
        """Verify a signature."""
        del Message, MessageType, Signature, SigningAlgorithm, DryRun
        raise await self._wrong_usage(call, KeyId, GrantTokens)

    async def get_public_key(
        self, call: Call, *, KeyId: str, GrantTokens: Sequence[str] | None = None
    ) -> dict[str, object]:
        """Get the public half of a key."""
        key = await self._key(call, KeyId, GrantTokens)
        raise failures.unsuitable(key.arn, "key spec", key.spec.name)

    async def derive_shared_secret(
        self,
        call: Call,
        *,
        KeyId: str,
        KeyAgreementAlgorithm: str,
        PublicKey: bytes,
        GrantTokens: Sequence[str] | None = None,
        DryRun: bool | None = None,
        Recipient: Mapping[str, object] | None = None,
    ) -> dict[str, object]:
        """Agree on a secret."""
        del KeyAgreementAlgorithm, PublicKey, DryRun, Recipient
        raise await self._wrong_usage(call, KeyId, GrantTokens)

    async def encapsulate(
        self,
        call: Call,
        *,
        KeyId: str,
        EncapsulationAlgorithm: str,
        GrantTokens: Sequence[str] | None = None,
        DryRun: bool | None = None,
    ) -> dict[str, object]:
        """Make a shared secret for the holder of a key."""
        del EncapsulationAlgorithm, DryRun
        raise await self._wrong_usage(call, KeyId, GrantTokens)

    async def decapsulate(
        self,
        call: Call,
        *,
        KeyId: str,
        SharedSecretCiphertextBlob: bytes,
        EncapsulationAlgorithm: str,
        GrantTokens: Sequence[str] | None = None,
        DryRun: bool | None = None,
    ) -> dict[str, object]:
        """Open a shared secret."""
        del SharedSecretCiphertextBlob, EncapsulationAlgorithm, DryRun
        raise await self._wrong_usage(call, KeyId, GrantTokens)

    async def _key(self, call: Call, key_id: str, tokens: Sequence[str] | None) -> Key:
        """The key, once the caller may do this with it."""
        require_tokens(self._keyring, tokens)
        return await call.read(
            lambda transaction: self.directory.for_use(transaction, call, f"kms:{call.operation}", key_id)
        )

    async def _wrong_usage(self, call: Call, key_id: str, tokens: Sequence[str] | None) -> AwsError:
        key = await self._key(call, key_id, tokens)
        return failures.wrong_usage(key.arn, key.spec.usage, call.operation)
