"""OpenID Connect identity providers as the store has them, and the form of their issuers. Reading only.

An issuer is one spelling of one URL: tokens name it exactly as the provider was created, to the last slash (OpenID
Connect Core 1.0, section 3.1.3.7; RFC 7519, section 4.1.1). `services.iam` changes the table.
"""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, select

from strongroom.store import Row, Statement, Transaction
from strongroom.store.schema import iam_oidc_providers

__all__ = [
    "IdentityProvider",
    "issuer_problem",
    "provider_arn",
    "provider_by_arn",
    "provider_of",
    "providers_of",
]

_ISSUER: Final = re.compile(r"(https?)://([A-Za-z0-9.-]+)(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~%@+=:,/-]*)?")
"""No query, no fragment, no user (OpenID Connect Discovery 1.0, section 3), and nothing that a policy would read as a
wildcard or a variable."""


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """A row of ``iam_oidc_providers``.

    Args:
        arn: Its ARN.
        account: The account that trusts it.
        issuer: Its URL, with the scheme, as its tokens spell it.
        client_ids: For whom its tokens may be made: the audiences.
        thumbprints: Certificate thumbprints, kept for those who manage them; TLS decides whether a server is trusted.
        created_ms: When it was created.
    """

    arn: str
    account: str
    issuer: str
    client_ids: tuple[str, ...]
    thumbprints: tuple[str, ...]
    created_ms: int

    @property
    def name(self) -> str:
        """The issuer without its scheme: what stands in its ARN, and before the colon of its condition keys."""
        return _without_scheme(self.issuer)


_P = iam_oidc_providers.c
_COLUMNS: Final = (_P.arn, _P.account, _P.issuer, _P.client_ids, _P.thumbprints, _P.created_ms)
_BY_ARN: Final = Statement(select(*_COLUMNS).where(_P.arn == bindparam("provider")))
_BY_ISSUER: Final = Statement(select(*_COLUMNS).where(_P.account == bindparam("owner"), _P.issuer == bindparam("url")))
_OF_ACCOUNT: Final = Statement(select(*_COLUMNS).where(_P.account == bindparam("owner")).order_by(_P.arn))


def issuer_problem(issuer: str) -> str | None:
    """What is wrong with the URL of an issuer, in words; None if it can be one.

    Plain HTTP is for tests and for providers on this very host: only a loopback address may have it.
    """
    found = _ISSUER.fullmatch(issuer)
    if found is None:
        return "it is no URL of the form https://host[:port][/path]"
    if found[1] == "http" and not _is_loopback(found[2]):
        return "it must begin with https://"
    return None


def _is_loopback(host: str) -> bool:
    """Whether a host of a URL is this machine, by name or by address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def provider_arn(account: str, issuer: str) -> str:
    """The ARN of the provider with this issuer."""
    return f"arn:aws:iam::{account}:oidc-provider/{_without_scheme(issuer)}"


def provider_by_arn(transaction: Transaction, arn: str) -> IdentityProvider | None:
    """The provider with exactly this ARN."""
    row = transaction.one(_BY_ARN, {"provider": arn})
    return None if row is None else _provider(row)


def provider_of(transaction: Transaction, account: str, issuer: str) -> IdentityProvider | None:
    """The provider that an account has for exactly this issuer."""
    row = transaction.one(_BY_ISSUER, {"owner": account, "url": issuer})
    return None if row is None else _provider(row)


def providers_of(transaction: Transaction, account: str) -> list[IdentityProvider]:
    """The providers of an account, by ARN."""
    return [_provider(row) for row in transaction.all(_OF_ACCOUNT, {"owner": account})]


def _provider(row: Row) -> IdentityProvider:
    arn, account, issuer, client_ids, thumbprints, created = row
    return IdentityProvider(
        arn, account, issuer, tuple(json.loads(client_ids)), tuple(json.loads(thumbprints)), created
    )


def _without_scheme(issuer: str) -> str:
    return issuer.partition("://")[2]
