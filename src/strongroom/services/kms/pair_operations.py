"""Data key pairs: asymmetric keys for the caller's own use, whose private half is sealed under a symmetric key."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from strongroom.keyring import PAIR_SPECS, generate_pair
from strongroom.services.call import Call
from strongroom.services.kms import failures
from strongroom.services.kms.base import KmsBase
from strongroom.services.kms.grant_tokens import require_tokens
from strongroom.services.kms.keys import Key
from strongroom.services.kms.specs import ENCRYPT_DECRYPT
from strongroom.store import Transaction

__all__ = ["PairOperations"]


class PairOperations(KmsBase):
    """GenerateDataKeyPair and GenerateDataKeyPairWithoutPlaintext."""

    async def generate_data_key_pair(
        self,
        call: Call,
        *,
        KeyId: str,
        KeyPairSpec: str,
        EncryptionContext: Mapping[str, str] | None = None,
        GrantTokens: Sequence[str] | None = None,
        Recipient: Mapping[str, object] | None = None,
        DryRun: bool | None = None,
    ) -> dict[str, object]:
        """A new key pair, its private key in clear and sealed under a key."""
        if Recipient is not None:
            raise failures.unsupported("Recipient")
        answer, private = await self._pair(call, KeyId, KeyPairSpec, EncryptionContext, GrantTokens, dry_run=DryRun)
        return {**answer, "PrivateKeyPlaintext": private}

    async def generate_data_key_pair_without_plaintext(
        self,
        call: Call,
        *,
        KeyId: str,
        KeyPairSpec: str,
        EncryptionContext: Mapping[str, str] | None = None,
        GrantTokens: Sequence[str] | None = None,
        DryRun: bool | None = None,
    ) -> dict[str, object]:
        """A new key pair, its private key sealed under a key only."""
        answer, _ = await self._pair(call, KeyId, KeyPairSpec, EncryptionContext, GrantTokens, dry_run=DryRun)
        return answer

    async def _pair(
        self,
        call: Call,
        key_id: str,
        spec: str,
        context: Mapping[str, str] | None,
        tokens: Sequence[str] | None,
        *,
        dry_run: bool | None,
    ) -> tuple[dict[str, object], bytes]:
        """The answer without the private key in clear, and that.

        The caller is asked for before the pair is made, as it takes long; the key is looked up again after that.
        """
        require_tokens(self._keyring, tokens)
        given = context or {}
        conditions = {"kms:datakeypairspec": spec}

        def usable(transaction: Transaction) -> Key:
            call.progress.resources.clear()
            key = self.directory.for_use(
                transaction,
                call,
                f"kms:{call.operation}",
                key_id,
                encryption_context=given,
                context=conditions,
            )
            key.require_usable(ENCRYPT_DECRYPT, f"kms:{call.operation}", call.now_ms)
            if spec not in PAIR_SPECS:
                raise failures.unsupported(f"KeyPairSpec {spec}")
            if dry_run:
                raise failures.dry_run()
            return key

        await call.read(usable)
        pair = await asyncio.to_thread(generate_pair, spec)

        def seal(transaction: Transaction) -> dict[str, object]:
            key = usable(transaction)
            return {
                "PrivateKeyCiphertextBlob": self.cipher.encrypt(key, pair.private, given),
                "PublicKey": pair.public,
                "KeyId": key.arn,
                "KeyPairSpec": spec,
                "KeyMaterialId": key.record.material_id,
            }

        return await call.read(seal), pair.private
