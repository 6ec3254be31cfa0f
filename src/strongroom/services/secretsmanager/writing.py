"""CreateSecret, PutSecretValue and UpdateSecret.

The ClientRequestToken of a request becomes the id of the version that it makes. The same token with the same value is
the same request come again and changes nothing; with another value it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from strongroom.errors import AwsError
from strongroom.services.call import Call
from strongroom.services.secretsmanager.access import (
    Context,
    authorize_on,
    find_and_authorize,
    request_tag_context,
    secret_context,
)
from strongroom.services.secretsmanager.external_types import changed_type, given_type, require_partner_format
from strongroom.services.secretsmanager.names import MANAGED_MARK, SecretReference, is_valid_name, new_secret_arn
from strongroom.services.secretsmanager.parts import Parts
from strongroom.services.secretsmanager.records import Secret, find_secret, insert_secret, pack_tags, update_secret
from strongroom.services.secretsmanager.refusals import (
    invalid_name,
    invalid_parameter,
    invalid_request,
    missing_token,
    refuse_managed,
    refuse_nul,
    reserved_name,
    token_in_use,
)
from strongroom.services.secretsmanager.replication.pairing import CROSS_ACCOUNT_POLICY, require_cross_account_replica
from strongroom.services.secretsmanager.replication.requests import (
    given_regions,
    region_context,
    require_plain_replica_update,
)
from strongroom.services.secretsmanager.replication.shown import replication_status
from strongroom.services.secretsmanager.rotations import (
    abandon_rotations,
    find_rotation,
    next_window,
    rotation_token_fits,
    stored_rules,
)
from strongroom.services.secretsmanager.service_events import RESOURCE_TYPE
from strongroom.services.secretsmanager.tagging import given_tags
from strongroom.services.secretsmanager.values import Value, given_value
from strongroom.services.secretsmanager.versions import (
    CURRENT,
    attach_labels,
    find_version,
    insert_version,
    labels_by_version,
    labels_of,
    prune_versions,
    set_value,
)
from strongroom.store import Transaction

__all__ = ["Writing", "next_change"]


def next_change(secret: Secret, now_ms: int) -> int:
    """LastChangedDate of a change made now: it grows with every change, also within one millisecond."""
    return max(now_ms, secret.changed_ms + 1)


class Writing(Parts):
    """The operations that store values."""

    async def create_secret(
        self,
        call: Call,
        *,
        Name: str,
        ClientRequestToken: str | None = None,
        Description: str | None = None,
        KmsKeyId: str | None = None,
        SecretBinary: bytes | None = None,
        SecretString: str | None = None,
        Tags: list[dict[str, str]] | None = None,
        AddReplicaRegions: list[dict[str, str]] | None = None,
        ForceOverwriteReplicaSecret: bool | None = None,
        Type: str | None = None,
        CrossAccountPrimaryARN: str | None = None,
    ) -> dict[str, object]:
        """A new secret, with a first version when a value is given.

        With replica regions the engine makes the replicas after the answer. With ``CrossAccountPrimaryARN`` the secret
        is made to receive the value of one in another account.

        Raises:
            AwsError: Access denied, the name is taken or not valid, or the key cannot be used.
        """
        wanted = given_regions(AddReplicaRegions, call.region, self.settings.regions)
        if ClientRequestToken is None:
            raise missing_token()
        if not is_valid_name(Name):
            raise invalid_name()
        if MANAGED_MARK in Name:
            raise reserved_name()
        refuse_nul(clientRequestToken=ClientRequestToken, description=Description, kmsKeyId=KmsKeyId)
        token = ClientRequestToken
        value = given_value(SecretString, SecretBinary, self.settings.value_bytes)
        tags = given_tags(Tags, self.settings)
        kind = given_type(Type)
        require_partner_format(kind, value)
        if CrossAccountPrimaryARN is not None:
            empty = value is None and Description is None and kind is None and not AddReplicaRegions
            require_cross_account_replica(call, CrossAccountPrimaryARN, empty=empty)
        draft = Secret(
            arn=new_secret_arn(Name, call.account, call.region, self.world.entropy),
            account=call.account,
            region=call.region,
            name=Name,
            created_ms=call.now_ms,
            changed_ms=call.now_ms,
            description=Description or None,
            kms_key_id=KmsKeyId or None,
            tags=pack_tags(tags),
            type=kind,
            cross_account_primary_arn=CrossAccountPrimaryARN,
        )

        def work(transaction: Transaction) -> dict[str, object]:
            existing = find_secret(transaction, SecretReference("", call.account, call.region, Name))
            replication = region_context(wanted, ForceOverwriteReplicaSecret)
            self._authorize_creation(transaction, call, existing or draft, draft, tags, replication)
            if existing is not None:
                answer = self._created_before(transaction, call, existing, token, value)
                if wanted:
                    answer["ReplicationStatus"] = replication_status(transaction, existing.arn)
                return answer
            self.secret_limit.require_room(transaction, call.account, call.region)
            kms_key_id = self.values.key_setting(transaction, call, KmsKeyId, call.account)
            secret = replace(draft, kms_key_id=kms_key_id)
            insert_secret(transaction, secret)
            if kms_key_id is not None:
                self.values.validate_access(transaction, call, secret)
            answer = {"ARN": secret.arn, "Name": secret.name}
            if value is not None:
                version = self.values.seal(transaction, call, secret, token, value, call.now_ms)
                insert_version(transaction, version)
                attach_labels(transaction, secret.arn, token, [CURRENT], self.settings)
                answer["VersionId"] = token
            if wanted:
                self.replicas.add_regions(transaction, call, secret, wanted, force=bool(ForceOverwriteReplicaSecret))
                answer["ReplicationStatus"] = replication_status(transaction, secret.arn)
            if secret.cross_account_primary_arn is not None:
                self.replicas.await_primary(transaction, secret)
            return answer

        return dict(await call.write(work))

    async def put_secret_value(
        self,
        call: Call,
        *,
        SecretId: str,
        ClientRequestToken: str | None = None,
        SecretBinary: bytes | None = None,
        SecretString: str | None = None,
        VersionStages: list[str] | None = None,
        RotationToken: str | None = None,
    ) -> dict[str, object]:
        """A new version of a secret, labelled AWSCURRENT unless other labels are named.

        Raises:
            AwsError: Access denied, no such secret, no value, or the token is in use for another value.
        """
        if ClientRequestToken is None:
            raise missing_token()
        labels = list(dict.fromkeys(VersionStages or [CURRENT]))
        refuse_nul(clientRequestToken=ClientRequestToken, versionStages="".join(labels))
        token = ClientRequestToken
        value = given_value(SecretString, SecretBinary, self.settings.value_bytes)
        if value is None:
            raise invalid_request("You must provide either SecretString or SecretBinary.")

        def work(transaction: Transaction) -> dict[str, object]:
            secret = find_and_authorize(transaction, call, SecretId)
            refuse_managed(secret.owning_service)
            require_partner_format(secret.type, value)
            if RotationToken is not None:
                self._check_rotation_token(transaction, secret, token, RotationToken)
            if self._put_value(transaction, call, secret, token, value, labels):
                changes = self._after_value(transaction, call, secret, token, labels)
                update_secret(transaction, secret.arn, changed_ms=next_change(secret, call.now_ms), **changes)
            return {
                "ARN": secret.arn,
                "Name": secret.name,
                "VersionId": token,
                "VersionStages": labels_by_version(labels_of(transaction, secret.arn).items()).get(token, []),
            }

        return dict(await call.write(work))

    async def update_secret(
        self,
        call: Call,
        *,
        SecretId: str,
        ClientRequestToken: str | None = None,
        Description: str | None = None,
        KmsKeyId: str | None = None,
        SecretBinary: bytes | None = None,
        SecretString: str | None = None,
        Type: str | None = None,
    ) -> dict[str, object]:
        """Change the description or the key of a secret, or give it a new AWSCURRENT version.

        Raises:
            AwsError: Access denied, no such secret, or the key cannot be used.
        """
        if ClientRequestToken is None:
            raise missing_token()
        refuse_nul(clientRequestToken=ClientRequestToken, description=Description, kmsKeyId=KmsKeyId)
        token = ClientRequestToken
        kind = given_type(Type)
        value = given_value(SecretString, SecretBinary, self.settings.value_bytes)

        def work(transaction: Transaction) -> dict[str, object]:
            context = self._update_context(transaction, call, SecretId, Description, KmsKeyId, kind)
            secret = find_and_authorize(transaction, call, SecretId, context)
            refuse_managed(secret.owning_service)
            others = not (Description is None and kind is None)
            require_plain_replica_update(secret, other_changes=others, value=value is not None)
            changes: dict[str, int | str | None] = {}
            found_type = changed_type(secret, kind)
            require_partner_format(found_type, value)
            if found_type != secret.type:
                changes["type"] = found_type
            if Description is not None:
                changes["description"] = Description or None
            if KmsKeyId is not None:
                secret = self._with_key(transaction, call, secret, KmsKeyId)
                self.replicas.keep_key(transaction, secret)
                changes["kms_key_id"] = secret.kms_key_id
            answer: dict[str, object] = {"ARN": secret.arn, "Name": secret.name}
            if value is not None:
                answer["VersionId"] = token
                if self._put_value(transaction, call, secret, token, value, [CURRENT]):
                    changes.update(self._after_value(transaction, call, secret, token, [CURRENT]))
                elif not changes:
                    return answer  # the same request come again: not even LastChangedDate moves
            update_secret(transaction, secret.arn, changed_ms=next_change(secret, call.now_ms), **changes)
            return answer

        return dict(await call.write(work))

    def _authorize_creation(
        self,
        transaction: Transaction,
        call: Call,
        target: Secret,
        draft: Secret,
        tags: Mapping[str, str],
        replication: Context,
    ) -> None:
        """CreateSecret on the ARN that the secret has or is to have, and what else the request amounts to.

        That is TagResource for tags, ReplicateSecretToRegions for replica regions, and PutResourcePolicy for the
        managed policy of a replica of a secret in another account (CreateSecret, API Reference).
        """
        context: Context = {
            **replication,
            **secret_context(target),
            **request_tag_context(tags),
            "secretsmanager:name": draft.name,
            **self._setting_context(transaction, call, draft.description, draft.kms_key_id, draft.type, draft.account),
        }
        actions = ["secretsmanager:CreateSecret"]
        if tags:
            actions.append("secretsmanager:TagResource")
        if "secretsmanager:addreplicaregions" in replication:
            actions.append("secretsmanager:ReplicateSecretToRegions")
        if draft.cross_account_primary_arn is not None:
            actions.append("secretsmanager:PutResourcePolicy")
            context = {**context, "secretsmanager:policyname": CROSS_ACCOUNT_POLICY}
        for action in actions:
            authorize_on(call, action, draft.name, target.arn, target.account, target.policy, context)
        call.touches(target.arn, RESOURCE_TYPE, target.account)

    def _update_context(
        self,
        transaction: Transaction,
        call: Call,
        secret_id: str,
        description: str | None,
        kms_key_id: str | None,
        kind: str | None,
    ) -> dict[str, str]:
        account = secret_id.split(":")[4] if secret_id.count(":") >= 6 else call.account
        return self._setting_context(transaction, call, description, kms_key_id, kind, account)

    def _setting_context(
        self,
        transaction: Transaction,
        call: Call,
        description: str | None,
        kms_key_id: str | None,
        kind: str | None,
        account: str,
    ) -> dict[str, str]:
        """Condition keys of the settings that CreateSecret and UpdateSecret share."""
        context: dict[str, str] = {}
        if description is not None:
            context["secretsmanager:description"] = description
        if kind is not None:
            context["secretsmanager:type"] = kind
        if kms_key_id:
            context["secretsmanager:kmskeyid"] = kms_key_id
            key_arn = self.values.described_key_arn(transaction, call, kms_key_id, account)
            if key_arn is not None:
                context["secretsmanager:kmskeyarn"] = key_arn
        return context

    def _created_before(
        self, transaction: Transaction, call: Call, existing: Secret, token: str, value: Value | None
    ) -> dict[str, object]:
        """The answer for a name that is taken: the same one when this is the same request come again."""
        if existing.deleted_ms is not None:
            raise invalid_request(
                "You can't create this secret because a secret with this name is already scheduled for deletion.",
            )
        version = find_version(transaction, existing.arn, token)
        if version is None or value is None:
            raise AwsError(
                "ResourceExistsException",
                f"The operation failed because the secret {existing.name} already exists.",
            )
        if not self.values.holds(transaction, call, version, value):
            raise token_in_use(token, existing.arn)
        return {"ARN": existing.arn, "Name": existing.name, "VersionId": token}

    def _with_key(self, transaction: Transaction, call: Call, secret: Secret, kms_key_id: str) -> Secret:
        """The secret under another key, with the versions in use brought under it."""
        changed = replace(secret, kms_key_id=self.values.key_setting(transaction, call, kms_key_id, secret.account))
        if changed.kms_key_id is not None:
            self.values.validate_access(transaction, call, changed)
        self.values.change_key(transaction, call, changed)
        return changed

    def _put_value(
        self,
        transaction: Transaction,
        call: Call,
        secret: Secret,
        token: str,
        value: Value,
        labels: Sequence[str],
    ) -> bool:
        """Store a version; answer False when it was stored before. A version made by a rotation gets its value."""
        existing = find_version(transaction, secret.arn, token)
        if existing is not None and existing.value is not None:
            if self.values.holds(transaction, call, existing, value):
                return False
            raise token_in_use(token, secret.arn)
        version = self.values.seal(transaction, call, secret, token, value, call.now_ms)
        if existing is None:
            insert_version(transaction, version)
        else:
            set_value(transaction, version)
        attach_labels(transaction, secret.arn, token, labels, self.settings)
        self.replicas.decide_rights(transaction, call, secret)
        prune_versions(transaction, secret.arn, call.now_ms, self.settings)
        return True

    def _after_value(
        self, transaction: Transaction, call: Call, secret: Secret, token: str, labels: Sequence[str]
    ) -> Mapping[str, int | None]:
        """What a new version does to rotation. Answers the columns of the secret that change.

        A new AWSCURRENT that is not the running rotation's own abandons that rotation, and counts as a rotation: the
        next one is scheduled from now (AWS Secrets Manager User Guide, "Rotation schedules").
        """
        if CURRENT not in labels or not secret.rotation_enabled:
            return {}
        abandon_rotations(transaction, self.world.entropy, secret, call.now_ms, besides=token)
        if find_rotation(transaction, secret.arn, token) is not None:
            return {}
        return next_window(stored_rules(secret), call.now_ms)

    def _check_rotation_token(self, transaction: Transaction, secret: Secret, token: str, given: str) -> None:
        """A RotationToken must be that of the running rotation of this very version."""
        rotation = find_rotation(transaction, secret.arn, token)
        if (
            rotation is None
            or rotation.state != "running"
            or not rotation_token_fits(self.keyring, given, secret.arn, token)
        ):
            raise invalid_parameter("The RotationToken does not belong to a running rotation of this version.")
