"""Secrets Manager, for services that manage secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from strongroom.services.call import Call
from strongroom.store import Transaction

__all__ = ["ManagedSecret", "ManagedSecretDraft", "SecretOwner", "SecretsClient"]


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
