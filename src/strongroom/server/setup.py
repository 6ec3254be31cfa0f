"""First start, and every later one: from a data folder to an opened root key and a current store.

A first start that is cut short is simply done again: nothing was promised to anybody before ``installation.json`` says
that it is ready.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from sqlalchemy import bindparam, insert, select

from strongroom.audit import Trail
from strongroom.errors import OperatorError
from strongroom.identity.bootstrap import AccessKey, create_administrator
from strongroom.identity.founding import found_organization, has_organization
from strongroom.keyring import InvalidCiphertext, Keyring, RootKey, read_passphrase
from strongroom.keyring.seals import (
    ROOT_KEY_FILE,
    SEAL_FILE,
    FileSeal,
    PassphraseSeal,
    Seal,
    SealDocument,
    SealFiles,
)
from strongroom.server.folder import DataFolder, Installation, write_private
from strongroom.server.settings import Settings
from strongroom.server.unsealing import Unseal, open_seals, settle_successor
from strongroom.store import Statement, Store, Transaction, open_store
from strongroom.store.migrate import migrate
from strongroom.store.schema import installation as facts
from strongroom.world import World

__all__ = ["ROOT_KEY_FACT", "SEED_FACT", "Opened", "fact_of", "open_installation", "root_key_of_store", "with_store"]

ROOT_KEY_FACT: Final = "root_key"
"""The fact of the store that is the fingerprint of its root key."""
SEED_FACT: Final = "system_seed"
"""The fact of the store that is the system seed, wrapped under the root key, in hexadecimal digits."""

T = TypeVar("T")

_STORE_FILE: Final = "store.sqlite"
_FACT: Final = Statement(select(facts.c.value).where(facts.c.name == bindparam("fact")))
_ADD_FACT: Final = Statement(insert(facts).values(name=bindparam("fact"), value=bindparam("worth")))


@dataclass(frozen=True, slots=True)
class Opened:
    """An installation that may be served.

    Attributes:
        root_key: The root key, with the system seed of the store.
        first_start: Whether it was made just now.
    """

    folder: DataFolder
    installation: Installation
    root_key: RootKey
    first_start: bool


def open_installation(settings: Settings, world: World, unseal: Unseal | None = None) -> Opened:
    """Open the installation in the data folder, making it first if there is none.

    The folder is locked for this process.

    Args:
        settings: The settings.
        world: Clock and entropy.
        unseal: Waits for people where the root key does not open by itself; None to refuse then.

    Raises:
        OperatorError: The folder, the seal or the store is damaged, foreign or in use; nothing was changed then.
    """
    folder = DataFolder(settings.data_dir)
    folder.create()
    folder.lock()
    found = folder.installation()
    if found is not None:
        _require_same(settings, found)
    if found is not None and found.ready:
        files = SealFiles(folder.path)
        settle_successor(files, lambda: root_key_of_store(settings, folder, world))
        root_key = open_seals(settings, files, world, unseal)
        _require_store(settings, folder)
        migrate(settings.store_address)
        root_key = with_store(settings, folder, world, lambda store: _own_key(store, found, root_key, world))
        return Opened(folder, found, root_key, first_start=False)
    access_key = _given_access_key(settings)
    started = found or Installation(world.entropy.uuid(), settings.account, settings.region, ready=False)
    folder.write_installation(started)
    root_key = _make_seal(settings, folder, world)
    migrate(settings.store_address)
    root_key = with_store(
        settings, folder, world, lambda store: _furnish(store, folder, started, root_key, access_key, world)
    )
    ready = replace(started, ready=True)
    folder.write_installation(ready)
    return Opened(folder, ready, root_key, first_start=True)


def _require_same(settings: Settings, found: Installation) -> None:
    """Account and region are part of every ARN: a folder keeps those it was made with."""
    for name, wanted, has in (
        ("account", settings.account, found.account),
        ("region", settings.region, found.region),
    ):
        if name in settings.model_fields_set and wanted != has:
            raise OperatorError(
                f"This data folder belongs to {name} {has}, not {wanted}.",
                fix=f"start without --{name}, or with another --data-dir",
            )


def _make_seal(settings: Settings, folder: DataFolder, world: World) -> RootKey:
    files = SealFiles(folder.path)
    if files.holds(SEAL_FILE):  # an earlier first start got this far
        return open_seals(settings, files, world, None)
    if not (folder.path / _STORE_FILE).exists():
        # A root key without its seal document: an earlier first start ended between the two, having sealed nothing.
        files.remove(ROOT_KEY_FILE)
    root_key = RootKey.generate(world.entropy)
    seal: Seal = FileSeal(files)
    if settings.seal == PassphraseSeal.kind:
        seal = PassphraseSeal(read_passphrase(settings.passphrase_source, confirm=True), world.entropy)
    SealDocument.made(root_key, [seal.seal(root_key)], world.entropy).save(files)
    return root_key


def _require_store(settings: Settings, folder: DataFolder) -> None:
    if settings.store is None and not (folder.path / _STORE_FILE).is_file():
        raise OperatorError(
            f"The store {folder.path / _STORE_FILE} is gone.",
            why="the installation was completed before, so the file was removed or moved since",
            fix="put it back, or restore a backup; to begin anew choose an empty --data-dir",
        )


def with_store(settings: Settings, folder: DataFolder, world: World, work: Callable[[Store], T]) -> T:
    """Do something with the store of an installation, without a server or beside it.

    Raises:
        OperatorError: Trail or store cannot be opened.
    """
    trail = Trail(folder.audit, world)
    trail.open()
    try:
        store = open_store(settings.store_address, trail)
        try:
            return work(store)
        finally:
            store.close()
    finally:
        trail.close()


def root_key_of_store(settings: Settings, folder: DataFolder, world: World) -> str | None:
    """The fingerprint of the root key that the store is under; None in an empty store.

    Raises:
        OperatorError: Trail or store cannot be opened.
    """
    return with_store(settings, folder, world, lambda store: fact_of(store, ROOT_KEY_FACT))


def fact_of(store: Store, name: str) -> str | None:
    """What the store says of the installation under ``name``; None if nothing."""
    row = store.read_now(lambda transaction: transaction.one(_FACT, {"fact": name}))
    return None if row is None else str(row[0])


def _with_seed(store: Store, root_key: RootKey) -> RootKey:
    """The root key with the store's system seed; by itself where the store was made before there was one."""
    seed = fact_of(store, SEED_FACT)
    try:
        return root_key if seed is None else root_key.with_system_seed(bytes.fromhex(seed))
    except (ValueError, InvalidCiphertext):
        raise OperatorError(
            "The system seed in the store does not open under the root key.",
            why="the row of it was changed or damaged",
            fix="restore the store from a backup",
        ) from None


def _own_key(store: Store, found: Installation, root_key: RootKey, world: World) -> RootKey:
    """The root key with its system seed, after a look whether the store is its own."""
    store.read_now(lambda transaction: _require_facts(transaction, found, root_key))
    if not store.read_now(has_organization):  # made by a Strongroom that had none
        store.write_now(lambda transaction: found_organization(transaction, world, found.account))
    return _with_seed(store, root_key)


def _require_facts(transaction: Transaction, found: Installation, root_key: RootKey) -> None:
    """The store must hold the id of this folder and the fingerprint of its root key."""
    for fact, wanted, why, fix in (
        ("id", found.id, "it is of another installation", "point --store at this installation's own database"),
        (
            ROOT_KEY_FACT,
            root_key.fingerprint,
            "it has another root key",
            "put the seal back that belongs to this store",
        ),
    ):
        row = transaction.one(_FACT, {"fact": fact})
        if row is None or row[0] != wanted:
            raise OperatorError("The store and the data folder do not belong together.", why=why, fix=fix)


def _furnish(
    store: Store,
    folder: DataFolder,
    started: Installation,
    root_key: RootKey,
    access_key: AccessKey | None,
    world: World,
) -> RootKey:
    """Put into a new store what an installation begins with, if it lacks it; the root key with its system seed."""

    def work(transaction: Transaction) -> AccessKey | None:
        row = transaction.one(_FACT, {"fact": "id"})
        if row is not None:
            if row[0] != started.id:
                raise OperatorError(
                    "The store already belongs to another installation.",
                    why="a second node needs the same root key and installation id as the first",
                    fix="copy installation.json, seal.json and root.key from the first node's data folder",
                )
            _require_facts(transaction, started, root_key)
            return None
        transaction.run(_ADD_FACT, {"fact": "id", "worth": started.id})
        transaction.run(_ADD_FACT, {"fact": ROOT_KEY_FACT, "worth": root_key.fingerprint})
        seed = root_key.new_system_seed(world.entropy)
        transaction.run(_ADD_FACT, {"fact": SEED_FACT, "worth": seed.hex()})
        found_organization(transaction, world, started.account)
        keyring = Keyring(root_key.with_system_seed(seed), world)
        made = create_administrator(transaction, keyring, world, started.account, access_key)
        _write_credentials(folder, started, made)
        return made

    store.write_now(work)
    return _with_seed(store, root_key)


def _given_access_key(settings: Settings) -> AccessKey | None:
    if settings.admin_access_key_id is None or settings.admin_secret_access_key_file is None:
        return None
    try:
        secret = settings.admin_secret_access_key_file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(
            f"The administrator's secret access key could not be read from {settings.admin_secret_access_key_file}.",
            why=type(error).__name__,
            fix="make the file readable for the user that runs Strongroom; it holds the key and nothing else",
        ) from None
    return AccessKey(settings.admin_access_key_id, secret)


def _write_credentials(folder: DataFolder, started: Installation, key: AccessKey) -> None:
    """The administrator's key in the form that AWS tools read (AWS CLI guide, "Configuration and credential files")."""
    text = (
        "# The administrator of this Strongroom. Use it with AWS_SHARED_CREDENTIALS_FILE and AWS_PROFILE=strongroom.\n"
        "[strongroom]\n"
        f"aws_access_key_id = {key.access_key_id}\n"
        f"aws_secret_access_key = {key.secret_access_key}\n"
        f"region = {started.region}\n"
    )
    write_private(folder.admin_credentials, text.encode())
