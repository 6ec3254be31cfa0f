"""The configuration of a function: what a request may ask for, and how answers show what is kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from strongroom.services.awslambda import failures
from strongroom.services.awslambda.archives import shown_sha256
from strongroom.services.awslambda.layer_uses import read_layers
from strongroom.services.awslambda.records import FunctionRecord
from strongroom.services.awslambda.runtime import is_supported_runtime
from strongroom.world import from_milliseconds

__all__ = [
    "ARCHITECTURE",
    "DEFAULT_MEMORY_MEGABYTES",
    "DEFAULT_TIMEOUT_SECONDS",
    "check_features",
    "check_limits",
    "check_runtime",
    "configuration",
    "log_group",
    "temporary_megabytes",
]

DEFAULT_TIMEOUT_SECONDS: Final = 3
DEFAULT_MEMORY_MEGABYTES: Final = 128
ARCHITECTURE: Final = "arm64" if os.uname().machine == "aarch64" else "x86_64"
"""Functions run on this machine, so they have its instruction set."""

_LONGEST_TIMEOUT: Final = 900  # seconds; Lambda quotas
_LARGEST_MEMORY: Final = 10_240  # MiB; Lambda quotas

_TEMPORARY: Final = 512  # MiB of /tmp without EphemeralStorage; Lambda quotas

_ACCEPTED: Final[Mapping[str, object]] = {
    "Architectures": [ARCHITECTURE],
    "LoggingConfig": {"LogFormat": "Text"},
    "PackageType": "Zip",
    "SnapStart": {"ApplyOn": "None"},
    "TracingConfig": {"Mode": "PassThrough"},
}
"""Parameters whose one value says what Strongroom does anyway. The others can only be empty."""


def check_features(parameters: Mapping[str, object]) -> None:
    """Refuse parameters that ask for what Strongroom does not have, so that nothing is silently ignored.

    Args:
        parameters: The parameters that an operation does not take itself, by their names in the model.

    Raises:
        AwsError: ``InvalidParameterValueException``, naming the parameter.
    """
    for name, value in parameters.items():
        if not _is_empty(value) and value != _ACCEPTED.get(name):
            raise failures.invalid_parameter(f"{name} is not supported by Strongroom with this value.")


def _is_empty(value: object) -> bool:
    """Nothing, or a structure of nothing: clients send those to say that they do not want a feature."""
    if isinstance(value, Mapping):
        return not any(value.values())
    return not value


def check_limits(timeout: int | None, memory: int | None) -> None:
    """Refuse more time or memory than functions may have; the model allows what other kinds of them may have.

    Args:
        timeout: In seconds.
        memory: In MiB.

    Raises:
        AwsError: ``ValidationException``.
    """
    for member, value, largest in (("timeout", timeout, _LONGEST_TIMEOUT), ("memorySize", memory, _LARGEST_MEMORY)):
        if value is not None and value > largest:
            raise failures.constraint(member, value, f"Member must have value less than or equal to {largest}")


def check_runtime(runtime: str) -> None:
    """Refuse a runtime that there is none of.

    Raises:
        AwsError: ``InvalidParameterValueException``.
    """
    if not is_supported_runtime(runtime):
        raise failures.invalid_parameter(
            f"The runtime {runtime} is not supported: Strongroom runs python3.N and provided.* functions, "
            "and nodejsN.x where Node.js is installed."
        )


def log_group(name: str) -> str:
    """Where a function's output goes."""
    return f"/aws/lambda/{name}"


def temporary_megabytes(record: FunctionRecord) -> int:
    """The size of a function's ``/tmp`` in MiB."""
    return record.temporary_megabytes or _TEMPORARY


def configuration(record: FunctionRecord, environment: Mapping[str, object], shown_arn: str) -> dict[str, object]:
    """A function or version in the model's ``FunctionConfiguration``.

    Args:
        record: The function or version.
        environment: The model's ``EnvironmentResponse``; empty for none.
        shown_arn: Its ARN as the request names it.
    """
    modified = from_milliseconds(record.modified_ms)
    shown: dict[str, object] = {
        "FunctionName": record.name,
        "FunctionArn": shown_arn,
        "Runtime": record.runtime,
        "Role": record.role_arn,
        "Handler": record.handler,
        "CodeSize": record.code_bytes,
        "Description": record.description,
        "Timeout": record.timeout_seconds,
        "MemorySize": record.memory_megabytes,
        "LastModified": f"{modified:%Y-%m-%dT%H:%M:%S}.{record.modified_ms % 1000:03d}+0000",
        "CodeSha256": shown_sha256(record.code_sha256),
        "Version": record.version,
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": record.revision_id,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": [ARCHITECTURE],
        "EphemeralStorage": {"Size": temporary_megabytes(record)},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": log_group(record.name)},
    }
    if environment:
        shown["Environment"] = environment
    if record.kms_key_arn is not None:
        shown["KMSKeyArn"] = record.kms_key_arn
    if record.layers is not None:
        shown["Layers"] = [{"Arn": use.arn, "CodeSize": use.code_bytes} for use in read_layers(record.layers)]
    return shown
