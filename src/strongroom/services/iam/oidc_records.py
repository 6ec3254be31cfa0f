"""Rows of OpenID Connect providers: finding one that a call may touch, and changing it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, delete, insert, update

from strongroom.arn import Arn
from strongroom.identity.directory import tags_of
from strongroom.identity.web_identity_providers import IdentityProvider, issuer_problem, provider_by_arn
from strongroom.services.call import Call
from strongroom.services.iam.owners import Context, tag_context
from strongroom.services.iam.problems import invalid_input, limit_exceeded, no_such_entity, validation_error
from strongroom.services.iam.tags import remove_tags
from strongroom.store import Statement, Transaction
from strongroom.store.schema import iam_oidc_providers

__all__ = [
    "add_provider",
    "authorized_provider",
    "check_issuer",
    "checked_client_ids",
    "checked_thumbprints",
    "delete_provider",
    "known_provider",
    "set_client_ids",
    "set_thumbprints",
]

_RESOURCE_TYPE: Final = "AWS::IAM::OIDCProvider"
_MOST_CLIENT_IDS: Final = 100
_MOST_THUMBPRINTS: Final = 5

_P = iam_oidc_providers.c
_ADD: Final = Statement(
    insert(iam_oidc_providers).values(
        arn=bindparam("provider"),
        account=bindparam("owner"),
        issuer=bindparam("url"),
        client_ids=bindparam("audiences"),
        thumbprints=bindparam("prints"),
        created_ms=bindparam("now"),
    )
)
_SET_CLIENT_IDS: Final = Statement(
    update(iam_oidc_providers).where(_P.arn == bindparam("provider")).values(client_ids=bindparam("audiences"))
)
_SET_THUMBPRINTS: Final = Statement(
    update(iam_oidc_providers).where(_P.arn == bindparam("provider")).values(thumbprints=bindparam("prints"))
)
_DELETE: Final = Statement(delete(iam_oidc_providers).where(_P.arn == bindparam("provider")))


# --- checking -----------------------------------------------------------------------------------------------------


def check_issuer(url: str) -> None:
    """Check the URL of a new provider.

    Raises:
        AwsError: ``ValidationError``, or ``InvalidInput`` for plain HTTP.
    """
    if issuer_problem(url) is None:
        return
    if url.startswith("http://"):
        raise invalid_input("Invalid Open ID Connect Provider URL. The URL must begin with https://.")
    raise validation_error("Invalid Open ID Connect Provider URL")


def checked_client_ids(client_ids: Sequence[str]) -> tuple[str, ...]:
    """The audiences of a provider, each once.

    Raises:
        AwsError: ``LimitExceeded``.
    """
    found = tuple(dict.fromkeys(client_ids))
    if len(found) > _MOST_CLIENT_IDS:
        raise limit_exceeded(f"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {_MOST_CLIENT_IDS}")
    return found


def checked_thumbprints(thumbprints: Sequence[str]) -> tuple[str, ...]:
    """The thumbprints of a provider, each once.

    Raises:
        AwsError: ``InvalidInput``.
    """
    found = tuple(dict.fromkeys(thumbprints))
    if len(found) > _MOST_THUMBPRINTS:
        raise invalid_input("Thumbprint list must contain fewer than 5 entries.")
    return found


# --- finding ------------------------------------------------------------------------------------------------------


def authorized_provider(
    transaction: Transaction, call: Call, arn: str, context: Context | None = None
) -> IdentityProvider | None:
    """The provider of this ARN in the caller's account, if there is one, after asking for the call's action on it.

    Args:
        transaction: Where to look.
        call: The call, whose operation is the action.
        arn: The provider's ARN.
        context: Condition keys of this request besides those of the provider.

    Raises:
        AccessDenied: The caller may not, whether there is such a provider or not.
        AwsError: ``InvalidInput``: it is no ARN of a provider.
    """
    parsed = Arn.parse(arn)
    if parsed is None or parsed.service != "iam" or parsed.region or not parsed.resource.startswith("oidc-provider/"):
        raise invalid_input(f"ARN {arn} is not valid.")
    provider = provider_by_arn(transaction, arn)
    if provider is not None and provider.account != call.account:
        provider = None
    tags = {} if provider is None else tag_context(tags_of(transaction, arn))
    call.authorize(f"iam:{call.operation}", arn, context={**tags, **(context or {})})
    if provider is not None:
        call.touches(arn, _RESOURCE_TYPE, provider.account)
    return provider


def known_provider(transaction: Transaction, call: Call, arn: str, context: Context | None = None) -> IdentityProvider:
    """`authorized_provider`, which has to exist.

    Raises:
        AccessDenied: As there.
        AwsError: As there, or ``NoSuchEntity``.
    """
    provider = authorized_provider(transaction, call, arn, context)
    if provider is None:
        raise no_such_entity(f"OpenIDConnect Provider not found for arn {arn}")
    return provider


# --- changing -----------------------------------------------------------------------------------------------------


def add_provider(transaction: Transaction, provider: IdentityProvider) -> None:
    """Insert a provider."""
    transaction.run(
        _ADD,
        {
            "provider": provider.arn,
            "owner": provider.account,
            "url": provider.issuer,
            "audiences": json.dumps(provider.client_ids),
            "prints": json.dumps(provider.thumbprints),
            "now": provider.created_ms,
        },
    )


def set_client_ids(transaction: Transaction, provider: IdentityProvider, client_ids: Sequence[str]) -> None:
    """Replace the audiences."""
    transaction.run(_SET_CLIENT_IDS, {"provider": provider.arn, "audiences": json.dumps(list(client_ids))})


def set_thumbprints(transaction: Transaction, provider: IdentityProvider, thumbprints: Sequence[str]) -> None:
    """Replace the thumbprints."""
    transaction.run(_SET_THUMBPRINTS, {"provider": provider.arn, "prints": json.dumps(list(thumbprints))})


def delete_provider(transaction: Transaction, provider: IdentityProvider) -> None:
    """Delete a provider with its tags."""
    remove_tags(transaction, provider.arn, tuple(tags_of(transaction, provider.arn)))
    transaction.run(_DELETE, {"provider": provider.arn})
