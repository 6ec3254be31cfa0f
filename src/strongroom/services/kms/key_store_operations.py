"""Custom key stores: there are none and none can be made, and every question about them is answered so."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.errors import AwsError
from strongroom.services.call import Call
from strongroom.services.kms import failures
from strongroom.services.kms.base import KmsBase

__all__ = ["KeyStoreOperations"]


class KeyStoreOperations(KmsBase):
    """The operations on custom key stores. All but DescribeCustomKeyStores raise an error."""

    async def create_custom_key_store(
        self,
        call: Call,
        *,
        CustomKeyStoreName: str,
        CloudHsmClusterId: str | None = None,
        TrustAnchorCertificate: str | None = None,
        KeyStorePassword: str | None = None,
        CustomKeyStoreType: str | None = None,
        XksProxyUriEndpoint: str | None = None,
        XksProxyUriPath: str | None = None,
        XksProxyVpcEndpointServiceName: str | None = None,
        XksProxyVpcEndpointServiceOwner: str | None = None,
        XksProxyAuthenticationCredential: Mapping[str, object] | None = None,
        XksProxyConnectivity: str | None = None,
    ) -> dict[str, object]:
        """Make a custom key store."""
        del CustomKeyStoreName, CloudHsmClusterId, TrustAnchorCertificate, KeyStorePassword, XksProxyUriEndpoint
        del XksProxyUriPath, XksProxyVpcEndpointServiceName, XksProxyVpcEndpointServiceOwner
        del XksProxyAuthenticationCredential, XksProxyConnectivity
        _authorize(call)
        raise failures.unsupported(f"CustomKeyStoreType {CustomKeyStoreType or 'AWS_CLOUDHSM'}")

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
        _authorize(call)
        if Marker is not None:
            raise failures.invalid_marker()
        named = CustomKeyStoreId or CustomKeyStoreName
        if named is not None:
            raise failures.no_key_store(named)
        return {"CustomKeyStores": [], "Truncated": False}

    async def update_custom_key_store(
        self,
        call: Call,
        *,
        CustomKeyStoreId: str,
        NewCustomKeyStoreName: str | None = None,
        KeyStorePassword: str | None = None,
        CloudHsmClusterId: str | None = None,
        XksProxyUriEndpoint: str | None = None,
        XksProxyUriPath: str | None = None,
        XksProxyVpcEndpointServiceName: str | None = None,
        XksProxyVpcEndpointServiceOwner: str | None = None,
        XksProxyAuthenticationCredential: Mapping[str, object] | None = None,
        XksProxyConnectivity: str | None = None,
    ) -> dict[str, object]:
        """Change a custom key store."""
        del NewCustomKeyStoreName, KeyStorePassword, CloudHsmClusterId, XksProxyUriEndpoint, XksProxyUriPath
        del XksProxyVpcEndpointServiceName, XksProxyVpcEndpointServiceOwner, XksProxyAuthenticationCredential
        del XksProxyConnectivity
        raise _absent(call, CustomKeyStoreId)

    async def delete_custom_key_store(self, call: Call, *, CustomKeyStoreId: str) -> dict[str, object]:
        """Delete a custom key store."""
        raise _absent(call, CustomKeyStoreId)

    async def connect_custom_key_store(self, call: Call, *, CustomKeyStoreId: str) -> dict[str, object]:
        """Connect a custom key store."""
        raise _absent(call, CustomKeyStoreId)

    async def disconnect_custom_key_store(self, call: Call, *, CustomKeyStoreId: str) -> dict[str, object]:
        """Disconnect a custom key store."""
        raise _absent(call, CustomKeyStoreId)


def _absent(call: Call, key_store: str) -> AwsError:
    _authorize(call)
    return failures.no_key_store(key_store)


def _authorize(call: Call) -> None:
    call.authorize(f"kms:{call.operation}", "*", context={"kms:calleraccount": call.account})
