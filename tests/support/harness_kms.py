"""KMS in this process, on a SQLite store of its own: for what cannot be seen from outside the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson

from strongroom.identity.caller import Caller
from strongroom.identity.founding import add_account, found_organization
from strongroom.keyring import Keyring, RootKey
from strongroom.policy import PolicyKind, PolicySet, PrincipalFacts, compile_policy
from strongroom.services.call import Call
from strongroom.services.kms import Kms, KmsServiceClient
from strongroom.store import Store, Transaction, open_store
from strongroom.store.migrate import migrate
from strongroom.world import SystemEntropy, World

__all__ = ["ACCOUNT", "OTHER_ACCOUNT", "OTHER_REGION", "REGION", "KmsHarness", "MovableClock", "allow"]

ACCOUNT = "123456789012"
OTHER_ACCOUNT = "210987654321"
REGION = "eu-central-1"
OTHER_REGION = "eu-west-1"


def allow(*actions: str, resource: str | Sequence[str] = "*") -> dict[str, object]:
    """An identity-based policy that allows some actions."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}


class MovableClock:
    """A clock that a test moves."""

    def __init__(self, now_ms: int = 1_800_000_000_000) -> None:
        self.now_ms = now_ms

    def milliseconds(self) -> int:
        return self.now_ms


class _KeptEvents:
    """A journal that keeps events in memory."""

    def __init__(self) -> None:
        self.events: list[bytes] = []

    def append_now(self, events: Sequence[bytes]) -> None:
        self.events.extend(events)


class KmsHarness:
    """A store, a keyring and KMS on them.

    Args:
        folder: Where the database file goes.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / "strongroom.db"
        migrate(str(path))
        self.clock = MovableClock()
        self.world = World(self.clock, SystemEntropy())
        self.root_key = RootKey.generate(self.world.entropy)
        self.keyring = Keyring(self.root_key, self.world)
        self.journal = _KeptEvents()
        self.store: Store = open_store(str(path), self.journal)
        self.store.write_now(self._add_accounts)
        self.kms = Kms(self.store, self.keyring, self.world, (REGION, OTHER_REGION))
        self.client = KmsServiceClient(self.kms)

    def _add_accounts(self, transaction: Transaction) -> None:
        found_organization(transaction, self.world, ACCOUNT)
        add_account(transaction, OTHER_ACCOUNT, "other", "other@example.com", "r-root", self.clock.now_ms)

    async def call(
        self,
        policy: Mapping[str, object] | None = None,
        *,
        account: str = ACCOUNT,
        name: str = "someone",
        region: str = REGION,
        session: str | None = None,
    ) -> Call:
        """A call of a user; allowed all of KMS unless another policy is given. It is made under the newest epoch.

        Args:
            policy: The user's identity-based policy.
            account: The user's account.
            name: The user's name.
            region: The region of the call.
            session: The ARN of the role session that calls in the place of a user.
        """
        arn = f"arn:aws:iam::{account}:user/{name}"
        document = orjson.dumps(policy or allow("kms:*")).decode()
        caller = Caller(
            facts=PrincipalFacts(
                arn=arn, session_arn=session or arn, account=account, kind="user" if session is None else "role-session"
            ),
            policies=PolicySet(identity=(compile_policy(document, PolicyKind.IDENTITY),)),
            context={"aws:principalarn": arn, "aws:principalaccount": account, "aws:username": name},
            audit={},
        )
        return Call(
            service="kms",
            operation="Any",
            caller=caller,
            region=region,
            request_id="request",
            now_ms=self.clock.now_ms,
            source_ip="127.0.0.1",
            user_agent="test",
            secure_transport=True,
            parameters={},
            epoch=await self.store.epoch(),
            store=self.store,
            describe=lambda _call, _answer: b"{}",
        )

    async def make_key(self, **parameters: object) -> str:
        """A new key; answers its ARN."""
        answer = await self.kms.create_key(await self.call(), **parameters)  # type: ignore[arg-type]
        metadata = answer["KeyMetadata"]
        assert isinstance(metadata, dict)
        return str(metadata["Arn"])
