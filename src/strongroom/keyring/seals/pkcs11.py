"""The pkcs11 seal: an HSM, or anything else that speaks PKCS#11, takes part in opening the root key.

A 256-bit secret key that never leaves the token computes an HMAC-SHA-256 over a random salt and the fingerprint of
the root key. The result is the key that the root key is sealed under, the way every other ciphertext of this room is.
So a copy of the data folder is worth nothing without the token and its PIN, and any token will do: the HMAC is what
the plainest of them offer (PKCS#11 v2.40, CKM_SHA256_HMAC).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import pkcs11

from strongroom.errors import OperatorError
from strongroom.keyring.header import InvalidCiphertext, Layer, encode_header
from strongroom.keyring.kdf import KEY_LENGTH
from strongroom.keyring.root import RootKey
from strongroom.keyring.sealing import HoldsKey, SealingKey
from strongroom.keyring.seals.entry import SealEntry, damaged
from strongroom.world import Entropy

__all__ = ["Pkcs11Seal", "TokenPlace"]

_HEADER: Final = encode_header(Layer.SEAL, "pkcs11")
_MESSAGE_LABEL: Final = b"strongroom seal for pkcs11\0"
_SALT_LENGTH: Final = 32


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """Where the key is that the root key is sealed with.

    Attributes:
        module: Path of the token's PKCS#11 library, such as ``/usr/lib/softhsm/libsofthsm2.so``.
        token: The label of the token.
        key: The label of the secret key on it, which is made if there is none.
    """

    module: str
    token: str
    key: str

    @classmethod
    def of(cls, entry: SealEntry) -> TokenPlace:
        """The place that a seal names.

        Raises:
            OperatorError: The entry is damaged.
        """
        return cls(entry.text("module"), entry.text("token"), entry.text("key"))


class Pkcs11Seal(HoldsKey):
    """Keeps the root key encrypted in the seal document, under a key that only the token can compute.

    Args:
        place: The key on the token.
        pin: Gives the PIN of the token's user. It is asked when the token is used.
        entropy: Where salt and nonce come from when sealing.
    """

    kind: Final = "pkcs11"

    def __init__(self, place: TokenPlace, pin: Callable[[], bytes], entropy: Entropy) -> None:
        self._place = place
        self._pin = pin
        self._entropy = entropy

    def seal(self, root_key: RootKey) -> SealEntry:
        """Seal the root key, making the key on the token if there is none.

        Raises:
            OperatorError: The token refuses or cannot be reached, or the key on it can leave it.
        """
        salt = self._entropy.bytes(_SALT_LENGTH)
        with self._session(changing=True) as session:
            key = self._find(session) or self._make(session)
            sealing = _sealing_key(key, salt, root_key.fingerprint)
        wrapped = sealing.seal(root_key.expose(), _context(root_key.fingerprint, salt), self._entropy)
        return SealEntry(
            self.kind,
            root_key.fingerprint,
            {
                "module": self._place.module,
                "token": self._place.token,
                "key": self._place.key,
                "salt": salt.hex(),
                "wrapped_root_key": wrapped.hex(),
            },
        )

    def open(self, entry: SealEntry) -> RootKey:
        """Open the root key.

        Raises:
            OperatorError: The token refuses, cannot be reached or lacks the key, or the entry is damaged.
        """
        entry.require_kind(self.kind)
        salt, wrapped = entry.binary("salt"), entry.binary("wrapped_root_key")
        if len(salt) != _SALT_LENGTH:
            raise damaged(f"the salt does not have {_SALT_LENGTH} bytes")
        with self._session(changing=False) as session:
            key = self._find(session)
            if key is None:
                raise OperatorError(
                    f"The token {self._place.token} has no secret key called {self._place.key}.",
                    fix="Restore the token from its own backup, or open the root key with another seal.",
                )
            sealing = _sealing_key(key, salt, entry.root_key_id)
        try:
            return RootKey(sealing.open(wrapped, _context(entry.root_key_id, salt)))
        except InvalidCiphertext:
            raise OperatorError(
                f"The key {self._place.key} of the token {self._place.token} does not open the seal of the root key.",
                why="It is another key than the one that sealed it, or the seal document was changed.",
                fix="Use the token that the root key was sealed with, or open the root key with another seal.",
            ) from None

    @contextmanager
    def _session(self, *, changing: bool) -> Iterator[pkcs11.Session]:
        place = self._place
        try:
            pin = self._pin().decode()
            token = pkcs11.lib(place.module).get_token(token_label=place.token)
            with token.open(rw=changing, user_pin=pin) as session:
                yield session
        except UnicodeDecodeError:
            raise OperatorError("The PIN of the token is not text.", fix="Check the source of the PIN.") from None
        except (pkcs11.PKCS11Error, RuntimeError) as error:
            raise OperatorError(
                f"The token {place.token} could not be used for the root key.",
                why=" ".join(filter(None, (type(error).__name__, str(error)))) + ".",
                fix=f"Check that {place.module} is the token's library, the token is plugged in, and the PIN is right.",
            ) from None
        finally:
            pkcs11.unload(place.module)  # what forks from this process has no business with the token

    def _find(self, session: pkcs11.Session) -> pkcs11.SecretKey | None:
        """The key, if the token has it.

        Raises:
            OperatorError: There are several of this name, or it can leave the token.
        """
        wanted = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY, pkcs11.Attribute.LABEL: self._place.key}
        found = list(session.get_objects(wanted))
        if not found:
            return None
        [key, *others] = found
        if others or not isinstance(key, pkcs11.SecretKey) or key[pkcs11.Attribute.EXTRACTABLE]:
            raise OperatorError(
                f"The key {self._place.key} of the token {self._place.token} is not fit for a root key.",
                why="There are several keys of this name, or it can be read out of the token.",
                fix="Choose another name with --key: the key is made then, and cannot leave the token.",
            )
        return key

    def _make(self, session: pkcs11.Session) -> pkcs11.SecretKey:
        return session.generate_key(
            pkcs11.KeyType.GENERIC_SECRET,
            8 * KEY_LENGTH,
            label=self._place.key,
            store=True,
            capabilities=pkcs11.MechanismFlag.SIGN,
            template={
                pkcs11.Attribute.SENSITIVE: True,
                pkcs11.Attribute.EXTRACTABLE: False,
                pkcs11.Attribute.PRIVATE: True,
            },
        )


def _sealing_key(key: pkcs11.SecretKey, salt: bytes, root_key_id: str) -> SealingKey:
    if not isinstance(key, pkcs11.SignMixin):
        raise OperatorError("The token's key cannot sign.", fix="Choose another name with --key.")
    message = _MESSAGE_LABEL + salt + root_key_id.encode()
    return SealingKey(key.sign(message, mechanism=pkcs11.Mechanism.SHA256_HMAC), _HEADER)


def _context(root_key_id: str, salt: bytes) -> dict[str, str]:
    return {"root_key_id": root_key_id, "salt": salt.hex()}
