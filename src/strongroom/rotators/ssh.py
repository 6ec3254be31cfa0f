"""SSH: how to log in with a key, and how to change who may. Needs paramiko.

- **The server is known.** Its host key is part of the secret, and no other one is accepted: there is no first use to
  trust, and nobody between sees even a signature.
- **Only this key.** No agent, no key file and no password of the machine is tried in its place.
- **The file is replaced whole.** ``authorized_keys`` is written beside itself, with its mode and owner, and renamed
  into place, so that at every instant sshd reads the old list or the new one. The file beside it, made
  exclusively, is also the lock between two rotations of one account.
"""

from __future__ import annotations

import io
import logging
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from paramiko.pkey import UnknownKeyType

from .contract import RotationError, Values
from .logins import LoginFailed, port_number
from .ssh_authorized_keys import parse_entry

__all__ = ["Account", "KeyPair", "change_authorized_keys", "log_in", "new_key_pair", "parse_account", "parse_key_pair"]

_PORT = 22
_TIMEOUT_SECONDS = 10.0
_LOCK_SECONDS = 10.0
"""How long a file beside ``authorized_keys`` that does not change is waited for: a rotation holds it for well under a
second, so by then whoever made it is gone."""
_LONGEST_FILE_BYTES = 1 << 20
_KEY_CLASSES: tuple[type[paramiko.PKey], ...] = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)

# What goes wrong is told once, by us; paramiko tells it from a thread of its own.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Account:
    """Where a secret's key lets one in.

    Attributes:
        host: The server's name or address.
        port: Its TCP port.
        username: The user.
        host_keys: The server's public keys, of which it must prove one.
        authorized_keys: The file of keys, absolute or from the user's home.
    """

    host: str
    port: int
    username: str
    host_keys: tuple[paramiko.PKey, ...]
    authorized_keys: str

    @property
    def words(self) -> str:
        """User and place, in words."""
        return f"{self.username!r} on {self.host}:{self.port}"

    def same(self, other: Account) -> bool:
        """Whether both are one user of one server."""
        mine = (self.host.lower(), self.port, self.username)
        return mine == (other.host.lower(), other.port, other.username)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private key, and its public half in base64."""

    private: paramiko.PKey
    public: str


def parse_account(values: Values, where: str) -> Account:
    """Check what a secret says about an account, before anything is done with it.

    Args:
        values: The secret's JSON object. ``engine`` (``ssh``), ``host``, ``username`` and ``hostKey`` (lines of
            ``ssh-keyscan`` without the host's name, or of the server's own ``.pub`` files) are required; ``port`` (22)
            and ``authorizedKeysFile`` (``.ssh/authorized_keys``) are optional.
        where: Words for the version.

    Raises:
        RotationError: Something is missing or cannot be meant.
    """
    if values.get("engine") != "ssh":
        raise RotationError(f"{where} must have ssh under 'engine'")
    keys = []
    for line in _text(values, "hostKey", where, None).splitlines():
        entry = parse_entry(line)
        if entry is not None:
            keys.append(_host_key(entry.key_type, entry.key, where))
    if not keys:
        raise RotationError(f"{where} has no public key of the server under 'hostKey', such as 'ssh-ed25519 AAAA...'")
    return Account(
        host=_text(values, "host", where, None),
        port=port_number(values, "port", _PORT, where),
        username=_text(values, "username", where, None),
        host_keys=tuple(keys),
        authorized_keys=_text(values, "authorizedKeysFile", where, ".ssh/authorized_keys"),
    )


def parse_key_pair(values: Values, where: str) -> KeyPair:
    """The key pair of a secret: ``privateKey`` in OpenSSH or PEM format without a passphrase.

    Args:
        values: The secret's JSON object. A ``publicKey`` must be that of the private key.
        where: Words for the version.

    Raises:
        RotationError: There is no such key.
    """
    text = _text(values, "privateKey", where, None)
    private = None
    for kind in _KEY_CLASSES:
        # Suppressed, not chained: the frames of these exceptions hold the key. They come from deep in the parsers.
        with suppress(paramiko.SSHException, ValueError, TypeError, IndexError, UnicodeError):
            private = kind.from_private_key(io.StringIO(text))
            break
    if private is None:
        raise RotationError(
            f"{where} has no key under 'privateKey' that can be read: Ed25519, ECDSA or RSA, without a passphrase"
        )
    public = private.get_base64()
    if values.get("publicKey"):
        entry = parse_entry(_text(values, "publicKey", where, None))
        if entry is None or entry.key != public:
            raise RotationError(f"{where} has a 'publicKey' that is not the one of its 'privateKey'")
    return KeyPair(private, public)


def new_key_pair() -> tuple[str, str]:
    """A new Ed25519 key pair: the private key in OpenSSH format, and the public key as a line."""
    made = Ed25519PrivateKey.generate()
    private = made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return private.decode(), made.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


@contextmanager
def log_in(account: Account, key: KeyPair) -> Iterator[paramiko.SSHClient]:
    """Log in to an account with a key.

    Raises:
        LoginFailed: It did not work.
    """
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    name = account.host if account.port == _PORT else f"[{account.host}]:{account.port}"
    for host_key in account.host_keys:
        client.get_host_keys().add(name, host_key.get_name(), host_key)
    reason, refused = "", False
    try:
        client.connect(
            account.host,
            account.port,
            account.username,
            pkey=key.private,
            timeout=_TIMEOUT_SECONDS,
            banner_timeout=_TIMEOUT_SECONDS,
            auth_timeout=_TIMEOUT_SECONDS,
            channel_timeout=_TIMEOUT_SECONDS,
            allow_agent=False,
            look_for_keys=False,
        )
    except (paramiko.SSHException, OSError, EOFError) as error:
        reason = str(error) or type(error).__name__
        refused = isinstance(error, paramiko.AuthenticationException)
    if reason:
        client.close()
        raise LoginFailed(reason, password_sent=refused)
    with client:
        yield client


def change_authorized_keys(client: paramiko.SSHClient, account: Account, change: Callable[[str], str]) -> None:
    """Replace the file of keys.

    Args:
        client: A connection of the account.
        account: The account.
        change: The new text from the old one.

    Raises:
        RotationError: It could not be done.
    """
    reason = ""
    try:
        with client.open_sftp() as sftp:
            sftp.get_channel().settimeout(_TIMEOUT_SECONDS)  # type: ignore[union-attr]
            _replace(sftp, account.authorized_keys, change)
    except (paramiko.SSHException, OSError, EOFError) as error:
        reason = str(error) or type(error).__name__
    if reason:
        raise RotationError(f"{account.authorized_keys} of {account.words} could not be changed through SFTP: {reason}")


def _replace(sftp: paramiko.SFTPClient, name: str, change: Callable[[str], str]) -> None:
    path = sftp.normalize(name)  # the file itself, where the name is a link to it
    beside = f"{path}.rotation"
    renamed = False
    file = _create(sftp, beside)
    try:
        before = sftp.stat(path)
        with sftp.open(path, "rb") as old:
            text = old.read(_LONGEST_FILE_BYTES + 1)
        if len(text) > _LONGEST_FILE_BYTES:
            raise OSError(f"it has more than {_LONGEST_FILE_BYTES} bytes")
        changed = change(text.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        if changed == text:
            return
        file.chmod((before.st_mode or 0o600) & 0o7777)
        made = file.stat()
        if (made.st_uid, made.st_gid) != (before.st_uid, before.st_gid):
            file.chown(before.st_uid or 0, before.st_gid or 0)
        file.write(changed)
        file.close()
        sftp.posix_rename(beside, path)
        renamed = True
    finally:
        file.close()
        if not renamed:
            sftp.remove(beside)


def _create(sftp: paramiko.SFTPClient, path: str) -> paramiko.SFTPFile:
    """A new file, once nobody else has made it; one that was left behind is taken away."""
    seen, until = None, time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            return sftp.open(path, "wbx")
        except OSError as error:  # SFTP has no error of its own for a file that is there
            try:
                found = sftp.stat(path)
            except OSError:
                raise error from None
        state = (found.st_mtime, found.st_size)
        if state != seen:
            seen, until = state, time.monotonic() + _LOCK_SECONDS
        elif time.monotonic() > until:
            sftp.remove(path)
        time.sleep(0.2)


def _host_key(key_type: str, key: str, where: str) -> paramiko.PKey:
    with suppress(UnknownKeyType, paramiko.SSHException, ValueError):
        return paramiko.PKey.from_type_string(key_type, b64decode(key, validate=True))
    raise RotationError(f"{where} has a {key_type} key under 'hostKey' that cannot be read")


def _text(values: Values, key: str, where: str, default: str | None) -> str:
    value = values.get(key, default)
    if not isinstance(value, str) or not value or "\0" in value:
        raise RotationError(f"{where} needs a text under {key!r}")
    return value
