"""Identity on a SQLite store in this process, with a clock that a test moves and requests as botocore signs them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from unittest import mock

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from strongroom.identity import AccessKey, Authenticator, Caller, create_administrator, parse_authorization
from strongroom.identity.credentials import ROLE_ID, USER_ID, new_unique_id
from strongroom.identity.directory import Role, User
from strongroom.identity.founding import add_account, found_organization
from strongroom.identity.organization import load_organization, touch_organization
from strongroom.identity.sessions import SessionFacts, SessionToken, mint_session
from strongroom.keyring import Keyring, RootKey
from strongroom.services.call import Call
from strongroom.services.iam.owners import add_role, add_user
from strongroom.store import Transaction, open_store
from strongroom.store.migrate import migrate
from strongroom.wire import HttpRequest
from strongroom.world import SystemEntropy, World

__all__ = ["ACCOUNT", "ALLOW_ALL", "TRUST_ACCOUNT", "IdentityHarness", "house"]

T = TypeVar("T")

ACCOUNT = "123456789012"
ALLOW_ALL = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
TRUST_ACCOUNT = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}],
    }
)


class _Clock:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.now_ms = 1_800_000_000_000

    def milliseconds(self) -> int:
        return self.now_ms


class _NoJournal:
    """A journal for writes that record nothing."""

    def append_now(self, events: Sequence[bytes]) -> None:
        assert not events


class IdentityHarness:
    """A store with an administrator, and an authenticator on it.

    Args:
        folder: Where the database file goes.
    """

    def __init__(self, folder: Path) -> None:
        path = str(folder / "strongroom.db")
        migrate(path)
        self.clock = _Clock()
        self.world = World(self.clock, SystemEntropy())
        self.keyring = Keyring(RootKey.generate(self.world.entropy), self.world)
        self.store = open_store(path, _NoJournal())
        self.write(lambda transaction: found_organization(transaction, self.world, ACCOUNT))
        self.administrator = self.write(
            lambda transaction: create_administrator(transaction, self.keyring, self.world, ACCOUNT)
        )
        self.authenticator = Authenticator(self.store, self.keyring, self.world)

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` and raise the epoch, as every change of IAM does."""

        def raising(transaction: Transaction) -> T:
            result = work(transaction)
            transaction.raise_epoch()
            return result

        return self.store.write_now(raising)

    def account(self, account: str) -> str:
        """A new account of the organization."""

        def work(transaction: Transaction) -> None:
            root = load_organization(transaction).root_id
            add_account(transaction, account, account, f"{account}@example.com", root, self.clock.now_ms)
            touch_organization(transaction)

        self.write(work)
        return account

    def user(self, name: str, path: str = "/") -> User:
        """A new user without keys and policies."""
        user_id = new_unique_id(self.world.entropy, USER_ID)
        user = User(ACCOUNT, name, path, user_id, self.clock.now_ms, None)
        self.write(lambda transaction: add_user(transaction, user))
        return user

    def role(self, name: str, trust_policy: str = TRUST_ACCOUNT, path: str = "/") -> Role:
        """A new role without policies."""
        role_id = new_unique_id(self.world.entropy, ROLE_ID)
        role = Role(ACCOUNT, name, path, role_id, self.clock.now_ms, None, None, trust_policy, 3600)
        self.write(lambda transaction: add_role(transaction, role))
        return role

    def session(self, facts: SessionFacts) -> SessionToken:
        """Credentials for a session."""
        return mint_session(self.keyring, self.world.entropy, facts)

    def sign(self, key: AccessKey, token: str | None = None) -> HttpRequest:
        """A request that ``key`` signs now."""
        url = "http://localhost:4566/"
        request = AWSRequest(method="POST", url=url, data=b"{}", headers={"X-Amz-Target": "secretsmanager.ListSecrets"})
        moment = datetime.fromtimestamp(self.clock.now_ms / 1000, UTC)
        credentials = Credentials(key.access_key_id, key.secret_access_key, token)
        with mock.patch.object(botocore.auth, "get_current_datetime", return_value=moment):
            SigV4Auth(credentials, "secretsmanager", "us-east-1").add_auth(request)
        headers = (("host", "localhost:4566"), *request.headers.items())
        return HttpRequest(
            method="POST",
            raw_path=b"/",
            query_string=b"",
            headers=tuple((name.lower().encode(), value.encode()) for name, value in headers),
            body=b"{}",
            client_address="127.0.0.1",
        )

    def authenticate(self, key: AccessKey, token: str | None = None) -> Caller:
        """The caller of a request that ``key`` signs now."""
        request = self.sign(key, token)

        async def run() -> Caller:
            epoch = await self.store.epoch()
            return await self.authenticator.authenticate(
                request, parse_authorization(request), epoch, self.clock.now_ms
            )

        return asyncio.run(run())

    def call(self, service: str, operation: str, caller: Caller) -> Call:
        """A call of ``caller``, for work that runs in a transaction of the test's own."""
        return Call(
            service=service,
            operation=operation,
            caller=caller,
            region="us-east-1",
            request_id="request",
            now_ms=self.clock.now_ms,
            source_ip="127.0.0.1",
            user_agent="test",
            secure_transport=False,
            parameters={},
            epoch=0,
            store=self.store,
            describe=lambda *_: b"",
        )


@pytest.fixture
def house(tmp_path: Path) -> Iterator[IdentityHarness]:
    """A harness of its own for each test."""
    harness = IdentityHarness(tmp_path)
    yield harness
    harness.store.close()
