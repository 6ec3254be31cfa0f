"""Web identity tokens: ID tokens of OpenID Connect, in compact form (RFC 7519, RFC 7515, OpenID Connect Core 1.0).

`read_token` takes one apart, `check_signature` and `check_times` prove it; `web_identity_claims` says what follows from
it. Pure: keys and time come in as arguments. Texts are AWS's where they are known from clients' reports.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from strongroom.errors import AwsError
from strongroom.identity.web_identity_keys import ALGORITHMS, SigningKey, candidates, signed_by

__all__ = [
    "WebToken",
    "check_signature",
    "check_times",
    "invalid_identity_token",
    "read_token",
    "verification_key_missing",
]

_LEEWAY_SECONDS: Final = 300
"""IAM User Guide, "OIDC federation": five minutes for clocks that differ, after a token's end. The same before its
beginning."""

_PART: Final = re.compile(r"[A-Za-z0-9_-]*")
_LONGEST_ISSUER: Final = 255
_LONGEST_SUBJECT: Final = 255
_NOT_A_JWT: Final = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"


@dataclass(frozen=True, slots=True)
class WebToken:
    """A token taken apart. Nothing of it is proven before `check_signature`.

    Args:
        algorithm: The ``alg`` of its header, one of `ALGORITHMS`.
        key_id: The ``kid`` of its header.
        issuer: The ``iss`` claim.
        subject: The ``sub`` claim.
        claims: Every claim.
        signed: What the signature is over.
        signature: The signature.
    """

    algorithm: str
    key_id: str | None
    issuer: str
    subject: str
    claims: Mapping[str, object] = field(repr=False)
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)


def invalid_identity_token(message: str) -> AwsError:
    """The token is none that can be accepted."""
    return AwsError("InvalidIdentityToken", message)


def verification_key_missing() -> AwsError:
    """The issuer has no key that could have signed the token."""
    return invalid_identity_token(
        "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity "
        "documentation for requirements"
    )


def read_token(text: str) -> WebToken:
    """Take a token apart.

    Raises:
        AwsError: ``InvalidIdentityToken``: it is none, is signed with an algorithm that is not accepted, or lacks a
            claim that every token must have.
    """
    parts = text.split(".")
    if len(parts) != 3:
        raise invalid_identity_token(_NOT_A_JWT)
    header, claims, signature = _object(parts[0]), _object(parts[1]), _bytes(parts[2])
    algorithm, key_id = header.get("alg"), header.get("kid")
    # An extension that must be understood and is not makes a token invalid (RFC 7515, section 4.1.11).
    if "crit" in header or not isinstance(key_id, str | None):
        raise invalid_identity_token(_NOT_A_JWT)
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise invalid_identity_token(
            f"The token is signed with an algorithm that is not accepted. Accepted are {', '.join(ALGORITHMS)}."
        )
    for claim in ("iss", "sub", "aud", "exp", "iat"):
        if claims.get(claim) is None:
            raise invalid_identity_token(f"Missing a required claim: {claim}")
    return WebToken(
        algorithm=algorithm,
        key_id=key_id,
        issuer=_text(claims, "iss", _LONGEST_ISSUER),
        subject=_text(claims, "sub", _LONGEST_SUBJECT),
        claims=claims,
        signed=f"{parts[0]}.{parts[1]}".encode("ascii"),
        signature=signature,
    )


def _bytes(part: str) -> bytes:
    """A part of a token decoded: base64url without padding (RFC 7515, section 2)."""
    if not _PART.fullmatch(part):
        raise invalid_identity_token(_NOT_A_JWT)
    try:
        return b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise invalid_identity_token(_NOT_A_JWT) from None


def _object(part: str) -> dict[str, object]:
    try:
        document: object = orjson.loads(_bytes(part))
    except orjson.JSONDecodeError:
        raise invalid_identity_token(_NOT_A_JWT) from None
    if not isinstance(document, dict):
        raise invalid_identity_token(_NOT_A_JWT)
    return document


def _text(claims: Mapping[str, object], claim: str, longest: int) -> str:
    value = claims[claim]
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise invalid_identity_token(f"The claim {claim} is not valid.")
    return value


def check_signature(token: WebToken, keys: Sequence[SigningKey]) -> None:
    """Check that a key of the issuer signed the token.

    Args:
        token: The token.
        keys: The issuer's keys.

    Raises:
        AwsError: ``InvalidIdentityToken``: no key could have, or none did.
    """
    possible = candidates(keys, token.key_id, token.algorithm)
    if not possible:
        raise verification_key_missing()
    if not any(signed_by(key, token.algorithm, token.signed, token.signature) for key in possible):
        raise invalid_identity_token("The signature of the token is not valid.")


def check_times(token: WebToken, now_ms: int) -> None:
    """Check that the token is in force.

    Args:
        token: The token.
        now_ms: Now, in milliseconds since the epoch.

    Raises:
        AwsError: ``ExpiredTokenException``, or ``InvalidIdentityToken``: it is from the future, or a time is none.
    """
    now = now_ms // 1000
    ends, made = _seconds(token.claims, "exp"), _seconds(token.claims, "iat")
    begins = made if token.claims.get("nbf") is None else _seconds(token.claims, "nbf")
    if now >= ends + _LEEWAY_SECONDS:
        raise AwsError(
            "ExpiredTokenException",
            f"Token expired: current date/time {now} must be before the expiration date/time {int(ends)}",
        )
    if max(made, begins) > now + _LEEWAY_SECONDS:
        raise invalid_identity_token("The token is not valid yet.")


def _seconds(claims: Mapping[str, object], claim: str) -> float:
    value = claims[claim]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid_identity_token(f"The claim {claim} is not valid.")
    return value
