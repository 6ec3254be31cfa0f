"""``strongroom seal``: how the root key is kept while the server is down.

A server may run beside every command but ``rotate-root``: it looks at the seals when it starts, and then no more.
"""

from __future__ import annotations

import json
from typing import Annotated, Final

import typer

from strongroom.cli import seal_new
from strongroom.cli.seal_desk import (
    AsJson,
    DataDir,
    Desk,
    PassphraseSource,
    PinSource,
    ShareSources,
    StoreAddress,
    Yes,
)
from strongroom.cli.seal_new import Kind, NewSeal
from strongroom.errors import OperatorError
from strongroom.keyring import RootKey
from strongroom.keyring.seals import SealDocument, SealEntry, add_seal, open_seal, remove_seals
from strongroom.server.setup import root_key_of_store
from strongroom.server.succession import rotate_root as follow_root_key
from strongroom.server.unsealing import has_terminal

__all__ = ["app"]

app = typer.Typer(help="How the root key is kept while the server is down.", no_args_is_help=True)

Name = Annotated[str | None, typer.Option(help="What to call the seal; its kind by default.")]
_SHOWN: Final = {
    "file": ("file",),
    "shares": ("threshold",),
    "kms": ("key_id", "region", "endpoint_url", "profile"),
    "pkcs11": ("module", "token", "key"),
}
"""The parameters of each kind that tell an operator which one it is."""


@app.command("status")
def status(data_dir: DataDir = None, store: StoreAddress = None, as_json: AsJson = False) -> None:
    """Show the seals of the root key. Any one of them opens it."""
    with Desk.open(data_dir, store) as desk:
        seals = [_described(entry) for entry in desk.document.seals]
        if as_json:
            typer.echo(json.dumps({"root_key_id": desk.document.root_key_id, "seals": seals}))
            return
        typer.echo(f"root key {desk.document.root_key_id}, opened by any one of:")
        for seal in seals:
            details = ", ".join(f"{key} {value}" for key, value in seal.items() if key not in {"name", "kind"})
            typer.echo(f"  {seal['name']:<16} {seal['kind']}{f' ({details})' if details else ''}")
        if len(seals) == 1:
            typer.echo("It is the only one. Add recovery shares: strongroom seal add shares")


@app.command("add")
def add(
    kind: Annotated[Kind, typer.Argument(help="Kind of the new seal.")],
    name: Name = None,
    data_dir: DataDir = None,
    store: StoreAddress = None,
    passphrase_source: PassphraseSource = None,
    pin_source: PinSource = None,
    share_source: ShareSources = None,
    new_passphrase_source: seal_new.NewPassphraseSource = None,
    count: seal_new.Count = 5,
    threshold: seal_new.Threshold = 3,
    out: seal_new.Out = None,
    key_id: seal_new.KeyId = None,
    region: seal_new.KeyRegion = "us-east-1",
    endpoint_url: seal_new.EndpointUrl = None,
    profile: seal_new.Profile = None,
    ca_bundle: seal_new.CaBundle = None,
    module: seal_new.Module = None,
    token: seal_new.Token = None,
    key: seal_new.TokenKey = "strongroom",
    as_json: AsJson = False,
) -> None:
    """Put the root key under one more seal. The other seals stay."""
    new = NewSeal(
        kind,
        new_passphrase_source,
        count,
        threshold,
        out,
        key_id,
        region,
        endpoint_url,
        profile,
        ca_bundle,
        module,
        token,
        key,
    )
    with Desk.open(data_dir, store, passphrase_source, pin_source, share_source) as desk:
        document, answer = _add(desk, desk.root_key(), new, name or kind.value, as_json=as_json)
        _report(document, answer, as_json=as_json)


@app.command("remove")
def remove(
    name: Annotated[str, typer.Argument(help="Name of the seal, as `seal status` shows it.")],
    data_dir: DataDir = None,
    store: StoreAddress = None,
    passphrase_source: PassphraseSource = None,
    pin_source: PinSource = None,
    share_source: ShareSources = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Remove a seal, once another one has been seen to open."""
    with Desk.open(data_dir, store, passphrase_source, pin_source, share_source) as desk:
        desk.document.seal(name)
        kept = [entry for entry in desk.document.seals if entry.name != name]
        if kept:
            _ask_whether_meant(kept, yes=yes)
        root_key = desk.root_key(without={name} if kept else ())
        document = remove_seals(desk.document, root_key, {name}, desk.means)
        desk.record("RootKeySealRemoved", name=name)
        _report(document, {}, as_json=as_json)


@app.command("migrate")
def migrate(
    kind: Annotated[Kind, typer.Argument(help="Kind of the seal that takes the place of all others.")],
    name: Name = None,
    data_dir: DataDir = None,
    store: StoreAddress = None,
    passphrase_source: PassphraseSource = None,
    pin_source: PinSource = None,
    share_source: ShareSources = None,
    new_passphrase_source: seal_new.NewPassphraseSource = None,
    count: seal_new.Count = 5,
    threshold: seal_new.Threshold = 3,
    out: seal_new.Out = None,
    key_id: seal_new.KeyId = None,
    region: seal_new.KeyRegion = "us-east-1",
    endpoint_url: seal_new.EndpointUrl = None,
    profile: seal_new.Profile = None,
    ca_bundle: seal_new.CaBundle = None,
    module: seal_new.Module = None,
    token: seal_new.Token = None,
    key: seal_new.TokenKey = "strongroom",
    keep: Annotated[list[str] | None, typer.Option(help="Name of a seal that stays; may be given again.")] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Put the root key under a new seal and, once that has been seen to open, remove the others."""
    new = NewSeal(
        kind,
        new_passphrase_source,
        count,
        threshold,
        out,
        key_id,
        region,
        endpoint_url,
        profile,
        ca_bundle,
        module,
        token,
        key,
    )
    new.require_provable()
    with Desk.open(data_dir, store, passphrase_source, pin_source, share_source) as desk:
        kept = [desk.document.seal(other) for other in keep or ()]
        wanted = name or kind.value
        _ask_whether_meant([*kept, SealEntry(kind.value, desk.document.root_key_id, {}, wanted)], yes=yes)
        root_key = desk.root_key()
        gone = {entry.name for entry in desk.document.seals if entry not in kept}
        document, answer = _add(desk, root_key, new, wanted, as_json=as_json)
        if kind is Kind.SHARES:
            new.prove_kept(desk, document.seal(wanted))
        document = remove_seals(document, root_key, gone, desk.means)
        for other in sorted(gone):
            desk.record("RootKeySealRemoved", name=other)
        _report(document, answer, as_json=as_json)


@app.command("rotate-root")
def rotate_root(
    data_dir: DataDir = None,
    store: StoreAddress = None,
    passphrase_source: PassphraseSource = None,
    pin_source: PinSource = None,
    share_source: ShareSources = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Put a new root key under the same seals in the place of the old one. The server must be stopped.

    Every KMS key material is wrapped again, in one transaction. Shares stay those that their holders have. Backups made
    before still need the old seals.
    """
    with Desk.open(data_dir, store, passphrase_source, pin_source, share_source, stopped=True) as desk:
        typer.echo("What the old root key alone opens, such as backups made before, needs the old seals:", err=True)
        typer.echo("copy seal.json, and root.key if there is one, if you keep such backups.", err=True)
        _require_agreement(yes=yes)
        done = follow_root_key(desk.settings, desk.folder, desk.world, desk.document, desk.root_key(), desk.means)
        if as_json:
            typer.echo(json.dumps({"root_key_id": done.root_key_id, "materials": done.materials}))
            return
        typer.echo(f"root key {done.root_key_id} is in force; {done.materials} key materials were wrapped again.")
        typer.echo(
            "Other nodes on this store need the new seal.json, and the new file of a file seal, before they start."
        )


@app.command("verify")
def verify(
    name: Annotated[str | None, typer.Argument(help="Look at this seal only, asking for what it needs.")] = None,
    data_dir: DataDir = None,
    store: StoreAddress = None,
    passphrase_source: PassphraseSource = None,
    pin_source: PinSource = None,
    share_source: ShareSources = None,
    as_json: AsJson = False,
) -> None:
    """Open each seal, and see that it opens the root key of this store. Exits 1 if one does not.

    Without a name, shares are looked at only if --share-source is given.
    """
    with Desk.open(data_dir, store, passphrase_source, pin_source, share_source) as desk:
        in_force = root_key_of_store(desk.settings, desk.folder, desk.world)
        entries = [desk.document.seal(name)] if name else list(desk.document.seals)
        ask_for_shares = bool(name or share_source)
        results = [_looked_at(desk, entry, in_force, ask_for_shares=ask_for_shares) for entry in entries]
        if as_json:
            typer.echo(json.dumps({"root_key_id": desk.document.root_key_id, "seals": results}))
        else:
            for result in results:
                typer.echo(f"{result['name']:<16} {result['result']}" + (f": {result['why']}" if result["why"] else ""))
        found = [result["result"] for result in results]
        raise typer.Exit(1 if "does not open" in found or "opens" not in found else 0)


def _looked_at(desk: Desk, entry: SealEntry, in_force: str | None, *, ask_for_shares: bool) -> dict[str, str]:
    try:
        root_key = None
        if entry.kind != Kind.SHARES or ask_for_shares:
            root_key = open_seal(entry, desk.means)
        if root_key is None:
            return {"name": entry.name, "result": "not tried", "why": "nobody was asked for what it needs"}
        desk.document.require_made_with(root_key)
    except OperatorError as error:
        return {"name": entry.name, "result": "does not open", "why": " ".join(filter(None, (error.what, error.why)))}
    if root_key.fingerprint != in_force:
        return {"name": entry.name, "result": "does not open", "why": "The store is under another root key."}
    return {"name": entry.name, "result": "opens", "why": ""}


def _add(
    desk: Desk, root_key: RootKey, new: NewSeal, name: str, *, as_json: bool
) -> tuple[SealDocument, dict[str, object]]:
    seal, shares = new.make(desk)
    document = add_seal(desk.document, root_key, seal, name, desk.means)
    answer = new.hand_over(shares, as_json=as_json)
    desk.record("RootKeySealAdded", name=name, kind=new.kind.value)
    if shares:
        typer.echo("The shares are not kept anywhere else and not shown again. Give each to another holder.", err=True)
    return document, answer


def _ask_whether_meant(kept: list[SealEntry], *, yes: bool) -> None:
    """Say what is final about it, and have a person agree.

    Raises:
        OperatorError: Nobody agreed.
    """
    ways = " or ".join(f"{entry.name} ({entry.kind})" for entry in kept)
    typer.echo(f"From here on the root key opens with {ways} only.", err=True)
    lost = "that" if len(kept) == 1 else "all of these"
    typer.echo(f"Who loses {lost} loses every secret for good: nobody can recover it.", err=True)
    _require_agreement(yes=yes)


def _require_agreement(*, yes: bool) -> None:
    if yes:
        return
    if not has_terminal() or not typer.confirm("Go on?", err=True):
        raise OperatorError("Nothing was changed.", why="Nobody agreed to it.", fix="Agree, or give --yes.")


def _report(document: SealDocument, answer: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"root_key_id": document.root_key_id, "seals": _names(document), **answer}))
    else:
        typer.echo(f"The root key opens with any one of: {', '.join(_names(document))}")


def _names(document: SealDocument) -> list[str]:
    return [entry.name for entry in document.seals]


def _described(entry: SealEntry) -> dict[str, str | int]:
    found: dict[str, str | int] = {"name": entry.name, "kind": entry.kind}
    if entry.kind == Kind.SHARES:
        found["shares"] = len(entry.text("share_digests").split(" "))
    return found | {name: entry.parameters[name] for name in _SHOWN.get(entry.kind, ()) if name in entry.parameters}
