"""What every operation of the model starts from, and the operations that store and give out values.

Each method takes the parameters of its operation and answers with its members, or raises `ModelError`. Nothing that is
random or a date can be foretold: a date is answered as `DATE`, and CreateSecret is told the ARN that the real service
made up. Requests come from an administrator, in the account and region that own the secrets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.model.listing import select
from tests.model.state import CURRENT, ModelError, Secret, has_suffix

__all__ = ["DATE", "MISSING_TOKEN", "Document", "Fixtures", "ModelValues", "given_tags", "token_in_use"]

DATE = "<a date>"
MISSING_TOKEN = "You must provide a ClientRequestToken value. We recommend a UUID-type value."

Document = dict[str, Any]

_NOT_FOUND = "Secrets Manager can't find the specified secret."
_DELETED = "You can't perform this operation on the secret because it was marked for deletion."
_IMPOSSIBLE = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
_DEFAULT_ALIAS = "alias/aws/secretsmanager"


class Fixtures:
    """What the requests may name besides secrets.

    Args:
        account: The account.
        region: The region.
        keys: ARNs of KMS keys that are enabled.
        disabled_key: The ARN of one that is not.
        function: The ARN of a rotation function that may be invoked, and always fails.
        policy: A policy for the account's own.
        public_policy: A policy that lets everybody in.
        malformed_policy: A text that is no policy.
    """

    def __init__(
        self,
        account: str,
        region: str,
        keys: Sequence[str],
        disabled_key: str,
        function: str,
        policy: str,
        public_policy: str,
        malformed_policy: str,
    ) -> None:
        self.account = account
        self.region = region
        self.keys = tuple(keys)
        self.disabled_key = disabled_key
        self.function = function
        self.policy = policy
        self.public_policy = public_policy
        self.malformed_policy = malformed_policy

    def partial_arn(self, name: str) -> str:
        """The ARN of a secret without its suffix."""
        return f"arn:aws:secretsmanager:{self.region}:{self.account}:secret:{name}"


class ModelValues:
    """The secrets, and the operations on their values.

    Args:
        fixtures: Keys, functions and policies that exist around it.
    """

    def __init__(self, fixtures: Fixtures) -> None:
        self.fixtures = fixtures
        self.secrets: dict[str, Secret] = {}
        """By name, in the order of creation."""

    def find(self, secret_id: str) -> Secret | None:
        """The secret that a SecretId names. An ARN that ends like a suffix is a full one.

        Raises:
            ModelError: It is no ARN, and no secret can have it as its name.
        """
        if not secret_id.startswith("arn:") and not re.fullmatch(r"[A-Za-z0-9/_+=.@!-]+", secret_id):
            raise ModelError("ValidationException", _IMPOSSIBLE)
        prefix = self.fixtures.partial_arn("")
        if not secret_id.startswith("arn:"):
            return self.secrets.get(secret_id)
        name = secret_id.removeprefix(prefix)
        if has_suffix(name):
            return next((secret for secret in self.secrets.values() if secret.arn == secret_id), None)
        return self.secrets.get(name)

    def get(self, secret_id: str, *, deleted: bool = False) -> Secret:
        """The secret that a SecretId names.

        Raises:
            ModelError: There is none, or it is marked for deletion and that matters.
        """
        secret = self.find(secret_id)
        if secret is None:
            raise ModelError("ResourceNotFoundException", _NOT_FOUND)
        if secret.deleted and not deleted:
            raise ModelError("InvalidRequestException", _DELETED)
        return secret

    # --- values

    def create_secret(self, arn: str, parameters: Mapping[str, Any]) -> Document:
        """CreateSecret; ``arn`` is the one that the real service chose."""
        name, token = parameters["Name"], _token(parameters)
        value, tags = _value(parameters), given_tags(parameters.get("Tags", ()))
        existing = self.secrets.get(name)
        if existing is not None:
            return self._created_before(existing, token, value)
        key = self._key(parameters.get("KmsKeyId"))
        secret = Secret(arn, name, parameters.get("Description") or None, key, tags)
        self.secrets[name] = secret
        answer: Document = {"ARN": arn, "Name": name}
        if value is not None:
            secret.add_version(token, value)
            secret.attach(token, [CURRENT])
            answer["VersionId"] = token
        return answer

    @staticmethod
    def _created_before(existing: Secret, token: str, value: str | bytes | None) -> Document:
        if existing.deleted:
            raise ModelError(
                "InvalidRequestException",
                "You can't create this secret because a secret with this name is already scheduled for deletion.",
            )
        if token not in existing.versions or value is None:
            raise ModelError(
                "ResourceExistsException", f"The operation failed because the secret {existing.name} already exists."
            )
        _require_same(existing, token, value)
        return {"ARN": existing.arn, "Name": existing.name, "VersionId": token}

    def put_secret_value(self, parameters: Mapping[str, Any]) -> Document:
        """PutSecretValue."""
        token, value = _token(parameters), _value(parameters)
        labels = parameters.get("VersionStages") or [CURRENT]
        if value is None:
            raise ModelError("InvalidRequestException")
        secret = self.get(parameters["SecretId"])
        if self._put(secret, token, value, labels):
            secret.changes += 1
        return {
            "ARN": secret.arn,
            "Name": secret.name,
            "VersionId": token,
            "VersionStages": secret.labels_by_version.get(token, []),
        }

    def update_secret(self, parameters: Mapping[str, Any]) -> Document:
        """UpdateSecret."""
        token, value = _token(parameters), _value(parameters)
        secret = self.get(parameters["SecretId"])
        key_is_given = "KmsKeyId" in parameters
        key = self._key(parameters.get("KmsKeyId"))
        answer: Document = {"ARN": secret.arn, "Name": secret.name}
        if value is not None:
            _require_fillable(secret, token, value)
        if "Description" in parameters:
            secret.description = parameters["Description"] or None
        if key_is_given:
            secret.use_key(key)
        is_repeated = False
        if value is not None:
            answer["VersionId"] = token
            is_repeated = not self._put(secret, token, value, [CURRENT])
        if not is_repeated or "Description" in parameters or key_is_given:
            secret.changes += 1
        return answer

    @staticmethod
    def _put(secret: Secret, token: str, value: str | bytes, labels: Sequence[str]) -> bool:
        """Store a value; False when it was there before."""
        if _require_fillable(secret, token, value):
            return False
        # A quota that would be broken leaves everything as it was.
        replace(secret, labels=dict(secret.labels)).attach(token, labels)
        secret.add_version(token, value)
        secret.attach(token, labels)
        if CURRENT in labels and secret.rotation is not None and secret.rotation.enabled:
            secret.end_rotation(besides=token)
        return True

    def get_secret_value(self, parameters: Mapping[str, Any]) -> Document:
        """GetSecretValue."""
        secret = self.get(parameters["SecretId"])
        token, label = parameters.get("VersionId"), parameters.get("VersionStage")
        if token is None:
            label = label or CURRENT
            token = secret.labels.get(label)
            missing = f"staging label: {label}"
        else:
            missing = f"VersionId: {token}"
        version = secret.versions.get(token or "")
        if token is None or version is None or version.value is None:
            raise ModelError(
                "ResourceNotFoundException", f"Secrets Manager can't find the specified secret value for {missing}"
            )
        if label is not None and secret.labels.get(label) != token:
            raise ModelError(
                "InvalidRequestException",
                "You provided a VersionStage that is not associated to the provided VersionId.",
            )
        secret.was_read = True
        answer: Document = {"ARN": secret.arn, "Name": secret.name, "VersionId": token, "CreatedDate": DATE}
        answer["SecretBinary" if isinstance(version.value, bytes) else "SecretString"] = version.value
        if token in secret.labels_by_version:
            answer["VersionStages"] = secret.labels_by_version[token]
        return answer

    def batch_get_secret_value(self, parameters: Mapping[str, Any]) -> Document:
        """BatchGetSecretValue; by filters all pages at once."""
        ids = parameters.get("SecretIdList")
        if ids is None:
            found = select(self.secrets.values(), parameters["Filters"], deleted=False)
            ids = [secret.arn for secret in found]
        values, errors = [], []
        for secret_id in ids:
            try:
                values.append(self.get_secret_value({"SecretId": secret_id}))
            except ModelError as error:
                errors.append({"SecretId": secret_id, "ErrorCode": error.code, "Message": error.message})
        return {"SecretValues": values, "Errors": errors}

    def _key(self, given: str | None) -> str | None:
        """The key of a KmsKeyId; None for the service's own."""
        if not given or given == _DEFAULT_ALIAS:
            return None
        if given not in self.fixtures.keys:
            raise ModelError("EncryptionFailure")
        return given


def _token(parameters: Mapping[str, Any]) -> str:
    if "ClientRequestToken" not in parameters:
        raise ModelError("InvalidRequestException", MISSING_TOKEN)
    return str(parameters["ClientRequestToken"])


def _value(parameters: Mapping[str, Any]) -> str | bytes | None:
    text, data = parameters.get("SecretString"), parameters.get("SecretBinary")
    if text is not None and data is not None:
        raise ModelError("InvalidParameterException")
    value: str | bytes | None = data if text is None else text
    return value


def given_tags(given: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The tags of a request; refused when a key is doubled or reserved."""
    tags = {tag["Key"]: tag["Value"] for tag in given}
    if len(tags) < len(given) or any(key.lower().startswith("aws:") for key in tags):
        raise ModelError("InvalidParameterException")
    return tags


def token_in_use(secret: Secret, token: str) -> ModelError:
    """The error for a token that stands for another value."""
    return ModelError(
        "ResourceExistsException",
        f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret "
        f"{secret.arn}.",
    )


def _require_same(secret: Secret, token: str, value: str | bytes) -> None:
    if secret.versions[token].value != value:
        raise token_in_use(secret, token)


def _require_fillable(secret: Secret, token: str, value: str | bytes) -> bool:
    """Whether the version is there with this very value; another value is refused."""
    version = secret.versions.get(token)
    if version is None or version.value is None:
        return False
    _require_same(secret, token, value)
    return True
