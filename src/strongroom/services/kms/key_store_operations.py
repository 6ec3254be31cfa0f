"""Custom key stores: there are none, and a question about them is answered so."""

from __future__ import annotations

from strongroom.services.call import Call
from strongroom.services.kms import failures
from strongroom.services.kms.base import KmsBase

__all__ = ["KeyStoreOperations"]


class KeyStoreOperations(KmsBase):
    """DescribeCustomKeyStores."""

    async def describe_custom_key_stores(
        self,
        call: Call,
        *,
        CustomKeyStoreId: str | None = None,
        CustomKeyStoreName: str | None = None,
        Limit: int | None = None,
        Marker: str | None = None,
    ) -> dict[str, object]:
        """The custom key stores of the account: none, so one that is named does not exist."""
        call.authorize("kms:DescribeCustomKeyStores", "*", context={"kms:calleraccount": call.account})
        named = CustomKeyStoreId or CustomKeyStoreName
        if named is not None:
            raise failures.no_key_store(named)
        return {"CustomKeyStores": [], "Truncated": False}
