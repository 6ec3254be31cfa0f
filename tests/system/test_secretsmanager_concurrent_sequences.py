"""Random requests of many clients to the same few secrets: whatever the order they take effect in, the invariants hold.

A label has one holder, AWSCURRENT can always be read, a version that was acknowledged is never lost, and every value
that is read was written. ``STRONGROOM_SEED`` repeats a run's choices; their interleaving is the machine's.
"""

from __future__ import annotations

import os
import random
import secrets
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support.keep_alive import KeepAlive, Refused
from tests.support.server import RunningServer

pytestmark = pytest.mark.system

CLIENTS = 8
STEPS = 120
SECRETS = 2
LABELS = ("AWSPREVIOUS", "AWSPENDING", "green", "blue")
EXPECTED = frozenset({"InvalidParameterException", "ResourceNotFoundException", "InvalidRequestException"})
"""What a request may meet when others were faster."""


class _Client:
    """One client with a sequence of its own.

    Args:
        server: The server.
        names: The secrets.
        seed: Decides what it does.
    """

    def __init__(self, server: RunningServer, names: list[str], seed: str) -> None:
        self._caller = KeepAlive(server)
        self._names = names
        self._random = random.Random(seed)
        self.acknowledged: dict[str, dict[str, str]] = {name: {} for name in names}
        self.done: Counter[str] = Counter()

    def run(self) -> None:
        """Take all steps."""
        steps: list[Callable[[str], None]] = [
            self._put, self._put, self._update, self._read, self._read, self._read_batch, self._check_labels,
            self._move_current, self._move_label, self._remove_label, self._list_versions,
        ]  # fmt: skip
        with self._caller:
            for _ in range(STEPS):
                step = self._random.choice(steps)
                try:
                    step(self._random.choice(self._names))
                except Refused as refused:
                    if refused.code not in EXPECTED:
                        raise
                    self.done["refused"] += 1
                else:
                    self.done[step.__name__] += 1

    def _put(self, name: str) -> None:
        token, value = str(uuid.UUID(int=self._random.getrandbits(128))), f"value {self._random.random()}"
        labels = self._random.sample(("AWSCURRENT", *LABELS), self._random.randint(1, 3))
        self._caller.call(
            "PutSecretValue",
            {"SecretId": name, "ClientRequestToken": token, "SecretString": value, "VersionStages": labels},
        )
        self.acknowledged[name][token] = value
        self._read_version(name, token)

    def _update(self, name: str) -> None:
        token, value = str(uuid.UUID(int=self._random.getrandbits(128))), f"value {self._random.random()}"
        self._caller.call("UpdateSecret", {"SecretId": name, "ClientRequestToken": token, "SecretString": value})
        self.acknowledged[name][token] = value
        self._read_version(name, token)

    def _read_version(self, name: str, token: str) -> None:
        answer = self._caller.call("GetSecretValue", {"SecretId": name, "VersionId": token})
        assert answer["SecretString"] == self.acknowledged[name][token]

    def _read(self, name: str) -> None:
        answer = self._caller.call("GetSecretValue", {"SecretId": name})
        assert "AWSCURRENT" in answer["VersionStages"]

    def _read_batch(self, _: str) -> None:
        answer = self._caller.call("BatchGetSecretValue", {"SecretIdList": self._names})
        assert answer["Errors"] == []
        assert [found["Name"] for found in answer["SecretValues"]] == self._names

    def _labels(self, name: str) -> dict[str, str]:
        """Who holds which label."""
        stages = self._caller.call("DescribeSecret", {"SecretId": name})["VersionIdsToStages"]
        pairs = [(label, version) for version, labels in stages.items() for label in labels]
        labels = dict(pairs)
        assert len(labels) == len(pairs), ("a label has two holders", stages)
        assert "AWSCURRENT" in labels, stages
        return labels

    def _check_labels(self, name: str) -> None:
        self._labels(name)

    def _move_current(self, name: str) -> None:
        self._move(name, "AWSCURRENT")

    def _move_label(self, name: str) -> None:
        self._move(name, self._random.choice(LABELS))

    def _move(self, name: str, label: str) -> None:
        """Move a label to some version of one's own, from where it was seen a moment ago."""
        if own := list(self.acknowledged[name]):
            source = self._labels(name).get(label)
            self._caller.call(
                "UpdateSecretVersionStage",
                {"SecretId": name, "VersionStage": label, "MoveToVersionId": self._random.choice(own)}
                | ({} if source is None else {"RemoveFromVersionId": source}),
            )

    def _remove_label(self, name: str) -> None:
        label = self._random.choice(LABELS)
        source = self._labels(name).get(label)
        if source is not None:
            self._caller.call(
                "UpdateSecretVersionStage", {"SecretId": name, "VersionStage": label, "RemoveFromVersionId": source}
            )

    def _list_versions(self, name: str) -> None:
        """All versions that were acknowledged before are there, over however many pages."""
        known = set(self.acknowledged[name])
        found: set[str] = set()
        more: dict[str, str] = {}
        while True:
            page = self._caller.call(
                "ListSecretVersionIds", {"SecretId": name, "IncludeDeprecated": True, "MaxResults": 50, **more}
            )
            found |= {version["VersionId"] for version in page["Versions"]}
            if "NextToken" not in page:
                break
            more = {"NextToken": page["NextToken"]}
        assert known <= found, known - found


def test_concurrent_sequences_keep_the_invariants(strongroom: RunningServer) -> None:
    seed = os.environ.get("STRONGROOM_SEED", secrets.token_hex(4))
    print(f"\nSTRONGROOM_SEED={seed}")  # noqa: T201 - with it a run is repeated
    names = [f"crowd-{uuid.uuid4().hex[:12]}" for _ in range(SECRETS)]
    with KeepAlive(strongroom) as caller:
        for name in names:
            caller.call(
                "CreateSecret", {"Name": name, "SecretString": "first", "ClientRequestToken": str(uuid.uuid4())}
            )
        clients = [_Client(strongroom, names, f"{seed}-{number}") for number in range(CLIENTS)]
        with ThreadPoolExecutor(CLIENTS) as pool:
            for running in [pool.submit(client.run) for client in clients]:
                running.result()
        for name in names:
            for client in clients:
                for token, value in client.acknowledged[name].items():
                    found = caller.call("GetSecretValue", {"SecretId": name, "VersionId": token})
                    assert found["SecretString"] == value
    done = sum((client.done for client in clients), Counter[str]())
    print(dict(done))  # noqa: T201
    assert done["_put"] > 0 < done["_move_current"]
    assert done["refused"] < CLIENTS * STEPS // 2
