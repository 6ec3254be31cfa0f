"""Requests that are almost right: a valid one of some operation, changed at one to three places, and signed.

A change goes to the parameters (types, bounds, nesting, unicode), to the request (method, path, query, headers, body)
before it is signed, or, now and then, to what has been signed. The seed and the number of a request decide everything,
given the same answers before.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.serialize import create_serializer
from tests.support.fuzz_shapes import OPTIONAL, Pools, sample
from tests.support.fuzz_values import METHODS, ODD_HEADERS, ODD_PATHS, ODD_QUERIES, ODD_TEXTS, ODD_VALUES
from tests.support.raw_http import request_bytes
from tests.support.server import RunningServer

from strongroom.wire import OWN_MODELS

__all__ = ["Draft", "Operation", "draft", "mutate", "operations", "sign", "with_odd_texts"]


@dataclass(frozen=True)
class Operation:
    """One operation of one service, and how its requests are written."""

    service: str
    model: OperationModel
    signing_name: str
    protocol: str

    def __str__(self) -> str:
        return f"{self.service}:{self.model.name}"


@dataclass
class Draft:
    """A request before it is signed.

    Attributes:
        changes: What was done to it, for the message of a failure.
        after_signing: Changes that the signature does not know of.
    """

    operation: Operation
    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes
    changes: list[str] = field(default_factory=list)
    after_signing: list[Callable[[Draft], None]] = field(default_factory=list)


def operations(services: Iterator[str] | tuple[str, ...]) -> list[Operation]:
    """Every operation of the services' models, of the installed botocore or the product's own."""
    found = []
    loader = Loader(extra_search_paths=[str(OWN_MODELS)])
    for service in services:
        model = ServiceModel(loader.load_service_model(service, "service-2"), service)
        protocol = model.metadata["protocol"]
        for name in sorted(model.operation_names):
            found.append(Operation(service, model.operation_model(name), model.signing_name, protocol))
    return found


def draft(operation: Operation, random: Random, pools: Pools, *, optional: float = OPTIONAL) -> Draft:
    """A valid request of an operation, or nearly: what it names may not be there.

    Args:
        operation: The operation.
        random: Decides.
        pools: Where texts come from.
        optional: How often a member that is not required is given.
    """
    shape = operation.model.input_shape
    parameters = sample(shape, random, pools, optional=optional) if shape is not None else {}
    changes: list[str] = []
    serializer = create_serializer(operation.protocol, include_validation=False)
    written: Mapping[str, Any] = serializer.serialize_to_request(parameters, operation.model)
    body = written["body"]
    if isinstance(body, dict):
        body = urlencode(body).encode() if operation.protocol == "query" else b""
    path, _, fixed = str(written["url_path"]).partition("?")
    query = "&".join(part for part in (fixed, urlencode(written["query_string"] or {}, doseq=True)) if part)
    headers = [(name.lower(), str(value)) for name, value in written["headers"].items()]
    return Draft(operation, written["method"], path, query, headers, body if isinstance(body, bytes) else body.encode(),
                 changes)  # fmt: skip


def mutate(request: Draft, random: Random) -> None:
    """Change a request at one to three places, parameters first, while there is still a document to change them in."""
    kinds = (_change_parameters, _change_bytes, _change_head, _break_signature)
    chosen = random.choices(kinds, (75, 10, 12, 3), k=random.choice((1, 1, 1, 2, 3)))
    for kind in sorted(chosen, key=kinds.index):
        kind(request, random)


def with_odd_texts(request: Draft, odd: str) -> Iterator[Draft]:
    """A request once for each text in it, which then ends with ``odd``: in its document, form, path or query."""
    if request.body[:1] == b"{":
        for _, _, path in _places(json.loads(request.body)):
            document = json.loads(request.body)
            holder = document
            for step in path[:-1]:
                holder = holder[step]
            if isinstance(holder[path[-1]], str):
                holder[path[-1]] += odd
                yield replace(request, body=json.dumps(document).encode(), changes=[f"{path} ends with {odd!r}"])
    written = quote(odd, safe="", errors="surrogatepass")
    if request.operation.protocol == "query":
        fields = request.body.decode().split("&")
        for place in range(2, len(fields)):  # after Action and Version
            form = "&".join((*fields[:place], fields[place] + written, *fields[place + 1 :]))
            yield replace(request, body=form.encode(), changes=[f"{fields[place]} ends with {odd!r}"])
    if request.operation.protocol == "rest-json":
        steps = request.path.split("/")
        for place in range(1, len(steps)):
            changed = "/".join((*steps[:place], steps[place] + written, *steps[place + 1 :]))
            yield replace(request, path=changed, changes=[f"path segment {place} ends with {odd!r}"])
        pairs = request.query.split("&") if request.query else []
        for place in range(len(pairs)):
            query = "&".join((*pairs[:place], pairs[place] + written, *pairs[place + 1 :]))
            yield replace(request, query=query, changes=[f"{pairs[place]} ends with {odd!r}"])


def sign(request: Draft, server: RunningServer) -> bytes:
    """The bytes of a request, signed by the administrator as botocore signs."""
    url = server.endpoint + request.path + (f"?{request.query}" if request.query else "")
    signed = AWSRequest(request.method, url, data=request.body)
    for name, value in request.headers:
        signed.headers[name] = value  # adds: a name may come twice
    who = server.administrator
    keys = BotocoreCredentials(who.access_key_id, who.secret_access_key)
    SigV4Auth(keys, request.operation.signing_name, server.region).add_auth(signed)
    request.headers = [("host", urlsplit(server.endpoint).netloc)]
    request.headers += [(name.lower(), str(value)) for name, value in signed.headers.items()]
    for change in request.after_signing:
        change(request)
    target = request.path + (f"?{request.query}" if request.query else "")
    return request_bytes(request.headers, request.body, method=request.method, path=target)


# --- parameters


def _change_parameters(request: Draft, random: Random) -> None:
    """Give a parameter a value that it should not have."""
    if request.operation.protocol == "query":
        request.body = _changed_form(request.body.decode(errors="replace"), request, random).encode(errors="replace")
    elif request.body[:1] == b"{":
        document = json.loads(request.body)
        _change_tree(document, request, random)
        request.body = json.dumps(document).encode()
    elif request.operation.protocol == "rest-json":
        segments = request.path.split("/")
        place = random.randrange(1, len(segments))
        segments[place] = quote(random.choice(ODD_TEXTS[:-1]), safe="", errors="replace")
        request.path = "/".join(segments)[:8_000]
        request.changes.append(f"path segment {place}")


def _places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, Any, tuple[Any, ...]]]:
    """Every value inside a JSON document: what holds it, under which key, and the way to it."""
    items = list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
    for key, value in items:
        yield node, key, (*path, key)
        yield from _places(value, (*path, key))


def _change_tree(document: dict[str, Any], request: Draft, random: Random) -> None:
    if not document or random.random() < 0.02:
        document["Unknown"] = "?"
    holder, key, path = random.choice(list(_places(document)))
    choice = random.random()
    if choice < 0.1 and isinstance(holder, dict):
        del holder[key]
        request.changes.append(f"{path} removed")
        return
    if choice < 0.15 and isinstance(holder, dict):
        holder[random.choice((str(key).lower(), f"{key}\0", "__proto__", "x" * 300))] = holder.pop(key)
        request.changes.append(f"{path} renamed")
        return
    if choice < 0.2 and isinstance(holder[key], list):
        holder[key] = holder[key] * random.choice((0, 2, 60))
        request.changes.append(f"{path} repeated")
        return
    value = random.choice(ODD_TEXTS if random.random() < 0.6 else ODD_VALUES)
    kept = holder[key]
    if isinstance(value, str) and isinstance(kept, str):
        value = random.choice((value, kept + value, value + kept, kept.upper(), kept[::-1], kept[:-1]))
    holder[key] = value
    request.changes.append(f"{path} = {repr(value)[:80]}")


def _changed_form(form: str, request: Draft, random: Random) -> str:
    fields = [item.split("=", 1) for item in form.split("&") if "=" in item]
    place = random.randrange(len(fields)) if fields else 0
    choice = random.random()
    if not fields or choice < 0.15:
        name = random.choice(
            ("Tags.member.1", "Tags.member.0.Key", "a..b", ".", "PolicyDocument.x", "Action", "x" * 900)
        )
        fields.append([name, quote(random.choice(ODD_TEXTS), errors="replace")])
    elif choice < 0.25:
        del fields[place]
    elif choice < 0.35:
        fields[place][0] += random.choice((".member.1", ".member.99999999", ".entry.1.key", ".", "." * 40, "%00"))
    elif choice < 0.4:
        fields.append(fields[place])
    else:
        fields[place][1] = quote(random.choice(ODD_TEXTS), errors="replace")
    request.changes.append(f"form field {place}")
    return "&".join("=".join(item) for item in fields)


# --- bytes and head


def _change_bytes(request: Draft, random: Random) -> None:
    """Spoil the body as bytes."""
    body = request.body
    at = random.randrange(len(body) + 1)
    to = random.randrange(at, len(body) + 1)
    ways: dict[str, bytes] = {
        "cut off": body[:at],
        "a byte changed": body[:at] + bytes([random.randrange(256)]) + body[at + 1 :],
        "a piece inserted": body[:at] + random.randbytes(random.randint(1, 8)) + body[at:],
        "a piece removed": body[:at] + body[to:],
        "a piece repeated": body[:to] + body[at:to] * random.choice((1, 50)) + body[to:],
        "byte order mark": b"\xef\xbb\xbf" + body,
        "UTF-16": body.decode(errors="replace").encode("utf-16"),
        "gzip": gzip.compress(body),
        "twice": body * 2,
        "noise": random.randbytes(random.choice((1, 100, 5_000))),
        "repeated keys": b'{"SecretId":"x","KeyId":"y","SecretId":7,' + body[1:],
        "brackets": random.choice((b"[", b'{"a":')) * 50_000,
        "empty": b"",
        "null": b"null",
    }
    way = random.choice(list(ways))
    request.body = ways[way]
    request.changes.append(f"body: {way}")


def _change_head(request: Draft, random: Random) -> None:
    """Change method, path, query or a header."""
    choice = random.random()
    if choice < 0.15:
        request.method = random.choice(METHODS)
        request.changes.append(f"method {request.method}")
    elif choice < 0.3:
        request.path = random.choice(ODD_PATHS)
        request.changes.append(f"path {request.path[:60]}")
    elif choice < 0.45:
        request.query = random.choice(ODD_QUERIES)
        request.changes.append(f"query {request.query[:60]}")
    elif choice < 0.55 and request.headers:
        gone = request.headers.pop(random.randrange(len(request.headers)))
        request.changes.append(f"without {gone[0]}")
    else:
        name, value = random.choice(ODD_HEADERS)
        if random.random() < 0.8:
            request.headers = [header for header in request.headers if header[0] != name]
        request.headers.append((name, value))
        request.changes.append(f"{name}: {value[:60]!r}")


def _break_signature(request: Draft, random: Random) -> None:
    """Change something after it is signed."""

    def spoil_authorization(signed: Draft) -> None:
        spoiled = []
        for name, value in signed.headers:
            at = random.randrange(len(value) + 1)
            other = random.choice(("", "0", "\xff", ",", "=", "AWS4", " "))
            spoiled.append((name, value[:at] + other + value[at + 1 :]) if name == "authorization" else (name, value))
        signed.headers = spoiled

    def spoil_body(signed: Draft) -> None:
        signed.body += b" "

    def spoil_headers(signed: Draft) -> None:
        signed.headers.append(random.choice(signed.headers))

    def spoil_date(signed: Draft) -> None:
        odd = random.choice(("20200101T000000Z", "", "99999999T999999Z", "20260230T000000Z"))
        signed.headers = [(name, odd if name == "x-amz-date" else value) for name, value in signed.headers]

    change = random.choice((spoil_authorization, spoil_body, spoil_headers, spoil_date))
    request.after_signing.append(change)
    request.changes.append(change.__name__)
