"""An OpenID Connect provider on this host: issuers with keys, a discovery document and a key set, over plain HTTP.

One server holds many issuers, one a path; some of them misbehave. Tokens are signed here as a provider signs them, or
put together by hand where a test wants one that no provider would make.
"""

from __future__ import annotations

import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

__all__ = ["ISSUERS", "Issuer", "encoded", "running_issuer", "unsigned_token"]

ISSUERS: Final = ("good", "other", "redirecting", "elsewhere", "foreign", "broken")
"""The issuers that tests admit: two that behave, and one for each thing that an issuer must not do."""

_CURVES: Final = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}


class Issuer:
    """One issuer of a server.

    Args:
        base: The server's address.
        name: Its path.
    """

    def __init__(self, base: str, name: str) -> None:
        self.url = f"{base}/{name}"
        self.name = name
        self.requests: list[str] = []

    @cached_property
    def keys(self) -> dict[str, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey]:
        """Its keys by ``kid``: ``one`` of RSA, and one for each curve, called like its algorithm."""
        curves = {algorithm: ec.generate_private_key(curve) for algorithm, curve in _CURVES.items()}
        return {"one": rsa.generate_private_key(65537, 2048), **curves}

    @property
    def prefix(self) -> str:
        """What stands before the colon of its condition keys."""
        return self.url.removeprefix("http://")

    def add_key(self, key_id: str) -> None:
        """A fresh key, published from now on."""
        self.keys[key_id] = ec.generate_private_key(_CURVES["ES256"])

    def public_pem(self, key_id: str = "one") -> bytes:
        """A public key as PEM."""
        return self.keys[key_id].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def key_set(self) -> dict[str, Any]:
        """Its JSON Web Key Set."""
        keys = []
        for key_id, key in self.keys.items():
            algorithm: Any = jwt.get_algorithm_by_name("RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256")
            keys.append({**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": key_id, "use": "sig"})
        return {"keys": keys}

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a good token; a change to None leaves a claim out."""
        now = int(time.time())
        plain = {"iss": self.url, "sub": "somebody", "aud": "app", "iat": now, "nbf": now, "exp": now + 600}
        return {name: value for name, value in {**plain, **changes}.items() if value is not None}

    def token(
        self,
        algorithm: str = "RS256",
        *,
        key_id: str = "one",
        headers: Mapping[str, Any] | None = None,
        more: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """A signed token with these claims changed; ``more`` holds those whose names are no words of Python."""
        claims = self.claims(**changes, **(more or {}))
        return jwt.encode(claims, self.keys[key_id], algorithm, headers={"kid": key_id, **(headers or {})})


def encoded(value: object) -> str:
    """A part of a token, from JSON."""
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned_token(header: Mapping[str, Any], claims: Mapping[str, Any], signature: str = "") -> str:
    """A token put together by hand."""
    return f"{encoded(header)}.{encoded(claims)}.{signature}"


class _Handler(BaseHTTPRequestHandler):
    issuers: Mapping[str, Issuer]

    def do_GET(self) -> None:
        """A discovery document or a key set."""
        _, name, rest = self.path.split("/", 2)
        issuer = self.issuers[name]
        issuer.requests.append(rest)
        if rest == ".well-known/openid-configuration":
            self._discover(issuer)
        elif name == "broken":
            self._answer(500, {})
        else:
            self._answer(200, issuer.key_set())

    def _discover(self, issuer: Issuer) -> None:
        document = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"}
        if issuer.name == "redirecting":
            self.send_response(302)
            self.send_header(
                "Location", issuer.url.replace("redirecting", "good") + "/.well-known/openid-configuration"
            )
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if issuer.name == "elsewhere":
            document["jwks_uri"] = issuer.url.replace("127.0.0.1", "localhost") + "/keys"
        if issuer.name == "foreign":
            document["issuer"] = issuer.url.replace("foreign", "good")
        self._answer(200, document)

    def _answer(self, status: int, document: Mapping[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def running_issuer() -> Iterator[dict[str, Issuer]]:
    """Every issuer of `ISSUERS`, by name, for the time of a block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    base = f"http://127.0.0.1:{server.server_address[1]}"
    issuers = {name: Issuer(base, name) for name in ISSUERS}
    server.RequestHandlerClass = type("_Bound", (_Handler,), {"issuers": issuers})
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield issuers
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
