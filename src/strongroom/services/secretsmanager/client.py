"""Secrets Manager for the services that manage secrets, such as a database service its master passwords.

A managed secret is named ``service!name``, carries the tag ``aws:secretsmanager:owningService``, and is edited by its
owner only: the operations refuse everybody else (`refusals.refuse_managed`). Everybody may read it, describe it, give
it tags and a policy, change its schedule and have it rotated, as far as policies allow (AWS Secrets Manager User Guide,
"Secrets managed by other AWS services", and Amazon RDS User Guide, "Password management").
"""

from __future__ import annotations

from typing import Final

from strongroom.errors import AwsError
from strongroom.keyring import InvalidCiphertext, seal_with_data_key
from strongroom.services.call import Call
from strongroom.services.clients import KmsClient, ManagedSecret, ManagedSecretDraft
from strongroom.services.secretsmanager.access import (
    authorize_on,
    authorize_secret,
    find_and_authorize,
    request_tag_context,
    secret_context,
)
from strongroom.services.secretsmanager.names import MANAGED_MARK, SecretReference, new_secret_arn
from strongroom.services.secretsmanager.records import (
    Secret,
    delete_secret,
    find_secret,
    insert_secret,
    pack_tags,
    replicas_fall_behind,
    secret_by_arn,
    update_secret,
)
from strongroom.services.secretsmanager.refusals import (
    invalid_request,
    label_not_found,
    not_found,
    token_in_use,
    version_not_found,
)
from strongroom.services.secretsmanager.replication.keys import ReplicationFailure, StandingRights
from strongroom.services.secretsmanager.rotation.scheduled import begin
from strongroom.services.secretsmanager.rotations import (
    make_due,
    next_window,
    open_rotations,
    stored_rules,
    unfinished_rotation,
)
from strongroom.services.secretsmanager.service import SecretsManager
from strongroom.services.secretsmanager.service_events import RESOURCE_TYPE, record_deletion_event
from strongroom.services.secretsmanager.values import Value, value_context
from strongroom.services.secretsmanager.versions import (
    CURRENT,
    PENDING,
    Version,
    attach_labels,
    detach_label,
    find_version,
    insert_version,
    labels_of,
    prune_versions,
    set_value,
    version_with_label,
)
from strongroom.services.secretsmanager.writing import next_change
from strongroom.store import Transaction

__all__ = ["SecretsServiceClient"]

_OWNER_TAG: Final = "aws:secretsmanager:owningService"


class SecretsServiceClient:
    """Implements `strongroom.services.clients.SecretsClient`, whose texts say what each method does.

    Args:
        secrets: The service.
        kms: KMS, for what the owner does by its own right.
    """

    __slots__ = ("_keyring", "_kms", "_limit", "_replicas", "_settings", "_store", "_values", "_world")

    def __init__(self, secrets: SecretsManager, kms: KmsClient) -> None:
        self._keyring = secrets.keyring
        self._kms = kms
        self._limit = secrets.secret_limit
        self._replicas = secrets.replicas
        self._settings = secrets.settings
        self._store = secrets.store
        self._values = secrets.values
        self._world = secrets.world

    def create_managed(self, transaction: Transaction, call: Call, draft: ManagedSecretDraft) -> ManagedSecret:
        """Make a secret ``owner!name`` on behalf of the caller.

        Raises:
            AwsError: Access denied, the name is taken, or the key cannot be used.
        """
        name = f"{draft.owner}{MANAGED_MARK}{draft.name}"
        if find_secret(transaction, SecretReference("", call.account, call.region, name)) is not None:
            raise AwsError("ResourceExistsException", f"The operation failed because the secret {name} already exists.")
        tags = {_OWNER_TAG: draft.owner, **draft.tags}
        secret = Secret(
            arn=new_secret_arn(name, call.account, call.region, self._world.entropy),
            account=call.account,
            region=call.region,
            name=name,
            created_ms=call.now_ms,
            changed_ms=call.now_ms,
            description=draft.description,
            kms_key_id=self._values.key_setting(transaction, call, draft.kms_key_id, call.account),
            tags=pack_tags(tags),
            owning_service=draft.owner,
            rotation_enabled=int(draft.rotate_after_days is not None),
            rotation_after_days=draft.rotate_after_days,
        )
        context = {**secret_context(secret), **request_tag_context(tags), "secretsmanager:name": name}
        for action in ("secretsmanager:CreateSecret", "secretsmanager:TagResource"):
            authorize_on(call, action, name, secret.arn, secret.account, None, context)
        self._limit.require_room(transaction, call.account, call.region)
        insert_secret(transaction, secret)
        if secret.kms_key_id is not None:
            self._values.validate_access(transaction, call, secret)
        version_id = self._world.entropy.uuid()
        version = self._values.seal(transaction, call, secret, version_id, Value("string", draft.value), call.now_ms)
        insert_version(transaction, version)
        attach_labels(transaction, secret.arn, version_id, [CURRENT], self._settings)
        if secret.rotation_enabled:
            update_secret(transaction, secret.arn, **next_window(stored_rules(secret), call.now_ms))
        if draft.rotate_at_once:
            begin(transaction, self._world.entropy, secret, call.now_ms, origin="request")
        call.touches(secret.arn, RESOURCE_TYPE, secret.account)
        rotation = "running" if draft.rotate_at_once else "idle"
        return ManagedSecret(secret.arn, name, version.kms_key_arn or "", version_id, rotation)

    def rotate(self, transaction: Transaction, call: Call, owner: str, arn: str) -> str:
        """Begin a rotation on behalf of the caller, or go on with one that was given up; the id of the new version.

        Raises:
            AwsError: Access denied, no such secret, or the rotation before is not through.
        """
        secret = self._owned(transaction, owner, arn)
        authorize_secret(call, "secretsmanager:RotateSecret", arn, secret)
        unfinished = unfinished_rotation(transaction, arn)
        if unfinished is not None and unfinished.state == "failed":
            make_due(transaction, arn, unfinished.token, call.now_ms)
            return unfinished.token
        if unfinished is not None:
            raise invalid_request("A previous rotation isn’t complete. That rotation will be reattempted.")
        update_secret(transaction, arn, changed_ms=next_change(secret, call.now_ms))
        return begin(transaction, self._world.entropy, secret, call.now_ms, origin="request")

    def describe_managed(self, transaction: Transaction, owner: str, arn: str) -> ManagedSecret | None:
        """A managed secret; None when there is none of this ARN."""
        secret = secret_by_arn(transaction, arn)
        if secret is None or secret.owning_service != owner:
            return None
        current = version_with_label(transaction, arn, CURRENT)
        states = {rotation.state for rotation in open_rotations(transaction, arn)}
        rotation = "failed" if "failed" in states else "running" if states else "idle"
        if current is None:
            return ManagedSecret(arn, secret.name, "", "", rotation)
        return ManagedSecret(arn, secret.name, current.kms_key_arn or "", current.version_id, rotation)

    def managed_value(self, transaction: Transaction, owner: str, arn: str, label: str, now_ms: int) -> bytes | None:
        """The value of the version with a staging label; None when there is none.

        Raises:
            AwsError: No such secret, or the key cannot be used.
        """
        secret = self._owned(transaction, owner, arn)
        version = version_with_label(transaction, arn, label)
        return None if version is None else self._open(transaction, secret, version, now_ms)

    def put_managed_value(
        self, transaction: Transaction, owner: str, arn: str, version_id: str, value: bytes, label: str, now_ms: int
    ) -> None:
        """Store a version with a staging label. The same version with the same value changes nothing.

        Raises:
            AwsError: No such secret, the version has another value, or the key cannot be used.
        """
        secret = self._owned(transaction, owner, arn)
        found = find_version(transaction, arn, version_id)
        if found is not None and found.value is not None:
            if self._open(transaction, secret, found, now_ms) != value:
                raise token_in_use(version_id, arn)
            return
        version = self._seal(transaction, secret, version_id, value, now_ms)
        if found is None:
            insert_version(transaction, version)
        else:
            set_value(transaction, version)
        attach_labels(transaction, arn, version_id, [label], self._settings)
        prune_versions(transaction, arn, now_ms, self._settings)
        update_secret(transaction, arn, changed_ms=next_change(secret, now_ms))

    def promote_managed(self, transaction: Transaction, owner: str, arn: str, version_id: str, now_ms: int) -> None:
        """Make a version AWSCURRENT.

        Raises:
            AwsError: No such secret, or no such version with a value.
        """
        secret = self._owned(transaction, owner, arn)
        version = find_version(transaction, arn, version_id)
        if version is None or version.value is None:
            raise version_not_found(version_id)
        attach_labels(transaction, arn, version_id, [CURRENT], self._settings)
        update_secret(transaction, arn, changed_ms=next_change(secret, now_ms))

    def withdraw_managed(self, transaction: Transaction, owner: str, arn: str, version_id: str) -> None:
        """Take AWSPENDING off a version, if it is on this one.

        Raises:
            AwsError: No such secret.
        """
        secret = self._owned(transaction, owner, arn)
        if labels_of(transaction, secret.arn).get(PENDING) == version_id:
            detach_label(transaction, secret.arn, PENDING)
            replicas_fall_behind(transaction, secret.arn)

    def value_for(self, transaction: Transaction, call: Call, secret_id: str) -> bytes:
        """The AWSCURRENT value of any secret, on behalf of the caller.

        Raises:
            AwsError: Access denied, no such secret or value, or the key cannot be used.
        """
        secret = find_and_authorize(transaction, call, secret_id, action="secretsmanager:GetSecretValue")
        version = version_with_label(transaction, secret.arn, CURRENT)
        value = None if version is None else self._values.open_version(transaction, call, version)
        if value is None:
            raise label_not_found(CURRENT)
        return value.data

    def delete_managed(self, transaction: Transaction, owner: str, arn: str, now_ms: int) -> None:
        """Delete a secret and its replicas at once. It is no error when it is gone."""
        secret = secret_by_arn(transaction, arn)
        if secret is None or secret.owning_service != owner:
            return
        self._replicas.remove_regions(transaction, secret, None, now_ms)
        for event in ("StartSecretVersionDelete", "EndSecretVersionDelete"):
            record_deletion_event(transaction, self._world.entropy, secret, event, now_ms)
        delete_secret(transaction, arn)

    def _owned(self, transaction: Transaction, owner: str, arn: str) -> Secret:
        secret = secret_by_arn(transaction, arn)
        if secret is None or secret.owning_service != owner:
            raise not_found()
        return secret

    def _seal(self, transaction: Transaction, secret: Secret, version_id: str, value: bytes, now_ms: int) -> Version:
        context = value_context(secret.arn, version_id)
        try:
            data_key = self._rights(now_ms).seal(transaction, secret, context)
        except ReplicationFailure as failure:
            raise AwsError("EncryptionFailure", str(failure)) from None
        return Version(
            arn=secret.arn,
            version_id=version_id,
            created_ms=now_ms,
            kind="string",
            kms_key_arn=data_key.key_arn,
            data_key=data_key.ciphertext,
            value=seal_with_data_key(data_key.plaintext, value, context, self._world.entropy),
        )

    def _open(self, transaction: Transaction, secret: Secret, version: Version, now_ms: int) -> bytes | None:
        if version.value is None or version.data_key is None or version.kms_key_arn is None:
            return None
        context = value_context(version.arn, version.version_id)
        try:
            opened = self._rights(now_ms).open(transaction, secret, version.kms_key_arn, version.data_key, context)
            return self._keyring.open_value(opened, version.value, context)
        except ReplicationFailure as failure:
            raise AwsError("DecryptionFailure", str(failure)) from None
        except InvalidCiphertext:
            raise AwsError("DecryptionFailure", f"The value of version {version.version_id} is damaged.") from None

    def _rights(self, now_ms: int) -> StandingRights:
        return StandingRights(self._kms, self._store, self._world, now_ms)
