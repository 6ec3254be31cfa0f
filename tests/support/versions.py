"""Which versions a secret has, over all pages."""

from __future__ import annotations

from typing import Any

__all__ = ["version_ids"]


def version_ids(secrets_manager: Any, secret_id: str) -> list[str]:
    """The ids of every version of a secret, also of those without a label."""
    found: list[str] = []
    more: dict[str, str] = {}
    while True:
        page = secrets_manager.list_secret_version_ids(SecretId=secret_id, IncludeDeprecated=True, **more)
        found += [version["VersionId"] for version in page["Versions"]]
        if "NextToken" not in page:
            return found
        more = {"NextToken": page["NextToken"]}
