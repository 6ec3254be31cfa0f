"""Rotate anything by the operator's own command.

An AWS Lambda rotation function. The secret is any JSON object. The command is run once for each step, and does the part
that only it knows:

    createSecret   answers with the new values; without an answer, a new password is put under ``password``
    setSecret      makes the pending values valid where they are used
    testSecret     uses them
    finishSecret   ends what the previous values opened (after the new version became AWSCURRENT)

Environment: ``COMMAND``, a JSON list with the program's path and its arguments: ``["/opt/bin/rotate"]``. No shell reads
it, and it is the function's configuration alone: no secret can name a program. ``COMMAND_TIMEOUT``: seconds, 60 by
default.

The command gets one JSON object on its standard input: ``step``, ``secret`` (the ARN), ``version``, ``current``,
``pending`` (null in createSecret) and ``previous`` (null when there is none). Values are never arguments and never
variables of its environment, where other processes could read them. Its environment is this function's own, so it
reaches the same services.

Exit status 0 is success. 3 in setSecret says that the new values will never be taken: they are given up, and the next
rotation makes others. Any other status fails the step, which is tried again, so every step must bear repeating. What
the command writes is not logged, for it may hold the values: it has to keep its own log.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping

from .contract import CredentialRejected, RotatedSecret, RotationError, Strategy, Values, rotate

__all__ = ["lambda_handler"]

_REJECTED = 3
_LONGEST_ANSWER_BYTES = 65_536
"""What a secret value may have (Secrets Manager quotas)."""


def lambda_handler(event: Mapping[str, str], context: object) -> None:
    """Run one step of a rotation; see `contract.rotate`. ``context`` is the invocation's context, unused."""
    del context
    rotate(event, _OwnCommand())


class _OwnCommand(Strategy):
    def check(self, values: Values, where: str) -> None:
        """See `Strategy`. The command knows what it needs."""

    def renew(self, secret: RotatedSecret, current: Values) -> dict[str, object]:
        """See `Strategy`."""
        answer = _run(secret, "createSecret", current=current, pending=None)
        if not answer.strip():
            return {**current, "password": secret.new_password()}
        problem = ""
        renewed: object = None
        try:
            renewed = json.loads(answer)
        except ValueError:
            problem = "something that is not JSON"
        if not isinstance(renewed, dict) or len(answer) > _LONGEST_ANSWER_BYTES:
            problem = problem or "something that is not a JSON object of at most 65,536 bytes"
        if problem or not isinstance(renewed, dict):
            raise RotationError(f"The command answered createSecret of {secret.arn} with {problem}")
        return renewed

    def apply(self, secret: RotatedSecret) -> None:
        """See `Strategy`."""
        _run(secret, "setSecret", current=secret.current(), pending=secret.pending())

    def prove(self, secret: RotatedSecret) -> None:
        """See `Strategy`."""
        _run(secret, "testSecret", current=secret.current(), pending=secret.pending())

    def retire(self, secret: RotatedSecret) -> None:
        """See `Strategy`."""
        current = secret.current()
        _run(secret, "finishSecret", current=current, pending=current)


def _run(secret: RotatedSecret, step: str, *, current: Values, pending: Values | None) -> bytes:
    """Run the command for a step; answers what it wrote."""
    given = {
        "step": step,
        "secret": secret.arn,
        "version": secret.token,
        "current": current,
        "pending": pending,
        "previous": secret.previous(),
    }
    seconds = float(os.environ.get("COMMAND_TIMEOUT", "60"))
    command, failure = _command(), ""
    try:
        done = subprocess.run(  # noqa: S603 - the function's own configuration names the program
            command, input=json.dumps(given).encode(), capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        failure = f"did not end within {seconds:g} s"
    except OSError as error:
        failure = f"cannot be started: {error.strerror}"
    if failure:
        raise RotationError(f"The command {command[0]!r} for {step} of {secret.arn} {failure}")
    if done.returncode == _REJECTED and step == "setSecret":
        raise CredentialRejected(f"The command {command[0]!r} rejected the new values of {secret.arn}")
    if done.returncode:
        raise RotationError(f"The command {command[0]!r} for {step} of {secret.arn} ended with {done.returncode}")
    return done.stdout


def _command() -> list[str]:
    """The program and its arguments."""
    found: object = None
    configured = os.environ.get("COMMAND", "")
    try:
        found = json.loads(configured)
    except ValueError:
        found = None
    if not isinstance(found, list) or not found or not all(isinstance(part, str) and part for part in found):
        raise RotationError(
            'The function\'s variable COMMAND must be a JSON list of texts, such as ["/opt/bin/rotate"]'
        )
    if not os.path.isabs(found[0]):
        raise RotationError(f"The function's variable COMMAND must begin with an absolute path, not {found[0]!r}")
    return found
