"""OpenID Connect identity providers of IAM. Their tags are rows of ``iam_tags`` under the provider's ARN."""

from __future__ import annotations

from sqlalchemy import Table, UniqueConstraint

from strongroom.store.schema.columns import metadata, number, text

__all__ = ["iam_oidc_providers"]

iam_oidc_providers = Table(
    "iam_oidc_providers",
    metadata,
    text("arn", key=True),
    text("account"),
    text("issuer"),  # the URL with its scheme, exactly as tokens spell it
    text("client_ids"),  # a JSON list
    text("thumbprints"),  # a JSON list
    number("created_ms"),
    UniqueConstraint("account", "issuer"),
)
