"""What the tests of every rotator need: the events of a rotation, and a Secrets Manager in memory behind boto3."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import boto3
import pytest
from tests.support.secrets_manager import ARN, RotatingSecret

__all__ = ["STEPS", "TOKEN", "Handler", "complete", "rotating", "run"]

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
TOKEN = "5f0c6e0e-0000-4000-8000-000000000001"
Handler: TypeAlias = Callable[[Mapping[str, str], object], None]


def rotating(
    monkeypatch: pytest.MonkeyPatch, value: Mapping[str, object], *passwords: str, **clients: object
) -> RotatingSecret:
    """A secret at the beginning of a rotation with `TOKEN`, which boto3 finds.

    Args:
        monkeypatch: Undoes it.
        value: Its current value.
        passwords: What GetRandomPassword answers.
        clients: Other services' clients by name; those that are not given are boto3's own.
    """
    secret = RotatingSecret(value, passwords=passwords or ("n3w-canary-Passw0rd",))
    found: dict[str, object] = {"secretsmanager": secret, **clients}

    real: Callable[..., object] = boto3.client

    def client(name: str, **parameters: object) -> object:
        return found[name] if name in found else real(name, **parameters)

    monkeypatch.setattr(boto3, "client", client)
    secret.begin_rotation(TOKEN)
    return secret


def run(handler: Handler, *steps: str, token: str = TOKEN) -> None:
    """Run steps of a rotation; all four without any."""
    for step in steps or STEPS:
        handler({"SecretId": ARN, "ClientRequestToken": token, "Step": step}, None)


def complete(handler: Handler, secret: RotatingSecret, number: int) -> None:
    """A whole further rotation, whose number is a part of its token."""
    token = secret.begin_rotation(f"token-of-rotation-number-{number:03}-padded")
    run(handler, token=token)
    secret.stages[token] = ["AWSCURRENT"]
