"""How layers are named: by name or ARN; their versions by number or ARN.

Source: Lambda API Reference, "LayerName" and "LayerVersionArn".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from strongroom.services.awslambda import failures

__all__ = ["LayerReference", "parse_layer", "parse_layer_version"]

_LONGEST_NAME: Final = 64
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]+")
_LAYER: Final = re.compile(
    r"arn:aws[a-zA-Z-]*:lambda:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):layer:(?P<name>[a-zA-Z0-9_-]+)"
)
_VERSION: Final = re.compile(rf"(?P<layer>{_LAYER.pattern}):(?P<version>[1-9][0-9]{{0,17}})")


@dataclass(frozen=True, slots=True)
class LayerReference:
    """What a request calls a layer, before anything was looked up.

    Args:
        account: The account that would own it.
        region: The region it would be in.
        name: Its name.
        arn: The layer's ARN, without a version.
    """

    account: str
    region: str
    name: str
    arn: str

    def version_arn(self, version: int) -> str:
        """The ARN of one of its versions."""
        return f"{self.arn}:{version}"


def parse_layer(text: str, account: str, region: str) -> LayerReference:
    """Read ``LayerName`` of a request: the name of a layer of the caller's account, or an ARN.

    Args:
        text: The name or ARN.
        account: The caller's account.
        region: The region of the request.

    Raises:
        AwsError: ``InvalidParameterValueException``: it names no layer; ``ResourceNotFoundException``: one of another
            region.
    """
    found = _LAYER.fullmatch(text)
    if found is not None:
        if found["region"] != region:
            raise failures.no_such_resource()
        return LayerReference(found["account"], found["region"], found["name"], text)
    if _NAME.fullmatch(text) is None or len(text) > _LONGEST_NAME:
        raise failures.invalid_parameter(f"Invalid layer name: {text}")
    return LayerReference(account, region, text, f"arn:aws:lambda:{region}:{account}:layer:{text}")


def parse_layer_version(arn: str) -> tuple[LayerReference, int] | None:
    """Read the ARN of a layer's version; None when it is none."""
    found = _VERSION.fullmatch(arn)
    if found is None:
        return None
    reference = LayerReference(found["account"], found["region"], found["name"], found["layer"])
    return reference, int(found["version"])
