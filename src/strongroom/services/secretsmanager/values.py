"""Secret values: taken from requests, sealed under a data key of their own, opened again.

Every version has a data key from KMS, asked for on the caller's behalf: so writing takes ``kms:GenerateDataKey`` and
reading takes ``kms:Decrypt`` on the secret's key (AWS Secrets Manager User Guide, "Secret encryption and decryption").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hmac import compare_digest
from typing import Final, Literal

from strongroom.arn import Arn
from strongroom.errors import AccessDenied, AwsError
from strongroom.keyring import InvalidCiphertext, Keyring, seal_with_data_key
from strongroom.services.call import Call
from strongroom.services.clients import KeyDescription, KmsClient
from strongroom.services.secretsmanager.records import Secret
from strongroom.services.secretsmanager.refusals import invalid_parameter, invalid_request, too_long
from strongroom.services.secretsmanager.versions import (
    CURRENT,
    PENDING,
    PREVIOUS,
    Version,
    replace_data_key,
    version_with_label,
)
from strongroom.store import Transaction
from strongroom.world import World

__all__ = [
    "DEFAULT_ALIAS",
    "SERVICE_PRINCIPAL",
    "Value",
    "Values",
    "default_key_across_accounts",
    "given_value",
    "key_reference",
    "value_context",
]

SERVICE_PRINCIPAL: Final = "secretsmanager.amazonaws.com"

DEFAULT_ALIAS: Final = "alias/aws/secretsmanager"
"""The service's own key, which there is in each account and region."""

_VALIDATION_VERSION: Final = "RequestToValidateKeyAccess"
_PROBE: Final = b"RequestToValidateKeyAccess"


@dataclass(frozen=True, slots=True)
class Value:
    """A secret value: text as UTF-8, or bytes."""

    kind: Literal["string", "binary"]
    data: bytes = field(repr=False)


def given_value(string: str | None, binary: bytes | None, most_bytes: int) -> Value | None:
    """The value that a request carries; None when it carries none.

    Args:
        string: SecretString.
        binary: SecretBinary.
        most_bytes: The longest value.

    Raises:
        AwsError: ``InvalidParameterException``: both are given. ``ValidationException``: it is too long.
    """
    if string is not None and binary is not None:
        raise invalid_parameter(
            "You can't specify both a binary secret value and a string secret value in the same secret.",
        )
    if string is not None:
        value = Value("string", string.encode())
    elif binary is not None:
        value = Value("binary", binary)
    else:
        return None
    if len(value.data) > most_bytes:
        raise too_long("secretString" if value.kind == "string" else "secretBinary", most_bytes)
    return value


def default_key_across_accounts() -> AwsError:
    """A caller of another account meets a secret under ``aws/secretsmanager``, which serves its own account only."""
    return invalid_request(
        "You can't access a secret from a different AWS account if you encrypt the secret with the default KMS "
        "service key.",
    )


def _decryption_failure() -> AwsError:
    return AwsError(
        "DecryptionFailure", "Secrets Manager can't decrypt the protected secret text using the provided KMS key."
    )


def _encryption_failure() -> AwsError:
    return AwsError(
        "EncryptionFailure",
        "Secrets Manager can't encrypt the protected secret text using the provided KMS key. "
        "Check that the KMS key is available, enabled, and not in an invalid state.",
    )


def _invalid_key(refusal: AwsError) -> AwsError:
    return invalid_parameter(f"The operation failed because of an invalid KMS key: {refusal.message}")


def _access_denied() -> AccessDenied:
    return AccessDenied("Access to KMS is not allowed")


def _as_secrets_manager_says(refusal: AwsError, failure: AwsError) -> AwsError:
    """KMS's refusal in Secrets Manager's words: who may not is told so, whatever else is wrong with the key is not."""
    if isinstance(refusal, AccessDenied):
        return _access_denied()
    return failure if refusal.status < 500 else refusal


def value_context(arn: str, version_id: str) -> dict[str, str]:
    """The encryption context of a version's value and of its data key."""
    return {"SecretARN": arn, "SecretVersionId": version_id}


class Values:
    """Seals and opens the values of versions.

    Args:
        kms: KMS, which is always asked on behalf of the call's caller.
        keyring: Opens values with the data keys that KMS gives.
        world: For the nonces of ciphertexts.
    """

    __slots__ = ("_keyring", "_kms", "_world")

    def __init__(self, kms: KmsClient, keyring: Keyring, world: World) -> None:
        self._kms = kms
        self._keyring = keyring
        self._world = world

    def key_setting(self, transaction: Transaction, call: Call, kms_key_id: str | None, account: str) -> str | None:
        """What to store for a KmsKeyId of a request: None for every spelling of the account's own service key.

        Args:
            transaction: A write.
            call: The call.
            kms_key_id: A key id, key ARN, alias or alias ARN; empty or absent for the service key.
            account: The account that owns the secret.

        Raises:
            AwsError: ``InvalidParameterException``: there is no such key.
        """
        if not kms_key_id:
            return None
        full = key_reference(kms_key_id, account, call.region)
        if full == key_reference(DEFAULT_ALIAS, account, call.region):
            return None
        key = self._described(transaction, call, full, _invalid_key)
        if key.manager == "AWS" and key.account == account == call.account:
            service_key = self._kms.service_key(transaction, call.forward(SERVICE_PRINCIPAL), DEFAULT_ALIAS)
            if service_key.arn == key.arn:
                return None
        return kms_key_id

    def described_key_arn(self, transaction: Transaction, call: Call, kms_key_id: str, account: str) -> str | None:
        """The key ARN of a KmsKeyId, for the condition key ``secretsmanager:KmsKeyArn``; None if there is no such key.

        The arguments are those of `key_setting`.
        """
        try:
            return self._kms.describe(transaction, call, key_reference(kms_key_id, account, call.region)).arn
        except AwsError:
            return None

    def is_service_key(self, transaction: Transaction, call: Call, key_arn: str) -> bool:
        """Whether a key that some version is under is a service's own. A key that is gone is not."""
        try:
            return self._kms.describe(transaction, call, key_arn).manager == "AWS"
        except AwsError:
            return False

    def denied_reading(
        self, transaction: Transaction, call: Call, key_arn: str, kms_key_id: str | None, account: str
    ) -> AccessDenied:
        """The refusal for a caller who may not decrypt a version: it tells if the secret has another key by now.

        Args:
            transaction: Where KMS looks keys up.
            call: The call.
            key_arn: The key that the version is under.
            kms_key_id: The secret's present key, as it was given; None for the service key.
            account: The account that owns the secret.
        """
        if kms_key_id is None:
            is_present = self.is_service_key(transaction, call, key_arn)
        else:
            is_present = self.described_key_arn(transaction, call, kms_key_id, account) == key_arn
        if is_present:
            return _access_denied()
        return AccessDenied(
            "Access to KMS is not allowed. This version of secret is not encrypted with the current KMS key."
        )

    def key_arn(self, transaction: Transaction, call: Call, secret: Secret) -> str:
        """The KMS key under which new versions of a secret go. An alias counts by what it names now.

        Raises:
            AwsError: The key is not there, or is the service key of another account.
        """
        if secret.kms_key_id is None:
            if secret.account != call.account:
                raise default_key_across_accounts()
            return self._kms.service_key(transaction, call.forward(SERVICE_PRINCIPAL), DEFAULT_ALIAS).arn
        reference = key_reference(secret.kms_key_id, secret.account, secret.region)
        return self._described(transaction, call, reference, lambda _: _encryption_failure()).arn

    def _described(
        self, transaction: Transaction, call: Call, reference: str, failure: Callable[[AwsError], AwsError]
    ) -> KeyDescription:
        try:
            return self._kms.describe(transaction, call, reference)
        except AwsError as refusal:
            arn = Arn.parse(reference)
            if arn is None or arn.account == call.account:
                raise _as_secrets_manager_says(refusal, failure(refusal)) from None
            # Which keys another account has is not for this caller to learn.
            raise _access_denied() from None

    def validate_access(self, transaction: Transaction, call: Call, secret: Secret) -> None:
        """Check that the caller can encrypt and decrypt under a secret's customer key, before it is set.

        Raises:
            AwsError: The caller may not, or the key cannot.
        """
        key_arn = self.key_arn(transaction, call, secret)
        forwarded = call.forward(SERVICE_PRINCIPAL)
        context = value_context(secret.arn, _VALIDATION_VERSION)
        try:
            data_key = self._kms.generate_data_key(transaction, forwarded, key_arn, context)
            self._kms.decrypt(transaction, forwarded, key_arn, data_key.ciphertext, context)
        except AwsError as refusal:
            raise _as_secrets_manager_says(refusal, _encryption_failure()) from None

    def seal(
        self, transaction: Transaction, call: Call, secret: Secret, version_id: str, value: Value, created_ms: int
    ) -> Version:
        """A version that holds ``value`` under a new data key of the secret's key. It is not stored here.

        Raises:
            AwsError: Access denied, or the key cannot encrypt.
        """
        context = value_context(secret.arn, version_id)
        key_arn = self.key_arn(transaction, call, secret)
        try:
            data_key = self._kms.generate_data_key(transaction, call.forward(SERVICE_PRINCIPAL), key_arn, context)
        except AwsError as refusal:
            raise _as_secrets_manager_says(refusal, _encryption_failure()) from None
        return Version(
            arn=secret.arn,
            version_id=version_id,
            created_ms=created_ms,
            kind=value.kind,
            kms_key_arn=data_key.key_arn,
            data_key=data_key.ciphertext,
            value=seal_with_data_key(data_key.plaintext, value.data, context, self._world.entropy),
        )

    def open(
        self,
        transaction: Transaction,
        call: Call,
        arn: str,
        version_id: str,
        key_arn: str,
        data_key: bytes,
        value: bytes,
    ) -> bytes:
        """The bytes of a version's value. The arguments and errors are those of `opener`."""
        return self.opener(transaction, call, arn, version_id, key_arn, data_key, value)()

    def opener(
        self,
        transaction: Transaction,
        call: Call,
        arn: str,
        version_id: str,
        key_arn: str,
        data_key: bytes,
        value: bytes,
    ) -> Callable[[], bytes]:
        """What gives the bytes of a version's value, decrypting them each time. The hot path of every read.

        Args:
            transaction: Where KMS looks its key up.
            call: The call.
            arn: The secret's ARN.
            version_id: The version.
            key_arn: The KMS key of the data key.
            data_key: The data key, encrypted.
            value: The value, encrypted.

        Raises:
            AwsError: Access denied, or the key cannot decrypt. What is returned raises ``DecryptionFailure``.
        """
        context = {"SecretARN": arn, "SecretVersionId": version_id}
        try:
            opened = self._kms.decrypt(transaction, call.forward(SERVICE_PRINCIPAL), key_arn, data_key, context)
            opener = self._keyring.value_opener(opened, value, context)
        except AwsError as refusal:
            raise _as_secrets_manager_says(refusal, _decryption_failure()) from None
        except InvalidCiphertext:
            raise _decryption_failure() from None

        def open_value() -> bytes:
            try:
                return opener.open(value)
            except InvalidCiphertext:
                raise _decryption_failure() from None

        return open_value

    def open_version(self, transaction: Transaction, call: Call, version: Version) -> Value | None:
        """`open` for a row; None for a version without a value."""
        if version.value is None or version.data_key is None or version.kms_key_arn is None:
            return None
        data = self.open(
            transaction, call, version.arn, version.version_id, version.kms_key_arn, version.data_key, version.value
        )
        return Value("binary" if version.kind == "binary" else "string", data)

    def holds(self, transaction: Transaction, call: Call, version: Version, value: Value) -> bool:
        """Whether a version's value is ``value``. It takes ``kms:Decrypt`` to compare."""
        found = self.open_version(transaction, call, version)
        return found is not None and found.kind == value.kind and compare_digest(found.data, value.data)

    def change_key(self, transaction: Transaction, call: Call, secret: Secret) -> None:
        """Bring the versions labelled AWSCURRENT, AWSPENDING and AWSPREVIOUS under the secret's present key.

        Their data keys are encrypted anew; the values under them stay. A caller without ``kms:Encrypt`` on the new key
        leaves them under the old one (UpdateSecret, API Reference).

        Raises:
            AwsError: The old key does not decrypt for this caller, or the new one cannot encrypt.
        """
        key_arn = self.key_arn(transaction, call, secret)
        forwarded = call.forward(SERVICE_PRINCIPAL)
        labelled = (version_with_label(transaction, secret.arn, label) for label in (CURRENT, PENDING, PREVIOUS))
        for version in {found.version_id: found for found in labelled if found is not None}.values():
            if version.data_key is None or version.kms_key_arn is None or version.kms_key_arn == key_arn:
                continue
            context = value_context(version.arn, version.version_id)
            try:
                self._kms.encrypt(transaction, forwarded, key_arn, _PROBE, context)
            except AccessDenied:
                continue
            except AwsError as refusal:
                raise _as_secrets_manager_says(refusal, _encryption_failure()) from None
            try:
                opened = self._kms.decrypt(transaction, forwarded, version.kms_key_arn, version.data_key, context)
            except AwsError as refusal:
                raise _as_secrets_manager_says(refusal, _decryption_failure()) from None
            sealed = self._kms.encrypt(transaction, forwarded, key_arn, opened, context)
            replace_data_key(transaction, version, key_arn, sealed)

    def copy(
        self, transaction: Transaction, call: Call, secret: Secret, version: Version, version_id: str, created_ms: int
    ) -> Version | None:
        """A new version with the value of another one; None when that has none. It is not stored here."""
        value = self.open_version(transaction, call, version)
        if value is None:
            return None
        return replace(self.seal(transaction, call, secret, version_id, value, created_ms), accessed_day_ms=None)


def key_reference(kms_key_id: str, account: str, region: str) -> str:
    """A key as an ARN of the secret's account, so that it means the same whoever calls."""
    if kms_key_id.startswith("arn:"):
        return kms_key_id
    kind = "" if kms_key_id.startswith("alias/") else "key/"
    return f"arn:aws:kms:{region}:{account}:{kind}{kms_key_id}"
