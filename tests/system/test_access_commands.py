"""``strongroom access``: what it prints, as words and as JSON."""

from __future__ import annotations

import json
import uuid

import pytest
from tests.support.commands import run_strongroom
from tests.support.server import Credentials, RunningServer

pytestmark = pytest.mark.system

READ = "secretsmanager:GetSecretValue"


@pytest.fixture(scope="module")
def secret(strongroom: RunningServer) -> str:
    name = f"access-{uuid.uuid4().hex[:12]}"
    strongroom.client("secretsmanager").create_secret(Name=name, SecretString="x")
    return name


@pytest.fixture(scope="module")
def reader(strongroom: RunningServer) -> Credentials:
    home = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    statement = {"Sid": "Home", "Effect": "Allow", "Action": READ, "Resource": "*", "Condition": home}
    return strongroom.make_user({"Version": "2012-10-17", "Statement": [statement]})


def _run(strongroom: RunningServer, *arguments: str) -> str:
    done = run_strongroom("access", *arguments, "--data-dir", strongroom.data_dir)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_explain(strongroom: RunningServer, secret: str, reader: Credentials) -> None:
    asked = ("explain", "--principal", reader.arn, "--action", READ, "--resource", secret)
    denied = _run(strongroom, *asked)
    for line in (
        "because: no identity-based policy allows the action",
        'Allow inline, statement 1 "Home" does not apply: IpAddress aws:SourceIp 10.0.0.0/8',
        "missing: an Allow in an identity-based policy",
        "not in the request: aws:sourceip (give them with --context)",
        f"the caller is told: User: {reader.arn} is not authorized to perform: {READ}",
        "kms:Decrypt on arn:aws:kms:",
        "Together: denied.",
    ):
        assert line in denied
    at_home = _run(strongroom, *asked, "--context", "aws:SourceIp=10.1.2.3")
    assert f"{READ} on arn:aws:secretsmanager:" in at_home
    assert 'decided by: inline, statement 1 "Home"' in at_home
    told = json.loads(_run(strongroom, *asked, "--context", "aws:SourceIp=10.1.2.3", "--json"))
    assert [each["Decision"] for each in told["Explanations"]] == ["allowed", "allowed"]
    assert told["Allowed"] is True


def test_who_can(strongroom: RunningServer, secret: str, reader: Credentials) -> None:
    administrator = f"arn:aws:iam::{strongroom.account}:user/administrator"
    shown = _run(strongroom, "who-can", secret).splitlines()
    assert shown[0].startswith(f"{secret}  arn:aws:secretsmanager:")
    assert f"user       {administrator}" in shown
    place = shown.index(f"user       {reader.arn}")
    assert shown[place + 1] == '             secret: identity-based policy: inline, statement 1 "Home"'
    assert "             only if IpAddress aws:SourceIp 10.0.0.0/8" in shown[place:]
    assert shown[-1].endswith("can read it.")
    told = json.loads(_run(strongroom, "who-can", secret, "--json"))
    assert {administrator, reader.arn} <= {each["Principal"] for each in told["Readers"]}
    assert "ResponseMetadata" not in told


def test_what_is_refused(strongroom: RunningServer, secret: str, reader: Credentials) -> None:
    unknown = run_strongroom("access", "who-can", f"{secret}-none", "--data-dir", strongroom.data_dir)
    assert (unknown.returncode, "could not be listed" in unknown.stderr) == (1, True)
    asked = ("explain", "--principal", reader.arn, "--action", READ, "--data-dir", strongroom.data_dir)
    malformed = run_strongroom("access", *asked, "--context", "SourceIp")
    assert (malformed.returncode, "KEY=VALUE" in malformed.stderr) == (2, True)
