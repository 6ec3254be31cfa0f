"""The policies that AWS manages and every account can attach: those that concern the services here, under AWS's names.

Their texts are AWS's (AWS Managed Policy Reference Guide) and stand in ``data/aws_managed_policies.json``. They may
name services that do not exist here, which allows nothing. One is shorter than AWS's: ReadOnlyAccess, which changes
every week, holds what it says of the services here and leaves the others out.

A policy has the version that AWS had when the file was made, and no other. AWS does not publish the unique ids of its
policies: one that is not known is made of the name.
"""

from __future__ import annotations

import json
from base64 import b32encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

__all__ = ["ADMINISTRATOR_ACCESS", "AWS_MANAGED", "AwsManagedPolicy"]

ADMINISTRATOR_ACCESS: Final = "arn:aws:iam::aws:policy/AdministratorAccess"
"""The policy of the administrator that an installation begins with."""

_FILE: Final = Path(__file__).parent / "data" / "aws_managed_policies.json"


@dataclass(frozen=True, slots=True)
class AwsManagedPolicy:
    """One policy. It has a single version.

    Args:
        name: Its name.
        path: Its path, with slashes at both ends.
        policy_id: Its unique id.
        description: AWS's description.
        version_id: The version that AWS has by now.
        created_ms: When AWS made it, in milliseconds since the epoch.
        updated_ms: When AWS made that version, in milliseconds since the epoch.
        document: The policy document.
    """

    name: str
    path: str
    policy_id: str
    description: str
    version_id: str
    created_ms: int
    updated_ms: int
    document: str

    @property
    def arn(self) -> str:
        """The ARN, which has ``aws`` in the place of an account."""
        return f"arn:aws:iam::aws:policy{self.path}{self.name}"


def _id_of(name: str) -> str:
    """An id for a policy whose own is not known: of the right form, and always the same."""
    return f"ANPA{b32encode(sha256(name.encode()).digest()).decode()[:17]}"


def _read() -> Mapping[str, AwsManagedPolicy]:
    policies = [
        AwsManagedPolicy(
            name=entry["name"],
            path=entry["path"],
            policy_id=entry.get("id") or _id_of(entry["name"]),
            description=entry["description"],
            version_id=entry["version"],
            created_ms=entry["created_ms"],
            updated_ms=entry["updated_ms"],
            document=json.dumps(entry["document"], separators=(",", ":")),
        )
        for entry in json.loads(_FILE.read_text())
    ]
    return {policy.arn: policy for policy in policies}


AWS_MANAGED: Final = _read()
"""Every such policy, by ARN."""
