"""After something broke in the middle of a rotation: nobody is locked out on the way to its end, and it gets there."""

from __future__ import annotations

import time

import psycopg
from botocore.exceptions import ClientError
from tests.support.processes import alive, family
from tests.support.rotation import Rig, RotatedSecret, wait_until

__all__ = ["kill_and_restart", "one_password_logs_in", "recover", "wait_for_database"]

LOOKS = 500


def kill_and_restart(rig: Rig) -> None:
    """Kill every process of the server at once, see that its functions die with it, and start it again."""
    processes = family(rig.server.process.pid)
    rig.server.kill()
    wait_until(lambda: not alive(processes), "every process of the server and of its functions is gone", 10)
    rig.restart()


def wait_for_database(rig: Rig) -> None:
    """Wait until the database takes logins again."""

    def up() -> bool:
        try:
            rig.database.admin().close()
        except psycopg.OperationalError:
            return False
        return True

    wait_until(up, "the database takes logins again")


def one_password_logs_in(secret: RotatedSecret) -> bool:
    """Whether the database takes the password of AWSCURRENT or, in the middle of a rotation, of AWSPENDING."""
    stages = [stage for stage in ("AWSPENDING", "AWSCURRENT") if stage in secret.labels()]
    for stage in stages:
        try:
            if secret.logs_in(stage):
                return True
        except ClientError as error:  # no value yet, or the label moved on between the two calls
            assert error.response["Error"]["Code"] == "ResourceNotFoundException"  # noqa: PT017
    return False


def recover(secret: RotatedSecret, token: str) -> None:
    """Follow a rotation to its end: at no time is there no password that logs in."""
    looks = 0
    while not secret.is_complete(token):
        # A look may fall between the change in the database and the change of a label, so a second one decides.
        assert one_password_logs_in(secret) or one_password_logs_in(secret) or secret.is_complete(token)
        looks += 1
        assert looks < LOOKS, "the rotation does not come to its end"
        time.sleep(0.05)
    for _ in range(3):
        assert secret.logs_in()
