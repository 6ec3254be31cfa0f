"""Signature Version 4: reads the ``Authorization`` header and checks the signature. Pure: no store, no clock.

Source: AWS IAM User Guide, "AWS Signature Version 4 for API requests" (canonical request, string to sign, signing key)
and the SigV4 test suite. What is stricter here than the specification, so that nothing about a request is left unbound:

- Only the ``Authorization`` header carries a signature; a signed query string is refused.
- The body's hash is always taken from the body itself. ``UNSIGNED-PAYLOAD`` and streaming signatures are refused.
- ``host``, the date and every ``x-amz-*`` header that is present must be signed; a signed header, the host, the date
  or the authorization that appears twice is refused. ``content-type`` may stay unsigned, because the AWS SDK for PHP
  leaves it so, and ``x-amz-user-agent`` for the same reason: it has no effect.

A request goes through `parse_authorization`, then `check_scope`, then `verify_signature` with the key's secret, or
`verify_against_nobody` when there is no such key: both do the same work and end in the same error.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from calendar import timegm
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import lru_cache
from time import gmtime, strftime
from typing import NamedTuple, NoReturn
from urllib.parse import unquote_to_bytes

from strongroom.errors import AwsError
from strongroom.identity.sigv4_canonical import (
    ALGORITHM,
    TERMINATOR,
    SignedHttpRequest,
    canonical_headers,
    canonical_request,
    string_to_sign,
)
from strongroom.identity.sigv4_keys import Scope, SigningKeyCache

__all__ = [
    "ALLOWED_SKEW_SECONDS",
    "SignedHttpRequest",
    "SignedRequest",
    "SigningKeyCache",
    "check_scope",
    "parse_authorization",
    "verify_against_nobody",
    "verify_signature",
]

ALLOWED_SKEW_SECONDS = 300
"""How far the client's clock may be off, each way."""

# The form that every SDK sends. Anything else takes the slow path, which finds AWS's words for what is wrong with it.
_USUAL = re.compile(
    rb"AWS4-HMAC-SHA256 Credential=([A-Za-z0-9]+)/([0-9]{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request, ?"
    rb"SignedHeaders=([a-z0-9;-]+), ?Signature="
)
_HEX_DIGITS = b"0123456789abcdef"
_SIGNATURE_LENGTH = 64
_LONGEST_REMEMBERED = 1024  # bytes: bounds the memory of the caches below, whose keys a client chooses
_TIMESTAMP = re.compile(rb"[0-9]{8}T[0-9]{6}Z")
_TIMESTAMP_LENGTH = 16
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_UNSIGNED_BY_SOME = frozenset({b"x-amz-user-agent"})
_QUERY_SIGNATURE_NAMES = frozenset(
    {b"x-amz-algorithm", b"x-amz-credential", b"x-amz-signature", b"awsaccesskeyid", b"signature"}
)


@dataclass(slots=True)
class SignedRequest:
    """What a request says about its own signature. Nothing of it is proven yet.

    Not frozen, because making a frozen one takes three times as long; nobody changes it.

    Attributes:
        scope: What the credential names: the key that is said to have signed, the day (that of ``timestamp``), the
            region and the service.
        signed_headers: Names of the signed headers as sent, with semicolons between them.
        signature: 64 lower-case hex digits.
        timestamp: When it was signed, ``YYYYMMDDTHHMMSSZ``.
        security_token: The session token, or None.
        header_lines: The canonical headers, ready for the canonical request.
        declared_hash: The value of ``x-amz-content-sha256``, or None.
        headers: All headers by name; of one that came twice, the last.
    """

    scope: Scope
    signed_headers: bytes
    signature: str = field(repr=False)
    timestamp: str
    security_token: str | None = field(repr=False)
    header_lines: bytes = field(repr=False)
    declared_hash: str | None
    headers: Mapping[bytes, bytes] = field(repr=False)

    @property
    def access_key_id(self) -> str:
        """The key that is said to have signed."""
        return self.scope[0]

    @property
    def region(self) -> str:
        """Region of the credential scope."""
        return self.scope[2]

    @property
    def service(self) -> str:
        """Service of the credential scope."""
        return self.scope[3]


class _Claim(NamedTuple):
    """What stands before the signature in an Authorization header. A client sends the same one all day."""

    scope: Scope
    names: bytes
    signed_names: tuple[bytes, ...]


# Reading the request


def parse_authorization(request: SignedHttpRequest) -> SignedRequest:
    """Read who claims to have signed ``request`` and check that everything that must be signed is.

    Raises:
        AwsError: MissingAuthenticationTokenException without a signature, IncompleteSignatureException when the
            header is malformed, InvalidSignatureException when a signature of this form is not accepted.
    """
    if request.query_string:
        _refuse_query_signature(request.query_string)
    headers = request.headers
    values = dict(headers)
    authorization = values.get(b"authorization")
    if not authorization:
        raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token")
    claim, claimed = _read_claim(authorization, b"x-amz-date" in values or b"date" in values)
    scope, names, signed_names = claim
    if len(values) != len(headers):
        _refuse_duplicates(headers, signed_names)
    timestamp = _timestamp(values)
    present = b"\n".join(values)
    if len(present) + len(names) <= _LONGEST_REMEMBERED:
        _check_usual_names(signed_names, present)
    else:
        _check_signed_names(signed_names, values)
    if timestamp[:8] != scope[1]:
        raise _invalid(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{scope[1]}' != '{timestamp[:8]}', from '{timestamp}'."
        )
    return SignedRequest(
        scope,
        names,
        claimed,
        timestamp,
        _text_of(values.get(b"x-amz-security-token")),
        canonical_headers(signed_names, values),
        _text_of(values.get(b"x-amz-content-sha256")),
        values,
    )


def _read_claim(authorization: bytes, dated: bool) -> tuple[_Claim, str]:
    """Take an Authorization header apart into the claim and the signature."""
    before, signature = authorization[:-_SIGNATURE_LENGTH], authorization[-_SIGNATURE_LENGTH:]
    if len(before) <= _LONGEST_REMEMBERED and not signature.translate(None, _HEX_DIGITS):
        claim = _usual_claim(before)
        if claim is not None:
            return claim, signature.decode()
    scope, names, claimed = _parse_unusual(authorization, dated)
    return _Claim(scope, names, tuple(names.split(b";"))), claimed


@lru_cache(maxsize=4096)
def _usual_claim(before_signature: bytes) -> _Claim | None:
    """Read what stands before the signature; None when it is not written as the SDKs write it."""
    usual = _USUAL.fullmatch(before_signature)
    if usual is None:
        return None
    key_id, date, region, service, names = usual.groups()
    scope = (key_id.decode(), date.decode(), region.decode(), service.decode())
    return _Claim(scope, names, tuple(names.split(b";")))


def _text_of(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


def check_scope(signed: SignedRequest, *, service: str, regions: Container[str]) -> None:
    """Check that the signature was made for this service and a region that is served here.

    Args:
        signed: From `parse_authorization`.
        service: The signing name of the service that the request is for, such as ``secretsmanager``.
        regions: The regions that are served.

    Raises:
        AwsError: InvalidSignatureException, with AWS's text.
    """
    if signed.region not in regions:
        raise _invalid(f"Credential should be scoped to a valid region, not '{signed.region}'. ")
    if signed.service != service:
        raise _invalid(f"Credential should be scoped to correct service: '{service}'. ")


def _refuse_query_signature(query_string: bytes) -> None:
    for pair in query_string.split(b"&"):
        if unquote_to_bytes(pair.partition(b"=")[0]).strip().lower() in _QUERY_SIGNATURE_NAMES:
            raise AwsError(
                "IncompleteSignatureException",
                "Signatures in the query string are not accepted. Sign the request with an Authorization header.",
            )


def _refuse_duplicates(headers: Iterable[tuple[bytes, bytes]], signed_names: Iterable[bytes]) -> None:
    single = {b"authorization", b"date", b"host", *signed_names}
    seen: set[bytes] = set()
    for name, _ in headers:
        if name in seen and (name in single or name.startswith(b"x-amz-")):
            raise _incomplete(f"The header '{name.decode('latin-1')}' appears more than once.")
        seen.add(name)


@lru_cache(maxsize=1024)
def _check_usual_names(names: tuple[bytes, ...], present: bytes) -> None:
    """`_check_signed_names`, done once for each set of header names that clients send. A refusal is not remembered.

    Args:
        names: The signed headers.
        present: The names of all headers with newlines between them.
    """
    _check_signed_names(names, dict.fromkeys(present.split(b"\n")))


def _check_signed_names(names: tuple[bytes, ...], values: Mapping[bytes, object]) -> None:
    given = frozenset(names)
    if len(given) != len(names):
        raise _incomplete("'SignedHeaders' names a header more than once.")
    if not given <= values.keys():
        raise _incomplete("'SignedHeaders' names a header that the request does not have.")
    if b"host" not in given:
        raise _invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    if b"x-amz-date" not in given and not (b"date" in given and b"x-amz-date" not in values):
        raise _invalid("'X-Amz-Date' or 'Date' must be a 'SignedHeader' in the AWS Authorization.")
    for name in values:
        if name.startswith(b"x-amz-") and name not in given and name not in _UNSIGNED_BY_SOME:
            raise _invalid(f"'{name.decode('latin-1')}' must be a 'SignedHeader' in the AWS Authorization.")


def _timestamp(values: Mapping[bytes, bytes]) -> str:
    """The moment of signing as ``YYYYMMDDTHHMMSSZ``, from ``x-amz-date`` or else ``date``."""
    given = values.get(b"x-amz-date", values.get(b"date"))
    if given is None:
        raise _incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if len(given) == _TIMESTAMP_LENGTH and (usual := _usual_timestamp(given)) is not None:
        return usual
    if b"x-amz-date" not in values:
        try:
            moment = parsedate_to_datetime(given.decode("latin-1"))
            return strftime("%Y%m%dT%H%M%SZ", moment.utctimetuple())
        except ValueError:
            pass  # no date of RFC 9110 either: said below
    raise _incomplete("Date must be in ISO-8601 'basic format', YYYYMMDD'T'HHMMSS'Z'.")


@lru_cache(maxsize=128)
def _usual_timestamp(given: bytes) -> str | None:
    return given.decode() if _TIMESTAMP.fullmatch(given) is not None else None


def _parse_unusual(authorization: bytes, dated: bool) -> tuple[Scope, bytes, str]:
    """Take apart an Authorization header that is not written as the SDKs write it, or say what it lacks."""
    text = authorization.decode("latin-1")
    algorithm, _, rest = text.partition(" ")
    digest = b64encode(hashlib.sha256(authorization).digest()).decode()
    if not algorithm.startswith("AWS4-"):
        raise _incomplete(
            "Authorization header must begin with AWS4-HMAC-SHA256 "
            f"(hashed with SHA-256 and encoded with Base64): '{digest}'."
        )
    if algorithm != ALGORITHM:
        raise _incomplete(f"Unsupported AWS 'algorithm' (only {ALGORITHM} is accepted).")
    parts: dict[str, str] = {}
    for item in re.split(r"[, ]+", rest.strip(" ,")):
        name, equals, value = item.partition("=")
        if not equals or name in parts:
            raise _incomplete(
                "Invalid key=value pair (missing equal-sign) in Authorization header "
                f"(hashed with SHA-256 and encoded with Base64): '{digest}'."
            )
        parts[name] = value
    lacking = [
        f"Authorization header requires '{name}' parameter."
        for name in ("Credential", "Signature", "SignedHeaders")
        if not parts.get(name)
    ]
    if not dated:
        lacking.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if lacking:
        raise _incomplete(f"{' '.join(lacking)} (Hashed with SHA-256 and encoded with Base64) Authorization={digest}")
    if _SIGNATURE.fullmatch(parts["Signature"]) is None:
        raise _mismatch()
    return _parse_credential(parts["Credential"]), parts["SignedHeaders"].encode("latin-1"), parts["Signature"]


def _parse_credential(credential: str) -> Scope:
    elements = credential.split("/")
    if len(elements) != 5 or not all(elements) or not credential.isascii():
        raise _incomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term."
        )
    key_id, date, region, service, terminator = elements
    if terminator != TERMINATOR:
        raise _invalid(f"Credential should be scoped with a valid terminator: '{TERMINATOR}'.")
    return key_id, date, region, service


# The verdict


def verify_signature(
    request: SignedHttpRequest, signed: SignedRequest, secret_access_key: str, cache: SigningKeyCache, now_ms: int
) -> None:
    """Check that the holder of ``secret_access_key`` signed exactly this request, lately.

    Args:
        request: The request.
        signed: What `parse_authorization` read from it.
        secret_access_key: The secret of ``signed.access_key_id``.
        cache: Where derived keys are kept.
        now_ms: Now, in milliseconds since the epoch.

    Raises:
        AwsError: InvalidSignatureException. The text for a wrong signature is the one that
            `verify_against_nobody` uses for a key that does not exist.
    """
    to_sign = _to_sign(request, signed, now_ms)
    expected = cache.key(signed.scope, secret_access_key).hexdigest(to_sign)
    if not hmac.compare_digest(expected, signed.signature):
        raise _mismatch()


def verify_against_nobody(
    request: SignedHttpRequest, signed: SignedRequest, cache: SigningKeyCache, now_ms: int
) -> NoReturn:
    """Refuse a request whose access key does not exist: the same work, and the same error as for a wrong signature.

    Raises:
        AwsError: InvalidSignatureException, always.
    """
    to_sign = _to_sign(request, signed, now_ms)
    expected = cache.nobodys_key(signed.scope).hexdigest(to_sign)
    hmac.compare_digest(expected, signed.signature)
    raise _mismatch()


def _to_sign(request: SignedHttpRequest, signed: SignedRequest, now_ms: int) -> bytes:
    _check_skew(signed.timestamp, now_ms // 1000)
    body_hash = hashlib.sha256(request.body).hexdigest()
    if signed.declared_hash is not None and signed.declared_hash != body_hash:
        raise _invalid("The value of 'x-amz-content-sha256' is not the SHA-256 of the body.")
    canonical = canonical_request(request, signed.header_lines, signed.signed_headers, body_hash)
    _, date, region, service = signed.scope
    return string_to_sign(signed.timestamp, date, region, service, canonical)


@lru_cache(maxsize=128)
def _seconds(timestamp: str) -> int | None:
    """Seconds since the epoch, or None when there is no such moment."""
    year, month, day = int(timestamp[:4]), int(timestamp[4:6]), int(timestamp[6:8])
    hour, minute, second = int(timestamp[9:11]), int(timestamp[11:13]), int(timestamp[13:15])
    try:
        moment = timegm((year, month, day, hour, minute, second))
    except ValueError:
        return None
    return moment if _compact(moment) == timestamp else None


def _compact(seconds: int) -> str:
    return strftime("%Y%m%dT%H%M%SZ", gmtime(seconds))


def _check_skew(timestamp: str, now: int) -> None:
    signed_at = _seconds(timestamp)
    if signed_at is None:
        raise _incomplete("Date must be in ISO-8601 'basic format', YYYYMMDD'T'HHMMSS'Z'.")
    minutes = ALLOWED_SKEW_SECONDS // 60
    if signed_at < now - ALLOWED_SKEW_SECONDS:
        earliest = _compact(now - ALLOWED_SKEW_SECONDS)
        raise _invalid(
            f"Signature expired: {timestamp} is now earlier than {earliest} ({_compact(now)} - {minutes} min.)"
        )
    if signed_at > now + ALLOWED_SKEW_SECONDS:
        latest = _compact(now + ALLOWED_SKEW_SECONDS)
        raise _invalid(
            f"Signature not yet current: {timestamp} is still later than {latest} ({_compact(now)} + {minutes} min.)"
        )


# Errors


def _incomplete(message: str) -> AwsError:
    return AwsError("IncompleteSignatureException", message)


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidSignatureException", message)


def _mismatch() -> AwsError:
    return _invalid(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method. Consult the service documentation for details."
    )
