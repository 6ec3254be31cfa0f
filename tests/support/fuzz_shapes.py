"""Valid parameters for any operation, made up from its shape in the service model.

What an operation creates, others should find: names come from a handful that change from time to time, and ARNs, key
ids, ciphertexts and tokens are gathered from the product's own answers.
"""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from collections import deque
from datetime import UTC, datetime
from functools import lru_cache
from random import Random
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

__all__ = ["Pools", "sample"]

DEEPEST = 5
OPTIONAL = 0.2
"""How often a member that is not required is given."""

_PATTERNS = {
    "arn": re.compile(r"arn:aws:[A-Za-z0-9:/_+=.@!-]+"),
    "id": re.compile(r'(?:"KeyId":"|:key/)([0-9a-f-]{36})'),
    "place": re.compile(r'"(?:Id|ParentId|PolicyId)":"((?:r|ou|p)-[0-9A-Za-z-]+|[0-9]{12})"'),
    "key": re.compile(r"\bAKIA[A-Z0-9]{16}\b"),
    "blob": re.compile(r'"CiphertextBlob":"([^"]+)"'),
    "page": re.compile(r'(?:"NextToken":"|"NextMarker":"|<Marker>)([^"<]+)'),
}
_PLACES = frozenset({
    "accountid", "childid", "destinationparentid", "organizationalunitid", "parentid", "policyid", "rootid",
    "sourceparentid", "targetid",
})  # fmt: skip
"""Members that name something of an organization."""

_STATEMENT = {"Effect": "Allow", "Action": "*", "Resource": "*"}


class Pools:
    """Texts that mean something to the product.

    Args:
        account: The account that requests act in.
        own_key: The access key that signs the requests, which no request may name: its end would end the run.
    """

    def __init__(self, account: str, own_key: str) -> None:
        self.account = account
        self._own_key = own_key
        self._found: dict[str, deque[str]] = {kind: deque(maxlen=24) for kind in _PATTERNS}
        self.names: tuple[str, ...] = ()
        self.renew(0)

    def renew(self, number: int) -> None:
        """Take new names: those before may be behind a Deny by now."""
        self.names = tuple(f"fuzz{number}{letter}" for letter in "abc")

    def gather(self, body: bytes) -> None:
        """Take from an answer what later requests can use."""
        text = body.decode(errors="replace")
        for kind, pattern in _PATTERNS.items():
            for found in pattern.findall(text)[:3]:
                if found != self._own_key and found not in self._found[kind]:
                    self._found[kind].append(found)

    def one(self, kind: str, random: Random, otherwise: str) -> str:
        """A text that was gathered, if there is one."""
        found = self._found[kind]
        return random.choice(found) if found else otherwise


def sample(
    shape: Shape, random: Random, pools: Pools, name: str = "", depth: int = 0, *, optional: float = OPTIONAL
) -> Any:
    """A value that keeps the constraints of a shape, or nearly.

    Args:
        shape: The shape.
        random: Decides.
        pools: Where texts come from.
        name: The member's name, which tells what it means.
        depth: How many structures it is in.
        optional: How often a member that is not required is given.
    """
    if isinstance(shape, StructureShape):
        return {
            member: sample(inner, random, pools, member, depth + 1, optional=optional)
            for member, inner in shape.members.items()
            if member in shape.required_members
            or inner.metadata.get("idempotencyToken")
            or (depth < DEEPEST and random.random() < optional)
        }
    if isinstance(shape, ListShape):
        lowest = shape.metadata.get("min", 0)
        return [
            sample(shape.member, random, pools, name, depth + 1, optional=optional)
            for _ in range(random.randint(max(lowest, 1), max(lowest, 2)))
        ]
    if isinstance(shape, MapShape):
        return {
            sample(shape.key, random, pools, name, depth + 1): sample(shape.value, random, pools, name, depth + 1)
            for _ in range(random.randint(0, 2))
        }
    return _scalar(shape, random, pools, name)


def _scalar(shape: Shape, random: Random, pools: Pools, name: str) -> Any:
    if shape.type_name == "boolean":
        return random.random() < 0.5
    if shape.type_name in {"integer", "long", "float", "double"}:
        lowest = int(shape.metadata.get("min", 0))
        return random.randint(lowest, int(min(shape.metadata.get("max", 40), lowest + 40)))
    if shape.type_name == "timestamp":
        return datetime(2026, 1, 1, tzinfo=UTC)
    if shape.type_name == "blob":
        return _blob(random, pools, name)
    if choices := shape.metadata.get("enum"):
        return random.choice(choices)
    text = _text(random, pools, name).ljust(shape.metadata.get("min", 0), "0")[: shape.metadata.get("max", 20_000)]
    return _fitting(text, shape.metadata.get("pattern"), pools)


def _fitting(text: str, pattern: str | None, pools: Pools) -> str:
    """``text``, or the first of some common texts that a pattern takes."""
    matches = _compiled(pattern) if pattern else None
    if matches is None:
        return text
    candidates = (text, pools.names[0], "v1", "1", pools.account, "us-east-1", "$LATEST", "0" * 64, "1h", "Abcdef-1")
    return next((candidate for candidate in candidates if matches.fullmatch(candidate)), text)


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """A pattern of a service model; None where Java's syntax is not Python's."""
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _blob(random: Random, pools: Pools, name: str) -> bytes | str:
    if name == "ZipFile":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("mod.py", "def handler(event, context):\n    return event\n")
        return buffer.getvalue()
    if name == "Payload":
        return b"{}"
    if name.startswith("Ciphertext"):
        return _from_base64(pools.one("blob", random, "AAAA"))
    return random.randbytes(random.randint(1, 64))


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text)


def _text(random: Random, pools: Pools, name: str) -> str:
    lower = name.lower()
    own = random.choice(pools.names)
    iam, functions = f"arn:aws:iam::{pools.account}", f"arn:aws:lambda:us-east-1:{pools.account}:function"
    meanings = {
        "role": f"{iam}:role/{own}",
        "rolearn": f"{iam}:role/{own}",
        "policyarn": f"{iam}:policy/{own}",
        "resource": f"{functions}:{own}",
        "aliasname": f"alias/{own}",
        "targetkeyid": pools.one("id", random, own),
        "accesskeyid": pools.one("key", random, own),
        "path": "/",
        "pathprefix": "/",
        "handler": "mod.handler",
        "action": "lambda:InvokeFunction",
        "principal": random.choice((pools.account, "sns.amazonaws.com")),
    }
    if lower in meanings:
        return meanings[lower]
    if "policy" in lower and not lower.endswith(("name", "arn", "id")):
        return _trust(pools) if "assumerole" in lower else _policy(random, pools)
    if lower in _PLACES:
        return pools.one("place", random, pools.account)
    if lower.endswith("arn"):
        return pools.one("arn", random, f"{iam}:role/{own}")
    if lower.endswith("keyid"):
        return random.choice((f"alias/{own}", f"alias/{own}", pools.one("id", random, own)))
    if lower in {"nexttoken", "marker"}:
        return pools.one("page", random, own)
    if lower.endswith(("token", "versionid")):
        return f"{own}-" + "0" * 32
    return own


def _trust(pools: Pools) -> str:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": pools.account}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _policy(random: Random, pools: Pools) -> str:
    """A policy that some operation takes: without principal, or with the account's own or a service's."""
    principals: tuple[dict[str, Any], ...] = (
        {},
        {"Principal": {"AWS": pools.account}},
        {"Principal": {"Service": "lambda.amazonaws.com"}},
    )
    statement = {**_STATEMENT, **random.choice(principals)}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
