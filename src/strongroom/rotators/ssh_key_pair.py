"""Rotate the key pair by which a program logs in to an SSH server.

An AWS Lambda rotation function. The secret is a JSON object: ``engine`` (``ssh``), ``host``, ``username``,
``privateKey`` (OpenSSH or PEM format, without a passphrase) and ``hostKey`` (the server's public key or keys, one a
line; no other server is talked to) are required; ``port`` (default 22), ``publicKey`` and ``authorizedKeysFile``
(default ``.ssh/authorized_keys``) are optional; other keys survive. The account needs SFTP, and the right to replace
that file.

New pairs are Ed25519. The new public key gets a line of its own with the options of the line of the key that is in
use, so a key that may only do one thing is followed by one that may only do the same. The old key works beside the
new one until the rotation ends: no program sees a refusal. Then the line of the key under AWSPREVIOUS is taken away,
and those that this function added for this secret in rotations before, which it knows by their comment
``rotated:<ARN of the secret>``. Other lines are never touched. With ``KEEP_PREVIOUS`` true in the environment the key
under AWSPREVIOUS works until the next rotation. See `contract` for the rest of the environment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .contract import RotatedSecret, RotationError, Strategy, Values, rotate, switch
from .logins import LoginFailed
from .ssh import (
    Account,
    KeyPair,
    change_authorized_keys,
    log_in,
    new_key_pair,
    parse_account,
    parse_key_pair,
)
from .ssh_authorized_keys import Entry, with_key, without_keys

__all__ = ["lambda_handler"]


def lambda_handler(event: Mapping[str, str], context: object) -> None:
    """Run one step of a rotation; see `contract.rotate`. ``context`` is the invocation's context, unused."""
    del context
    rotate(event, _SshKeyPair())


class _SshKeyPair(Strategy):
    def check(self, values: Values, where: str) -> None:
        """See `Strategy`."""
        parse_account(values, where)
        parse_key_pair(values, where)

    def renew(self, secret: RotatedSecret, current: Values) -> dict[str, object]:
        """See `Strategy`."""
        private, public = new_key_pair()
        return {**current, "privateKey": private, "publicKey": public}

    def apply(self, secret: RotatedSecret) -> None:
        """See `Strategy`. An interrupted rotation may have left AWSPREVIOUS as the key that logs in."""
        values = secret.current()
        account = parse_account(values, secret.where("AWSCURRENT"))
        found = secret.pending()
        other = parse_account(found, secret.where("AWSPENDING"))
        if not other.same(account):
            raise RotationError(f"AWSPENDING of {secret.arn} is for {other.words}, AWSCURRENT is for {account.words}")
        pending = parse_key_pair(found, secret.where("AWSPENDING"))
        failures: list[str] = []
        if _enters(account, pending, "AWSPENDING", failures):
            return
        current, previous = parse_key_pair(values, secret.where("AWSCURRENT")), _previous(secret, account)
        if _enters(account, current, "AWSCURRENT", failures):
            # Where KEEP_PREVIOUS has kept the key before this one, its time ends here.
            _add(secret, account, current, pending, instead_of=previous)
        elif previous is not None and _enters(account, previous, "AWSPREVIOUS", failures):
            _add(secret, account, previous, pending, instead_of=None)
        else:
            raise RotationError(f"No version of {secret.arn} logs in. " + "; ".join(failures))
        self.prove(secret)

    def prove(self, secret: RotatedSecret) -> None:
        """See `Strategy`."""
        values, where = secret.pending(), secret.where("AWSPENDING")
        failures: list[str] = []
        if not _enters(parse_account(values, where), parse_key_pair(values, where), "the key", failures):
            raise RotationError(f"The AWSPENDING key of {secret.arn} does not log in: {failures[0]}")

    def retire(self, secret: RotatedSecret) -> None:
        """See `Strategy`."""
        values, where = secret.current(), secret.where("AWSCURRENT")
        account, current = parse_account(values, where), parse_key_pair(values, where)
        previous = _previous(secret, account)
        kept = {current.public}
        if previous is not None and switch("KEEP_PREVIOUS", default=False):
            kept.add(previous.public)

        def is_old(entry: Entry) -> bool:
            mine = entry.comment == _mark(secret) or (previous is not None and entry.key == previous.public)
            return mine and entry.key not in kept

        _change(secret, account, current, lambda text: without_keys(text, is_old))


def _mark(secret: RotatedSecret) -> str:
    """The comment behind the keys that a secret's rotations add."""
    return f"rotated:{secret.arn}"


def _previous(secret: RotatedSecret, account: Account) -> KeyPair | None:
    """The key pair under AWSPREVIOUS, if that is one for the account."""
    values, where = secret.previous(), secret.where("AWSPREVIOUS")
    if values is None:
        return None
    try:
        return parse_key_pair(values, where) if parse_account(values, where).same(account) else None
    except RotationError:
        return None


def _enters(account: Account, key: KeyPair, what: str, failures: list[str]) -> bool:
    """Whether a key is let in; otherwise the reason is added to ``failures``."""
    try:
        with log_in(account, key):
            return True
    except LoginFailed as failure:
        failures.append(f"{what}: {failure}")
        return False


def _add(
    secret: RotatedSecret, account: Account, known: KeyPair, pending: KeyPair, *, instead_of: KeyPair | None
) -> None:
    """Let the pending key do what the known one may, and an older key no more."""
    new = Entry("", pending.private.get_name(), pending.public, _mark(secret))
    older = None if instead_of is None or instead_of.public == known.public else instead_of.public

    def change(text: str) -> str:
        return without_keys(with_key(text, new, like=known.public), lambda entry: entry.key == older)

    missing = False
    try:
        _change(secret, account, known, change)
    except LookupError:
        missing = True
    if missing:
        raise RotationError(
            f"The key of {secret.arn} logs in as {account.words}, but {account.authorized_keys} does not have it: "
            "name the file that has it under 'authorizedKeysFile'"
        )


def _change(secret: RotatedSecret, account: Account, key: KeyPair, change: Callable[[str], str]) -> None:
    """Change the file of keys, logged in with one of them."""
    reason = ""
    try:
        with log_in(account, key) as client:
            change_authorized_keys(client, account, change)
    except LoginFailed as failure:
        reason = str(failure)
    if reason:
        raise RotationError(f"The key of {secret.arn} does not log in as {account.words}: {reason}")
