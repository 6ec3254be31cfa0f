"""Operations of HMAC keys."""

from __future__ import annotations

from collections.abc import Sequence
from hmac import compare_digest

from strongroom.services.call import Call
from strongroom.services.kms import failures
from strongroom.services.kms.base import KmsBase
from strongroom.services.kms.grant_tokens import require_tokens
from strongroom.services.kms.keys import Key
from strongroom.services.kms.specs import GENERATE_VERIFY_MAC
from strongroom.store import Transaction

__all__ = ["MacOperations"]


class MacOperations(KmsBase):
    """GenerateMac and VerifyMac."""

    async def generate_mac(
        self,
        call: Call,
        *,
        Message: bytes,
        KeyId: str,
        MacAlgorithm: str,
        GrantTokens: Sequence[str] | None = None,
        DryRun: bool | None = None,
    ) -> dict[str, object]:
        """The HMAC of a message under a key (RFC 2104)."""
        require_tokens(self._keyring, GrantTokens)

        def work(transaction: Transaction) -> dict[str, object]:
            key = self._mac_key(transaction, call, "kms:GenerateMac", KeyId, MacAlgorithm)
            if DryRun:
                raise failures.dry_run()
            return {"Mac": self.cipher.mac(key, Message), "MacAlgorithm": MacAlgorithm, "KeyId": key.arn}

        return await call.read(work)

    async def verify_mac(
        self,
        call: Call,
        *,
        Message: bytes,
        KeyId: str,
        MacAlgorithm: str,
        Mac: bytes,
        GrantTokens: Sequence[str] | None = None,
        DryRun: bool | None = None,
    ) -> dict[str, object]:
        """Whether an HMAC is that of a message under a key; an error if it is not."""
        require_tokens(self._keyring, GrantTokens)

        def work(transaction: Transaction) -> dict[str, object]:
            key = self._mac_key(transaction, call, "kms:VerifyMac", KeyId, MacAlgorithm)
            if DryRun:
                raise failures.dry_run()
            if not compare_digest(self.cipher.mac(key, Message), Mac):
                raise failures.invalid_mac()
            return {"MacValid": True, "MacAlgorithm": MacAlgorithm, "KeyId": key.arn}

        return await call.read(work)

    def _mac_key(self, transaction: Transaction, call: Call, action: str, key_id: str, algorithm: str) -> Key:
        """The key of a request: authorised, made for this, and enabled."""
        key = self.directory.for_use(transaction, call, action, key_id, context={"kms:macalgorithm": algorithm})
        key.require_usable(GENERATE_VERIFY_MAC, action, call.now_ms)
        if algorithm != key.spec.algorithm:
            raise failures.wrong_algorithm(algorithm, key.spec.name)
        return key
