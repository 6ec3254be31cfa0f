"""What the ``strongroom seal`` commands share: finding the installation, and opening its root key."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from strongroom.cli.options import AsJson, DataDir, StoreAddress
from strongroom.errors import OperatorError
from strongroom.keyring import RootKey, read_passphrase
from strongroom.keyring.seals import Means, SealDocument, SealFiles, open_root_key, remove_orphans
from strongroom.server.folder import DataFolder, Installation
from strongroom.server.settings import Settings, load_settings
from strongroom.server.setup import root_key_of_store, with_store
from strongroom.server.succession import record_change
from strongroom.server.unsealing import has_terminal, means, settle_successor
from strongroom.world import World

__all__ = [
    "AsJson",
    "DataDir",
    "Desk",
    "PassphraseSource",
    "PinSource",
    "ShareSources",
    "StoreAddress",
    "Yes",
    "share_asker",
]

PassphraseSource = Annotated[
    str | None, typer.Option(help="Where the present passphrase comes from: prompt, fd:N, file:PATH, credential:NAME.")
]
PinSource = Annotated[
    str | None, typer.Option(help="Where the PIN of the token comes from: prompt, fd:N, file:PATH, credential:NAME.")
]
ShareSources = Annotated[
    list[str] | None,
    typer.Option("--share-source", help="Where a share comes from; once for each share. They are asked for otherwise."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")]


@dataclass(frozen=True)
class Desk:
    """An installation whose seals are worked on.

    Attributes:
        document: Its seals.
        means: What is at hand to open them with.
    """

    settings: Settings
    folder: DataFolder
    installation: Installation
    world: World
    document: SealDocument
    means: Means

    @classmethod
    @contextmanager
    def open(
        cls,
        data_dir: Path | None,
        store: str | None,
        passphrase_source: str | None = None,
        pin_source: str | None = None,
        share_sources: Sequence[str] | None = None,
        *,
        stopped: bool = False,
    ) -> Iterator[Desk]:
        """Be the only one who works on the seals of an installation.

        Args:
            data_dir: The folder; the settings say which by default.
            store: The address of the store; the settings say which by default.
            passphrase_source: Where the passphrase comes from.
            pin_source: Where the PIN comes from.
            share_sources: Where shares come from.
            stopped: Whether no server may run meanwhile.

        Raises:
            OperatorError: There is no installation, its seal document is damaged, or something else works on it.
        """
        settings = load_settings(
            {
                "data_dir": data_dir,
                "store": store,
                "passphrase_source": passphrase_source,
                "pin_source": pin_source,
            }
        )
        folder, files, world = DataFolder(settings.data_dir), SealFiles(settings.data_dir.absolute()), World.real()
        installation = folder.installation()
        if installation is None or not installation.ready:
            raise OperatorError(
                f"There is no installation in {folder.path}.",
                fix="start one with `strongroom serve`, or name its folder with --data-dir",
            )
        if stopped:
            folder.lock()
        try:
            settle_successor(files, lambda: root_key_of_store(settings, folder, world))
            with files.changing():
                at_hand = means(settings, files, world, at_terminal=has_terminal())
                at_hand = replace(at_hand, share=share_asker(share_sources or ()))
                yield cls(settings, folder, installation, world, SealDocument.load(files), at_hand)
        finally:
            folder.leave()

    def root_key(self, *, without: Collection[str] = ()) -> RootKey:
        """Open the root key.

        Args:
            without: Names of seals that are not to be used.

        Raises:
            OperatorError: No seal opens, or the document was changed.
        """
        root_key = open_root_key(self.document, self.means, without=without)
        remove_orphans(self.document, root_key, self.means.files)
        return root_key

    def record(self, event: str, **details: str) -> None:
        """Write down in the audit trail what was done.

        Raises:
            OperatorError: Trail or store cannot be written.
        """
        with_store(
            self.settings,
            self.folder,
            self.world,
            lambda store: store.write_now(
                lambda transaction: record_change(transaction, self.world, self.installation, event, details)
            ),
        )


def share_asker(sources: Sequence[str]) -> Callable[[str, int], str]:
    """Gives one share after the other, from the sources first, then from a person."""
    remaining = list(sources)

    def ask(name: str, needed: int) -> str:
        source = remaining.pop(0) if remaining else "prompt"
        if source == "prompt" and not has_terminal():
            raise OperatorError(
                f"The seal {name} needs {needed} more of its shares.", fix="Name their sources with --share-source."
            )
        words = read_passphrase(source, question=f"Words of a share of the seal {name} ({needed} needed)")
        return words.decode("utf-8", "replace")

    return ask
