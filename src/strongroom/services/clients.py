"""How one service reaches another: narrow in-process clients that carry the original caller.

Each protocol here is implemented by the service it belongs to (its ``client.py``) and handed to the services that need
it. Methods that take a transaction act inside the calling operation's own transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from strongroom.services.call import Call
from strongroom.store import Transaction

__all__ = [
    "CiphertextHolder",
    "DataKey",
    "FunctionInvoker",
    "HeldCiphertext",
    "IamClient",
    "InvocationRequest",
    "InvocationResult",
    "KeyDescription",
    "KmsClient",
    "LambdaClient",
    "LogsClient",
    "ManagedSecret",
    "ManagedSecretDraft",
    "OrganizationClient",
    "SecretOwner",
    "SecretsClient",
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

    def data_key_for_service(
        self, transaction: Transaction, call: Call, key_arn: str, context: Mapping[str, str]
    ) -> DataKey:
        """`generate_data_key` for a service that goes on with what a caller who might do so asked it for.

        The service needs no Allow of its own: what that caller showed is like a grant to it. A Deny in the key policy
        and the key's state still stand against it.

        Args:
            transaction: A transaction.
            call: A call whose caller is the service itself.
            key_arn: The key.
            context: The encryption context.

        Raises:
            AwsError: A Deny, or the key's state forbids it.
        """
        ...

    def decrypt_for_service(
        self, transaction: Transaction, call: Call, key_arn: str, ciphertext: bytes, context: Mapping[str, str]
    ) -> bytes:
        """`decrypt` for a service, as in `data_key_for_service`.

        Raises:
            AwsError: A Deny, the key's state forbids it, or ``InvalidCiphertextException``.
        """
        ...


@dataclass(frozen=True, slots=True)
class HeldCiphertext:
    """A ciphertext of a KMS key that a service keeps.

    Args:
        position: Where it stands in the service's order of its ciphertexts, as text.
        key_arn: The key that it was made under.
        ciphertext: The ciphertext.
        context: Its encryption context.
    """

    position: str
    key_arn: str
    ciphertext: bytes = field(repr=False)
    context: Mapping[str, str]


class CiphertextHolder(Protocol):
    """A service's ciphertexts of KMS keys, for KMS to bring to the newest material of their keys."""

    name: str
    """What an operator calls them, such as ``secrets``."""

    def count(self, transaction: Transaction) -> int:
        """How many there are."""
        ...

    def page(self, transaction: Transaction, after: str, most: int) -> list[HeldCiphertext]:
        """Up to ``most`` of them behind a position, in the order of positions; the first position is behind ``""``."""
        ...

    def replace(self, transaction: Transaction, held: HeldCiphertext, ciphertext: bytes) -> None:
        """Put another ciphertext of the same plaintext and key in the place of one."""
        ...


@dataclass(frozen=True, slots=True)
class InvocationRequest:
    """One invocation of a function, as the process that owns the function pool receives it.

    Args:
        account: The function's account.
        region: Its region.
        function_arn: The function, without a qualifier.
        request_id: The invocation's id.
        payload: The event, JSON.
        log_tail: Whether to answer the end of the log.
        version: What is run: ``$LATEST``, or the number of a published version.
        qualifier: The version or alias that the caller named.
        client_context: JSON that the caller tells about itself.
    """

    account: str
    region: str
    function_arn: str
    request_id: str
    payload: bytes = field(repr=False)
    log_tail: bool = False
    version: str = "$LATEST"
    qualifier: str | None = None
    client_context: str | None = field(default=None, repr=False)

    @property
    def invoked_arn(self) -> str:
        """The ARN as the caller named it."""
        return self.function_arn if self.qualifier is None else f"{self.function_arn}:{self.qualifier}"


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """What a function answered.

    Args:
        payload: The answer, or the error object when ``function_error`` is set.
        function_error: ``Unhandled`` when the function failed.
        log_tail: The last 4 KiB of its output, when that was asked for.
        executed_version: The version that ran.
        log_stream: The stream of its log group that the output went to, where the pool is in this process.
    """

    payload: bytes = field(repr=False)
    function_error: str | None = None
    log_tail: bytes = field(default=b"", repr=False)
    executed_version: str = "$LATEST"
    log_stream: str = ""


class FunctionInvoker(Protocol):
    """Runs functions. In the background worker this is the pool; in a request worker, the way to it."""

    async def invoke(self, request: InvocationRequest) -> InvocationResult:
        """Run one invocation to its end.

        Raises:
            AwsError: The function does not exist or cannot be run (Lambda's own codes).
        """
        ...


class LogsClient(Protocol):
    """CloudWatch Logs, for services that print on somebody's behalf."""

    def start(self) -> None:
        """Begin to store what is written. Call it on the event loop."""
        ...

    def write(
        self, account: str, region: str, log_group: str, log_stream: str, entries: Sequence[tuple[int, str]]
    ) -> None:
        """Take lines to keep; returns at once. Group and stream are made if they are missing.

        Args:
            account: The account that owns the group.
            region: Its region.
            log_group: Such as ``/aws/lambda/<name>``.
            log_stream: The stream's name.
            entries: Pairs of (milliseconds since the epoch, text), in order.
        """
        ...

    async def stop(self) -> None:
        """Store what is waiting, then end."""
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

    def create_access_role(
        self, transaction: Transaction, account: str, trusted_account: str, name: str, now_ms: int
    ) -> None:
        """In a new account, make a role that may do everything and that another account may assume.

        Args:
            transaction: A write.
            account: The new account, which has no roles.
            trusted_account: The account whose principals may assume the role.
            name: The role's name.
            now_ms: Now, in milliseconds since the epoch.
        """
        ...


class OrganizationClient(Protocol):
    """Which accounts there are, for services that reach from one account into another."""

    def exists(self, transaction: Transaction, account: str) -> bool:
        """Whether the installation has this account, closed or not.

        Args:
            transaction: A read or a write.
            account: The account id, 12 digits.
        """
        ...

    def same_organization(self, transaction: Transaction, one: str, other: str) -> bool:
        """Whether two accounts are members of one organization."""
        ...


@dataclass(frozen=True, slots=True)
class ManagedSecretDraft:
    """A secret that a service is to manage.

    Args:
        owner: The id of the service, as OwningService shows it, such as ``rds``.
        name: Its name after ``owner!``, such as ``db-`` and a UUID.
        value: Its first value, text in UTF-8.
        description: Its description.
        kms_key_id: The key as the caller named it; None for ``aws/secretsmanager``.
        tags: Its tags besides ``aws:secretsmanager:owningService``; ``aws:`` keys are admitted.
        rotate_after_days: How often it rotates; None for never.
        rotate_at_once: Whether a first rotation begins with it.
    """

    owner: str
    name: str
    value: bytes = field(repr=False)
    description: str | None = None
    kms_key_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    rotate_after_days: int | None = None
    rotate_at_once: bool = False


@dataclass(frozen=True, slots=True)
class ManagedSecret:
    """What its owner may know of a managed secret.

    Args:
        arn: Its ARN.
        name: Its whole name.
        kms_key_arn: The key of its AWSCURRENT version.
        version_id: That version.
        rotation: ``idle``; ``running`` while a rotation is under way; ``failed`` when one was given up.
    """

    arn: str
    name: str
    kms_key_arn: str
    version_id: str
    rotation: str


class SecretsClient(Protocol):
    """Secrets Manager, for services that manage secrets. All methods act inside the transaction they are given.

    Methods with a call need the caller's permission, as AWS's forward access sessions do. The others are the owner's
    own right: only a secret of ``owner`` can be named, and its key is used as the caller who had it made has shown
    to be allowed to.
    """

    def create_managed(self, transaction: Transaction, call: Call, draft: ManagedSecretDraft) -> ManagedSecret:
        """Make a secret ``owner!name``.

        Needs ``secretsmanager:CreateSecret`` and ``secretsmanager:TagResource``, and the key's permissions.

        Raises:
            AwsError: Access denied, the name is taken, or the key cannot be used.
        """
        ...

    def rotate(self, transaction: Transaction, call: Call, owner: str, arn: str) -> str:
        """Begin a rotation; its steps are run by the owner (`SecretOwner`). Needs ``secretsmanager:RotateSecret``.

        One that was given up is taken up again instead.

        Returns:
            The id of the new version, which has AWSPENDING and no value yet.

        Raises:
            AwsError: Access denied, no such secret, or the rotation before is not through.
        """
        ...

    def describe_managed(self, transaction: Transaction, owner: str, arn: str) -> ManagedSecret | None:
        """A managed secret; None when there is none of this ARN."""
        ...

    def managed_value(self, transaction: Transaction, owner: str, arn: str, label: str, now_ms: int) -> bytes | None:
        """The value of the version with a staging label; None when there is no such version, or it has no value yet.

        Raises:
            AwsError: No such secret, or the key cannot be used.
        """
        ...

    def put_managed_value(
        self, transaction: Transaction, owner: str, arn: str, version_id: str, value: bytes, label: str, now_ms: int
    ) -> None:
        """Store a version with a staging label. A version that a rotation began gets its value.

        Args:
            transaction: A write.
            owner: The owning service's id.
            arn: The secret.
            version_id: The version: a rotation's token, or a new one of 32 to 64 characters.
            value: Text in UTF-8.
            label: AWSCURRENT, or AWSPENDING during a rotation.
            now_ms: Now.

        Raises:
            AwsError: No such secret, the version has another value, or the key cannot be used.
        """
        ...

    def promote_managed(self, transaction: Transaction, owner: str, arn: str, version_id: str, now_ms: int) -> None:
        """Make a version AWSCURRENT; the one that was becomes AWSPREVIOUS.

        Raises:
            AwsError: No such secret, or no such version with a value.
        """
        ...

    def withdraw_managed(self, transaction: Transaction, owner: str, arn: str, version_id: str) -> None:
        """Take AWSPENDING off a version whose value was rejected: the rotation begins again with a new version.

        Raises:
            AwsError: No such secret.
        """
        ...

    def value_for(self, transaction: Transaction, call: Call, secret_id: str) -> bytes:
        """The AWSCURRENT value of any secret, by name or ARN, on behalf of the caller.

        Needs ``secretsmanager:GetSecretValue`` and ``kms:Decrypt``.

        Raises:
            AwsError: Access denied, no such secret or value, or the key cannot be used.
        """
        ...

    def delete_managed(self, transaction: Transaction, owner: str, arn: str, now_ms: int) -> None:
        """Delete a secret at once, with all of its versions. It is no error when it is gone."""
        ...


class SecretOwner(Protocol):
    """A service that manages secrets, as the rotation engine of Secrets Manager sees it."""

    async def run_rotation_step(self, step: str, secret_arn: str, version_id: str) -> None:
        """Run one step of a rotation. A step may be repeated; after a failure it is.

        Args:
            step: ``createSecret``, ``setSecret``, ``testSecret`` or ``finishSecret``, in this order. After the last
                one, AWSCURRENT must be on the new version (`SecretsClient.promote_managed`).
            secret_arn: The secret.
            version_id: The new version.

        Raises:
            AwsError: The step failed. Only its code is kept.
        """
        ...
