"""The signing keys of an issuer: a JSON Web Key Set, and the signatures that its keys have made.

Which algorithms there are is written here, not read from a token: RSA and elliptic curves only, never a shared secret,
never none (RFC 8725, sections 3.1 and 3.2). Keys come from the set alone; what a token says about where to find its
key is not looked at (RFC 8725, section 3.10).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import jwt
import orjson

__all__ = ["ALGORITHMS", "BadKeySet", "SigningKey", "candidates", "read_key_set", "signed_by"]

ALGORITHMS: Final[Mapping[str, tuple[str, str | None]]] = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
}
"""The algorithms that tokens may be signed with: the kind of key and the curve that each takes (RFC 7518)."""

_SHORTEST_MODULUS: Final = 256
"""Bytes: RFC 7518, section 3.3, wants RSA keys of 2048 bits or more."""

_LONGEST_MODULUS: Final = 1024
_MOST_KEYS: Final = 100


class BadKeySet(ValueError):
    """What an issuer gave is no key set."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public key of an issuer.

    Args:
        key_id: Its ``kid``; None if it has none.
        kind: Its ``kty``: ``RSA`` or ``EC``.
        curve: Its ``crv``, for ``EC``.
        algorithm: The one algorithm that it is for; None when it does not say.
        document: The key as it was given.
    """

    key_id: str | None
    kind: str
    curve: str | None
    algorithm: str | None
    document: Mapping[str, object]


def read_key_set(text: bytes) -> tuple[SigningKey, ...]:
    """The keys of a JSON Web Key Set that can have signed a token (RFC 7517, section 5).

    Keys of other kinds and for other uses are passed over, as the RFC wants it.

    Raises:
        BadKeySet: It is none, or holds more keys than an issuer has.
    """
    try:
        document: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise BadKeySet("it is no JSON") from None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or len(keys) > _MOST_KEYS:
        raise BadKeySet("it is no JSON Web Key Set")
    return tuple(key for entry in keys if isinstance(entry, dict) and (key := _signing_key(entry)) is not None)


def _signing_key(entry: Mapping[str, object]) -> SigningKey | None:
    kind, curve, use = entry.get("kty"), entry.get("crv"), entry.get("use", "sig")
    key_id, algorithm = entry.get("kid"), entry.get("alg")
    if kind not in {"RSA", "EC"} or use != "sig" or "d" in entry:
        return None
    if not all(value is None or isinstance(value, str) for value in (key_id, curve, algorithm)):
        return None
    return SigningKey(
        key_id=key_id if isinstance(key_id, str) else None,
        kind=str(kind),
        curve=curve if isinstance(curve, str) else None,
        algorithm=algorithm if isinstance(algorithm, str) else None,
        document=entry,
    )


def candidates(keys: Sequence[SigningKey], key_id: str | None, algorithm: str) -> list[SigningKey]:
    """The keys that may have signed a token.

    Args:
        keys: The issuer's keys.
        key_id: The token's ``kid``. Without one, or with one that no key has, every key without a ``kid`` is meant.
        algorithm: The token's ``alg``, one of `ALGORITHMS`.
    """
    kind, curve = ALGORITHMS[algorithm]
    fitting = [
        key for key in keys if key.kind == kind and curve in {None, key.curve} and key.algorithm in {None, algorithm}
    ]
    named = [key for key in fitting if key_id is not None and key.key_id == key_id]
    if named:
        return named
    if key_id is None and len(fitting) == 1:
        return fitting
    return [key for key in fitting if key.key_id is None]


def signed_by(key: SigningKey, algorithm: str, signed: bytes, signature: bytes) -> bool:
    """Whether ``key`` made ``signature`` over ``signed``.

    Args:
        key: One of `candidates`.
        algorithm: The token's ``alg``.
        signed: Header and payload as they stand in the token.
        signature: The signature.
    """
    try:
        public = jwt.PyJWK(dict(key.document), algorithm)
    except jwt.PyJWTError:
        return False
    if key.kind == "RSA" and not _SHORTEST_MODULUS <= len(signature) <= _LONGEST_MODULUS:
        return False  # a signature is as long as its modulus (RFC 8017, section 8.2.2)
    return bool(public.Algorithm.verify(signed, public.key, signature))
