"""Faults around a rotation: whatever is cut or killed, no credential is lost and one rotation at most is in progress.

CI takes a sample. ``STRONGROOM_FAULTS=500`` makes 500 random faults, and cuts every statement on either side.
"""

from __future__ import annotations

import os
import random
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psycopg
import pytest
from tests.support.databases_mysql import MYSQL
from tests.support.fault_proxy import Cut, FaultProxy, Protocol, fault_proxy
from tests.support.operator import operator_client
from tests.support.processes import family
from tests.support.rotation import Rig, RotatedSecret, rotation_rig
from tests.support.rotation_engines import ALTERNATING, ENGINES, SINGLE
from tests.support.rotation_recovery import kill_and_restart, recover, wait_for_database

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("rotation-faults")]

ON_DEMAND = os.environ.get("STRONGROOM_FAULTS")
FAULTS = int(ON_DEMAND or 50)
CUTS: dict[Protocol, int] = {"postgresql": 12, "mariadb": 6, **({"mysql": 6} if MYSQL else {})}
"""How many cuts CI makes of each strategy, by kind of database."""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with rotation_rig(tmp_path_factory.mktemp("faults")) as made:
        yield made


@pytest.mark.parametrize("strategy", [SINGLE, ALTERNATING])
@pytest.mark.parametrize("kind", list(CUTS))
@pytest.mark.timeout(1800 if ON_DEMAND else 120)
def test_a_cut_at_a_statement(rig: Rig, kind: Protocol, strategy: str) -> None:
    """One rotation through a proxy says how many statements there are; each cut has a secret and a proxy of its own."""
    with ExitStack() as held:
        engine = held.enter_context(ENGINES[kind](rig))
        host, port = str(engine.place["host"]), int(str(engine.place["port"]))
        function = engine.make_function(strategy)
        first = held.enter_context(fault_proxy(host, port, kind))
        secret = engine.make_secret(strategy, function, port=first.port)
        secret.wait_until_complete(secret.rotate())
        assert first.statements >= 6
        cuts = [Cut(number, moment) for number in range(1, first.statements + 1) for moment in ("before", "after")]
        under_way = []
        for cut in cuts if ON_DEMAND else random.sample(cuts, min(CUTS[kind], len(cuts))):
            proxy = held.enter_context(fault_proxy(host, port, kind))
            secret = engine.make_secret(strategy, function, port=proxy.port)
            proxy.cut = cut
            under_way.append((cut, proxy, secret, secret.rotate()))
        for cut, proxy, secret, token in under_way:
            recover(secret, token)
            assert proxy.cut is None, f"{cut} was not made"
            events = [event["eventName"] for event in secret.events("RotationStarted", "RotationSucceeded")]
            assert events == ["RotationStarted", "RotationSucceeded"], cut


# --- random faults


def kill_functions(rig: Rig, proxy: FaultProxy) -> None:
    """Kill the processes of functions, and whatever confines them, in the middle of what they do."""
    supervisor = rig.server.process.pid
    for pid in family(supervisor) - {supervisor}:
        with suppress(OSError):  # it ended meanwhile
            if not Path(f"/proc/{pid}/comm").read_text().startswith("strongroom"):
                os.kill(pid, signal.SIGKILL)


def kill_database(rig: Rig, proxy: FaultProxy) -> None:
    """Kill one process of the database: it ends every connection and recovers from its log."""
    with suppress(psycopg.OperationalError), rig.database.admin() as admin:
        os.kill(admin.info.backend_pid, signal.SIGKILL)
        admin.execute("SELECT 1")
    wait_for_database(rig)


def cut_connection(rig: Rig, proxy: FaultProxy) -> None:
    """Cut the connection at one of the next statements."""
    proxy.cut = Cut(proxy.statements + random.randint(1, 8), random.choice(("before", "after")))


def kill_server(rig: Rig, proxy: FaultProxy) -> None:
    """Kill every process of the server, and start it again."""
    kill_and_restart(rig)


WEIGHTS: dict[Callable[[Rig, FaultProxy], None], int] = {
    cut_connection: 4,
    kill_functions: 3,
    kill_database: 2,
    kill_server: 1,
}


@pytest.mark.timeout(FAULTS * 30)
def test_random_faults(rig: Rig) -> None:
    single, alternating = rig.shipped_function(), rig.alternating_function()
    with fault_proxy(rig.database.host, rig.database.port) as proxy:
        secrets = [
            rig.make_secret(single, port=proxy.port),
            rig.make_secret(alternating, port=proxy.port, alternating=True),
        ]
        for secret in secrets:
            secret.wait_until_complete(secret.rotate())
        for number in range(FAULTS):
            secret = secrets[number % len(secrets)]
            fault = random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            delay = random.random() * 0.5  # a rotation whose function is warm takes some tenths of a second
            break_and_recover(rig, proxy, secret, fault, delay)


def break_and_recover(
    rig: Rig, proxy: FaultProxy, secret: RotatedSecret, fault: Callable[[Rig, FaultProxy], None], delay: float
) -> None:
    """Begin a rotation, let one thing break, and see it come to its end."""
    told = f"{fault.__name__} after {delay:.3f} s"
    before, token = secret.labels()["AWSCURRENT"], str(uuid.uuid4())
    assert secret.rotate(ClientRequestToken=token) == token
    time.sleep(delay)
    fault(rig, proxy)
    recover(secret, token)
    proxy.cut = None
    assert secret.labels() == {"AWSCURRENT": token, "AWSPREVIOUS": before}, told
    shown = operator_client(rig.server).describe_rotations(SecretId=secret.arn)["Rotations"]
    assert [rotation["State"] for rotation in shown if rotation["State"] != "succeeded"] == [], told
    assert shown[0]["VersionId"] == token, told
