"""What every group of Lambda's operations is made of."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from strongroom.errors import AwsError
from strongroom.keyring import Keyring
from strongroom.services.awslambda import failures
from strongroom.services.awslambda.configuration import configuration
from strongroom.services.awslambda.records import FunctionRecord
from strongroom.services.awslambda.variables import Environments
from strongroom.services.call import Call
from strongroom.services.clients import FunctionInvoker, IamClient, KmsClient
from strongroom.store import Store, Transaction
from strongroom.world import World

__all__ = ["PAGE", "Operations", "after_marker", "marker"]

PAGE: Final = 50
"""The most items of one page of a list (Lambda API Reference, "MaxItems" of the list operations)."""


class Operations:
    """A group of operations. `strongroom.services.awslambda.Lambda` is made of them.

    Args:
        _store: Every service is built with the store; Lambda acts in the one that its calls bring.
        keyring: Seals code and events.
        world: Entropy for revision ids and for the lots of weighted aliases.
        iam: Checks the execution roles of functions.
        kms: Seals environment variables.
        invoker: Runs functions, or reaches the process that does.
    """

    def __init__(
        self, _store: Store, keyring: Keyring, world: World, iam: IamClient, kms: KmsClient, invoker: FunctionInvoker
    ) -> None:
        self._keyring = keyring
        self._world = world
        self._entropy = world.entropy
        self._iam = iam
        self._environments = Environments(keyring, kms)
        self._invoker = invoker

    def _shown(self, transaction: Transaction, call: Call, record: FunctionRecord, shown_arn: str) -> dict[str, object]:
        """A function or version in the model's ``FunctionConfiguration``.

        Variables that the caller may not decrypt are left out, and ``Error`` says why.
        """
        environment: dict[str, object] = {}
        try:
            variables = self._environments.open(transaction, call, record)
        except AwsError as error:
            environment["Error"] = {"ErrorCode": error.code, "Message": failures.hidden_variables(error)}
        else:
            if variables:
                environment["Variables"] = variables
        return configuration(record, environment, shown_arn)


def marker(text: str) -> str:
    """The marker of a page that ends with ``text``."""
    return urlsafe_b64encode(text.encode()).decode()


def after_marker(given: str | None) -> str:
    """What a page begins after; empty for the first page.

    Raises:
        AwsError: ``InvalidParameterValueException``: the marker is none of ours.
    """
    if given is None:
        return ""
    try:
        text = urlsafe_b64decode(given).decode()
    except (binascii.Error, ValueError):
        text = "\0"
    if "\0" in text:
        raise failures.invalid_parameter("Invalid Marker.")
    return text
