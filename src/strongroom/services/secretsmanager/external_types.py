"""Managed external secrets: secrets of a third-party partner, as their ``Type`` names it.

The type, and the metadata and role for its rotation, are kept, checked and shown. Which partners there are and what
their values hold is the partners' affair, so any well-formed type is taken; what all partners' formats have in common,
a JSON object, is asked for (AWS Secrets Manager User Guide, "Managed external secrets"). Rotating one takes the
partner's own code, which this installation does not have: RotateSecret says so, and keeps the settings when it is
called with ``RotateImmediately`` false.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from strongroom.errors import AwsError
from strongroom.services.secretsmanager.records import Secret
from strongroom.services.secretsmanager.refusals import invalid_parameter, invalid_request, refuse_nul
from strongroom.services.secretsmanager.values import Value

__all__ = [
    "ExternalRotation",
    "changed_type",
    "given_rotation",
    "given_type",
    "no_rotation",
    "require_partner_format",
    "shown_rotation",
]

_TYPE: Final = re.compile(r"[A-Za-z0-9_.-]+")
_ROLE: Final = re.compile(r"arn:aws:iam::[0-9]{12}:role/[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class ExternalRotation:
    """The rotation settings of a managed external secret.

    Attributes:
        metadata: ExternalSecretRotationMetadata as the store keeps it; None when the request has none.
        role_arn: ExternalSecretRotationRoleArn; None when the request has none.
    """

    metadata: str | None
    role_arn: str | None

    def changes(self) -> dict[str, int | str | None]:
        """The columns of the secret that these settings change."""
        given = {"external_rotation_metadata": self.metadata, "external_rotation_role_arn": self.role_arn}
        return {column: value for column, value in given.items() if value is not None}


def given_type(kind: str | None) -> str | None:
    """The ``Type`` of a request; None for an absent or empty one.

    Raises:
        AwsError: ``InvalidParameterException``: it cannot be the name of a type.
    """
    if not kind:
        return None
    if not _TYPE.fullmatch(kind):
        raise invalid_parameter("Type must be made of letters, digits, periods, hyphens and underscores.")
    return kind


def changed_type(secret: Secret, kind: str | None) -> str | None:
    """The type of a secret once a request that carries ``kind`` is through. A type that is set stays.

    Raises:
        AwsError: ``InvalidRequestException``: the secret has another type.
    """
    if kind is None or kind == secret.type:
        return secret.type
    if secret.type is not None:
        raise invalid_request(f"You can't change the type of a secret. This secret has the type {secret.type}.")
    return kind


def require_partner_format(kind: str | None, value: Value | None) -> None:
    """Refuse a value that no partner's format admits.

    Args:
        kind: The type of the secret; None for one that is no managed external secret.
        value: The new value, if there is one.

    Raises:
        AwsError: ``InvalidParameterException``. The value is not shown.
    """
    if kind is None or value is None:
        return
    try:
        document = orjson.loads(value.data) if value.kind == "string" else None
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise invalid_parameter(f"The value of a secret of type {kind} must be a JSON object in SecretString.")


def given_rotation(metadata: Sequence[Mapping[str, str]] | None, role_arn: str | None) -> ExternalRotation | None:
    """The external rotation settings of a RotateSecret request; None when it has none.

    Raises:
        AwsError: ``InvalidParameterException``: an item without key or value, a key that comes twice, or no role ARN.
    """
    if not metadata and role_arn is None:
        return None
    if role_arn is not None and not _ROLE.fullmatch(role_arn):
        raise invalid_parameter("ExternalSecretRotationRoleArn must be the ARN of an IAM role.")
    keys: set[str] = set()
    for item in metadata or ():
        key, value = item.get("Key"), item.get("Value")
        if key is None or value is None:
            raise invalid_parameter("Every item of ExternalSecretRotationMetadata must have a Key and a Value.")
        refuse_nul(key=key, value=value)
        if key in keys:
            raise invalid_parameter(f"The key {key} appears more than once in ExternalSecretRotationMetadata.")
        keys.add(key)
    return ExternalRotation(json.dumps(metadata) if metadata else None, role_arn)


def shown_rotation(secret: Secret) -> dict[str, object]:
    """The external rotation settings as DescribeSecret and ListSecrets show them."""
    answer: dict[str, object] = {}
    if secret.external_rotation_metadata is not None:
        answer["ExternalSecretRotationMetadata"] = orjson.loads(secret.external_rotation_metadata)
    if secret.external_rotation_role_arn is not None:
        answer["ExternalSecretRotationRoleArn"] = secret.external_rotation_role_arn
    return answer


def no_rotation(kind: str) -> AwsError:
    """A managed external secret is to be rotated."""
    return invalid_request(
        f"Strongroom can't rotate secrets of type {kind}. To keep the rotation settings without rotating, set "
        "RotateImmediately to false; to rotate with a function of your own, specify RotationLambdaARN.",
    )
