"""The environment variables of a function: checked when they come, sealed while they are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from strongroom.keyring import Keyring
from strongroom.services.awslambda import failures
from strongroom.services.awslambda.records import FunctionRecord
from strongroom.services.awslambda.runtime import RESERVED_VARIABLES

__all__ = ["check_variables", "open_variables", "seal_variables"]

_LARGEST: Final = 4096  # bytes of names, values, quotes, commas and brackets; Lambda quotas
_PURPOSE: Final = "function-environment"
_REFUSED: Final = (
    "Lambda was unable to configure your environment variables because the environment variables you have provided "
)


def check_variables(environment: Mapping[str, Mapping[str, str]] | None) -> dict[str, str]:
    """The variables of a request's ``Environment``.

    Raises:
        AwsError: ``InvalidParameterValueException``: names that Lambda sets itself, or more than 4 KB.
    """
    variables = dict((environment or {}).get("Variables") or {})
    reserved = sorted(RESERVED_VARIABLES & variables.keys())
    if reserved:
        raise failures.invalid_parameter(
            f"{_REFUSED}contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    if len(_text(variables)) > _LARGEST:
        raise failures.invalid_parameter(f"{_REFUSED}exceeded the 4KB limit.")
    return variables


def seal_variables(keyring: Keyring, arn: str, variables: Mapping[str, str]) -> bytes | None:
    """The variables as they are stored with the function ``arn``; None for none."""
    return keyring.seal_system(_PURPOSE, _text(variables), {"FunctionArn": arn}) if variables else None


def open_variables(keyring: Keyring, record: FunctionRecord) -> dict[str, str]:
    """The variables of a function in clear.

    Raises:
        InvalidCiphertext: They were altered, or belong to another function.
    """
    if record.environment is None:
        return {}
    text = keyring.open_system(_PURPOSE, bytes(record.environment), {"FunctionArn": record.arn})
    variables: dict[str, str] = json.loads(text)
    return variables


def _text(variables: Mapping[str, str]) -> bytes:
    return json.dumps(variables, separators=(",", ":"), ensure_ascii=False).encode()
