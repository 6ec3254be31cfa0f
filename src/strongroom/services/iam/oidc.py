"""The operations on OpenID Connect identity providers.

Creating one says whose tokens the account's roles may trust. It reaches out to nobody: the keys of an issuer are
fetched when a token of it is first shown, and only if the host's settings admit the issuer (`oidc_issuers`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from strongroom.identity.directory import tags_of
from strongroom.identity.web_identity_providers import (
    IdentityProvider,
    provider_arn,
    provider_by_arn,
    providers_of,
)
from strongroom.services.call import Call
from strongroom.services.iam.base import Operations
from strongroom.services.iam.oidc_records import (
    add_provider,
    authorized_provider,
    check_issuer,
    checked_client_ids,
    checked_thumbprints,
    delete_provider,
    known_provider,
    set_client_ids,
    set_thumbprints,
)
from strongroom.services.iam.paging import page
from strongroom.services.iam.problems import already_exists, invalid_input, limit_exceeded
from strongroom.services.iam.tags import (
    TagList,
    add_tags,
    remove_tags,
    request_tags,
    shown_tags,
    tag_request_context,
)
from strongroom.store import Transaction
from strongroom.world import from_milliseconds

__all__ = ["IdentityProviderOperations"]

_MOST_PROVIDERS: Final = 100
_NOTHING: Final[Mapping[str, object]] = {}


class IdentityProviderOperations(Operations):
    """CreateOpenIDConnectProvider and what else there is about such providers."""

    async def create_open_id_connect_provider(
        self,
        call: Call,
        *,
        Url: str,
        ClientIDList: Sequence[str] = (),
        ThumbprintList: Sequence[str] = (),
        Tags: TagList = (),
    ) -> dict[str, object]:
        """Trust the tokens of an issuer, made for these audiences, as far as trust policies of roles say so."""
        check_issuer(Url)
        provider = IdentityProvider(
            arn=provider_arn(call.account, Url),
            account=call.account,
            issuer=Url,
            client_ids=checked_client_ids(ClientIDList),
            thumbprints=checked_thumbprints(ThumbprintList),
            created_ms=call.now_ms,
        )

        def work(transaction: Transaction) -> Mapping[str, object]:
            call.authorize("iam:CreateOpenIDConnectProvider", provider.arn, context=tag_request_context(Tags))
            if provider_by_arn(transaction, provider.arn) is not None:
                raise already_exists(f"Provider with url {Url} already exists.")
            if len(providers_of(transaction, call.account)) >= _MOST_PROVIDERS:
                raise limit_exceeded(f"Cannot exceed quota for OpenIdConnectProvidersPerAccount: {_MOST_PROVIDERS}")
            add_provider(transaction, provider)
            add_tags(transaction, provider.arn, request_tags(Tags))
            transaction.raise_epoch()
            call.touches(provider.arn, "AWS::IAM::OIDCProvider", call.account)
            return {"OpenIDConnectProviderArn": provider.arn, **_tags_member(transaction, provider)}

        return dict(await call.write(work))

    async def get_open_id_connect_provider(self, call: Call, *, OpenIDConnectProviderArn: str) -> dict[str, object]:
        """A provider. Its URL is shown without the scheme, as AWS does."""

        def work(transaction: Transaction) -> dict[str, object]:
            provider = known_provider(transaction, call, OpenIDConnectProviderArn)
            return {
                "Url": provider.name,
                "ClientIDList": provider.client_ids,
                "ThumbprintList": provider.thumbprints,
                "CreateDate": from_milliseconds(provider.created_ms),
                **_tags_member(transaction, provider),
            }

        return await call.read(work)

    async def list_open_id_connect_providers(self, call: Call) -> dict[str, object]:
        """The ARNs of the account's providers."""

        def work(transaction: Transaction) -> dict[str, object]:
            call.authorize("iam:ListOpenIDConnectProviders", f"arn:aws:iam::{call.account}:oidc-provider/*")
            return {"OpenIDConnectProviderList": [{"Arn": one.arn} for one in providers_of(transaction, call.account)]}

        return await call.read(work)

    async def delete_open_id_connect_provider(self, call: Call, *, OpenIDConnectProviderArn: str) -> dict[str, object]:
        """Delete a provider; nothing happens when there is none. Roles may go on naming it, to no effect."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            provider = authorized_provider(transaction, call, OpenIDConnectProviderArn)
            if provider is not None:
                delete_provider(transaction, provider)
                transaction.raise_epoch()
            return _NOTHING

        return dict(await call.write(work))

    async def update_open_id_connect_provider_thumbprint(
        self, call: Call, *, OpenIDConnectProviderArn: str, ThumbprintList: Sequence[str]
    ) -> dict[str, object]:
        """Replace the thumbprints of a provider."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            provider = known_provider(transaction, call, OpenIDConnectProviderArn)
            if not ThumbprintList:
                raise invalid_input("Thumbprint list must contain at least one entry.")
            set_thumbprints(transaction, provider, checked_thumbprints(ThumbprintList))
            return _NOTHING

        return dict(await call.write(work))

    async def add_client_id_to_open_id_connect_provider(
        self, call: Call, *, OpenIDConnectProviderArn: str, ClientID: str
    ) -> dict[str, object]:
        """Add an audience; nothing changes when the provider has it."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            provider = known_provider(transaction, call, OpenIDConnectProviderArn)
            set_client_ids(transaction, provider, checked_client_ids((*provider.client_ids, ClientID)))
            return _NOTHING

        return dict(await call.write(work))

    async def remove_client_id_from_open_id_connect_provider(
        self, call: Call, *, OpenIDConnectProviderArn: str, ClientID: str
    ) -> dict[str, object]:
        """Remove an audience; nothing changes when the provider does not have it."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            provider = known_provider(transaction, call, OpenIDConnectProviderArn)
            set_client_ids(transaction, provider, [kept for kept in provider.client_ids if kept != ClientID])
            return _NOTHING

        return dict(await call.write(work))

    async def tag_open_id_connect_provider(
        self, call: Call, *, OpenIDConnectProviderArn: str, Tags: TagList
    ) -> dict[str, object]:
        """Set tags of a provider."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            known_provider(transaction, call, OpenIDConnectProviderArn, tag_request_context(Tags))
            add_tags(transaction, OpenIDConnectProviderArn, request_tags(Tags))
            transaction.raise_epoch()
            return _NOTHING

        return dict(await call.write(work))

    async def untag_open_id_connect_provider(
        self, call: Call, *, OpenIDConnectProviderArn: str, TagKeys: Sequence[str]
    ) -> dict[str, object]:
        """Remove tags of a provider."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            known_provider(transaction, call, OpenIDConnectProviderArn, {"aws:tagkeys": tuple(TagKeys)})
            remove_tags(transaction, OpenIDConnectProviderArn, TagKeys)
            transaction.raise_epoch()
            return _NOTHING

        return dict(await call.write(work))

    async def list_open_id_connect_provider_tags(
        self, call: Call, *, OpenIDConnectProviderArn: str, Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """The tags of a provider, by key."""

        def work(transaction: Transaction) -> dict[str, object]:
            known_provider(transaction, call, OpenIDConnectProviderArn)
            items, rest = page(shown_tags(tags_of(transaction, OpenIDConnectProviderArn)), Marker, MaxItems)
            return {"Tags": items, **rest}

        return await call.read(work)


def _tags_member(transaction: Transaction, provider: IdentityProvider) -> dict[str, object]:
    tags = shown_tags(tags_of(transaction, provider.arn))
    return {"Tags": tags} if tags else {}
