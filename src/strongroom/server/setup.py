"""First start, and every later one: from a data folder to an opened root key and a current store.

A first start that is cut short is simply done again: nothing was promised to anybody before ``installation.json`` says
that it is ready.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import bindparam, insert, select

from strongroom.audit import Trail
from strongroom.errors import OperatorError
from strongroom.identity.bootstrap import AccessKey, create_administrator
from strongroom.keyring import Keyring, RootKey, read_passphrase
from strongroom.keyring.seals import ROOT_KEY_FILE, SEAL_FILE, FileSeal, PassphraseSeal, Seal, SealDocument
from strongroom.server.folder import DataFolder, Installation, write_private
from strongroom.server.settings import Settings
from strongroom.store import Statement, Store, Transaction, open_store
from strongroom.store.migrate import migrate
from strongroom.store.schema import installation as facts
from strongroom.world import World

__all__ = ["Opened", "open_installation"]

_STORE_FILE: Final = "store.sqlite"
_FACT: Final = Statement(select(facts.c.value).where(facts.c.name == bindparam("fact")))
_ADD_FACT: Final = Statement(insert(facts).values(name=bindparam("fact"), value=bindparam("worth")))


@dataclass(frozen=True, slots=True)
class Opened:
    """An installation that may be served."""

    folder: DataFolder
    installation: Installation
    root_key: RootKey
    first_start: bool


def open_installation(settings: Settings, world: World) -> Opened:
    """Open the installation in the data folder, making it first if there is none.

    The folder is locked for this process.

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
        root_key = _open_seal(settings, folder, world)
        _require_store(settings, folder)
        migrate(settings.store_address)
        _with_store(settings, folder, world, lambda store: _require_own_store(store, found, root_key))
        return Opened(folder, found, root_key, first_start=False)
    access_key = _given_access_key(settings)
    started = found or Installation(world.entropy.uuid(), settings.account, settings.region, ready=False)
    folder.write_installation(started)
    root_key = _make_seal(settings, folder, world)
    migrate(settings.store_address)
    _with_store(settings, folder, world, lambda store: _furnish(store, folder, started, root_key, access_key, world))
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


def _seal(settings: Settings, folder: DataFolder, world: World, kind: str, *, confirm: bool) -> Seal:
    if kind == "passphrase":
        return PassphraseSeal(read_passphrase(settings.passphrase_source, confirm=confirm), world.entropy)
    return FileSeal(folder.path)


def _make_seal(settings: Settings, folder: DataFolder, world: World) -> RootKey:
    if (folder.path / SEAL_FILE).exists():  # an earlier first start got this far
        return _open_seal(settings, folder, world)
    if not (folder.path / _STORE_FILE).exists():
        # A root key without its seal document: an earlier first start ended between the two, having sealed nothing.
        (folder.path / ROOT_KEY_FILE).unlink(missing_ok=True)
    root_key = RootKey.generate(world.entropy)
    document = _seal(settings, folder, world, settings.seal, confirm=True).seal(root_key)
    document.save(folder.path)
    return root_key


def _open_seal(settings: Settings, folder: DataFolder, world: World) -> RootKey:
    document = SealDocument.load(folder.path)
    if "seal" in settings.model_fields_set and settings.seal != document.kind:
        raise OperatorError(
            f"The root key of this data folder has the seal {document.kind}, not {settings.seal}.",
            fix="start without --seal, or with another --data-dir",
        )
    return _seal(settings, folder, world, document.kind, confirm=False).open(document)


def _require_store(settings: Settings, folder: DataFolder) -> None:
    if settings.store is None and not (folder.path / _STORE_FILE).is_file():
        raise OperatorError(
            f"The store {folder.path / _STORE_FILE} is gone.",
            why="the installation was completed before, so the file was removed or moved since",
            fix="put it back, or restore a backup; to begin anew choose an empty --data-dir",
        )


def _with_store(settings: Settings, folder: DataFolder, world: World, work: Callable[[Store], None]) -> None:
    trail = Trail(folder.audit, world)
    trail.open()
    try:
        store = open_store(settings.store_address, trail)
        try:
            work(store)
        finally:
            store.close()
    finally:
        trail.close()


def _require_own_store(store: Store, found: Installation, root_key: RootKey) -> None:
    store.read_now(lambda transaction: _require_facts(transaction, found, root_key))


def _require_facts(transaction: Transaction, found: Installation, root_key: RootKey) -> None:
    """The store must hold the id of this folder and the fingerprint of its root key."""
    for fact, wanted, why, fix in (
        ("id", found.id, "it is of another installation", "point --store at this installation's own database"),
        ("root_key", root_key.fingerprint, "it has another root key", "put the seal back that belongs to this store"),
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
) -> None:
    """Put into a new store what an installation begins with. Does nothing to one that has it already."""

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
        transaction.run(_ADD_FACT, {"fact": "root_key", "worth": root_key.fingerprint})
        made = create_administrator(transaction, Keyring(root_key, world), world, started.account, access_key)
        _write_credentials(folder, started, made)
        return made

    store.write_now(work)


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
