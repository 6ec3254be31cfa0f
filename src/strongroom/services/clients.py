"""How one service reaches another: narrow in-process clients that carry the original caller.

Each protocol here is implemented by the service it belongs to (its ``client.py``) and handed to the services that need
it. Methods that take a transaction act inside the calling operation's own transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from strongroom.services.call import Call
from strongroom.store import Transaction

__all__ = [
    "DataKey",
    "FunctionInvoker",
    "IamClient",
    "InvocationRequest",
    "InvocationResult",
    "KeyDescription",
    "KmsClient",
    "LambdaClient",
    "SessionCredentials",
]


@dataclass(frozen=True, slots=True)
class KeyDescription:
    """What another service may know of a KMS key."""

    arn: str
    account: str
    manager: str
    """``AWS`` for a service's own key, ``CUSTOMER`` otherwise."""
    state: str


@dataclass(frozen=True, slots=True)
class DataKey:
    """A fresh data key: its 32 bytes, and the same sealed under the KMS key."""

    key_arn: str
    plaintext: bytes = field(repr=False)
    ciphertext: bytes


class KmsClient(Protocol):
    """KMS, for services that seal things. The call says through which service it comes (`Call.forward`)."""

    def describe(self, transaction: Transaction, call: Call, key_id: str) -> KeyDescription:
        """Find a key by id, ARN, alias or alias ARN. Asks for no permission.

        Raises:
            AwsError: ``NotFoundException``, with KMS's text.
        """
        ...

    def service_key(self, transaction: Transaction, call: Call, alias: str) -> KeyDescription:
        """A service's own key in the call's account and region, made at first use.

        Args:
            transaction: A write.
            call: The call that needs the key.
            alias: Such as ``alias/aws/secretsmanager``.
        """
        ...

    def generate_data_key(
        self, transaction: Transaction, call: Call, key_arn: str, context: Mapping[str, str]
    ) -> DataKey:
        """A new 256-bit data key under ``key_arn``. Needs ``kms:GenerateDataKey``.

        Raises:
            AwsError: Access denied, or the key's state forbids it, with KMS's codes.
        """
        ...

    def encrypt(
        self, transaction: Transaction, call: Call, key_arn: str, plaintext: bytes, context: Mapping[str, str]
    ) -> bytes:
        """Seal up to 4,096 bytes under ``key_arn``. Needs ``kms:Encrypt``."""
        ...

    def decrypt(
        self, transaction: Transaction, call: Call, key_arn: str, ciphertext: bytes, context: Mapping[str, str]
    ) -> bytes:
        """Open a ciphertext that must be one of ``key_arn``. Needs ``kms:Decrypt``. The hot path of every read.

        Raises:
            AwsError: Access denied, a key state that forbids it, or ``InvalidCiphertextException``.
        """
        ...


@dataclass(frozen=True, slots=True)
class InvocationRequest:
    """One invocation of a function, as the process that owns the function pool receives it."""

    account: str
    region: str
    function_arn: str
    request_id: str
    payload: bytes = field(repr=False)
    log_tail: bool = False


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """What a function answered.

    Args:
        payload: The answer, or the error object when ``function_error`` is set.
        function_error: ``Unhandled`` when the function failed.
        log_tail: The last 4 KiB of its output, when that was asked for.
        executed_version: The version that ran.
    """

    payload: bytes = field(repr=False)
    function_error: str | None = None
    log_tail: bytes = field(default=b"", repr=False)
    executed_version: str = "$LATEST"


class FunctionInvoker(Protocol):
    """Runs functions. In the background worker this is the pool; in a request worker, the way to it."""

    async def invoke(self, request: InvocationRequest) -> InvocationResult:
        """Run one invocation to its end.

        Raises:
            AwsError: The function does not exist or cannot be run (Lambda's own codes).
        """
        ...


class LambdaClient(Protocol):
    """Lambda, for services that call functions on somebody's behalf."""

    def authorize_invoke(self, transaction: Transaction, call: Call, function_arn: str) -> None:
        """Check that the call's caller may invoke the function (``lambda:InvokeFunction``).

        Raises:
            AwsError: Access denied, or ``ResourceNotFoundException``.
        """
        ...

    def admits_service(
        self, transaction: Transaction, function_arn: str, service: str, *, source_arn: str, source_account: str
    ) -> bool:
        """Whether the function exists and its policy lets ``service`` invoke it on behalf of ``source_arn``."""
        ...

    async def invoke_as_service(
        self, function_arn: str, payload: bytes, *, service: str, source_arn: str, source_account: str
    ) -> InvocationResult:
        """Invoke as a service, after checking the function's policy again.

        Raises:
            AwsError: ``AccessDeniedException`` or ``ResourceNotFoundException`` of Lambda.
        """
        ...


@dataclass(frozen=True, slots=True)
class SessionCredentials:
    """Temporary credentials of a role session."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_ms: int


class IamClient(Protocol):
    """IAM, for services that run things under a role."""

    def authorize_pass_role(self, transaction: Transaction, call: Call, role_arn: str, service: str) -> None:
        """Check that the caller may hand ``role_arn`` to ``service`` (``iam:PassRole``), and that the role trusts it.

        Raises:
            AwsError: Access denied; or, for a role that is missing or does not trust the service, Lambda's
                ``InvalidParameterValueException`` "The role defined for the function cannot be assumed by Lambda."
        """
        ...

    def service_session(
        self, transaction: Transaction, role_arn: str, service: str, session_name: str, seconds: int, now_ms: int
    ) -> SessionCredentials:
        """Credentials of a session of ``role_arn`` that ``service`` assumed.

        Raises:
            AwsError: The role is gone or no longer trusts the service.
        """
        ...
