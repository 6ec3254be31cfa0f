"""Mutated requests of every operation that is offered: no 500, no hang, and a refused request changes nothing.

20,000 requests in each run, most of them on SQLite; ``STRONGROOM_FUZZ_REQUESTS=200000`` asks for more, and
``STRONGROOM_SEED`` repeats a run.
Whether a refused request changed something is looked up in the store itself, so it covers every table.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from demo.postgresql import start_postgresql
from tests.support.commands import workers_of
from tests.support.fuzz import Draft, Operation, draft, mutate, operations, sign, with_odd_texts
from tests.support.fuzz_shapes import Pools
from tests.support.keep_alive import KeepAlive
from tests.support.lambda_service import make_function
from tests.support.raw_http import Answer
from tests.support.server import RunningServer, running_server
from tests.support.store_state import StoreState
from tests.support.store_state_postgresql import PostgreSQLState

from strongroom.audit.parameters import OPERATIONS
from strongroom.server.composition import SERVICES

pytestmark = [pytest.mark.system, pytest.mark.timeout(3600)]

REQUESTS = int(os.environ.get("STRONGROOM_FUZZ_REQUESTS", "20000"))
SHARES = {"sqlite": 0.85, "postgresql": 0.15}
"""How many of the requests each engine gets: what the engines differ in is in few places."""
LONGEST_SECONDS = 15.0
"""An answer that takes longer is a hang."""
ROUND = 400
"""Requests after which new names are taken."""
WEIGHTS = {"secretsmanager": 4, "kms": 2, "sts": 4}
"""How often operations of a service are chosen, against others."""
UNMUTATED = 0.25
"""How often a request is sent as it is, so that there is something for the others to meet."""


@pytest.fixture(scope="module", params=os.environ.get("STRONGROOM_TEST_ENGINES", ",".join(SHARES)).split(","))
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def address(engine: str) -> Iterator[str | None]:
    """The store; None for SQLite in the data folder."""
    if engine == "sqlite":
        yield None
        return
    # Not below pytest's own folder, which only its owner may enter: PostgreSQL runs as a user of its own.
    with tempfile.TemporaryDirectory(prefix="strongroom-test-") as name, start_postgresql(Path(name)) as database:
        yield database.create_database("strongroom")


@pytest.fixture(scope="module")
def target(address: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with one worker, which must still be the same one at the end."""
    store = [] if address is None else ["--store", address]
    with running_server(tmp_path_factory.mktemp("fuzzer") / "data", *store) as server:
        worker = workers_of(server.process.pid)
        yield server
        assert workers_of(server.process.pid) == worker
        assert "a request failed" not in server.log.read_text()


def _offered() -> list[Operation]:
    return [each for each in operations(SERVICES) if (each.service, each.model.name) in OPERATIONS]


def _furnish(server: RunningServer, pools: Pools, number: int) -> None:
    """Make what the requests of a round are about, as its user would."""
    pools.renew(number)
    names = pools.names
    secrets_manager, kms, iam = (server.client(service) for service in ("secretsmanager", "kms", "iam"))
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    for name in names:
        secrets_manager.create_secret(Name=name, SecretString="value")
        iam.create_user(UserName=name)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    pools.gather(key.encode())
    for name in names[:2]:
        kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=key)
    iam.create_policy(PolicyName=names[0], PolicyDocument=json.dumps(document))
    iam.put_user_policy(UserName=names[0], PolicyName=names[0], PolicyDocument=json.dumps(document))
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    iam.create_role(RoleName=names[0], AssumeRolePolicyDocument=json.dumps({**document, "Statement": [trust]}))
    make_function(server, f"arn:aws:iam::{server.account}:role/{names[0]}", FunctionName=names[0])


def _check_form(request: Draft, answer: Answer) -> None:
    """An answer is in the protocol's own form, whatever was asked."""
    assert answer.status < 500, answer
    if not answer.body or request.method == "HEAD":
        return
    kind = answer.headers.get("content-type", "")
    if "json" in kind:
        json.loads(answer.body)
    elif "xml" in kind:
        ET.fromstring(answer.body)
    else:
        assert answer.body == b"Invalid HTTP request received.", answer


def test_mutated_requests(target: RunningServer, engine: str, address: str | None) -> None:
    seed = os.environ.get("STRONGROOM_SEED", secrets.token_hex(4))
    print(f"\nSTRONGROOM_SEED={seed}")  # noqa: T201 - with it a run is repeated
    pools = Pools(target.account, target.administrator.access_key_id)
    state = StoreState(target.data_dir / "store.sqlite") if address is None else PostgreSQLState(address)
    requests = int(REQUESTS * SHARES[engine])
    statuses: Counter[int] = Counter()
    with KeepAlive(target, seconds=LONGEST_SECONDS) as connection:
        offered = _offered()
        weights = [WEIGHTS.get(each.service, 1) for each in offered]
        accepted: Counter[str] = Counter()
        for number in range(requests):
            if number % ROUND == 0:
                state.begin()
                _furnish(target, pools, number // ROUND)
                assert {"secrets", "kms_keys", "iam_users"} <= set(state.changes())  # what is not seen is not missed
            random = Random(f"{seed}-{number}")
            request = draft(random.choices(offered, weights)[0], random, pools)
            if random.random() > UNMUTATED:
                mutate(request, random)
            told = f"seed {seed}, request {number}: {request.operation}, {request.changes}"
            raw = sign(request, target)
            state.begin()
            try:
                answer = connection.exchange(raw, request.method)
                _check_form(request, answer)
            except Exception as problem:
                raise AssertionError(f"{told}: {problem!r}\n{raw[:3000]!r}") from problem
            statuses[answer.status] += 1
            if answer.status < 400:
                accepted[str(request.operation)] += 1
                pools.gather(answer.body)
            else:
                assert state.changes() == [], f"{told} was refused, and yet changed something\n{raw[:3000]!r}\n{answer}"
        assert connection.exchange(sign(draft(offered[0], Random(0), pools), target)).status < 500
    state.close()
    never = sorted({str(operation) for operation in offered} - set(accepted))
    print(f"{requests} requests of {len(offered)} operations, {dict(statuses)}, never accepted: {never}")  # noqa: T201
    assert sum(accepted.values()) > requests // 20


@pytest.mark.parametrize("odd", ["\0", "\ud800"], ids=["nul", "surrogate"])
def test_every_text_of_every_operation_with_what_no_store_can_hold(target: RunningServer, odd: str) -> None:
    """PostgreSQL has no NUL, and UTF-8 has no lone surrogates: neither is a failure of the server."""
    pools, sent = Pools(target.account, target.administrator.access_key_id), 0
    with KeepAlive(target, seconds=LONGEST_SECONDS) as connection:
        for operation in _offered():
            whole = draft(operation, Random(str(operation)), pools, optional=1.0)
            for request in with_odd_texts(whole, odd):
                answer = connection.exchange(sign(request, target), request.method)
                assert answer.status < 500, f"{operation}, {request.changes}: {answer}"
                sent += 1
    assert sent > 1000
