"""The issuers that the operator of this host admits, and their signing keys.

IAM says whom an account trusts; this says what the host may talk to. A key set is read when a token of its issuer is
first shown, kept, and read again when it grows old or a token names a key that is not in it, but never more often than
every half minute: tokens with made-up keys cannot turn the host against an issuer.

An issuer's key set is where its discovery document says (OpenID Connect Discovery 1.0, section 4), on the issuer's own
origin. One that lies elsewhere is read only from the address that the operator gave, or from a file.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import orjson

from strongroom.errors import AwsError
from strongroom.identity.web_identity_keys import BadKeySet, SigningKey, candidates, read_key_set
from strongroom.services.sts.fetching import Unreachable, fetch, read_file

__all__ = ["AdmittedIssuer", "IssuerKeys"]

_LOG: Final = logging.getLogger("strongroom.identity_providers")

_FRESH_MS: Final = 600_000
"""For how long a key set is taken as it is. Whoever withdraws a key waits no longer."""

_USABLE_MS: Final = 3_600_000
"""For how long an older one serves while the issuer cannot be reached."""

_PAUSE_MS: Final = 30_000
"""Between two attempts to read the key set of one issuer."""

_LONGEST_ECHO: Final = 255


@dataclass(frozen=True, slots=True)
class AdmittedIssuer:
    """An issuer whose keys this host may read.

    Args:
        issuer: Its URL, as its tokens spell it. An account may trust others, but their tokens are refused.
        jwks_file: A file with its key set, for hosts that cannot reach it: then nothing is fetched.
        jwks_uri: The address of its key set, if it is not to be asked for it.
        ca_file: PEM authorities that it is trusted by, instead of the public ones.
    """

    issuer: str
    jwks_file: Path | None = None
    jwks_uri: str | None = None
    ca_file: Path | None = None


@dataclass(slots=True)
class _Held:
    """What is known of one issuer's keys."""

    keys: tuple[SigningKey, ...] = ()
    read_ms: int | None = None
    tried_ms: int | None = None
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)


class IssuerKeys:
    """The signing keys of admitted issuers.

    Args:
        admitted: The issuers.
        now_ms: Tells the time.
    """

    def __init__(self, admitted: Iterable[AdmittedIssuer], now_ms: Callable[[], int]) -> None:
        self._admitted = {one.issuer: one for one in admitted}
        self._held = {issuer: _Held() for issuer in self._admitted}
        self._now_ms = now_ms
        self._told: set[str] = set()

    async def of(self, issuer: str, key_id: str | None, algorithm: str) -> Sequence[SigningKey]:
        """The keys of an issuer, read anew if that may help.

        Args:
            issuer: The issuer.
            key_id: The ``kid`` of a token.
            algorithm: The ``alg`` of a token.

        Raises:
            AwsError: ``IDPCommunicationError``: the issuer is not admitted, or its keys cannot be had.
        """
        admitted = self._admitted.get(issuer)
        if admitted is None:
            self._tell_of(issuer)
            raise _unreachable()
        held = self._held[issuer]
        if self._is_worth_reading(held, key_id, algorithm):
            async with held.reading:
                if self._is_worth_reading(held, key_id, algorithm):  # nobody else has, meanwhile
                    await self._read(admitted, held)
        if held.read_ms is None or self._now_ms() - held.read_ms >= _USABLE_MS:
            raise _unreachable()
        return held.keys

    def _tell_of(self, issuer: str) -> None:
        """Tell the operator once that an issuer which some account trusts is not admitted here."""
        if issuer not in self._told:
            self._told.add(issuer)
            detail = f"{issuer}: add it to the setting oidc_issuers to admit it"
            _LOG.warning("a token of an issuer that this host does not admit was refused", extra={"detail": detail})

    def _is_worth_reading(self, held: _Held, key_id: str | None, algorithm: str) -> bool:
        now = self._now_ms()
        if held.tried_ms is not None and now - held.tried_ms < _PAUSE_MS:
            return False
        stale = held.read_ms is None or now - held.read_ms >= _FRESH_MS
        return stale or not candidates(held.keys, key_id, algorithm)

    async def _read(self, admitted: AdmittedIssuer, held: _Held) -> None:
        try:
            keys = read_key_set(await _key_set(admitted))
        except (Unreachable, BadKeySet) as error:
            _LOG.warning(
                "the keys of an identity provider cannot be read", extra={"detail": f"{admitted.issuer}: {error}"}
            )
        else:
            held.keys, held.read_ms = keys, self._now_ms()
        finally:
            held.tried_ms = self._now_ms()


async def _key_set(admitted: AdmittedIssuer) -> bytes:
    if admitted.jwks_file is not None:
        return await read_file(admitted.jwks_file)
    address = admitted.jwks_uri
    if address is None:
        discovery = f"{admitted.issuer.removesuffix('/')}/.well-known/openid-configuration"
        address = _named_address(admitted.issuer, await fetch(discovery, admitted.ca_file))
    return await fetch(address, admitted.ca_file)


def _named_address(issuer: str, discovery: bytes) -> str:
    """Where a discovery document says that the key set is.

    Raises:
        BadKeySet: It does not say, is another issuer's, or names an address that is not the issuer's own.
    """
    try:
        document: object = orjson.loads(discovery)
    except orjson.JSONDecodeError:
        raise BadKeySet("its discovery document is no JSON") from None
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise BadKeySet("its discovery document is not its own")
    address = document.get("jwks_uri")
    if not isinstance(address, str) or urlsplit(address)[:2] != urlsplit(issuer)[:2]:
        shown = str(address)[:_LONGEST_ECHO]
        raise BadKeySet(f"its keys are elsewhere, at {shown!r}: give this address as its jwks_uri to admit it")
    return address


def _unreachable() -> AwsError:
    return AwsError("IDPCommunicationError", "The identity provider could not be reached to verify the token.")
