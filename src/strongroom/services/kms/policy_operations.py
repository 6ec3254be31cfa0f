"""Operations on key policies. A key has exactly one, named ``default``."""

from __future__ import annotations

from typing import Final

from strongroom.identity.named_principals import shown_principals
from strongroom.services.call import Call
from strongroom.services.kms import failures, records
from strongroom.services.kms.base import KmsBase
from strongroom.services.kms.keys import key_context
from strongroom.services.kms.policies import accept_policy, compiled_policy, require_future_control, stored_policy
from strongroom.store import Transaction

__all__ = ["PolicyOperations"]

_ONLY_POLICY: Final = "default"


class PolicyOperations(KmsBase):
    """GetKeyPolicy, PutKeyPolicy and ListKeyPolicies."""

    async def get_key_policy(self, call: Call, *, KeyId: str, PolicyName: str | None = None) -> dict[str, object]:
        """The policy of a key."""

        def work(transaction: Transaction) -> dict[str, object]:
            key = self.directory.for_management(transaction, call, "kms:GetKeyPolicy", KeyId)
            _require_only_policy(PolicyName)
            policy = key.record.policy
            shown = shown_principals(transaction, compiled_policy(policy), policy)
            return {"Policy": shown, "PolicyName": _ONLY_POLICY}

        return await call.read(work)

    async def put_key_policy(
        self,
        call: Call,
        *,
        KeyId: str,
        Policy: str,
        PolicyName: str | None = None,
        BypassPolicyLockoutSafetyCheck: bool | None = None,
    ) -> dict[str, object]:
        """Replace the policy of a key. It holds from the next request on."""
        bypass = bool(BypassPolicyLockoutSafetyCheck)
        context = {"kms:bypasspolicylockoutsafetycheck": "true" if bypass else "false"}

        def work(transaction: Transaction) -> dict[str, object]:
            key = self.directory.for_management(transaction, call, "kms:PutKeyPolicy", KeyId, context=context)
            _require_only_policy(PolicyName)
            policy = accept_policy(Policy)
            if not bypass:
                later = {**key_context(call, key), "kms:bypasspolicylockoutsafetycheck": "false"}
                require_future_control(call, key.arn, key.account, policy, later)
            records.set_policy(transaction, key.arn, stored_policy(transaction, policy, Policy))
            transaction.raise_epoch()
            return {}

        return dict(await call.write(work))

    async def list_key_policies(
        self, call: Call, *, KeyId: str, Limit: int | None = None, Marker: str | None = None
    ) -> dict[str, object]:
        """The names of a key's policies: always the one."""

        def work(transaction: Transaction) -> dict[str, object]:
            self.directory.for_management(transaction, call, "kms:ListKeyPolicies", KeyId)
            return {"PolicyNames": [_ONLY_POLICY], "Truncated": False}

        return await call.read(work)


def _require_only_policy(name: str | None) -> None:
    if name not in {None, _ONLY_POLICY}:
        raise failures.no_such_policy()
