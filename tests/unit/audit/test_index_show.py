"""``strongroom audit show``: what it shows of a trail, by which options, and how it goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from tests.support.looked_up import bring_in_step
from tests.support.made_trail import ACCOUNTS, START, MadeTrail, made_event, read_event
from typer.testing import CliRunner

from strongroom.audit.index import TrailWatch, Wanted
from strongroom.audit.index import view as view_module
from strongroom.cli.audit import app
from strongroom.errors import OperatorError

ROLE = f"arn:aws:iam::{ACCOUNTS[0]}:role/rotate"
SESSION = {
    "type": "AssumedRole",
    "principalId": "AROAROTATE:s",
    "arn": f"arn:aws:sts::{ACCOUNTS[0]}:assumed-role/rotate/s",
    "accessKeyId": "ASIAS",
    "sessionContext": {"sessionIssuer": {"arn": ROLE, "userName": "rotate"}},
}
SERVICE = {"accountId": ACCOUNTS[0], "invokedBy": "secretsmanager.amazonaws.com"}


def events() -> list[dict[str, Any]]:
    random = Random(8)
    db = read_event(random, START, "prod/db", "v1")
    return [
        db,
        read_event(random, START + 1, "prod/web", "v1", user="web"),
        made_event(random, START + 2, eventName="RotationStarted", userIdentity=SERVICE, resources=db["resources"]),
        read_event(random, START + 3, "prod/db", "v2") | {"userIdentity": SESSION},
        made_event(
            random,
            START + 4,
            eventName="DeleteSecret",
            requestParameters={"secretId": "prod/db"},
            errorCode="AccessDenied\x1b[2J",
        ),
        made_event(random, START + 86_400),
    ]


@pytest.fixture(params=["indexed", "not indexed"])
def trail(request: pytest.FixtureRequest, tmp_path: Path) -> MadeTrail:
    trail = MadeTrail(tmp_path / "audit")
    trail.write(events())
    if request.param == "indexed":
        bring_in_step(trail.folder)
    return trail


def run(trail: MadeTrail, *arguments: str) -> tuple[int, str]:
    wide = {"STRONGROOM_DATA_DIR": str(trail.folder.parent), "COLUMNS": "400", "TERM": "dumb"}
    result = CliRunner().invoke(app, ["show", *arguments], env=wide)
    return result.exit_code, result.output


def shown(trail: MadeTrail, *arguments: str) -> list[int]:
    """Which events are shown, by their place in the trail, from 0."""
    code, output = run(trail, *arguments, "--json")
    assert code == 0, output
    ids = [event["eventID"] for event in trail.events]
    return [ids.index(orjson.loads(line)["eventID"]) for line in output.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], [0, 1, 2, 3, 4, 5]),
        (["--limit", "2"], [4, 5]),
        (["--secret", "prod/db"], [0, 2, 3, 4]),
        (["--resource", f"arn:aws:secretsmanager:eu-west-1:{ACCOUNTS[0]}:secret:prod/db-AbCdEf"], [0, 2, 3]),
        (["--secret", "prod"], []),
        (["--principal", "web"], [1]),
        (["--principal", ROLE], [3]),
        (["--principal", "rotate"], [3]),
        (["--principal", "ASIAS"], [3]),
        (["--principal", "secretsmanager.amazonaws.com"], [2]),
        (["--access-key", "AKIAAPP"], [0, 4, 5]),
        (["--event", "GetSecretValue"], [0, 1, 3]),
        (["--event-name", "GetSecretValue", "--secret", "prod/db", "--principal", "app"], [0]),
        (["--errors"], [4]),
        (["--errors", "--event", "GetSecretValue"], []),
        (["--since", "2026-01-31T12:00:02Z", "--until", "2026-01-31T12:00:04+00:00"], [2, 3]),
        (["--since", "2026-02-01"], [5]),
    ],
    ids=str,
)
def test_the_options_choose(trail: MadeTrail, arguments: list[str], expected: list[int]) -> None:
    assert shown(trail, *arguments) == expected


def test_it_is_a_table_for_a_person(trail: MadeTrail) -> None:
    code, output = run(trail, "--secret", "prod/db")
    assert code == 0
    header, first, *_, last = output.splitlines()
    assert header.split() == ["#", "time", "event", "who", "from", "on", "what", "outcome"]
    assert first.split()[:5] == [
        "1",
        "2026-01-31T12:00:00Z",
        "GetSecretValue",
        f"arn:aws:iam::{ACCOUNTS[0]}:user/app",
        "10.0.0.1",
    ]
    assert last.split()[-2:] == ["prod/db", "AccessDenied\ufffd[2J"]
    assert "\x1b" not in output


def test_without_a_trail_it_says_so(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["show"], env={"STRONGROOM_DATA_DIR": str(tmp_path / "none")})
    assert result.exit_code == 1
    assert "cannot be read" in result.output


def test_what_is_no_time_is_refused(trail: MadeTrail) -> None:
    result = CliRunner().invoke(app, ["show", "--since", "noon"], env={"STRONGROOM_DATA_DIR": str(trail.folder.parent)})
    assert isinstance(result.exception, OperatorError)
    assert "'noon' is no time" in result.exception.what


def test_a_trail_that_is_far_ahead_of_its_index_is_read_through(
    trail: MadeTrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    trail.write(events())
    monkeypatch.setattr(view_module, "_LONGEST_TAIL", 100)
    assert len(TrailWatch(trail.folder, Wanted()).newest(8)) == 8


def test_following_goes_on_over_a_switch_of_the_file(trail: MadeTrail) -> None:
    watch = TrailWatch(trail.folder, Wanted(since=START + 50))
    assert len(watch.newest(10)) == 1
    assert watch.more() == []
    later = [made_event(Random(number), START + 100_000) for number in range(4)]
    trail.write(later[:1])
    trail.switch()
    trail.write(later[1:2])
    assert [event.event["eventID"] for event in watch.more()] == [event["eventID"] for event in later[:2]]
    trail.switch(compressed=True)
    trail.write([made_event(Random(9), START), *later[2:]])
    assert [event.event["eventID"] for event in watch.more()] == [event["eventID"] for event in later[2:]]


@contextmanager
def heeding_interrupts() -> Iterator[None]:
    """A job in the background of a shell ignores interrupts, and so does what it starts: not in here."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_command_follows_until_it_is_interrupted(tmp_path: Path) -> None:
    trail = MadeTrail(tmp_path / "audit")
    trail.write(events())
    command = [
        sys.executable,
        "-m",
        "strongroom",
        "audit",
        "show",
        "--follow",
        "--event",
        "GetSecretValue",
        "--limit",
        "1",
    ]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STRONGROOM_")}
    with heeding_interrupts():
        process = subprocess.Popen(
            [*command, "--data-dir", str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            env={**clean, "PYTHONUNBUFFERED": "1"},
        )
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith("#")
        assert process.stdout.readline().split()[0] == "4"
        time.sleep(0.3)
        trail.switch()
        trail.write([made_event(Random(1), START + 10), read_event(Random(2), START + 11, "prod/db", "v3")])
        assert process.stdout.readline().split()[:3] == ["8", "2026-01-31T12:00:11Z", "GetSecretValue"]
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        process.stdout.close()
