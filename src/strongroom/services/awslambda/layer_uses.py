"""The layers of a function: which versions of which layers, in the order in which they are laid over each other.

Source: Lambda Developer Guide, "Adding layers to functions": five at most; the archives of all and of the function
itself unpack to 250 MB at most; a later layer overwrites an earlier one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from strongroom.services.awslambda import failures
from strongroom.services.awslambda.access import compiled_policy
from strongroom.services.awslambda.layer_names import parse_layer_version
from strongroom.services.awslambda.layer_records import find_layer_version
from strongroom.services.call import Call
from strongroom.store import Transaction

__all__ = ["LayerUse", "chosen_layers", "layers_text", "read_layers"]

_MOST: Final = 5


@dataclass(frozen=True, slots=True)
class LayerUse:
    """One layer of a function.

    Args:
        arn: The ARN of the layer's version.
        code_sha256: Of its archive, lower-case hex.
        code_bytes: The size of its archive.
    """

    arn: str
    code_sha256: str
    code_bytes: int


def layers_text(uses: Sequence[LayerUse]) -> str | None:
    """The layers as a function's row has them."""
    return json.dumps([[use.arn, use.code_sha256, use.code_bytes] for use in uses]) if uses else None


def read_layers(text: str | None) -> list[LayerUse]:
    """The layers that a function's row names, from the lowest to the uppermost."""
    return [] if text is None else [LayerUse(*use) for use in json.loads(text)]


def chosen_layers(transaction: Transaction, call: Call, arns: Sequence[str], region: str) -> list[LayerUse]:
    """The layers that a request chooses. Needs ``lambda:GetLayerVersion`` on each.

    Args:
        transaction: Where the layers are.
        call: The request.
        arns: The ARNs of layer versions.
        region: The function's region.

    Raises:
        AccessDenied: The caller may not use one of them, whether it exists or not.
        AwsError: ``InvalidParameterValueException``: too many, two versions of one layer, or one that does not exist.
    """
    if len(arns) > _MOST:
        raise failures.invalid_parameter(f"Cannot reference more than {_MOST} layers.")
    seen: dict[str, str] = {}
    uses = []
    for arn in arns:
        parsed = parse_layer_version(arn)
        if parsed is None:
            raise failures.invalid_parameter(f"Layer version {arn} does not exist.")
        reference, version = parsed
        if reference.region != region:
            raise failures.invalid_parameter(f"Layers must be in the same region as the function: {arn}")
        if reference.arn in seen:
            raise failures.invalid_parameter(
                "Two different versions of the same layer are not allowed to be referenced in the same function. "
                f"{seen[reference.arn]} and {arn} are versions of the same layer."
            )
        seen[reference.arn] = arn
        found = find_layer_version(transaction, reference.arn, version)
        policy = None if found is None else compiled_policy(found.policy, arn)
        call.authorize("lambda:GetLayerVersion", arn, resource_account=reference.account, policy=policy)
        if found is None:
            raise failures.invalid_parameter(f"Layer version {arn} does not exist.")
        uses.append(LayerUse(arn, found.code_sha256, found.code_bytes))
    return uses
