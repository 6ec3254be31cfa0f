"""A rotation function for tests: the shipped one between gates at which a test can hold it, with failures on demand.

This file is packed beside the shipped function and runs in function processes; tests themselves never call it. It
tells a test where it is through the database that it rotates: it writes a row when it reaches a gate, then waits for
the gate's advisory lock, which the test holds to keep the gate closed.

Environment: ``GATE_DATABASE``, how to reach the gates; ``FAIL_STEP``, a step that fails; ``REJECT``, when not empty,
setSecret ends as it does after the database rejected the password.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping

import boto3
import psycopg

__all__ = ["GATES", "HANDLER", "LOCK", "TABLE", "lambda_handler"]

HANDLER = "gated_rotation.lambda_handler"
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
GATES = [(step, moment) for step in STEPS for moment in ("before", "after")]
TABLE = "CREATE TABLE reached (token text, step text, moment text)"
LOCK = "hashtext(%s), %s"
"""The arguments of PostgreSQL's lock functions: the rotation's token, and the place of the gate in `GATES`."""


def lambda_handler(event: Mapping[str, str], context: object) -> None:
    """Run one step, and stop at the gates before and after it."""
    token, step = event["ClientRequestToken"], event["Step"]
    _pass_gate(token, step, "before")
    if os.environ.get("FAIL_STEP") == step:
        raise RuntimeError("told to fail")
    if os.environ.get("REJECT") and step == "setSecret":
        client = boto3.client("secretsmanager")
        client.update_secret_version_stage(
            SecretId=event["SecretId"], VersionStage="AWSPENDING", RemoveFromVersionId=token
        )
        raise RuntimeError("told that the database rejects the password")
    importlib.import_module("rotators.postgresql_single_user").lambda_handler(event, context)
    _pass_gate(token, step, "after")


def _pass_gate(token: str, step: str, moment: str) -> None:
    with psycopg.connect(os.environ["GATE_DATABASE"], autocommit=True) as connection:
        connection.execute("INSERT INTO reached VALUES (%s, %s, %s)", (token, step, moment))
        connection.execute(f"SELECT pg_advisory_lock_shared({LOCK})", (token, GATES.index((step, moment))))
