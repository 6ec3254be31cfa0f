"""Where a server is, as the tags of its registration say."""

from __future__ import annotations

import base64
import binascii
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from strongroom.services.rds import failures
from strongroom.services.rds.engines import ENGINES
from strongroom.services.rds.tags import RESERVED

__all__ = ["CA_TAG", "ENDPOINT_TAG", "MASTER_SECRET_TAG", "TLS_TAG", "Endpoint", "ca_tags", "given_endpoint", "is_host"]

ENDPOINT_TAG: Final = f"{RESERVED}endpoint"
TLS_TAG: Final = f"{RESERVED}tls"
CA_TAG: Final = f"{RESERVED}ca"
MASTER_SECRET_TAG: Final = f"{RESERVED}master-secret"

_KNOWN: Final = re.compile(rf"{RESERVED}(endpoint|tls|master-secret|ca|ca-[0-9]{{1,2}})")
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")
"""A name, or an IP address. Neither a list of hosts nor the path of a socket, which the drivers would take too."""
_TAG_LENGTH: Final = 256


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How a server is reached.

    Attributes:
        host: Its name or IP address.
        port: Its TCP port.
        tls: Whether TLS is used, and then verified.
        authorities: Certificates to trust, in PEM; None for those that the installation trusts.
    """

    host: str
    port: int
    tls: bool
    authorities: str | None


def given_endpoint(engine: str, tags: Mapping[str, str], port: int | None) -> Endpoint | None:
    """What the tags of a request say; None when they name no server.

    Args:
        engine: One of `ENGINES`.
        tags: All tags of the request.
        port: The Port of the request, which must not be another one.

    Raises:
        AwsError: ``InvalidParameterValue``: a tag of ours is unknown or does not say what it should.
    """
    if engine not in ENGINES:
        raise failures.invalid_value("Invalid DB engine")
    for key in tags:
        if key.lower().startswith(RESERVED) and not _KNOWN.fullmatch(key):
            raise failures.invalid_value(f"The tag {key} means nothing here. See {ENDPOINT_TAG}, {TLS_TAG}, {CA_TAG}.")
    address = tags.get(ENDPOINT_TAG)
    if address is None:
        return None
    host, colon, number = address.rpartition(":")
    if not colon or not is_host(host) or not re.fullmatch(r"[0-9]{1,5}", number, re.ASCII):
        raise failures.invalid_value(f"The tag {ENDPOINT_TAG} must be host:port.")
    found = int(number)
    if not 0 < found < 65536 or (port is not None and port != found):
        raise failures.invalid_value(f"The tag {ENDPOINT_TAG} must have a valid port, and the same as Port.")
    return Endpoint(host, found, _tls(tags), _authorities(tags))


def is_host(text: str) -> bool:
    """Whether a text is one host name or IP address: neither a list of hosts nor the path of a socket."""
    return _HOST.fullmatch(text) is not None


def ca_tags(certificates: str) -> dict[str, str]:
    """The tags that carry certificates.

    Args:
        certificates: One or more certificates in PEM.

    Raises:
        ValueError: It holds none.
    """
    found = _pem_blocks(certificates)
    if not found:
        raise ValueError("no certificate")
    text = base64.b64encode(b"".join(ssl.PEM_cert_to_DER_cert(block) for block in found)).decode()
    pieces = [text[start : start + _TAG_LENGTH] for start in range(0, len(text), _TAG_LENGTH)]
    return {CA_TAG if number == 1 else f"{CA_TAG}-{number}": piece for number, piece in enumerate(pieces, 1)}


def _pem_blocks(text: str) -> list[str]:
    return re.findall(r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----", text)


def _tls(tags: Mapping[str, str]) -> bool:
    said = tags.get(TLS_TAG, "on")
    if said not in ("on", "off"):
        raise failures.invalid_value(f"The tag {TLS_TAG} must be on or off.")
    return said == "on"


def _authorities(tags: Mapping[str, str]) -> str | None:
    keys = [key for key in tags if key == CA_TAG or key.startswith(f"{CA_TAG}-")]
    if not keys:
        return None
    expected = [CA_TAG, *(f"{CA_TAG}-{number}" for number in range(2, len(keys) + 1))]
    if set(keys) != set(expected):
        raise failures.invalid_value(f"The tags {CA_TAG}, {CA_TAG}-2, {CA_TAG}-3 ... must follow each other.")
    try:
        ders = _split_der(base64.b64decode("".join(tags[key] for key in expected), validate=True))
        authorities = "".join(ssl.DER_cert_to_PEM_cert(der) for der in ders)
        ssl.create_default_context(cadata=authorities)
    except (binascii.Error, ValueError, ssl.SSLError):
        authorities = ""
    if not authorities:
        raise failures.invalid_value(f"The tag {CA_TAG} must hold certificates: base64 of DER.")
    return authorities


def _split_der(data: bytes) -> list[bytes]:
    """Certificates that stand one after the other: each is a DER SEQUENCE, which says how long it is (X.690, 8.1.3).

    Raises:
        ValueError: Something else stands there.
    """
    found = []
    while data:
        if len(data) < 4 or data[0] != 0x30 or data[1] not in (0x81, 0x82, 0x83):
            raise ValueError("no certificate")
        header = 2 + (data[1] & 0x7F)
        end = header + int.from_bytes(data[2:header])
        if end > len(data):
            raise ValueError("cut off")
        found.append(data[:end])
        data = data[end:]
    return found
