"""KMS against a model of it: keys, states, rotation, aliases and grants in any order, seen from two processes.

2,000 operations in each run; ``STRONGROOM_PROPERTY_OPERATIONS`` asks for more.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule
from tests.support.harness_kms import ACCOUNT, REGION, KmsHarness, allow

from strongroom.errors import AwsError
from strongroom.keyring import Keyring
from strongroom.services.kms import Kms
from strongroom.services.kms.maintenance import Maintenance
from strongroom.store.migrate import migrate

DAY_MS = 86_400_000
STEPS = 40  # operations in one sequence
OPERATIONS = int(os.environ.get("STRONGROOM_PROPERTY_OPERATIONS", "2000"))
CONTEXTS: tuple[dict[str, str], ...] = ({}, {"a": "1"}, {"a": "1", "b": "2"}, {"A": "1"})
SESSIONS = ("one", "two")
NOTHING = allow("s3:*")


@cache
def template() -> tempfile.TemporaryDirectory[str]:
    """A folder with a store that has the schema and nothing else. It is made once, and goes with the interpreter."""
    folder = tempfile.TemporaryDirectory(prefix="strongroom-model-")
    migrate(str(Path(folder.name) / "strongroom.db"))
    return folder


@dataclass
class Grant:
    """What a grant allows."""

    session: str
    operations: frozenset[str]
    subset: dict[str, str] | None
    equals: dict[str, str] | None

    def allows(self, session: str, operation: str, context: dict[str, str]) -> bool:
        if session != self.session or operation not in self.operations:
            return False
        if self.equals is not None and context != self.equals:
            return False
        return self.subset is None or self.subset.items() <= context.items()


@dataclass
class Key:
    """What a key should be."""

    arn: str
    state: str = "Enabled"
    rotations: int = 0
    due_ms: int | None = None
    deletion_ms: int | None = None
    grants: dict[str, Grant] = field(default_factory=dict)
    sealed: list[tuple[bytes, bytes, dict[str, str]]] = field(default_factory=list)

    def refusal(self) -> str | None:
        """The code with which the key's state refuses to be used."""
        return {"Enabled": None, "Disabled": "DisabledException"}.get(self.state, "KMSInvalidStateException")


class KmsModel(RuleBasedStateMachine):
    """Does to KMS and to the model the same, and compares what both say."""

    keys: Bundle[Key] = Bundle("keys")
    aliases: Bundle[str] = Bundle("aliases")
    grants: Bundle[tuple[Key, str]] = Bundle("grants")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="strongroom-model-"))
        shutil.copy(Path(template().name) / "strongroom.db", self.folder)
        self.harness = KmsHarness(self.folder)
        harness = self.harness
        self.keyrings = (harness.keyring, Keyring(harness.root_key, harness.world))
        self.nodes = (harness.kms, Kms(harness.store, self.keyrings[1], harness.world, (REGION,)))
        self.maintenance = Maintenance(harness.store, harness.keyring, harness.world)
        self.alive: list[Key] = []
        self.targets: dict[str, Key] = {}
        self.turn = 0

    def teardown(self) -> None:
        self.harness.store.close()
        shutil.rmtree(self.folder)

    def ask(self, operation: str, *, session: str | None = None, **parameters: Any) -> Any:
        """Call an operation on one node after the other; answers its result, or the code of its refusal."""
        self.turn += 1
        method: Callable[..., Coroutine[None, None, Any]] = getattr(self.nodes[self.turn % 2], operation)

        async def run() -> Any:
            if session is None:
                call = await self.harness.call()
            else:
                arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/{session}"
                call = await self.harness.call(NOTHING, session=arn)
            return await method(call, **parameters)

        try:
            return asyncio.run(run())
        except AwsError as refused:
            return refused.code

    @initialize(target=keys)
    def begin(self) -> Key:
        return self.make_one()

    @rule(target=keys)
    def make_key(self) -> Any:
        return self.make_one() if len(self.alive) < 3 else multiple()

    def make_one(self) -> Key:
        key = Key(self.ask("create_key")["KeyMetadata"]["Arn"])
        self.alive.append(key)
        return key

    @rule(key=keys, enable=st.booleans())
    def enable_or_disable(self, key: Key, enable: bool) -> None:
        answer = self.ask("enable_key" if enable else "disable_key", KeyId=key.arn)
        if key not in self.alive:
            assert answer == "NotFoundException"
        elif key.state == "PendingDeletion":
            assert answer == "KMSInvalidStateException"
        else:
            assert answer == {}
            key.state = "Enabled" if enable else "Disabled"

    @rule(key=keys)
    def schedule_deletion(self, key: Key) -> None:
        answer = self.ask("schedule_key_deletion", KeyId=key.arn, PendingWindowInDays=7)
        if key in self.alive and key.state != "PendingDeletion":
            assert answer["KeyState"] == "PendingDeletion"
            key.state, key.deletion_ms = "PendingDeletion", self.harness.clock.now_ms + 7 * DAY_MS
        else:
            assert answer in {"NotFoundException", "KMSInvalidStateException"}

    @rule(key=keys)
    def cancel_deletion(self, key: Key) -> None:
        answer = self.ask("cancel_key_deletion", KeyId=key.arn)
        if key in self.alive and key.state == "PendingDeletion":
            assert answer == {"KeyId": key.arn}
            key.state, key.deletion_ms = "Disabled", None
        else:
            assert answer in {"NotFoundException", "KMSInvalidStateException"}

    @rule(key=keys)
    def rotate(self, key: Key) -> None:
        answer = self.ask("rotate_key_on_demand", KeyId=key.arn)
        if key not in self.alive:
            assert answer == "NotFoundException"
        elif key.refusal():
            assert answer == key.refusal()
        elif key.rotations < 25:
            assert answer == {"KeyId": key.arn}
            key.rotations += 1

    @rule(key=keys)
    def schedule_rotation(self, key: Key) -> None:
        answer = self.ask("enable_key_rotation", KeyId=key.arn, RotationPeriodInDays=90)
        if answer == {} and key.due_ms is None:
            key.due_ms = self.harness.clock.now_ms + 90 * DAY_MS

    @rule(days=st.sampled_from([1, 5, 91]))
    def time_passes(self, days: int) -> None:
        self.harness.clock.now_ms += days * DAY_MS
        now_ms = self.harness.clock.now_ms

        async def work() -> tuple[set[str], set[str]]:
            return set(await self.maintenance.destroy_keys()), set(await self.maintenance.rotate_keys())

        destroyed, rotated = asyncio.run(work())
        gone = [key for key in self.alive if key.deletion_ms is not None and key.deletion_ms <= now_ms]
        assert destroyed == {key.arn for key in gone}
        for key in gone:
            self.alive.remove(key)
            self.targets = {name: target for name, target in self.targets.items() if target is not key}
        due = [key for key in self.alive if key.state == "Enabled" and key.due_ms is not None and key.due_ms <= now_ms]
        assert rotated == {key.arn for key in due}
        for key in due:
            assert key.due_ms is not None
            following = key.due_ms + 90 * DAY_MS
            key.due_ms = following if following > now_ms else now_ms + 90 * DAY_MS

    @rule(target=aliases, key=keys, name=st.sampled_from(["alias/x", "alias/y", "alias/z"]))
    def create_alias(self, key: Key, name: str) -> Any:
        answer = self.ask("create_alias", AliasName=name, TargetKeyId=key.arn)
        if key in self.alive and key.state != "PendingDeletion" and name not in self.targets:
            assert answer == {}
            self.targets[name] = key
            return name
        assert isinstance(answer, str)
        return multiple()

    @rule(name=aliases, key=keys)
    def update_alias(self, name: str, key: Key) -> None:
        answer = self.ask("update_alias", AliasName=name, TargetKeyId=key.arn)
        if name in self.targets and key in self.alive and key.state != "PendingDeletion":
            assert answer == {}
            self.targets[name] = key
        else:
            assert isinstance(answer, str)

    @rule(name=consumes(aliases))
    def delete_alias(self, name: str) -> None:
        answer = self.ask("delete_alias", AliasName=name)
        assert answer == ({} if name in self.targets else "NotFoundException")
        self.targets.pop(name, None)

    @rule(
        target=grants,
        key=keys,
        session=st.sampled_from(SESSIONS),
        operations=st.frozensets(st.sampled_from(["Encrypt", "Decrypt"]), min_size=1),
        constraint=st.sampled_from([None, "EncryptionContextSubset", "EncryptionContextEquals"]),
        context=st.sampled_from(CONTEXTS[1:]),
    )
    def create_grant(
        self, key: Key, session: str, operations: frozenset[str], constraint: str | None, context: dict[str, str]
    ) -> Any:
        answer = self.ask(
            "create_grant",
            KeyId=key.arn,
            GranteePrincipal=f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/{session}",
            Operations=sorted(operations),
            Constraints={constraint: context} if constraint else None,
        )
        if key not in self.alive or key.refusal():
            assert answer == (key.refusal() if key in self.alive else "NotFoundException")
            return multiple()
        subset = context if constraint == "EncryptionContextSubset" else None
        equals = context if constraint == "EncryptionContextEquals" else None
        key.grants[answer["GrantId"]] = Grant(session, operations, subset, equals)
        return key, answer["GrantId"]

    @rule(made=consumes(grants), retire=st.booleans())
    def delete_grant(self, made: tuple[Key, str], retire: bool) -> None:
        key, grant_id = made
        answer = self.ask("retire_grant" if retire else "revoke_grant", KeyId=key.arn, GrantId=grant_id)
        assert answer == ({} if key in self.alive else "NotFoundException")
        key.grants.pop(grant_id)

    @rule(key=keys, context=st.sampled_from(CONTEXTS), session=st.sampled_from([None, *SESSIONS]))
    def encrypt(self, key: Key, context: dict[str, str], session: str | None) -> None:
        plaintext = b"%d" % len(key.sealed)
        answer = self.ask("encrypt", session=session, KeyId=key.arn, Plaintext=plaintext, EncryptionContext=context)
        expected = self.expected(key, "Encrypt", context, session)
        if expected is None:
            key.sealed.append((answer["CiphertextBlob"], plaintext, context))
        else:
            assert answer == expected

    def expected(self, key: Key, operation: str, context: dict[str, str], session: str | None) -> str | None:
        """The refusal that the model foresees; None for success."""
        granted = any(grant.allows(session or "", operation, context) for grant in key.grants.values())
        if session is not None and not (granted and key in self.alive):
            return "AccessDeniedException"
        if key not in self.alive:
            return "NotFoundException" if operation == "Encrypt" else "InvalidCiphertextException"
        return key.refusal()

    @rule(key=keys, session=st.sampled_from([None, *SESSIONS]), data=st.data())
    def decrypt(self, key: Key, session: str | None, data: st.DataObject) -> None:
        if not key.sealed:
            return
        ciphertext, plaintext, context = data.draw(st.sampled_from(key.sealed))
        answer = self.ask("decrypt", session=session, CiphertextBlob=ciphertext, EncryptionContext=context)
        expected = self.expected(key, "Decrypt", context, session)
        if expected is None:
            assert (answer["Plaintext"], answer["KeyId"]) == (plaintext, key.arn)
        else:
            assert answer == expected

    @rule()
    def processes_forget(self) -> None:
        """What stays opened in a process is of keys that can be used."""
        usable = {key.arn for key in self.alive if key.state == "Enabled"}
        for node, keyring in zip(self.nodes, self.keyrings, strict=True):
            asyncio.run(node.forgetting.turn())
            assert keyring.opened_keys() <= usable

    @invariant()
    def every_key_is_as_the_model_says(self) -> None:
        for key in self.alive:
            assert self.ask("describe_key", KeyId=key.arn)["KeyMetadata"]["KeyState"] == key.state
            listed = self.ask("list_grants", KeyId=key.arn)["Grants"]
            assert {entry["GrantId"] for entry in listed} == set(key.grants)
        for name, key in self.targets.items():
            assert self.ask("describe_key", KeyId=name)["KeyMetadata"]["Arn"] == key.arn


TestKmsModel = KmsModel.TestCase
TestKmsModel.settings = settings(
    max_examples=max(1, OPERATIONS // STEPS),
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
