"""One replica brought in step with its primary, inside one transaction: all of it, or nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from strongroom.keyring import InvalidCiphertext, open_with_data_key, seal_with_data_key
from strongroom.services.clients import OrganizationClient
from strongroom.services.secretsmanager.names import SecretReference
from strongroom.services.secretsmanager.records import (
    Secret,
    delete_secret,
    find_secret,
    insert_secret,
    secret_by_arn,
    update_secret,
)
from strongroom.services.secretsmanager.replication.keys import KeyRights, ReplicationFailure
from strongroom.services.secretsmanager.replication.links import Link, links_of_primary
from strongroom.services.secretsmanager.service_events import record_immediate_deletion
from strongroom.services.secretsmanager.settings import SecretsManagerSettings
from strongroom.services.secretsmanager.values import value_context
from strongroom.services.secretsmanager.versions import (
    Version,
    delete_version,
    find_version,
    insert_version,
    labels_of,
    prune_versions,
    replace_labels,
    set_value,
    versions_present,
)
from strongroom.store import Transaction
from strongroom.world import Entropy

__all__ = ["NAME_IS_TAKEN", "Copier"]

NAME_IS_TAKEN: Final = "Secret with this name already exists in this region"
"""AWS's StatusMessage (ReplicationStatusType, API Reference)."""

_SETTINGS: Final = SecretsManagerSettings()


@dataclass(frozen=True, slots=True)
class Copier:
    """Copies what a replica gets from its primary.

    Attributes:
        rights: Under which keys are used.
        organization: Tells whether two accounts belong together.
        entropy: Nonces, and ids of events.
        now_ms: Now.
    """

    rights: KeyRights
    organization: OrganizationClient
    entropy: Entropy
    now_ms: int

    def bring_in_step(self, transaction: Transaction, link: Link, primary: Secret) -> None:
        """Make the replica of a link hold what its primary holds.

        Raises:
            ReplicationFailure: Something stands against it; the transaction must be given up.
        """
        if link.is_across_accounts:
            self._follow_account(transaction, link, primary)
        else:
            self._follow_region(transaction, link, primary)

    def _follow_region(self, transaction: Transaction, link: Link, primary: Secret) -> None:
        followed: dict[str, int | str | None] = {
            "description": primary.description,
            "policy": primary.policy,
            "tags": primary.tags,
            "owning_service": primary.owning_service,
            "type": primary.type,
            "last_rotated_ms": primary.last_rotated_ms,
            "kms_key_id": link.kms_key_id,
        }
        present = self._place_of(transaction, link, primary)
        if present is None:
            replica = replace(
                Secret(
                    arn=link.replica_arn,
                    account=primary.account,
                    region=link.region,
                    name=primary.name,
                    created_ms=self.now_ms,
                    changed_ms=primary.changed_ms,
                    primary_region=primary.region,
                ),
                **followed,  # type: ignore[arg-type]  # by name, as the fields have them
            )
            insert_secret(transaction, replica)
        else:
            replica = replace(present, kms_key_id=link.kms_key_id)
            changed_ms = max(primary.changed_ms, present.changed_ms)
            update_secret(transaction, replica.arn, changed_ms=changed_ms, **followed)
        other_key = present is not None and present.kms_key_id != link.kms_key_id
        self._copy_versions(transaction, primary, replica, again=other_key)

    def _place_of(self, transaction: Transaction, link: Link, primary: Secret) -> Secret | None:
        """The replica if it is there. Another secret in its place is removed if it may be (ForceOverwrite...)."""
        holder = find_secret(transaction, SecretReference("", primary.account, link.region, primary.name))
        if holder is None:
            return None
        if holder.arn == link.replica_arn and holder.primary_region == primary.region:
            return holder
        if not link.overwrites or _is_bound(transaction, holder):
            raise ReplicationFailure(NAME_IS_TAKEN)
        record_immediate_deletion(transaction, self.entropy, holder, self.now_ms)
        delete_secret(transaction, holder.arn)
        return None

    def _follow_account(self, transaction: Transaction, link: Link, primary: Secret) -> None:
        replica = secret_by_arn(transaction, link.replica_arn)
        if replica is None or replica.cross_account_primary_arn != primary.arn:
            raise ReplicationFailure("The replica secret no longer follows this secret.")
        if not link.any_organization and not self.organization.same_organization(
            transaction, primary.account, replica.account
        ):
            raise ReplicationFailure("The account of the replica secret isn't in the organization of the primary's.")
        if self._copy_versions(transaction, primary, replica, again=False):
            update_secret(transaction, replica.arn, changed_ms=max(self.now_ms, replica.changed_ms + 1))

    def _copy_versions(self, transaction: Transaction, primary: Secret, replica: Secret, *, again: bool) -> bool:
        """Copy the versions that have labels, and the labels. Answers whether anything was different.

        Args:
            transaction: Where to write.
            primary: From where.
            replica: To where.
            again: Copy versions that are there already, too: the replica has another key.
        """
        labels = labels_of(transaction, primary.arn)
        present = versions_present(transaction, replica.arn)
        different = labels_of(transaction, replica.arn) != labels
        for version_id in dict.fromkeys(labels.values()):
            source = find_version(transaction, primary.arn, version_id)
            if source is None or (present.get(version_id, False) and not again):
                continue
            if source.value is not None:
                different = True
                copied = self._copied(transaction, source, primary, replica)
                (set_value if version_id in present else insert_version)(transaction, copied)
            elif version_id not in present:
                different = True
                insert_version(transaction, Version(replica.arn, version_id, source.created_ms))
        replace_labels(transaction, replica.arn, labels)
        for version_id in present.keys() - versions_present(transaction, primary.arn).keys():
            delete_version(transaction, replica.arn, version_id)
        prune_versions(transaction, replica.arn, self.now_ms, _SETTINGS)
        return different

    def _copied(self, transaction: Transaction, source: Version, primary: Secret, replica: Secret) -> Version:
        """A version with the value of ``source``, sealed for the replica under a data key of the replica's key."""
        if source.value is None or source.data_key is None or source.kms_key_arn is None:
            return replace(source, arn=replica.arn, accessed_day_ms=None)
        context = value_context(primary.arn, source.version_id)
        opened = self.rights.open(transaction, primary, source.kms_key_arn, source.data_key, context)
        try:
            value = open_with_data_key(opened, source.value, context)
        except InvalidCiphertext:
            raise ReplicationFailure(f"The value of version {source.version_id} can't be decrypted.") from None
        context = value_context(replica.arn, source.version_id)
        data_key = self.rights.seal(transaction, replica, context)
        return replace(
            source,
            arn=replica.arn,
            accessed_day_ms=None,
            kms_key_arn=data_key.key_arn,
            data_key=data_key.ciphertext,
            value=seal_with_data_key(data_key.plaintext, value, context, self.entropy),
        )


def _is_bound(transaction: Transaction, holder: Secret) -> bool:
    """Whether a secret is no replica's to overwrite: it follows another one, is followed, or belongs to a service."""
    return (
        holder.follows_region
        or holder.cross_account_primary_arn is not None
        or holder.owning_service is not None
        or bool(links_of_primary(transaction, holder.arn))
    )
