"""The other operations of Secrets Manager over secrets in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.model.listing import select
from tests.model.state import CURRENT, DEFAULT_KEY, PENDING, ModelError, Rotation, Secret
from tests.model.values import DATE, MISSING_TOKEN, Document, ModelValues, given_tags, token_in_use

__all__ = ["ModelService"]

_DEFAULT_POLICY = "default"
_EXCLUDED_TYPES = ("ExcludeLowercase", "ExcludeUppercase", "ExcludeNumbers", "ExcludePunctuation")


class ModelService(ModelValues):
    """All operations. The arguments are those of `ModelValues`."""

    # --- descriptions

    def describe_secret(self, parameters: Mapping[str, Any]) -> Document:
        """DescribeSecret."""
        secret = self.get(parameters["SecretId"], deleted=True)
        answer = _described(secret)
        if secret.labels:
            answer["VersionIdsToStages"] = secret.labels_by_version
        return answer

    def list_secrets(self, parameters: Mapping[str, Any]) -> Document:
        """ListSecrets, all pages at once."""
        deleted = bool(parameters.get("IncludePlannedDeletion"))
        found = select(self.secrets.values(), parameters.get("Filters", ()), deleted=deleted)
        if parameters.get("SortBy") == "name":
            found.sort(key=lambda secret: secret.name)
        if parameters.get("SortOrder") == "desc":
            found.reverse()
        entries = []
        for secret in found:
            entry = _described(secret)
            if secret.labels:
                entry["SecretVersionsToStages"] = secret.labels_by_version
            entries.append(entry)
        return {"SecretList": entries}

    def list_secret_version_ids(self, parameters: Mapping[str, Any]) -> Document:
        """ListSecretVersionIds, all pages at once, ordered by version id."""
        secret = self.get(parameters["SecretId"], deleted=True)
        labels = secret.labels_by_version
        versions = []
        for token, version in sorted(secret.versions.items()):
            if version.value is None or (token not in labels and not parameters.get("IncludeDeprecated")):
                continue
            entry: Document = {"VersionId": token, "CreatedDate": DATE, "KmsKeyIds": [version.key]}
            if token in labels:
                entry["VersionStages"] = labels[token]
            versions.append(entry)
        return {"ARN": secret.arn, "Name": secret.name, "Versions": versions}

    def get_random_password(self, parameters: Mapping[str, Any]) -> Document:
        """GetRandomPassword; of the password only its length."""
        types = 4 - sum(bool(parameters.get(member)) for member in _EXCLUDED_TYPES)
        length = parameters.get("PasswordLength", 32)
        if types == 0 or (length < types and parameters.get("RequireEachIncludedType", True)):
            raise ModelError("InvalidParameterException")
        return {"RandomPassword": length}

    # --- labels

    def update_secret_version_stage(self, parameters: Mapping[str, Any]) -> Document:
        """UpdateSecretVersionStage."""
        label = parameters["VersionStage"]
        source, target = parameters.get("RemoveFromVersionId"), parameters.get("MoveToVersionId")
        if source is None and target is None:
            raise ModelError("InvalidParameterException")
        secret = self.get(parameters["SecretId"])
        for token in (source, target):
            version = secret.versions.get(token or "")
            if token is not None and (version is None or (label == CURRENT and version.value is None)):
                raise ModelError("ResourceNotFoundException")
        answer = {"ARN": secret.arn, "Name": secret.name}
        holder = secret.labels.get(label)
        if target is not None and holder == target:
            return answer
        _require_holder(label, holder, source)
        if target is not None:
            secret.attach(target, [label])
        elif label == CURRENT:
            raise ModelError(
                "InvalidParameterException",
                "You can only move staging label AWSCURRENT to a different secret version. "
                "It can’t be completely removed.",
            )
        else:
            del secret.labels[label]
        secret.changes += 1
        return answer

    # --- deletion

    def delete_secret(self, parameters: Mapping[str, Any]) -> Document:
        """DeleteSecret."""
        force, days = parameters.get("ForceDeleteWithoutRecovery"), parameters.get("RecoveryWindowInDays")
        if (force and days is not None) or not 7 <= (30 if days is None else days) <= 30:
            raise ModelError("InvalidParameterException")
        secret_id = parameters["SecretId"]
        secret = self.find(secret_id)
        if force and secret is None:
            prefix = self.fixtures.partial_arn("")
            if secret_id.startswith("arn:") and not secret_id.startswith(prefix):
                raise ModelError("ResourceNotFoundException")
            name = secret_id.removeprefix(prefix)
            return {"ARN": prefix + name, "Name": name, "DeletionDate": DATE}
        if force and secret is not None:
            del self.secrets[secret.name]
        else:
            secret = self.get(secret_id, deleted=True)
            if secret.deleted:
                raise ModelError("InvalidRequestException")
            secret.deleted = True
            secret.open_rotation = None
            secret.changes += 1
        return {"ARN": secret.arn, "Name": secret.name, "DeletionDate": DATE}

    def restore_secret(self, parameters: Mapping[str, Any]) -> Document:
        """RestoreSecret."""
        secret = self.get(parameters["SecretId"], deleted=True)
        if secret.deleted:
            secret.deleted = False
            secret.changes += 1
        return {"ARN": secret.arn, "Name": secret.name}

    # --- tags and policies

    def tag_resource(self, parameters: Mapping[str, Any]) -> Document:
        """TagResource."""
        tags = given_tags(parameters["Tags"])
        secret = self.get(parameters["SecretId"])
        secret.tags = {**secret.tags, **tags}
        secret.changes += 1
        return {}

    def untag_resource(self, parameters: Mapping[str, Any]) -> Document:
        """UntagResource. Keys that are not there change nothing, not even LastChangedDate."""
        secret = self.get(parameters["SecretId"])
        if not secret.tags.keys().isdisjoint(parameters["TagKeys"]):
            secret.changes += 1
        secret.tags = {key: value for key, value in secret.tags.items() if key not in parameters["TagKeys"]}
        return {}

    def get_resource_policy(self, parameters: Mapping[str, Any]) -> Document:
        """GetResourcePolicy."""
        secret = self.get(parameters["SecretId"])
        answer = _of_policy(secret)
        if secret.policy is not None:
            answer["ResourcePolicy"] = secret.policy
        return answer

    def put_resource_policy(self, parameters: Mapping[str, Any]) -> Document:
        """PutResourcePolicy."""
        secret = self.get(parameters["SecretId"])
        policy = parameters["ResourcePolicy"]
        if policy == self.fixtures.malformed_policy:
            raise ModelError("MalformedPolicyDocumentException")
        if policy == self.fixtures.public_policy and parameters.get("BlockPublicPolicy"):
            raise ModelError("PublicPolicyException")
        secret.policy = policy
        secret.changes += 1
        return _of_policy(secret)

    def delete_resource_policy(self, parameters: Mapping[str, Any]) -> Document:
        """DeleteResourcePolicy."""
        secret = self.get(parameters["SecretId"])
        secret.policy = None
        secret.changes += 1
        return _of_policy(secret)

    def list_resource_policies(self, parameters: Mapping[str, Any]) -> Document:
        """ListResourcePolicies."""
        secret = self.get(parameters["SecretId"])
        return {"ResourcePolicies": [] if secret.policy is None else [{"PolicyName": _DEFAULT_POLICY}]}

    def validate_resource_policy(self, parameters: Mapping[str, Any]) -> Document:
        """ValidateResourcePolicy; of the errors only whether there are some."""
        if "SecretId" in parameters:
            self.get(parameters["SecretId"])
        passed = parameters["ResourcePolicy"] == self.fixtures.policy
        return {"PolicyValidationPassed": passed, "ValidationErrors": not passed}

    # --- replication, where there is one region

    def replicate_secret_to_regions(self, parameters: Mapping[str, Any]) -> Document:
        """ReplicateSecretToRegions, to a region that there is not."""
        del parameters
        raise ModelError("InvalidParameterException")

    def remove_regions_from_replication(self, parameters: Mapping[str, Any]) -> Document:
        """RemoveRegionsFromReplication, of a region that has no replica."""
        return {"ARN": self.get(parameters["SecretId"]).arn, "ReplicationStatus": []}

    def stop_replication_to_replica(self, parameters: Mapping[str, Any]) -> Document:
        """StopReplicationToReplica, on what is no replica."""
        self.get(parameters["SecretId"])
        raise ModelError("InvalidRequestException")

    def disassociate_cross_account_replica(self, parameters: Mapping[str, Any]) -> Document:
        """DisassociateCrossAccountReplica, of what is no replica."""
        self.get(parameters["SecretId"])
        raise ModelError("InvalidParameterException")

    def associate_cross_account_replica(self, parameters: Mapping[str, Any]) -> Document:
        """AssociateCrossAccountReplica, with a secret that nobody shares."""
        self.get(parameters["SecretId"])
        raise ModelError("AccessDeniedException")

    # --- rotation

    def rotate_secret(self, parameters: Mapping[str, Any]) -> Document:
        """RotateSecret, with a function whose every step fails: the new version stays pending."""
        if "ClientRequestToken" not in parameters:
            raise ModelError("InvalidParameterException", MISSING_TOKEN)
        token = parameters["ClientRequestToken"]
        secret = self.get(parameters["SecretId"])
        function = parameters.get("RotationLambdaARN") or (secret.rotation and secret.rotation.function)
        if function is None:
            raise ModelError(
                "InvalidRequestException", "No Lambda rotation function ARN is associated with this secret."
            )
        answer = {"ARN": secret.arn, "Name": secret.name, "VersionId": token}
        if token in secret.tokens:
            return answer
        if function != self.fixtures.function:
            raise ModelError("AccessDeniedException")
        pending = secret.labels.get(PENDING)
        if pending is not None and pending == secret.open_rotation and pending != secret.labels.get(CURRENT):
            raise ModelError(
                "InvalidRequestException",
                "A previous rotation isn’t complete. That rotation will be reattempted.",
            )
        if token in secret.versions:
            raise token_in_use(secret, token)
        labels = dict(secret.labels)
        if labels.get(PENDING) == secret.open_rotation:
            labels.pop(PENDING, None)
        replace(secret, labels=labels).attach(token, [PENDING])
        secret.end_rotation()
        stored = secret.rotation.rules if secret.rotation else {}
        secret.rotation = Rotation(function, dict(parameters.get("RotationRules", stored)), enabled=True)
        secret.add_version(token, None)
        secret.attach(token, [PENDING])
        secret.tokens.add(token)
        secret.open_rotation = token
        secret.changes += 1
        return answer

    def cancel_rotate_secret(self, parameters: Mapping[str, Any]) -> Document:
        """CancelRotateSecret."""
        secret = self.get(parameters["SecretId"])
        answer = {"ARN": secret.arn, "Name": secret.name}
        if secret.open_rotation is not None:
            answer["VersionId"] = secret.open_rotation
        secret.open_rotation = None
        if secret.rotation is not None:
            secret.rotation.enabled = False
        secret.changes += 1
        return answer


def _require_holder(label: str, holder: str | None, source: str | None) -> None:
    if holder is not None and source is None:
        raise ModelError(
            "InvalidParameterException",
            f"The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached to "
            f"version {holder}, so you must explicitly reference that version in RemoveFromVersionId.",
        )
    if source is not None and source != holder:
        raise ModelError("InvalidParameterException")


def _described(secret: Secret) -> Document:
    """What DescribeSecret and ListSecrets both say."""
    answer: Document = {"ARN": secret.arn, "Name": secret.name, "CreatedDate": DATE, "LastChangedDate": DATE}
    if secret.description:
        answer["Description"] = secret.description
    if secret.key is not None and secret.key != DEFAULT_KEY:
        answer["KmsKeyId"] = secret.key
    if secret.tags:
        answer["Tags"] = [{"Key": key, "Value": value} for key, value in sorted(secret.tags.items())]
    if secret.deleted:
        answer["DeletedDate"] = DATE
    rotation = secret.rotation
    if rotation is not None:
        answer |= {"RotationEnabled": rotation.enabled, "RotationLambdaARN": rotation.function}
        if rotation.rules:
            answer["RotationRules"] = rotation.rules
            if rotation.enabled:
                answer["NextRotationDate"] = DATE
    return answer


def _of_policy(secret: Secret) -> Document:
    """What the operations on the one policy answer."""
    return {"ARN": secret.arn, "Name": secret.name, "PolicyName": _DEFAULT_POLICY}
