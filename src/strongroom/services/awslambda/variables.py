"""The environment variables of a function: checked when they come, sealed under a KMS key while they are kept.

The key is the function's own (``KMSKeyArn``) or the account's ``aws/lambda``; the encryption context names the function
(Lambda Developer Guide, "Securing Lambda environment variables" and "Data encryption at rest for AWS Lambda"). Setting
variables takes ``kms:Encrypt`` and seeing them ``kms:Decrypt``, through Lambda; the function itself needs neither.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from strongroom.errors import AwsError
from strongroom.keyring import InvalidCiphertext, Keyring
from strongroom.services.awslambda import failures
from strongroom.services.awslambda.records import FunctionRecord
from strongroom.services.awslambda.runtime import RESERVED_VARIABLES
from strongroom.services.call import Call
from strongroom.services.clients import KmsClient
from strongroom.store import Transaction

__all__ = ["Environment", "Environments", "check_variables", "environment_context"]

_LARGEST: Final = 4096  # bytes of names, values, quotes, commas and brackets; Lambda quotas
_PURPOSE: Final = "function-environment"
_DEFAULT_KEY: Final = "alias/aws/lambda"
_FOREIGN: Final = "InvalidCiphertextException"
_SERVICE: Final = "lambda.amazonaws.com"
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


@dataclass(frozen=True, slots=True)
class Environment:
    """The environment of a function as it is stored.

    Args:
        sealed: The variables; None for none.
        key_arn: The KMS key that sealed them; None without variables.
        kms_key_arn: The key that the function's owner chose; None for ``aws/lambda``.
    """

    sealed: bytes | None = field(repr=False)
    key_arn: str | None
    kms_key_arn: str | None


class Environments:
    """Seals and opens the variables of functions.

    Args:
        keyring: Opens those that were sealed before KMS keys did that.
        kms: Seals and opens the others.
    """

    def __init__(self, keyring: Keyring, kms: KmsClient) -> None:
        self._keyring = keyring
        self._kms = kms

    def seal(
        self, transaction: Transaction, call: Call, arn: str, variables: Mapping[str, str], kms_key_arn: str | None
    ) -> Environment:
        """Seal the variables of the function ``arn``. Needs ``kms:Encrypt``.

        Args:
            transaction: A write.
            call: The call that sets them.
            arn: The function.
            variables: The variables.
            kms_key_arn: The key that the function's owner chose; None for ``aws/lambda``.

        Raises:
            AwsError: ``InvalidParameterValueException``: there is no such key. Otherwise what KMS says.
        """
        through = call.forward(_SERVICE)
        if kms_key_arn is None:
            if not variables:
                return Environment(None, None, None)
            key_arn = self._kms.service_key(transaction, through, _DEFAULT_KEY).arn
            return Environment(self._sealed(transaction, through, arn, variables, key_arn), key_arn, None)
        chosen = self._chosen(transaction, through, kms_key_arn)
        sealed = self._sealed(transaction, through, arn, variables, chosen)  # also proves that the key can be used
        return Environment(sealed, chosen, chosen) if variables else Environment(None, None, chosen)

    def _chosen(self, transaction: Transaction, call: Call, kms_key_arn: str) -> str:
        try:
            return self._kms.describe(transaction, call, kms_key_arn).arn
        except AwsError as error:
            raise failures.invalid_environment_key(error) from None

    def _sealed(
        self, transaction: Transaction, call: Call, arn: str, variables: Mapping[str, str], key_arn: str
    ) -> bytes:
        return self._kms.encrypt(transaction, call, key_arn, _text(variables), environment_context(arn))

    def open(self, transaction: Transaction, call: Call, record: FunctionRecord) -> dict[str, str]:
        """The variables of a function in clear, for the caller. Needs ``kms:Decrypt``.

        Raises:
            AwsError: What KMS says.
            InvalidCiphertext: They were altered, or belong to another function.
        """
        if record.environment is None:
            return {}
        if record.environment_key is None:
            return self._sealed_early(record)
        through = call.forward(_SERVICE)
        sealed = bytes(record.environment)
        context = environment_context(record.arn)
        return _variables(self._kms.decrypt(transaction, through, record.environment_key, sealed, context))

    def open_for_function(self, transaction: Transaction, call: Call, record: FunctionRecord) -> dict[str, str]:
        """The variables in clear, for the function itself.

        Args:
            transaction: Where the key is.
            call: A call of Lambda's own.
            record: The function.

        Raises:
            AwsError: ``KMSDisabledException``, ``KMSInvalidStateException``, ``KMSNotFoundException`` or
                ``KMSAccessDeniedException``, as Invoke answers them.
            InvalidCiphertext: They were altered, or belong to another function.
        """
        if record.environment is None:
            return {}
        if record.environment_key is None:
            return self._sealed_early(record)
        sealed = bytes(record.environment)
        try:
            text = self._kms.decrypt_for_service(
                transaction, call, record.environment_key, sealed, environment_context(record.arn)
            )
        except AwsError as error:
            if error.code == _FOREIGN:
                raise InvalidCiphertext("the variables of a function do not open under its key") from None
            raise failures.environment_key(error) from None
        return _variables(text)

    def _sealed_early(self, record: FunctionRecord) -> dict[str, str]:
        sealed = bytes(record.environment or b"")
        return _variables(self._keyring.open_system(_PURPOSE, sealed, {"FunctionArn": record.arn}))


def environment_context(arn: str) -> dict[str, str]:
    """The encryption context of the environment of the function ``arn``."""
    return {"aws:lambda:FunctionArn": arn}


def _variables(text: bytes) -> dict[str, str]:
    variables: dict[str, str] = json.loads(text)
    return variables


def _text(variables: Mapping[str, str]) -> bytes:
    return json.dumps(variables, separators=(",", ":"), ensure_ascii=False).encode()
