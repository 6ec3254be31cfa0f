"""What an operator may set about Secrets Manager, and the quotas it keeps."""

from __future__ import annotations

from dataclasses import dataclass, field

from strongroom.services.secretsmanager.quotas import SecretsManagerQuotas

__all__ = ["SecretsManagerSettings"]


@dataclass(frozen=True, slots=True)
class SecretsManagerSettings:
    """Settings and quotas (AWS Secrets Manager User Guide, "Quotas").

    Attributes:
        regions: The regions of the installation, which secrets can be replicated to.
        allow_minute_schedules: Admit ``rate(N minutes)`` in rotation rules, which AWS's grammar does not have.
        value_bytes: The longest secret value, in bytes.
        labels_per_secret: The most staging labels over all versions of a secret.
        tags_per_secret: The most tags of a secret.
        quotas: Request rates, and how many secrets there may be.
        versions_per_secret: From here on, versions without labels that are older than a day are removed.
    """

    regions: frozenset[str] = frozenset()
    allow_minute_schedules: bool = False
    value_bytes: int = 65_536
    labels_per_secret: int = 20
    tags_per_secret: int = 50
    versions_per_secret: int = 100
    quotas: SecretsManagerQuotas = field(default_factory=SecretsManagerQuotas)
