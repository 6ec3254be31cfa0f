"""A new root key follows the old one, while no server runs.

It is put under every seal first, in a second document. Then one transaction wraps again what the root key wraps, the
KMS key materials and the system seed, and notes the new fingerprint: with its commit the new root key is in force. Then
the second document takes the place of the first. Killed anywhere, the next start or ``seal`` command asks the store
which of the two it holds, and settles the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, update

from strongroom.audit import service_event, user_identity
from strongroom.errors import OperatorError
from strongroom.keyring import Keyring, RootKey, UnusableKeyMaterial
from strongroom.keyring.seals import (
    Means,
    SealDocument,
    prepare_successor,
    put_successor_in_place,
)
from strongroom.server.folder import DataFolder, Installation
from strongroom.server.settings import Settings
from strongroom.server.setup import ROOT_KEY_FACT, SEED_FACT, fact_of, with_store
from strongroom.services.kms.succession import wrap_materials_again
from strongroom.store import Statement, Store, Transaction
from strongroom.store.schema import installation as facts
from strongroom.world import World

__all__ = ["Succession", "record_change", "rotate_root"]

_SERVICE: Final = "kms.amazonaws.com"
_SET_FACT: Final = Statement(update(facts).where(facts.c.name == bindparam("fact")).values(value=bindparam("worth")))


@dataclass(frozen=True, slots=True)
class Succession:
    """What a rotation of the root key did.

    Attributes:
        root_key_id: The fingerprint of the new root key.
        materials: How many key materials were wrapped again.
    """

    root_key_id: str
    materials: int


def rotate_root(
    settings: Settings, folder: DataFolder, world: World, document: SealDocument, old: RootKey, means: Means
) -> Succession:
    """Put a new root key in the place of the old one.

    Call it with the data folder locked, inside `SealFiles.changing`.

    Args:
        settings: Where the store is.
        folder: The data folder.
        world: Clock and entropy.
        document: The seals of the old root key, authenticated.
        old: The old root key.
        means: What the seals need.

    Raises:
        OperatorError: A seal cannot be used, or the store is damaged; the old root key is in force then.
    """
    found = folder.installation()
    if found is None:
        raise OperatorError(f"There is no installation in {folder.path}.", fix="name its folder with --data-dir")
    new = RootKey.generate(world.entropy)

    def follow(store: Store) -> int:
        seed = fact_of(store, SEED_FACT)
        if seed is None or fact_of(store, ROOT_KEY_FACT) != old.fingerprint:
            raise OperatorError(
                "The root key of this installation cannot be followed by another one.",
                why="its store was made by a Strongroom that had no system seed, or is under another root key",
                fix="move the secrets to a new installation",
            )
        prepare_successor(document, old, new, means)
        means.files.step("write the store")

        def work(transaction: Transaction) -> int:
            count = _wrap_again(transaction, old, new, seed, world, found)
            means.files.step("commit the store")
            return count

        return store.write_now(work)

    materials = with_store(settings, folder, world, follow)
    put_successor_in_place(means.files)
    return Succession(new.fingerprint, materials)


def _wrap_again(
    transaction: Transaction, old: RootKey, new: RootKey, seed: str, world: World, installation: Installation
) -> int:
    try:
        materials = wrap_materials_again(transaction, Keyring(old, world), new)
        again = old.rewrap_system_seed(bytes.fromhex(seed), new, world.entropy)
    except UnusableKeyMaterial as error:
        raise OperatorError(
            "The root key was not changed.",
            why=str(error),
            fix="destroy that KMS key if it is not needed, or restore the store from a backup",
        ) from None
    transaction.run(_SET_FACT, {"fact": SEED_FACT, "worth": again.hex()})
    transaction.run(_SET_FACT, {"fact": ROOT_KEY_FACT, "worth": new.fingerprint})
    transaction.raise_epoch()
    record_change(transaction, world, installation, "RootKeyRotated", {"rootKeyId": new.fingerprint})
    return materials


def record_change(
    transaction: Transaction, world: World, installation: Installation, name: str, details: dict[str, str]
) -> None:
    """Write a change of the root key or of its seals down in the audit trail, as an event of KMS.

    Args:
        transaction: The record is durable before it commits.
        world: Clock and entropy.
        installation: Whose root key.
        name: The name of the event, such as ``RootKeyRotated``.
        details: What is told of it.
    """
    transaction.record(
        service_event(
            user_identity=user_identity.aws_service(_SERVICE, installation.account),
            time=world.clock.milliseconds(),
            source=_SERVICE,
            name=name,
            region=installation.region,
            additional_data=details,
            request_id=world.entropy.uuid(),
            event_id=world.entropy.uuid(),
            recipient_account=installation.account,
        )
    )
