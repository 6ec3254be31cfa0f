"""An application that reads its credential from a secret and logs in, over and over: a process of its own.

    python -m tests.support.rotation_application SECRET SECONDS

Refused, it waits so many seconds, reads the secret once more and tries once more, as AWS asks for under the single-user
strategy; a second refusal, or anything else that goes wrong, is a failed login. After its first login it prints a line,
and on SIGTERM what it counted as one line of JSON.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import FrameType
from typing import Any

import boto3
import pika
import psycopg
import pymysql
import redis

PAUSE_SECONDS = 0.02
_TIMEOUT_SECONDS = 20


@dataclass
class Count:
    """What happened so far: see `tests.support.rotation_logins.Figures`."""

    logins: int = 0
    retries: int = 0
    failed: int = 0
    passwords: int = 0
    last_error: str = ""


def _postgresql(found: Mapping[str, Any]) -> None:
    login = {"host": found["host"], "port": found["port"], "dbname": found["dbname"], "user": found["username"]}
    with psycopg.connect(**login, password=found["password"], connect_timeout=_TIMEOUT_SECONDS) as connection:
        connection.execute("SELECT 1")


def _mariadb(found: Mapping[str, Any]) -> None:
    login = {"host": found["host"], "port": found["port"], "user": found["username"]}
    pymysql.connect(**login, password=found["password"], connect_timeout=_TIMEOUT_SECONDS, ssl_disabled=True).close()


def _redis(found: Mapping[str, Any]) -> None:
    connect: Callable[..., Any] = redis.Connection  # it tries once, where a client tries again and again
    login = {"host": found["host"], "port": found["port"], "username": found["username"]}
    connection = connect(**login, password=found["password"], socket_timeout=_TIMEOUT_SECONDS, protocol=2)
    connection.connect()
    connection.disconnect()


def _rabbitmq(found: Mapping[str, Any]) -> None:
    who = pika.PlainCredentials(found["username"], found["password"])
    pika.BlockingConnection(pika.ConnectionParameters(found["host"], found["port"], "/", who)).close()


_LOG_IN = {"postgres": _postgresql, "mariadb": _mariadb, "mysql": _mariadb, "redis": _redis, "rabbitmq": _rabbitmq}
_REFUSED = (
    psycopg.OperationalError,
    pymysql.OperationalError,
    redis.AuthenticationError,
    pika.exceptions.ProbableAuthenticationError,
)


class Application:
    """Reads the secret and logs in, for as long as it is left alone."""

    def __init__(self, secret_id: str, retry_seconds: float) -> None:
        self.count = Count()
        self.stopping = False
        self._secret_id = secret_id
        self._retry_seconds = retry_seconds
        self._client = boto3.client("secretsmanager")
        self._seen: set[str] = set()

    def run(self) -> None:
        """Work until told to stop."""
        while not self.stopping:
            try:
                self._log_in_as_clients_do()
            except Exception as error:  # noqa: BLE001 - an application that dies would show nothing
                self.count.failed += 1
                self.count.last_error = type(error).__name__
            time.sleep(PAUSE_SECONDS)

    def _log_in_as_clients_do(self) -> None:
        try:
            self._log_in()
        except _REFUSED:
            self.count.retries += 1
            time.sleep(self._retry_seconds)
            self._log_in()

    def _log_in(self) -> None:
        found = json.loads(self._client.get_secret_value(SecretId=self._secret_id)["SecretString"])
        self._seen.add(found["password"])
        self.count.passwords = len(self._seen)
        _LOG_IN[found["engine"]](found)
        self.count.logins += 1
        if self.count.logins == 1:
            sys.stdout.write("logged in\n")
            sys.stdout.flush()


def main() -> None:
    """Run until SIGTERM, then print the count."""
    application = Application(sys.argv[1], float(sys.argv[2]))

    def stop(_number: int, _frame: FrameType | None) -> None:
        application.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    application.run()
    sys.stdout.write(json.dumps(asdict(application.count)) + "\n")


if __name__ == "__main__":
    main()
