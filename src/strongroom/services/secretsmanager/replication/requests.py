"""What requests do to links: made, repaired and ended in the transaction of the operation, for the engine to act on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from strongroom.arn import Arn
from strongroom.errors import AccessDenied, AwsError
from strongroom.services.call import Call
from strongroom.services.clients import KmsClient, OrganizationClient
from strongroom.services.secretsmanager.access import Context, flag
from strongroom.services.secretsmanager.records import Secret, delete_secret, secret_by_arn, update_secret
from strongroom.services.secretsmanager.refusals import (
    invalid_parameter,
    not_on_cross_account_replica,
    not_on_replica,
    refuse_nul,
)
from strongroom.services.secretsmanager.replication.links import (
    Link,
    delete_link,
    link_of_replica,
    links_of_primary,
    put_link,
    update_link,
)
from strongroom.services.secretsmanager.service_events import record_immediate_deletion, record_replication_event
from strongroom.services.secretsmanager.values import (
    SERVICE_PRINCIPAL,
    Values,
    default_key_across_accounts,
    key_reference,
    value_context,
)
from strongroom.services.secretsmanager.versions import find_version, labels_of
from strongroom.store import Transaction
from strongroom.world import World

__all__ = [
    "ReplicaRegion",
    "ReplicaRequests",
    "given_regions",
    "region_context",
    "require_plain_replica_update",
    "require_unreplicated",
]

_VALIDATION_VERSION: Final = "RequestToValidateKeyAccess"
_PROBE: Final = b"RequestToValidateKeyAccess"


@dataclass(frozen=True, slots=True)
class ReplicaRegion:
    """One element of AddReplicaRegions; without a key the replica goes under the region's ``aws/secretsmanager``."""

    region: str
    kms_key_id: str | None


def given_regions(
    given: Sequence[Mapping[str, str]] | None, primary_region: str, regions: frozenset[str]
) -> list[ReplicaRegion]:
    """AddReplicaRegions of a request.

    Args:
        given: The parameter, as validated against the service model.
        primary_region: The region of the secret, which cannot be one of them.
        regions: The regions of the installation.

    Raises:
        AwsError: ``InvalidParameterException``, with the text AWS has for a region that cannot be replicated to.
    """
    found: dict[str, ReplicaRegion] = {}
    for element in given or ():
        region, kms_key_id = element.get("Region"), element.get("KmsKeyId")
        refuse_nul(kmsKeyId=kms_key_id)
        if region is None or region == primary_region or region not in regions or region in found:
            raise invalid_parameter("Invalid replica region.")
        found[region] = ReplicaRegion(region, kms_key_id or None)
    return list(found.values())


def region_context(wanted: Sequence[ReplicaRegion], force: bool | None) -> Context:
    """The condition keys of a request that adds replica regions; none are there when it adds none."""
    if not wanted:
        return {} if force is None else {"secretsmanager:forceoverwritereplicasecret": flag(force)}
    return {
        "secretsmanager:addreplicaregions": tuple(each.region for each in wanted),
        "secretsmanager:forceoverwritereplicasecret": flag(force),
    }


def require_plain_replica_update(secret: Secret, *, other_changes: bool, value: bool) -> None:
    """Let UpdateSecret change what a replica has for itself: its key, and across accounts everything but the value.

    Args:
        secret: The secret.
        other_changes: Whether the request changes anything besides the key.
        value: Whether it carries a value.

    Raises:
        AwsError: ``InvalidParameterException``.
    """
    if secret.follows_region and (other_changes or value):
        raise not_on_replica()
    if secret.cross_account_primary_arn is not None and value:
        raise not_on_cross_account_replica()


def require_unreplicated(transaction: Transaction, secret: Secret) -> None:
    """Refuse to delete a secret that follows another one, or that others follow (DeleteSecret, API Reference).

    Raises:
        AwsError: ``InvalidParameterException``.
    """
    if secret.follows_region:
        raise not_on_replica()
    if secret.cross_account_primary_arn is not None:
        raise invalid_parameter(
            f"You can't delete secret {secret.arn} that is a cross-account replica. "
            "Call StopReplicationToReplica first.",
        )
    links = [link for link, _ in links_of_primary(transaction, secret.arn)]
    if regions := [link.region for link in links if not link.is_across_accounts]:
        raise invalid_parameter(
            f"You can't delete secret {secret.arn} that still has replica regions [{', '.join(regions)}].",
        )
    if links:
        raise invalid_parameter(
            f"You can't delete secret {secret.arn} that still has cross-account replicas [{links[0].replica_arn}].",
        )


def _in_region(arn: str, region: str) -> str:
    """The ARN that a secret's replica has in a region."""
    parsed = Arn.parse(arn)
    if parsed is None:
        raise ValueError(arn)
    return str(replace(parsed, region=region))


class ReplicaRequests:
    """The work on links that operations share.

    Args:
        kms: KMS, asked on behalf of the caller.
        organization: Knows the accounts that there are.
        values: For the settings of keys.
        world: For ids of events.
    """

    __slots__ = ("_kms", "_organization", "_values", "_world")

    def __init__(self, kms: KmsClient, organization: OrganizationClient, values: Values, world: World) -> None:
        self._kms = kms
        self._organization = organization
        self._values = values
        self._world = world

    def add_regions(
        self, transaction: Transaction, call: Call, primary: Secret, wanted: Sequence[ReplicaRegion], *, force: bool
    ) -> None:
        """Link a secret with replicas in other regions; for a region that has one, with another key or once again.

        Args:
            transaction: A write, in which the caller was found to be allowed.
            call: The call.
            primary: The secret.
            wanted: Where, under which keys.
            force: Whether a replica takes the place of a secret with its name.

        Raises:
            AwsError: The caller may not use a key that the copies take.
        """
        self._require_decryption(transaction, call, primary)
        for each in wanted:
            replica = replace(primary, arn=_in_region(primary.arn, each.region), region=each.region)
            regional = replace(call, region=each.region)
            kms_key_id = self._accept_key(transaction, regional, replica, each.kms_key_id)
            put_link(
                transaction,
                Link(primary.arn, replica.arn, each.region, kms_key_id=kms_key_id, overwrites=int(force)),
            )
            self.tell_start(transaction, call, primary, replica.arn)
        update_secret(transaction, primary.arn, primary_region=primary.region)

    def remove_regions(
        self, transaction: Transaction, primary: Secret, regions: Collection[str] | None, now_ms: int
    ) -> None:
        """Delete replicas in other regions, with the links to them. What stands in the place of one stays.

        Args:
            transaction: A write.
            primary: The secret.
            regions: Which; None for all.
            now_ms: Now.
        """
        for link, _ in links_of_primary(transaction, primary.arn):
            if link.is_across_accounts or (regions is not None and link.region not in regions):
                continue
            delete_link(transaction, link)
            replica = secret_by_arn(transaction, link.replica_arn)
            if replica is not None and replica.primary_region == primary.region:
                record_immediate_deletion(transaction, self._world.entropy, replica, now_ms)
                delete_secret(transaction, replica.arn)

    def tell_start(self, transaction: Transaction, call: Call, primary: Secret, replica_arn: str) -> None:
        """Record that replication of a secret to a replica begins, or begins again."""
        record_replication_event(
            transaction, self._world.entropy, primary, replica_arn, "ReplicationStarted", call.now_ms
        )

    def await_primary(self, transaction: Transaction, replica: Secret) -> None:
        """Link a new replica with the primary in another account that it names, whose owner has still to accept it.

        Raises:
            AwsError: ``InvalidParameterException``: the key is not a customer's, or there is no such account.
        """
        primary = Arn.parse(replica.cross_account_primary_arn or "")
        _require_customer_key(replica)
        if primary is None or not self._organization.exists(transaction, primary.account):
            raise invalid_parameter("The account of the primary secret doesn't exist.")
        put_link(
            transaction,
            Link(str(primary), replica.arn, replica.region, associated=0, status="Pending", due_ms=None),
        )

    def keep_key(self, transaction: Transaction, replica: Secret) -> None:
        """Note the key under which UpdateSecret has brought a replica by itself.

        Raises:
            AwsError: ``InvalidParameterException``: a replica of a secret in another account needs a customer's key.
        """
        if replica.cross_account_primary_arn is not None:
            _require_customer_key(replica)
        link = link_of_replica(transaction, replica.arn) if replica.follows_region else None
        if link is not None:
            update_link(transaction, replace(link, kms_key_id=replica.kms_key_id))

    def decide_rights(self, transaction: Transaction, call: Call, primary: Secret) -> None:
        """Ask whether the caller who changes a value may use both keys, where nothing else says who may.

        That is so for a replica in another account that is associated without a replication role.
        """
        for link, _ in links_of_primary(transaction, primary.arn):
            if not link.is_across_accounts or link.role_arn is not None:
                continue
            replica = secret_by_arn(transaction, link.replica_arn)
            may = replica is not None and self._may_copy(transaction, call, primary, replica)
            update_link(transaction, replace(link, may_use_keys=int(may)))

    def require_both_keys(self, transaction: Transaction, call: Call, primary: Secret, replica: Secret) -> None:
        """Refuse a caller who may not decrypt what a primary holds, or encrypt for its replica in another account.

        Raises:
            AwsError: ``AccessDeniedException``; or the key of the replica is missing or cannot encrypt.
        """
        self._require_decryption(transaction, call, primary)
        try:
            self._encrypt_probe(transaction, call, replica)
        except AccessDenied:
            raise _access_denied() from None
        except AwsError as refusal:
            raise invalid_parameter(
                f"Secrets Manager can't use the KMS key of the replica secret: {refusal.message}"
            ) from None

    def _require_decryption(self, transaction: Transaction, call: Call, primary: Secret) -> None:
        """Refuse a caller who may not decrypt the versions with labels. That a key cannot is for the status to say."""
        forwarded = call.forward(SERVICE_PRINCIPAL)
        asked: set[str] = set()
        for version_id in labels_of(transaction, primary.arn).values():
            version = find_version(transaction, primary.arn, version_id)
            if version is None or version.kms_key_arn is None or version.data_key is None:
                continue
            if version.kms_key_arn in asked:
                continue
            asked.add(version.kms_key_arn)
            context = value_context(primary.arn, version_id)
            try:
                self._kms.decrypt(transaction, forwarded, version.kms_key_arn, version.data_key, context)
            except AccessDenied:
                raise _access_denied() from None
            except AwsError:
                continue

    def _accept_key(self, transaction: Transaction, call: Call, replica: Secret, kms_key_id: str | None) -> str | None:
        """The key setting of a replica, once the caller has shown to be allowed to encrypt under that key.

        Args:
            transaction: A write.
            call: The call, as if made in the replica's region.
            replica: The replica to be.
            kms_key_id: The key of the request.

        Raises:
            AwsError: Access denied, or another account's service key. That there is no such key, or that it is
                disabled, is for the status.
        """
        try:
            setting = self._values.key_setting(transaction, call, kms_key_id, replica.account)
            if setting is not None:
                self._encrypt_probe(transaction, call, replace(replica, kms_key_id=setting))
        except AccessDenied:
            raise _access_denied() from None
        except AwsError:
            return kms_key_id
        if setting is None and replica.account != call.account:
            raise default_key_across_accounts()
        return setting

    def _encrypt_probe(self, transaction: Transaction, call: Call, replica: Secret) -> None:
        """Use a replica's key as the copies will, with nothing to protect.

        Raises:
            AwsError: KMS refuses.
        """
        reference = key_reference(replica.kms_key_id or "", replica.account, replica.region)
        key_arn = self._kms.describe(transaction, call, reference).arn
        forwarded = call.forward(SERVICE_PRINCIPAL)
        context = value_context(replica.arn, _VALIDATION_VERSION)
        if replica.cross_account_primary_arn is None:
            self._kms.generate_data_key(transaction, forwarded, key_arn, context)
        self._kms.encrypt(transaction, forwarded, key_arn, _PROBE, context)

    def _may_copy(self, transaction: Transaction, call: Call, primary: Secret, replica: Secret) -> bool:
        try:
            self._require_decryption(transaction, call, primary)
            self._encrypt_probe(transaction, call, replica)
        except AccessDenied:
            return False
        except AwsError:
            return True  # it may, but the key cannot
        return True


def _require_customer_key(replica: Secret) -> None:
    if replica.kms_key_id is None:
        raise invalid_parameter(
            "A cross-account replica secret must be encrypted with a customer managed KMS key. Specify it in KmsKeyId.",
        )


def _access_denied() -> AccessDenied:
    return AccessDenied("Access to KMS is not allowed")
